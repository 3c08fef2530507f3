// modules: those of the page's modules that need no browser, under node.
// Environment: WEB, a folder with a copy of them that says "type": "module".

import assert from "node:assert/strict";
import { createHash, randomBytes, webcrypto } from "node:crypto";
import { test } from "node:test";

globalThis.crypto ??= webcrypto;

const load = (name) => import(`${process.env.WEB}/${name}`);

const { Sha256 } = await load("sha256.js");
const { fromBase64url, rateText, sizeText, toBase64url, toHex } =
	await load("bytes.js");
const { commitment, fingerprints, Identity, safetyCode, Tampered, verify } =
	await load("identity.js");
const { plainName } = await load("file.js");
const { handleOf, plainLabel } = await load("ui.js");

test("SHA-256 in pieces is node's, at every length around a block", () => {
	for (let length = 0; length < 200; length++) {
		const bytes = randomBytes(length);
		const sha = new Sha256();
		for (let at = 0; at < length; at += 37)
			sha.add(bytes.subarray(at, at + 37));
		assert.equal(toHex(sha.end()), createHash("sha256")
			.update(bytes).digest("hex"));
	}
});

test("base64url is node's and comes back", () => {
	for (let length = 0; length < 70; length++) {
		const bytes = randomBytes(length);
		const text = toBase64url(bytes);
		assert.equal(text, bytes.toString("base64url"));
		assert.deepEqual(Buffer.from(fromBase64url(text)), bytes);
	}
});

test("sizes and rates are for people", () => {
	assert.deepEqual([0, 999, 1000, 20e6, 4.2e9].map(sizeText),
		["0 B", "999 B", "1.0 kB", "20 MB", "4.2 GB"]);
	assert.deepEqual([0, 64000, 999400, 999500, 2.5e6].map(rateText),
		["0 kbit/s", "64 kbit/s", "999 kbit/s", "1.0 Mbit/s",
			"2.5 Mbit/s"]);
});

const A = "a=fingerprint:sha-256 " + Array(32).fill("AA").join(":");
const B = A.replaceAll("AA", "BB");

test("fingerprints are found once each, in order", () => {
	const a = A.slice("a=fingerprint:".length);
	assert.deepEqual(fingerprints(`v=0\r\n${A}\r\nm=audio\r\n${A}\r\n`),
		[a]);
	assert.deepEqual(fingerprints(`${B}\n${A}`),
		[a, a.replaceAll("AA", "BB")]);
});

test("a fingerprint that others might read otherwise is refused", () => {
	for (const bad of ["", "v=0\r\n", A.toLowerCase(), `${A}\r\n ${B}`,
		`${A}\r\nA=Fingerprint:sha-256 00`, `${A} `, `${A}:CC:`,
		A.replace("sha-256", "sha-1"), `${A}\r\n${B}x`])
		assert.throws(() => fingerprints(bad), Tampered);
});

test("a signature holds for its lines and key alone", async () => {
	const me = await Identity.create();
	const other = await Identity.create();
	const sig = await me.sign(["a", "b"]);

	await verify(me.key, ["a", "b"], sig);
	for (const [key, lines, s] of [[me.key, ["a", "c"], sig],
		[me.key, ["a\nb", ""], sig], [other.key, ["a", "b"], sig],
		["", ["a", "b"], sig], [me.key, ["a", "b"], ""],
		[me.key, ["a", "b"], undefined],
		[me.key, ["a", "b"], (sig[0] === "A" ? "B" : "A") +
			sig.slice(1)]])
		await assert.rejects(verify(key, lines, s), Tampered);
});

test("a saved identity signs as before", async () => {
	const me = await Identity.create();
	const again = await Identity.create(await me.save());

	assert.equal(again.key, me.key);
	await verify(me.key, ["x"], await again.sign(["x"]));
});

// The example of docs/PROTOCOL.md.
test("the code is that of the example", async () => {
	const end = (name, byte) => ({ name, key: `key-${name}`,
		prints: [`sha-256 ${byte}`] });
	const [a, b] = [end("guest-a", "AA"), end("guest-b", "BB")];

	assert.equal(await safetyCode("call", a, b, ["n1", "n2"]), "0160 6807");
	for (const other of [
		safetyCode("call2", a, b, ["n1", "n2"]),
		safetyCode("call", b, a, ["n1", "n2"]),
		safetyCode("call", a, end("guest-b", "BC"), ["n1", "n2"]),
		safetyCode("call", a, { ...b, key: "k" }, ["n1", "n2"]),
		safetyCode("call", a, b, ["n1", "n3"])])
		assert.notEqual(await other, "0160 6807");
	assert.equal(await commitment("n1"), createHash("sha256")
		.update("supernode-commit/1\nn1").digest("base64url"));
});

test("names of files and people are only names", () => {
	assert.deepEqual(["../../etc/passwd", "C:\\x\\y.txt", "a\u202etxt.exe",
		"", "...", ".hidden", "x".repeat(300), "a\nb"].map(plainName),
	["passwd", "y.txt", "atxt.exe", "file", "file", "hidden",
		"x".repeat(120), "ab"]);
	assert.equal(plainLabel(" An\u0000na\u202e \n x "), "An na x");
	assert.equal(plainLabel(7), "");
	assert.deepEqual(["Björn Ångström", "Ольга", "a/b  c", "-x-",
		"x".repeat(60)].map(handleOf),
	["Bjorn-Angstrom", "", "a-b-c", "x", "x".repeat(32)]);
});

// ---- signal, with a WebSocket of ours

class Socket {
	static OPEN = 1;

	constructor(url, protocol)
	{
		Object.assign(this, { url, protocol, readyState: 1, sent: [] });
		Socket.last = this;
		Socket.count++;
	}

	send(text)
	{
		this.sent.push(JSON.parse(text));
	}

	close()
	{
		this.readyState = 3;
	}

	tell(message)
	{
		this.onmessage({ data: JSON.stringify(message) });
	}

	fail(code)
	{
		this.close();
		this.onclose({ code, reason: "" });
	}
}

// A clock that only tick moves.
const clock = { now: 0, next: 1, timers: new Map() };
globalThis.setTimeout = (fn, ms) => {
	clock.timers.set(clock.next, { fn, at: clock.now + ms });
	return clock.next++;
};
globalThis.clearTimeout = (id) => clock.timers.delete(id);

function tick(ms)
{
	const end = clock.now + ms;

	for (;;) {
		const [due] = Array.from(clock.timers)
			.filter(([, t]) => t.at <= end)
			.sort(([, a], [, b]) => a.at - b.at);
		if (due === undefined)
			break;
		clock.timers.delete(due[0]);
		clock.now = due[1].at;
		due[1].fn();
	}
	clock.now = end;
}

globalThis.WebSocket = Socket;
globalThis.document = { addEventListener() {} };
globalThis.addEventListener = () => undefined;
const { Signal } = await load("signal.js");

function begin(saved)
{
	clock.timers.clear();
	Socket.count = 0;
	const s = new Signal({ url: "ws://x/signal", name: "guest-" +
		"n".repeat(32), room: "lobby", saved });
	s.seen = [];
	for (const event of ["state", "presence", "message"])
		s.on(event, (...args) => s.seen.push([event, ...args]));
	s.start();
	Socket.last.tell({ type: "welcome" });
	return s;
}

const READY = { type: "ready", id: 0, name: "guest-n", resume: "1.s",
	resumed: false };

test("hello names name and room; a taken name gets a suffix", () => {
	begin();
	assert.deepEqual(Socket.last.sent[0], { type: "hello", id: 0,
		name: "guest-" + "n".repeat(32), room: "lobby" });
	Socket.last.tell({ type: "error", id: 0, code: "name-taken" });
	assert.match(Socket.last.sent[1].name, /^guest-n{27}-[0-9a-f]{4}$/);
});

test("a lost connection is resumed from the last message seen", () => {
	const s = begin();

	Socket.last.tell(READY);
	Socket.last.tell({ type: "message", from: "x", seq: 5, data: 1 });
	Socket.last.fail(1006);
	assert.equal(s.state, "waiting");
	tick(300);
	assert.equal(Socket.count, 2);
	Socket.last.tell({ type: "welcome" });
	assert.equal(Socket.last.sent[0].resume, "1.s");
	assert.equal(Socket.last.sent[0].last, 5);
	Socket.last.tell({ ...READY, resumed: true });
	assert.equal(s.last, 5);
	assert.equal(s.state, "ready");
});

test("who left meanwhile is gone after ready", async () => {
	const s = begin();
	const come = (name) => Socket.last.tell({ type: "presence", name,
		online: true });

	Socket.last.tell(READY);
	come("a");
	come("b");
	Socket.last.fail(1006);
	tick(300);
	Socket.last.tell({ type: "welcome" });
	Socket.last.tell({ ...READY, resumed: true });
	come("b");
	assert.ok(s.present.has("a"));
	const find = Socket.last.sent.find((m) => m.type === "find");
	Socket.last.tell({ type: "found", id: find.id, online: true });
	await Promise.resolve();
	await Promise.resolve();
	assert.deepEqual(Array.from(s.present), ["b"]);
});

test("an answered request leaves no deadline behind", async () => {
	const s = begin();

	Socket.last.tell(READY);
	const sent = s.send("b", {});
	const id = Socket.last.sent.at(-1).id;
	Socket.last.tell({ type: "error", id, code: "peer-offline",
		message: "not there" });
	await assert.rejects(sent, { code: "peer-offline" });
	const find = Socket.last.sent.find((m) => m.type === "find");
	Socket.last.tell({ type: "found", id: find.id });
	tick(15000);
	assert.equal(s.state, "ready");
	assert.equal(Socket.count, 1);
});

test("requests are paced as ready says", async () => {
	const s = begin();
	const count = () => Socket.last.sent.filter((m) => m.type === "send")
		.length;

	Socket.last.tell({ ...READY, limits: { messages_per_second: 20,
		burst_ms: 1000 } });
	for (let i = 0; i < 40; i++)
		s.send("b", i).catch(() => undefined);
	// 0.8 of 20, and the question that follows ready
	assert.equal(count(), 15);
	Socket.last.fail(1006);
	assert.equal(s.outbox.length, 0);
	assert.equal(s.waiting.size, 0);
});

test("no answer at all means another connection", () => {
	const s = begin();

	Socket.last.tell(READY);
	tick(8000);
	assert.equal(s.state, "waiting");
	tick(300);
	assert.equal(Socket.count, 2);
});

test("later means later, refused means never", () => {
	let s = begin();

	Socket.last.tell({ type: "error", id: 0, code: "rate-limited",
		retry_after_ms: 4000 });
	Socket.last.fail(1013);
	tick(3900);
	assert.equal(Socket.count, 1);
	tick(200);
	assert.equal(Socket.count, 2);

	for (const end of [
		() => Socket.last.tell({ type: "error", id: 0,
			code: "forbidden", message: "no guests" }),
		() => Socket.last.fail(4009)]) {
		s = begin();
		end();
		tick(60000);
		assert.equal(s.state, "ended");
		assert.equal(Socket.count, 1);
	}
});
