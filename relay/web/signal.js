// signal: a supernode.v1 client.  Connects again by itself, resumes its
// session where it can (nothing is lost or given twice), else says hello anew.
//
// Tells by on(event, fn):
//	state(s, why)		"connecting" | "ready" | "waiting" | "ended"
//	ready(message, isFresh)	signed in, for the first time or again; fresh:
//				relays know nothing of what was before
//	presence(name, isOnline)
//	message(from, data)
//	lost()			messages were lost while it was away

import { randomBytes, toHex } from "./bytes.js";

const HELLO_MS = 10000;
const PROBE_MS = 20000;		// how often a quiet connection is tried
const ANSWER_MS = 8000;
const BACKOFF_MS = [200, 400, 800, 1500, 3000, 5000, 8000];
const RATE = 10;		// messages a second, where nothing was said
const PART = 0.8;		// of what is allowed
const RENEW_EARLY_S = 600;	// before TURN credentials expire

// Closed for good: what a reconnect would not mend.
const FINAL = {
	4001: "The supernode did not accept the sign-in.",
	4009: "This name was taken over by another page.",
	1008: "The supernode ended this session.",
};

export class Signal {
	constructor({ url, name, room, saved })
	{
		this.url = url;
		this.wish = name;	// without the suffix that makes it free
		this.name = saved?.name ?? name;
		this.room = room;
		this.resume = saved?.resume ?? null;
		this.last = saved?.last ?? 0;
		this.state = "ended";
		this.iceServers = [];
		this.present = new Set();
		this.old = new Set();	// were there, may have left since
		this.waiting = new Map();	// id -> { resolve, reject, timer }
		this.outbox = [];		// requests that are not sent yet
		this.next = 1;
		this.attempt = 0;
		this.handlers = {};
		this.timers = {};
		addEventListener("online", () => this.retryNow());
		document.addEventListener("visibilitychange", () => {
			if (!document.hidden)
				this.probe();
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

	setState(state, why)
	{
		this.state = state;
		this.tell("state", state, why);
	}

	setTimer(name, fn, ms)
	{
		clearTimeout(this.timers[name]);
		this.timers[name] = setTimeout(fn, ms);
	}

	clearTimers()
	{
		Object.values(this.timers).forEach(clearTimeout);
	}

	// ---- connecting

	start()
	{
		this.clearTimers();
		this.setState("connecting");
		const ws = new WebSocket(this.url, "supernode.v1");
		this.ws = ws;
		const mine = (fn) => (e) => {
			if (ws === this.ws)
				fn(e);
		};
		ws.onmessage = mine((e) => this.receive(e.data));
		ws.onclose = mine((e) => this.lostConnection(e.code, e.reason));
		this.setTimer("hello", () => this.cut("no answer"), HELLO_MS);
	}

	// Gives the connection up; what onclose would do at once.
	cut(why)
	{
		const ws = this.ws;

		this.ws = null;
		ws?.close();
		this.lostConnection(1006, why);
	}

	lostConnection(code, reason)
	{
		this.ws = null;
		this.clearTimers();
		this.outbox = [];
		for (const id of Array.from(this.waiting.keys()))
			this.answered(id)
				.reject(new Error("connection lost"));
		if (this.state === "ended")
			return;
		if (FINAL[code]) {
			this.end(FINAL[code] + (reason ? ` (${reason})` : ""));
			return;
		}
		const i = Math.min(this.attempt++, BACKOFF_MS.length - 1);
		const ms = Math.max(this.retryAfter ?? 0,
			BACKOFF_MS[i] * (0.75 + Math.random() / 2));
		this.retryAfter = 0;
		this.setState("waiting");
		this.setTimer("retry", () => this.start(), ms);
	}

	retryNow()
	{
		if (this.state === "waiting")
			this.start();
		else
			this.probe();
	}

	end(why)
	{
		this.clearTimers();
		this.setState("ended", why);
		this.ws?.close(1000);
		this.ws = null;
	}

	// Leaves: the name is free at once.
	bye()
	{
		if (this.ws?.readyState === WebSocket.OPEN)
			this.ws.send(JSON.stringify({ type: "bye" }));
		this.end();
	}

	// Is the other side still there?  Also keeps what lies between awake.
	probe()
	{
		if (this.state !== "ready")
			return;
		this.request({ type: "find", name: this.name })
			.catch(() => undefined);
		this.setTimer("probe", () => this.probe(), PROBE_MS);
	}

	// ---- sending

	push(message)
	{
		this.ws.send(JSON.stringify(message));
	}

	// Resolves with the answer.
	request(message)
	{
		const id = this.next++;

		if (this.state !== "ready")
			return Promise.reject(new Error("not connected"));
		return new Promise((resolve, reject) => {
			this.waiting.set(id, { resolve, reject });
			this.outbox.push({ ...message, id });
			this.pump();
		});
	}

	// No faster than `ready` allowed: what is faster is not answered.
	pump()
	{
		const { rate, size } = this.pace;
		const now = performance.now();

		this.tokens = Math.min(size, this.tokens +
			(now - this.filled) * rate / 1000);
		this.filled = now;
		for (; this.outbox.length > 0 && this.tokens >= 1; this.tokens--)
			this.ask(this.outbox.shift());
		if (this.outbox.length > 0)
			this.setTimer("pump", () => this.pump(), 1000 / rate);
	}

	ask(message)
	{
		this.waiting.get(message.id).timer = setTimeout(() => {
			this.answered(message.id).reject(new Error("no answer"));
			this.cut("no answer");
		}, ANSWER_MS);
		this.push(message);
	}

	send(to, data)
	{
		return this.request({ type: "send", to, data });
	}

	hello()
	{
		const message = { type: "hello", id: 0, name: this.name,
			room: this.room };

		if (this.resume !== null) {
			message.resume = this.resume;
			message.last = this.last;
		}
		this.push(message);
	}

	// ---- receiving

	receive(text)
	{
		const m = JSON.parse(text);

		switch (m.type) {
		case "welcome":
			this.hello();
			break;
		case "ready":
			this.isReady(m);
			break;
		case "presence":
			this.isPresent(m.name, m.online);
			break;
		case "message":
			if (Number.isInteger(m.seq))
				this.last = m.seq;
			this.tell("message", m.from, m.data);
			break;
		case "error":
			this.isError(m);
			break;
		case "sent":
		case "found":
			this.answered(m.id)?.resolve(m);
			break;
		}
	}

	// Who waits for the answer to id, and no longer does.
	answered(id)
	{
		const w = this.waiting.get(id);

		clearTimeout(w?.timer);
		this.waiting.delete(id);
		return w;
	}

	isReady(m)
	{
		clearTimeout(this.timers.hello);
		this.name = m.name;
		this.iceServers = m.iceServers ?? [];
		if (this.resume === null || m.resumed === false)
			this.last = 0;
		this.resume = m.resume ?? null;
		this.attempt = 0;
		const rate = (m.limits?.messages_per_second ?? RATE) * PART;
		this.pace = { rate, size: Math.max(1, rate *
			(m.limits?.burst_ms ?? 1000) / 1000) };
		this.tokens = this.pace.size;
		this.filled = performance.now();
		this.setState("ready");
		// what runs through a relay must know the new credentials
		this.tell("ready", m, m.resumed !== true || this.isRenewing);
		this.isRenewing = false;
		if (m.lost > 0)
			this.tell("lost");
		this.forgetAbsent(new Set(this.present));
		this.renewLater();
	}

	// Who is there is told right after `ready`, before any answer: the
	// others of those we knew have left.
	forgetAbsent(old)
	{
		this.old = old;
		this.request({ type: "find", name: this.name }).then(() => {
			for (const name of this.old)
				this.isPresent(name, false);
		}).catch(() => undefined);
		this.setTimer("probe", () => this.probe(), PROBE_MS);
	}

	// TURN credentials are "<expiry>:<name>"; a new `ready` brings new ones.
	renewLater()
	{
		const name = this.iceServers.find((s) => s.username)?.username;
		const left = parseInt(name, 10) - Date.now() / 1000;

		if (!(left > 0))
			return;
		const wait = left - Math.min(RENEW_EARLY_S, left / 4);
		this.setTimer("renew", () => {
			this.isRenewing = true;
			this.cut("renew");
			this.retryNow();
		}, wait * 1000);
	}

	isPresent(name, isOnline)
	{
		if (typeof name !== "string" || name === this.name)
			return;
		this.old.delete(name);
		if (isOnline)
			this.present.add(name);
		else
			this.present.delete(name);
		this.tell("presence", name, Boolean(isOnline));
	}

	isError(m)
	{
		if (m.retry_after_ms > 0)
			this.retryAfter = m.retry_after_ms;
		if (m.id !== 0) {
			const e = new Error(m.message ?? m.code);
			e.code = m.code;
			this.answered(m.id)?.reject(e);
			return;
		}
		if (this.resume !== null) {
			// too late to resume: as a new session
			this.resume = null;
			this.attempt = 0;
		} else if (m.code === "name-taken") {
			this.name = `${this.wish.slice(0, 33)}-` +
				toHex(randomBytes(2));
		} else if (["forbidden", "auth-failed"].includes(m.code)) {
			this.end(m.message || m.code);
			return;
		} else {
			return;
		}
		// where it stays open, at once; else with the next connection
		if (this.ws?.readyState === WebSocket.OPEN)
			this.hello();
	}

	// What a reload needs to go on with the same session.
	save()
	{
		return { name: this.name, resume: this.resume, last: this.last };
	}
}
