// peerjs: the unmodified `peerjs` package in two pages, through our server,
// everything relayed: data, audio and video, reconnecting, and what a page is
// told when something cannot be.
//
//	node peerjs.mjs CHROMIUM HOST PORT TLS-PORT
import { readFileSync } from "node:fs";
import { equal, holds, launch, step } from "./pages.mjs";

const [executable, host, port, tls] = process.argv.slice(2);
const SECOND = 1000 * Number(process.env.WAIT_FACTOR || 4);
const LIBRARY = readFileSync(
    `${process.env.MODULES}/node_modules/peerjs/dist/peerjs.min.js`, "utf8");
const PAGE = "<!doctype html><title>app</title><script src=peerjs.js></script>";
// a page by http may speak to our plain port, one by https only to TLS
const PLAIN = { origin: "http://localhost", port: Number(port) };
const SECURE = { origin: "https://app.example", port: Number(tls),
	secure: true };

// A page of an application that lives somewhere else than the server.
async function visit(browser, place)
{
	const context = await browser.newContext(
	    { permissions: ["camera", "microphone"] });
	const page = await context.newPage();

	page.setDefaultTimeout(15 * SECOND);
	page.on("pageerror", (e) => console.log(`page: ${e.stack}`));
	await page.route(`${place.origin}/**`, (route) =>
	    route.request().url().endsWith(".js") ?
		route.fulfill({ body: LIBRARY, contentType: "text/javascript" }) :
		route.fulfill({ body: PAGE, contentType: "text/html" }));
	await page.goto(`${place.origin}/`);
	await page.evaluate(helpers);
	page.place = place;
	return page;
}

// What the pages use; runs in each of them.
function helpers()
{
	// Resolves with what `from` emits as `event`; an error rejects.
	globalThis.once = (from, event) => new Promise((done, fail) => {
		from.once(event, done);
		if (event !== "error")
			from.once("error", (e) => fail(new Error(e.type)));
	});
	globalThis.pair = async (pc) => {
		const stats = await pc.getStats();
		const transport = [...stats.values()]
			.find((s) => s.type === "transport");
		const chosen = stats.get(transport?.selectedCandidatePairId);
		const type = (id) => stats.get(id)?.candidateType;

		return `${type(chosen?.localCandidateId)}/` +
			`${type(chosen?.remoteCandidateId)}`;
	};
	globalThis.decoded = async (pc) => {
		let frames = 0, audio = 0;

		for (const s of (await pc.getStats()).values()) {
			if (s.type !== "inbound-rtp")
				continue;
			frames += s.framesDecoded ?? 0;
			audio += s.kind === "audio" ? s.packetsReceived : 0;
		}
		return { frames, audio };
	};
	globalThis.flows = async (pc) => {
		for (;;) {
			const now = await decoded(pc);

			if (now.frames >= 10 && now.audio >= 10)
				return now;
			await new Promise((done) => setTimeout(done, 50));
		}
	};
	globalThis.camera = () => navigator.mediaDevices
		.getUserMedia({ audio: true, video: { width: 320 } });
	// Echoes data, answers calls.
	globalThis.serve = () => {
		peer.on("connection", (c) => c.on("data", (d) => c.send(d)));
		peer.on("call", async (call) => {
			globalThis.call = call;
			call.answer(await camera());
		});
	};
}

// A Peer that is open; its id.
function enter(page, id, more = {})
{
	const options = { host, port: page.place.port,
		secure: page.place.secure ?? false, ...more };

	return page.evaluate(async ({ id, options }) => {
		const scheme = options.secure ? "https" : "http";
		const ice = await fetch(`${scheme}://${options.host}:` +
			`${options.port}/peerjs/ice`);

		options.config = { iceTransportPolicy: "relay",
			...await ice.json() };
		globalThis.peer = id === null ? new Peer(options) :
			new Peer(id, options);
		return await once(peer, "open");
	}, { id, options });
}

// The error of a Peer that does not open.
function refused(page, id, more = {})
{
	return page.evaluate(async ({ id, options }) => {
		const e = await once(new Peer(id, options), "error");

		return `${e.type}: ${e.message}`;
	}, { id, options: { host, port: page.place.port,
		secure: page.place.secure ?? false, ...more } });
}

// Connects, sends and waits for the echo; the candidates that were chosen.
function exchange(page, to)
{
	return page.evaluate(async (to) => {
		const data = globalThis.data = peer.connect(to,
			{ reliable: true, metadata: { why: "test" } });
		const bytes = crypto.getRandomValues(new Uint8Array(60000));
		const ask = async (what) => {
			const answer = once(data, "data");

			data.send(what);
			return await answer;
		};

		await once(data, "open");
		for (let i = 0; i < 20; i++)
			if ((await ask({ i, text: "ä" })).i !== i)
				throw new Error("another answer");
		if (new Uint8Array(await ask(bytes)).join() !== bytes.join())
			throw new Error("other bytes");
		return await pair(data.peerConnection);
	}, to);
}

function call(page, to)
{
	return page.evaluate(async (to) => {
		globalThis.call = peer.call(to, await camera());
		const stream = await once(globalThis.call, "stream");

		await flows(globalThis.call.peerConnection);
		return stream.getTracks().map((t) => t.kind).sort().join() + " " +
			await pair(globalThis.call.peerConnection);
	}, to);
}

async function main()
{
	const browser = await launch({ executable });
	const alice = await visit(browser, PLAIN),
		bob = await visit(browser, SECURE);
	let id;

	await step("two pages come, one by TLS", async () => {
		id = await enter(alice, null);
		holds("an id was made up", /^[0-9a-f-]{36}$/.test(id));
		equal("the id that was asked for", await enter(bob, "bob-1"),
		    "bob-1");
		await bob.evaluate("serve()");
		await alice.evaluate("serve()");
	});
	await step("data there and back", async () => {
		equal("candidates", await exchange(alice, "bob-1"),
		    "relay/relay");
	});
	await step("audio and video", async () => {
		equal("heard and seen by the caller",
		    await call(alice, "bob-1"), "audio,video relay/relay");
		await bob.evaluate("flows(call.peerConnection)");
		await alice.evaluate("call.close()");
	});
	await step("away and back under the same id", async () => {
		equal("id", await alice.evaluate(async () => {
			const gone = once(peer, "disconnected");

			peer.disconnect();
			await gone;
			const open = once(peer, "open");

			peer.reconnect();
			return await open;
		}), id);
		equal("what was open still is", await alice.evaluate(
		    "data.open && data.peerConnection.connectionState"),
		    "connected");
		equal("it can be reached again", await exchange(bob, id),
		    "relay/relay");
	});
	await step("the same id and token elsewhere", async () => {
		const other = await visit(browser, PLAIN);
		const token = await alice.evaluate("peer.options.token");
		const gone = alice.evaluate("new Promise((done) => " +
		    "peer.once('disconnected', done))");

		equal("id", await enter(other, id, { token }), id);
		await gone;
		equal("the first is disconnected, not destroyed",
		    await alice.evaluate(
			"peer.disconnected + ' ' + peer.destroyed"),
		    "true false");
		await other.evaluate("serve()");
		equal("bob reaches the newer one",
		    await exchange(bob, id), "relay/relay");
		await other.context().close();
	});
	await step("what cannot be", async () => {
		equal("an id that another has", await refused(alice, "bob-1"),
		    'unavailable-id: ID "bob-1" is taken');
		equal("a wrong key", await refused(alice, "x",
		    { key: "other" }), "server-error: Invalid key provided");
		const begin = Date.now();

		equal("who is not there", await bob.evaluate(async () => {
			peer.connect("nobody");
			return (await once(peer, "error")).type;
		}), "peer-unavailable");
		holds("that was told after five seconds",
		    Date.now() - begin >= 4900);
		equal("peers are not listed", await bob.evaluate(async () => {
			const { host, port } = peer.options;

			return (await fetch(
			    `https://${host}:${port}/peerjs/peers`)).status;
		}), 401);
	});
	await browser.close();
}

main().then(() => process.exit(0), (e) => {
	console.log(`FAILED: ${e.stack}`);
	process.exit(1);
});
