// call: one connection to one other page: ringing, perfect negotiation with
// signed fingerprints, the code to compare, and finding back after a loss.
//
// States: "calling" (they ring) | "ringing" (we do) | "connecting" |
// "connected" | "reconnecting" | "ended".
//
// Tells by on(event, fn): change(), remote(), code(), ended(reason, isAlarm).
// What comes over the control channel goes to handle(kind, fn).

import { randomId } from "./bytes.js";
import { commitment, fingerprints, safetyCode, Tampered, verify }
	from "./identity.js";

const RING_MS = 45000;
const CANDIDATE_MS = 12000;	// from accepted to the first own candidate
const CONNECT_MS = 40000;	// from accepted, or from lost, to connected
const DISCONNECTED_MS = 2500;	// ICE often mends itself
const AGAIN_MS = 8000;		// the next try
const GATHER_MS = 40;		// candidates travel together
const MESSAGE_MAX = 64 * 1024;
const NONCE = /^[A-Za-z0-9_-]{22}$/;

// page: { identity, name(), send(to, data), config(), tracks(), isReady() }
export class Call {
	constructor({ page, peer, id, isCaller, media, again })
	{
		this.page = page;
		this.me = page.name();	// as the statements say
		this.peer = peer;
		this.id = id ?? randomId();
		this.isCaller = isCaller;
		this.media = media;	// "chat" | "voice" | "video"
		// else they hear us only, whatever other calls are shown
		this.isSeen = media === "video";
		this.follows = again ?? "";
		this.state = isCaller ? "calling" : "ringing";
		this.peerKey = null;
		this.code = null;
		this.isCompared = false;
		this.theirs = { mic: true, camera: media === "video" };
		this.stream = new MediaStream();
		this.handlers = {};
		this.kinds = {};
		this.senders = {};	// kind of track -> transceiver
		this.candidates = [];
		this.timers = {};
		this.queue = Promise.resolve();
		this.since = null;	// when it was first connected
		this.setTimer("end", () => this.end("no-answer"), RING_MS);
		this.compareSetUp();
		this.handle("media", (m) => {
			this.theirs = { mic: m.mic === true,
				camera: m.camera === true,
				screen: m.screen === true };
			this.tell("remote");
		});
	}

	on(event, fn)
	{
		this.handlers[event] = fn;
	}

	tell(event, ...args)
	{
		this.handlers[event]?.(...args);
	}

	handle(kind, fn)
	{
		this.kinds[kind] = fn;
	}

	setTimer(name, fn, ms)
	{
		clearTimeout(this.timers[name]);
		this.timers[name] = setTimeout(fn, ms);
	}

	setState(state)
	{
		if (this.state === "ended" || this.state === state)
			return;
		this.state = state;
		this.tell("change");
	}

	isOpen()
	{
		return this.control?.readyState === "open";
	}

	// One thing after the other; what fails ends the call.
	run(fn)
	{
		this.queue = this.queue.then(() =>
			this.state === "ended" ? undefined : fn())
			.catch((e) => this.failed(e));
		return this.queue;
	}

	failed(e)
	{
		if (this.state === "ended")
			return;
		if (e instanceof Tampered) {
			this.say("hangup", { reason: "tampered" })
				.catch(() => undefined);
			this.finish("tampered", true);
			return;
		}
		console.error(e);
		this.end("failed");
	}

	// ---- messages through the supernode

	lines(kind, from, to, ...more)
	{
		return ["supernode-call/1", kind, this.id, from, to, ...more];
	}

	say(kind, more)
	{
		return this.page.send(this.peer,
			{ v: 1, kind, call: this.id, ...more });
	}

	async saySigned(kind, statement, more)
	{
		const sig = await this.page.identity.sign(this.lines(kind,
			this.me, this.peer, ...statement));

		return this.say(kind, { ...more, sig });
	}

	// Throws Tampered unless m is signed by the key of this call.
	check(m, statement)
	{
		return verify(this.peerKey, this.lines(m.kind, this.peer,
			this.me, ...statement), m.sig);
	}

	invite(label)
	{
		return this.run(() => this.saySigned("invite",
			[this.media, this.follows, label],
			{ media: this.media, again: this.follows, label,
				key: this.page.identity.key })
			.catch((e) => this.end(e.code ?? "failed")));
	}

	// An invitation that came in; resolves when its signature is good.
	async invited(m)
	{
		this.peerKey = m.key;
		await this.check(m, [m.media, m.again, m.label]);
	}

	accept()
	{
		if (this.state !== "ringing")
			return undefined;
		this.setState("connecting");
		return this.run(async () => {
			this.open();
			await this.saySigned("accept", [],
				{ key: this.page.identity.key });
		});
	}

	// What the supernode brought for this call.
	receive(m)
	{
		switch (m.kind) {
		case "accept":
			this.run(() => this.accepted(m));
			break;
		case "sdp":
			this.run(() => this.describe(m));
			break;
		case "ice":
			this.run(() => this.addCandidates(m));
			break;
		case "decline":
			this.finish(m.reason === "busy" ? "busy" : "declined");
			break;
		case "hangup":
			this.finish(m.reason === "tampered" ? "tampered" :
				m.reason === "left" ? "left" : "hangup",
				m.reason === "tampered");
			break;
		}
	}

	async accepted(m)
	{
		if (this.state !== "calling")
			return;
		this.peerKey = m.key;
		await this.check(m, []);
		this.setState("connecting");
		this.open();
	}

	// ---- the connection

	open()
	{
		const pc = new RTCPeerConnection(this.page.config());

		this.pc = pc;
		this.setTimer("end", () => this.end("no-way"), CONNECT_MS);
		this.setTimer("candidate", () => this.end("no-network"),
			CANDIDATE_MS);
		pc.onnegotiationneeded = () => this.run(() => this.offer());
		pc.onicecandidate = (e) => this.gathered(e.candidate);
		pc.onconnectionstatechange = () => this.connection();
		pc.ondatachannel = (e) => this.incoming(e.channel);
		pc.ontrack = (e) => this.track(e.track);
		if (this.isCaller) {
			this.useControl(pc.createDataChannel("control"));
			this.applyTracks();
		}
	}

	async offer()
	{
		if (this.pc.signalingState !== "stable")
			return;
		await this.pc.setLocalDescription();
		await this.sendDescription();
	}

	async sendDescription()
	{
		const { type, sdp } = this.pc.localDescription;

		this.sentPrints = fingerprints(sdp);
		// who cannot be reached now is sent it again: see again()
		await this.saySigned("sdp", [type, ...this.sentPrints],
			{ description: { type, sdp } }).catch(() => undefined);
	}

	async describe(m)
	{
		const { type, sdp } = m.description;
		const pc = this.pc;

		if (pc === undefined || !["offer", "answer"].includes(type))
			return;
		const prints = fingerprints(sdp);
		await this.check(m, [type, ...prints]);
		if (type === "answer" && pc.signalingState !== "have-local-offer")
			return;		// to an offer that was taken back
		this.ignores = type === "offer" && this.isCaller &&
			pc.signalingState !== "stable";
		if (this.ignores)
			return;
		await pc.setRemoteDescription({ type, sdp });
		this.prints = prints;
		if (type === "answer")
			return;
		this.applyTracks();
		await pc.setLocalDescription();
		await this.sendDescription();
	}

	gathered(candidate)
	{
		if (candidate === null)
			return;
		clearTimeout(this.timers.candidate);
		this.candidates.push(candidate.toJSON());
		if (this.candidates.length > 1)
			return;
		this.setTimer("gather", () => this.run(() => {
			const candidates = this.candidates.splice(0);
			return this.say("ice", { candidates })
				.catch(() => undefined);
		}), GATHER_MS);
	}

	async addCandidates(m)
	{
		for (const c of m.candidates.slice(0, 64)) {
			// of an offer we ignored, or of one before a restart
			await this.pc?.addIceCandidate(c)
				.catch(() => undefined);
		}
	}

	connection()
	{
		switch (this.pc.connectionState) {
		case "connected":
			this.since ??= Date.now();
			clearTimeout(this.timers.candidate);
			clearTimeout(this.timers.end);
			clearTimeout(this.timers.restart);
			this.setState("connected");
			break;
		case "disconnected":
			this.lost(DISCONNECTED_MS);
			break;
		case "failed":
			this.lost(0);
			break;
		}
	}

	lost(ms)
	{
		if (this.state === "connected") {
			this.setState("reconnecting");
			this.setTimer("end", () => this.end("no-way"),
				CONNECT_MS);
		}
		if (this.state === "reconnecting" || this.isCaller)
			this.setTimer("restart", () => this.restart(), ms);
	}

	// New candidates, through servers as they are now.
	restart()
	{
		if (this.state === "ended" || this.pc === undefined)
			return;
		this.pc.setConfiguration(this.page.config());
		this.pc.restartIce();
		if (this.pc.connectionState !== "connected")
			this.setTimer("restart", () => this.restart(),
				AGAIN_MS);
	}

	// Signalling is back (isFresh: as a new session), or the other page is.
	again(isFresh)
	{
		const pc = this.pc;

		if (pc === undefined || this.state === "ended")
			return;
		pc.setConfiguration(this.page.config());
		if (pc.signalingState === "have-local-offer")
			this.run(() => this.sendDescription());
		else if (isFresh && this.isCaller &&
		    (this.route !== "direct" || pc.connectionState !==
		    "connected"))
			this.restart();
	}

	// ---- tracks

	track(track)
	{
		for (const old of this.stream.getTracks()) {
			if (old.kind === track.kind)
				this.stream.removeTrack(old);
		}
		this.stream.addTrack(track);
		track.onunmute = () => this.tell("remote");
		this.tell("remote");
	}

	// Sends what the page has now: { audio, video } or null each.
	applyTracks()
	{
		const pc = this.pc;

		if (this.media === "chat" || !pc || this.state === "ended")
			return;
		const { audio, video } = this.page.tracks();
		this.applyTrack("audio", audio);
		this.applyTrack("video", this.isSeen ? video : null);
		this.sayMedia();
	}

	applyTrack(kind, track)
	{
		let t = this.senders[kind];

		t ??= this.pc.getTransceivers().find((x) => !x.stopped &&
			x.receiver.track.kind === kind);
		if (t) {
			this.senders[kind] = t;
			t.sender.replaceTrack(track)
				.catch((e) => this.failed(e));
			if (t.direction !== "sendrecv")
				t.direction = "sendrecv";
		} else if (track) {
			this.senders[kind] = this.pc.addTransceiver(track,
				{ direction: "sendrecv" });
		} else if (kind === "audio" || this.media === "video") {
			// nothing to send yet, but to be heard and seen
			this.senders[kind] = this.pc.addTransceiver(kind,
				{ direction: "sendrecv" });
		}
	}

	sayMedia()
	{
		const { mic, camera, screen } = this.page.media();

		this.tellPeer("media", { mic, camera: camera && this.isSeen,
			screen: screen && this.isSeen });
	}

	// ---- the control channel

	incoming(channel)
	{
		if (channel.label === "control" && !this.control)
			this.useControl(channel);
		else
			this.kinds.channel?.(channel);
	}

	useControl(channel)
	{
		this.control = channel;
		channel.onopen = () => {
			this.sayMedia();
			this.compareBegin();
			this.tell("change");
		};
		channel.onmessage = (e) => this.heard(e.data);
		channel.onclose = () => this.finish("left");
		if (channel.readyState === "open")
			channel.onopen();
	}

	heard(text)
	{
		let m;

		if (typeof text !== "string" || text.length > MESSAGE_MAX)
			return;
		try {
			m = JSON.parse(text);
		} catch {
			return;
		}
		if (m !== null && Object.hasOwn(this.kinds, m.kind))
			this.kinds[m.kind](m);
	}

	// Returns false when there is no channel to say it on.
	tellPeer(kind, more)
	{
		if (!this.isOpen())
			return false;
		this.control.send(JSON.stringify({ kind, ...more }));
		return true;
	}

	// ---- the code both compare: commit, nonce, reveal

	compareSetUp()
	{
		this.nonce = randomId();
		this.handle("commit", (m) => {
			if (this.isCaller || this.theirCommit)
				return;
			this.theirCommit = m.commit;
			this.tellPeer("nonce", { nonce: this.nonce });
		});
		this.handle("nonce", (m) => {
			if (!this.isCaller || this.theirNonce)
				return;
			this.theirNonce = m.nonce;
			this.tellPeer("reveal", { nonce: this.nonce });
			this.run(() => this.compareEnd());
		});
		this.handle("reveal", (m) => {
			if (this.isCaller || this.theirNonce ||
			    !this.theirCommit)
				return;
			this.theirNonce = m.nonce;
			this.run(async () => {
				if (await commitment(m.nonce) !==
				    this.theirCommit)
					throw new Tampered("not what was " +
						"committed to");
				await this.compareEnd();
			});
		});
	}

	// Both fingerprints are in use now, both keys are known.
	compareBegin()
	{
		if (!this.isCaller)
			return;
		this.run(async () => this.tellPeer("commit",
			{ commit: await commitment(this.nonce) }));
	}

	async compareEnd()
	{
		const me = { name: this.me,
			key: this.page.identity.key, prints: this.sentPrints };
		const other = { name: this.peer, key: this.peerKey,
			prints: this.prints };

		if (!NONCE.test(this.theirNonce))
			throw new Tampered("no nonce");
		this.code = await (this.isCaller ?
			safetyCode(this.id, me, other,
				[this.nonce, this.theirNonce]) :
			safetyCode(this.id, other, me,
				[this.theirNonce, this.nonce]));
		this.tell("code");
	}

	// ---- the end

	// Ends it and says so.
	end(reason)
	{
		if (this.state === "ended")
			return;
		if (this.state === "ringing")
			this.say("decline", { reason }).catch(() => undefined);
		else
			this.say("hangup", { reason }).catch(() => undefined);
		this.finish(reason);
	}

	// It is over, and the other side knows or does not matter.
	finish(reason, isAlarm)
	{
		if (this.state === "ended")
			return;
		Object.values(this.timers).forEach(clearTimeout);
		this.setState("ended");
		this.pc?.close();
		this.tell("ended", reason, isAlarm === true);
	}
}
