// app: joining a room, and the wires between what the page consists of.

import { Calls } from "./calls.js";
import { Identity } from "./identity.js";
import { Media } from "./media.js";
import { People } from "./people.js";
import { Signal } from "./signal.js";
import { Talk } from "./talk.js";
import { $, alertBox, announce, element, handleOf, plainLabel, setIcon, setText }
	from "./ui.js";

const KEPT = "supernode-call";	// in sessionStorage, between two loads only
const NOTICE_MS = 8000;
const BACK_MS = 20000;		// for those who were in a call before a reload
const ROOM = /^[A-Za-z0-9._-]{1,64}$/;

const STATES = {
	connecting: ["Connecting", "busy"],
	ready: ["Online", ""],
	waiting: ["Reconnecting", "busy"],
	ended: ["Offline", "bad"],
};

class App {
	constructor(identity, { label, room, kept })
	{
		this.identity = identity;
		this.own = label;
		this.labels = new Map();
		this.wanted = new Map((kept?.calls ?? [])
			.map((c) => [c.peer, c]));
		this.routes = new Map();	// call's id -> text
		this.media = new Media();
		this.media.change = () => this.mediaChanged();
		this.signal = new Signal({ room, saved: kept?.saved,
			name: `guest-${handleOf(label) || "someone"}`,
			url: `${location.origin.replace(/^http/, "ws")}/signal` });
		this.page = {
			identity,
			name: () => this.signal.name,
			send: (to, data) => this.signal.send(to, data),
			config: () => this.config(),
			tracks: () => this.media.tracks(),
			media: () => this.media.state(),
		};
		this.talk = new Talk({
			label: (peer) => this.label(peer),
			isOpen: (peer) => this.calls?.open(peer) !== undefined,
			canEnd: (peer) => this.calls.isChatOnly(peer),
			end: (peer) => this.calls.endChat(peer),
			say: (peer, text) => this.calls.say(peer, text),
			sendFile: (peer, file) =>
				this.calls.sendFile(peer, file),
		});
		this.calls = new Calls(this);
		this.people = new People({
			label: (name) => this.label(name),
			status: (name) => this.status(name),
			call: (name, media) => this.call(name, media),
		});
		this.listen();
		this.buttons();
	}

	myLabel()
	{
		return this.own;
	}

	label(name)
	{
		return this.labels.get(name) || name.replace(/^guest-/, "");
	}

	config()
	{
		return { iceServers: this.signal.iceServers,
			iceTransportPolicy: $("relay-only").checked ?
				"relay" : "all" };
	}

	// ---- signalling

	listen()
	{
		const { signal } = this;

		signal.on("state", (state, why) => this.state(state, why));
		signal.on("ready", (m, isFresh) => this.ready(m, isFresh));
		signal.on("presence", (name, isOnline) =>
			this.presence(name, isOnline));
		signal.on("message", (from, data) => this.message(from, data));
	}

	state(state, why)
	{
		const [text, kind] = STATES[state];

		setText($("state"), text);
		$("state").className = `chip ${kind}`;
		if (state === "waiting" && !this.isIn)
			trouble("The supernode does not answer. Trying again.");
		else if (state === "waiting")
			announce("Connection to the supernode lost. " +
				"Calls go on; trying again.");
		if (state === "ended" && why)
			this.left(why);
	}

	ready(m, isFresh)
	{
		setText($("room-name"), this.signal.room);
		const me = element("strong", this.own);
		$("me").replaceChildren("You are ", me, ` (${m.name})`);
		this.isIn = true;
		trouble("");
		$("join").hidden = true;
		$("space").hidden = false;
		this.calls.again(isFresh);
		this.changed();
	}

	presence(name, isOnline)
	{
		if (isOnline) {
			this.signal.send(name, { v: 1, kind: "card",
				label: this.own }).catch(() => undefined);
			for (const c of this.calls.of(name))
				c.call.again(false);
			const was = this.wanted.get(name);
			this.wanted.delete(name);
			if (was && Date.now() < this.backUntil) {
				this.calls.start(name, was.media, was);
				this.show(was.media === "chat" ? "chat" :
					"stage");
			}
		} else {
			announce(`${this.label(name)} has left the room`);
		}
		this.changed();
	}

	message(from, data)
	{
		if (data === null || typeof data !== "object" || data.v !== 1)
			return;
		if (data.kind === "card") {
			const isNew = !this.labels.has(from);
			this.labels.set(from, plainLabel(data.label) || from);
			if (isNew)
				announce(`${this.label(from)} is here`);
			this.changed();
			return;
		}
		this.calls.receive(from, data);
	}

	// ---- views

	status(name)
	{
		const calls = this.calls.of(name).map((c) => c.call)
			.filter((c) => c.state !== "ringing");
		const call = calls.find((c) => c.media !== "chat") ?? calls[0];

		if (call === undefined)
			return { text: "", media: null };
		if (call.state === "calling")
			return { text: "ringing", media: call.media };
		if (call.state !== "connected")
			return { text: call.state, media: call.media };
		return { media: call.media, text: this.routes.get(call.id) ??
			"connected" };
	}

	figures(call, now)
	{
		if (this.routes.get(call.id) !== now.route) {
			this.routes.set(call.id, now.route);
			this.changed();
		}
	}

	changed()
	{
		if (this.people === undefined)
			return;
		const { present } = this.signal;
		const isIdle = !this.calls.hasMedia();
		this.people.update(present);
		this.talk.update();
		$("idle").hidden = !isIdle;
		$("controls").hidden = isIdle;
		setText($("idle-title"), present.size === 0 ?
			"You are the first one here" : "Ready when you are");
		setText($("idle-text"), present.size === 0 ?
			"Copy the link above and send it to somebody, or open " +
			"it in a second tab. Who opens it appears on the list." :
			"Choose somebody on the list: the three buttons beside " +
			"a name open a chat, a voice call or a video call.");
		this.mediaShown();
	}

	show(view)
	{
		$("space").dataset.view = view;
		for (const b of document.querySelectorAll(".tabs button"))
			b.setAttribute("aria-current",
				String(b.dataset.view === view));
		if (view === "chat")
			this.talk.seen();
	}

	// A word that goes away by itself.
	notice(text)
	{
		const box = alertBox("word", text);

		setTimeout(() => box.remove(), NOTICE_MS);
	}

	// ---- what the person does

	async call(name, media)
	{
		if (media === "chat" && this.calls.open(name)) {
			this.talk.select(name);
			this.show("chat");
			$("text").focus();
			return;
		}
		this.show(media === "chat" ? "chat" : "stage");
		await this.calls.start(name, media);
	}

	buttons()
	{
		const toggle = (id, fn) => {
			$(id).onclick = async () => {
				for (const text of await fn())
					this.notice(text);
				if (id !== "mic" && this.media.state()[id])
					this.calls.showAll();
			};
		};

		toggle("mic", () => this.media.toggleMic());
		toggle("camera", () => this.media.toggleCamera());
		toggle("screen", () => this.media.toggleScreen());
		$("screen").hidden = !navigator.mediaDevices?.getDisplayMedia;
		$("hangup").onclick = () => this.calls.endMedia();
		$("leave").onclick = () => this.left("");
		$("relay-only").onchange = () => this.relayOnly();
		$("copy").onclick = () => this.copyLink();
		for (const b of document.querySelectorAll(".tabs button"))
			b.onclick = () => this.show(b.dataset.view);
		this.show("people");
		addEventListener("pagehide", () => this.hide());
	}

	// Browsers may keep a direct way that works when ICE starts anew.
	relayOnly()
	{
		this.calls.restart();
		if ($("relay-only").checked && this.calls.isDirect())
			this.notice("Relay only holds for new calls: hang up " +
				"and call again where a call stays direct.");
	}

	async copyLink()
	{
		const text = $("copy").querySelector("span");

		try {
			await navigator.clipboard.writeText(location.href);
			setText(text, "Copied");
			announce("Link copied");
		} catch {
			this.notice(location.href);
		}
		setTimeout(() => setText(text, "Copy link"), 2000);
	}

	mediaChanged()
	{
		this.calls?.applyTracks();
		this.mediaShown();
	}

	mediaShown()
	{
		const { video } = this.media.tracks();
		const { mic, camera, screen } = this.media.state();
		const view = $("self").querySelector("video");
		const set = (id, is, icon, text) => {
			$(id).setAttribute("aria-pressed", String(is));
			setIcon($(id), icon);
			setText($(id).querySelector("span"), text);
		};

		set("mic", mic, mic ? "mic" : "mic-off",
			mic ? "Mute" : "Unmute");
		set("camera", camera, camera ? "camera" : "camera-off",
			camera ? "Camera off" : "Camera on");
		set("screen", screen, "screen",
			screen ? "Stop sharing" : "Share screen");
		$("self").hidden = video === null || !this.calls?.hasMedia();
		$("self").classList.toggle("is-screen", screen);
		if (view.srcObject?.getTracks()[0] !== (video ?? undefined))
			view.srcObject = video && new MediaStream([video]);
	}

	// ---- leaving

	left(why)
	{
		this.isIn = false;
		this.calls.endAll("left");
		this.signal.bye();
		this.over(why);
	}

	// The page goes, perhaps to be loaded again at once.
	hide()
	{
		if (!this.isIn)
			return;
		const kept = { label: this.own, room: this.signal.room,
			identity: this.jwk, saved: this.signal.save(),
			relayOnly: $("relay-only").checked,
			calls: this.calls.save() };
		sessionStorage.setItem(KEPT, JSON.stringify(kept));
		this.calls.endAll("left");
		this.signal.bye();
	}
}

// ---- the first view

function hints()
{
	const say = (text) => $("hints").append(element("p", text, "notice"));
	const local = `http://localhost:${location.port || 80}/call`;

	if (!isSecureContext)
		say("This address is not a secure one, so the browser gives " +
			"no camera, microphone or encryption to this page. " +
			"Open it by https, or on the supernode's own machine " +
			`as ${local}.`);
	else if (!globalThis.crypto?.subtle)
		say("This browser has no WebCrypto, without which nobody " +
			"could tell whom they talk to.");
	else if (!globalThis.RTCPeerConnection)
		say("This browser has no WebRTC: it is off, or too old.");
	else if (!navigator.mediaDevices?.getUserMedia)
		say("This browser gives no camera and no microphone: you can " +
			"chat, and hear and see others.");
	return isSecureContext && Boolean(globalThis.crypto?.subtle) &&
		Boolean(globalThis.RTCPeerConnection);
}

function trouble(text)
{
	setText($("join-error"), text);
	$("join-error").hidden = text === "";
}

async function join(label, room, kept)
{
	trouble("");
	$("join-button").disabled = true;
	const identity = await Identity.create(kept?.identity);
	const app = new App(identity, { label, room, kept });
	app.jwk = await identity.save();
	app.backUntil = Date.now() + BACK_MS;
	app.over = (why) => {
		$("space").hidden = true;
		$("join").hidden = false;
		$("join-button").disabled = false;
		$("alerts").replaceChildren();
		trouble(why);
		if (app.isDone)
			return;
		app.isDone = true;
		// a page of its own for whoever joins next
		removeEventListener("hashchange", reload);
		$("join-form").onsubmit = (e) => {
			e.preventDefault();
			begin(true);
		};
	};
	app.signal.start();
}

function reload()
{
	location.reload();
}

function begin(isAnew)
{
	const label = plainLabel($("name").value);
	const room = $("room").value.trim();

	if (label === "" || !ROOM.test(room))
		return;
	if (location.hash.slice(1) !== room)
		history.replaceState(null, "", `#${room}`);
	if (isAnew) {
		sessionStorage.setItem(KEPT, JSON.stringify({ label, room }));
		reload();
		return;
	}
	join(label, room).catch((e) => trouble(String(e)));
}

function load()
{
	const fragment = decodeURIComponent(location.hash.slice(1));
	const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");

	sessionStorage.removeItem(KEPT);
	$("room").value = ROOM.test(fragment) ? fragment : "lobby";
	if (!hints()) {
		$("join-button").disabled = true;
		return;
	}
	$("join-form").onsubmit = (e) => {
		e.preventDefault();
		begin(false);
	};
	addEventListener("hashchange", reload);
	// kept whole by the browser, but its connections are gone
	addEventListener("pageshow", (e) => e.persisted && reload());
	if (kept === null)
		return;
	$("name").value = kept.label;
	$("relay-only").checked = kept.relayOnly === true;
	if (kept.room === $("room").value)
		join(kept.label, kept.room, kept)
			.catch((e) => trouble(String(e)));
}

load();
