// calls: all calls of this page: who may ring, who is let in again after a
// reload, what they show and send.

import { Call } from "./call.js";
import { chatListen, chatSay } from "./chat.js";
import { filesListen } from "./file.js";
import { measure } from "./stats.js";
import { Tile } from "./tiles.js";
import { $, alertBox, announce, clone, plainLabel, setFace, setText }
	from "./ui.js";
import { ring } from "./ring.js";

const MEASURE_MS = 1000;
const AGAIN_MS = 15000;		// a page that reloads is back by then
const RINGS_MAX = 4;		// more are told that we are busy
const ID = /^[A-Za-z0-9_-]{22}$/;

const ASKS = {
	chat: "would like to chat and exchange files",
	voice: "is calling",
	video: "is calling with video",
};

const WHY = {
	"no-answer": (l) => `${l} did not answer.`,
	"declined": (l) => `${l} declined.`,
	"busy": (l) => `${l} is busy.`,
	"left": (l) => `${l} has left the call.`,
	"no-way": (l) => `No connection to ${l} could be made.`,
	"no-network": () => "This browser found no network to call by: there " +
		"is none, or, with relay only, no relay that answers.",
	"failed": (l) => `The call with ${l} broke off.`,
	"peer-offline": (l) => `${l} is not there any more.`,
};

const CHANGED = (l) => `The call with ${l} was ended: what the supernode ` +
	"carried between you had been changed on its way. Somebody in " +
	"between, perhaps the supernode itself, may have tried to listen.";
const DIFFERS = (l) => `You said that ${l} sees another code, so the call ` +
	"was ended: somebody may have been in between. Do not trust this " +
	"connection with anything private.";

function isInvite(m)
{
	return ID.test(m.call) && Object.hasOwn(ASKS, m.media) &&
		["key", "sig", "again", "label"].every((k) =>
			typeof m[k] === "string" && m[k].length <= 200) &&
		(m.again === "" || ID.test(m.again)) &&
		plainLabel(m.label) === m.label;
}

export class Calls {
	// app: { page, media, talk, labels, label(name), changed() }
	constructor(app)
	{
		this.app = app;
		this.all = new Map();	// id -> { call, tile, ring, files }
		this.returning = new Map();	// id -> { key, until }
		setInterval(() => this.measureAll(), MEASURE_MS);
	}

	of(peer)
	{
		return Array.from(this.all.values())
			.filter((c) => c.call.peer === peer);
	}

	// An open channel to peer, a call's before that of a chat alone.
	open(peer)
	{
		return this.of(peer).filter((c) => c.call.isOpen())
			.sort((a, b) => (a.call.media === "chat") -
				(b.call.media === "chat"))[0];
	}

	hasMedia()
	{
		return Array.from(this.all.values()).some((c) =>
			c.call.media !== "chat" && c.call.state !== "ringing");
	}

	// ---- beginning

	// again: { id, camera, isMuted } of a call that this one goes on with
	async start(peer, media, again)
	{
		const { app } = this;

		if (this.of(peer).some((c) => c.call.media === media &&
		    c.call.state !== "ringing"))
			return;
		const rings = this.of(peer).find((c) =>
			c.call.state === "ringing");
		if (rings) {
			this.answer(rings, media !== "voice");
			return;
		}
		const call = new Call({ page: app.page, peer, isCaller: true,
			media, again: again?.id });
		if (again)
			app.media.isMuted = again.isMuted === true;
		call.isSeen = again ? again.camera === true : media === "video";
		this.add(call);
		await this.openMedia(call, call.isSeen);
		call.invite(app.myLabel());
	}

	add(call)
	{
		const c = { call, tile: null, ring: null, before: undefined };

		this.all.set(call.id, c);
		c.files = filesListen(call, (t) =>
			this.app.talk.file(call.peer, t));
		chatListen(call, (text) =>
			this.app.talk.line(call.peer, text, false));
		call.on("change", () => this.changed(c));
		call.on("remote", () => c.tile?.update());
		call.on("code", () => this.coded(c));
		call.on("ended", (reason, isAlarm) =>
			this.ended(c, reason, isAlarm));
		this.changed(c);
		return c;
	}

	// Whether or not there is a camera, there is a call.
	async openMedia(call, withCamera)
	{
		if (call.media === "chat")
			return;
		for (const text of await this.app.media.open({ audio: true,
			video: withCamera }))
			alertBox("notice", `${text} The call goes on without.`);
	}

	// ---- what the supernode brings

	receive(from, m)
	{
		if (m.kind === "invite") {
			if (isInvite(m))
				this.invited(from, m).catch(() =>
					this.alarm(from, CHANGED));
			return;
		}
		const c = this.all.get(m.call);
		if (c !== undefined && c.call.peer === from)
			c.call.receive(m);
	}

	async invited(from, m)
	{
		const { app } = this;
		const call = new Call({ page: app.page, peer: from, id: m.call,
			isCaller: false, media: m.media });

		if (this.all.has(m.call))
			return;
		await call.invited(m);
		app.labels.set(from, plainLabel(m.label) || from);
		const was = this.isBack(m);
		if (was) {
			app.media.isMuted = was.isMuted;
			call.isSeen = was.camera;
			this.add(call);
			app.notice(`${app.label(from)} is back.`);
			await this.openMedia(call, was.camera);
			call.accept();
			return;
		}
		const mine = this.of(from).find((c) =>
			c.call.state === "calling");
		if (mine && app.page.name() < from)
			return;		// ours is the one, they take it
		if (Array.from(this.all.values()).filter((c) =>
			c.ring).length >= RINGS_MAX) {
			call.end("busy");
			return;
		}
		const c = this.add(call);
		if (mine) {
			mine.call.finish("replaced");
			call.accept();
			return;
		}
		this.ring(c);
	}

	// How we were seen and heard in the call that was lost with this page,
	// by its key; undefined: it is none of them.
	isBack(m)
	{
		const was = this.returning.get(m.again);

		for (const c of this.all.values()) {
			if (c.call.id === m.again && c.call.peerKey === m.key &&
			    c.call.code !== null) {
				c.call.finish("left");
				return this.isBack(m);
			}
		}
		this.returning.delete(m.again);
		return was !== undefined && was.key === m.key &&
			was.media === m.media && was.until > Date.now() ?
			was : undefined;
	}

	ring(c)
	{
		const { call } = c;
		const label = this.app.label(call.peer);
		const node = clone("t-ring");
		const on = (what, fn) => {
			node.querySelector(`[data-do=${what}]`).onclick = fn;
		};

		setFace(node.querySelector(".face"), label);
		setText(node.querySelector("strong"), label);
		setText(node.querySelector("small"),
			`${call.peer} ${ASKS[call.media]}`);
		node.querySelector("[data-do=voice]").hidden =
			call.media !== "video";
		if (call.media === "chat")
			setText(node.querySelector("[data-do=accept]"),
				"Accept");
		on("decline", () => call.end("declined"));
		on("voice", () => this.answer(c, false));
		on("accept", () => this.answer(c, true));
		c.ring = node;
		$("rings").append(node);
		ring(label);
	}

	async answer(c, withCamera)
	{
		this.stopRing(c);
		c.call.isSeen = withCamera && c.call.media === "video";
		await this.openMedia(c.call, c.call.isSeen);
		// one call with one person
		for (const other of this.of(c.call.peer)) {
			if (other !== c && other.call.media !== "chat")
				other.call.end("replaced");
		}
		c.call.accept();
		this.app.show(c.call.media === "chat" ? "chat" : "stage");
	}

	stopRing(c)
	{
		c.ring?.remove();
		c.ring = null;
		if (!Array.from(this.all.values()).some((x) => x.ring))
			ring(null);
	}

	// ---- going on

	changed(c)
	{
		const { call } = c;
		const { app } = this;

		if (call.state === "ended")
			return;
		if (call.state !== "ringing" && call.media !== "chat")
			c.tile ??= new Tile(call, () => app.label(call.peer), {
				compared: () => {
					call.isCompared = true;
					c.tile.update();
				},
				differs: () => {
					call.end("tampered");
					this.alarm(call.peer, DIFFERS);
				},
			});
		c.tile?.update();
		if (call.isOpen() && !c.isTold) {
			c.isTold = true;
			app.talk.note(call.peer, "Connected, encrypted from " +
				"page to page.");
			if (call.media === "chat" || app.talk.peer === null ||
			    !this.open(app.talk.peer))
				app.talk.select(call.peer);
			announce(`Connected with ${app.label(call.peer)}`);
		}
		app.changed();
	}

	coded(c)
	{
		c.tile?.update();
		this.app.talk.note(c.call.peer, `Code: ${c.call.code}. The ` +
			"same on both screens: nobody is in between.");
	}

	async measureAll()
	{
		for (const c of this.all.values()) {
			const { call } = c;
			if (!["connected", "reconnecting"].includes(call.state))
				continue;
			const now = await measure(call.pc, c.before)
				.catch(() => undefined);
			if (now === undefined || call.state === "ended")
				continue;
			c.before = now;
			call.route = now.route;
			c.tile?.figures(now);
			this.app.figures(call, now);
		}
	}

	applyTracks()
	{
		for (const c of this.all.values())
			c.call.applyTracks();
	}

	// Whoever turns on camera or screen shows it to all who hear.
	showAll()
	{
		for (const c of this.all.values()) {
			if (c.call.state !== "ringing")
				c.call.isSeen = true;
		}
		this.applyTracks();
	}

	// Signalling is back; isFresh: as a new session.
	again(isFresh)
	{
		for (const c of this.all.values())
			c.call.again(isFresh);
	}

	restart()
	{
		for (const c of this.all.values())
			c.call.restart();
	}

	isDirect()
	{
		return [...this.all.values()].some((c) =>
			c.call.route === "direct");
	}

	// ---- the end

	ended(c, reason, isAlarm)
	{
		const { app } = this;
		const { call } = c;
		const label = app.label(call.peer);

		this.stopRing(c);
		this.all.delete(call.id);
		c.files.cancelAll();
		c.tile?.remove();
		if (["left", "no-way"].includes(reason) && call.code !== null)
			this.returning.set(call.id, { key: call.peerKey,
				media: call.media, ...this.shown(call),
				until: Date.now() + AGAIN_MS });
		if (isAlarm)
			this.alarm(call.peer, CHANGED);
		else if (Object.hasOwn(WHY, reason)) {
			announce(WHY[reason](label));
			app.notice(WHY[reason](label));
		}
		if (c.isTold)
			app.talk.note(call.peer, "The connection has ended.");
		if (!this.hasMedia())
			app.media.closeAll();
		app.changed();
	}

	alarm(peer, text)
	{
		alertBox("trouble", text(this.app.label(peer)));
	}

	endAll(reason)
	{
		for (const c of Array.from(this.all.values()))
			c.call.end(reason);
	}

	endMedia()
	{
		for (const c of Array.from(this.all.values())) {
			if (c.call.media !== "chat" && !c.ring)
				c.call.end("hangup");
		}
	}

	// What a reload begins anew.
	save()
	{
		return Array.from(this.all.values())
			.filter((c) => c.call.code !== null)
			.map(({ call }) => ({ peer: call.peer, id: call.id,
				media: call.media, ...this.shown(call) }));
	}

	// What a call that begins again shall show of us.
	shown(call)
	{
		const { media } = this.app;

		return { camera: media.camera !== null && call.isSeen,
			isMuted: media.isMuted };
	}

	// ---- chat and files

	// Is there a chat and no call with peer?
	isChatOnly(peer)
	{
		return this.open(peer)?.call.media === "chat";
	}

	endChat(peer)
	{
		if (this.isChatOnly(peer))
			this.open(peer).call.end("hangup");
	}

	say(peer, text)
	{
		const c = this.open(peer);

		return c !== undefined && chatSay(c.call, text);
	}

	sendFile(peer, file)
	{
		const c = this.open(peer);

		if (c !== undefined)
			this.app.talk.file(peer, c.files.send(file));
	}
}
