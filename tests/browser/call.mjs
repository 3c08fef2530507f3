// call: two, then three people use the page.  Environment: PAGE (its URL),
// MODULES, FILE (20 MB) and SHA256 (its hash), RESTART (a command that ends
// the supernode and starts it again), SHOTS (a folder for screenshots).

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { equal, holds, launch, Person, relayed, sameCode, say, step }
	from "./pages.mjs";

const PHONE = { viewport: { width: 390, height: 780 }, colorScheme: "dark",
	isMobile: true, hasTouch: true };
const WIDE = { viewport: { width: 1360, height: 820 } };
const browser = await launch();
const bare = await launch({ hasDevices: false });
let anna, bob, carol;

function together(...all)
{
	return Promise.all(all);
}

async function meet()
{
	const first = await Person.enter(browser, "", { view: WIDE });
	await first.shot("01-join");
	await first.context.close();
	anna = await Person.enter(browser, "Anna", { relayOnly: true,
		view: WIDE });
	await anna.shot("02-alone");
	bob = await Person.enter(browser, "Bob", { relayOnly: true,
		view: PHONE });
	await together(anna.sees("Bob"), bob.sees("Anna"));
	await anna.shot("03-idle");
	const other = await Person.enter(browser, "Elsewhere",
		{ room: "another" });
	equal("people in another room",
		await other.page.locator(".person").count(), 0);
	await other.context.close();
	const twin = await Person.enter(browser, "Anna");
	holds("a second Anna has a name of her own", /\(guest-Anna-\w{4}\)/
		.test(await twin.page.locator("#me").textContent()));
	await anna.sees("Anna");
	await twin.page.click("#leave");
	await together(anna.misses("Anna"), bob.page
		.locator('[data-name^="guest-Anna-"]')
		.waitFor({ state: "detached" }));
	await twin.context.close();
}

async function talk()
{
	await anna.call("Bob", "video");
	await bob.page.locator(".ring").waitFor();
	await together(bob.shot("04-ringing-phone"), anna.shot("05-calling"));
	await bob.answer("Anna");
	await sameCode(anna, bob);
	await together(anna.hears(1), bob.hears(1));
	await relayed(anna);
	await relayed(bob);
	await anna.tile("Bob").locator(".figures[data-route=relayed]")
		.waitFor();
	say(await anna.tile("Bob").locator(".figures").textContent());
	await anna.tile("Bob").locator("[data-do=same]").click();
}

async function chat()
{
	await anna.write("Do you <b>hear</b> me? <img src=x onerror=alert(1)>");
	await bob.page.click("[data-view=chat]");
	await bob.reads("<b>hear</b> me? <img src=x onerror=alert(1)>");
	equal("elements made of what was written",
		await bob.page.locator("#log b, #log img").count(), 0);
	await bob.write("Loud and clear.");
	await anna.reads("Loud and clear.");
}

async function file()
{
	await anna.page.setInputFiles("#file", process.env.FILE);
	await bob.page.locator(".file button", { hasText: "Accept" }).click();
	await bob.page.locator(".file[data-state=moving]").waitFor();
	await bob.page.locator(".file[data-state=done]").waitFor();
	await anna.page.locator(".file[data-state=done]").waitFor();
	for (const p of [anna, bob])
		equal(`${p.label}: hash`, await p.page.locator(".file code")
			.textContent(), `SHA-256 ${process.env.SHA256}`);
	const [download] = await together(bob.page.waitForEvent("download"),
		bob.page.locator(".file a").click());
	const bytes = readFileSync(await download.path());
	equal("hash of what was saved", createHash("sha256").update(bytes)
		.digest("hex"), process.env.SHA256);
	await bob.shot("06-chat-phone");
	await anna.shot("07-call");
	await bob.page.click("[data-view=stage]");
	await bob.shot("08-call-phone");
}

async function three()
{
	carol = await Person.enter(browser, "Carol", { relayOnly: true,
		view: WIDE });
	await together(carol.sees("Anna"), carol.sees("Bob"));
	await carol.call("Anna", "video");
	await anna.answer("Carol");
	await sameCode(carol, anna);
	await carol.call("Bob", "voice");
	await bob.answer("Carol");
	await sameCode(carol, bob);
	await together(carol.hears(2, false), anna.hears(2, false),
		bob.hears(2, false));
	equal("Carol, who called by voice, is seen by Bob", await bob.tile(
		"Carol").and(bob.page.locator(".shows")).count(), 0);
	await anna.page.click("#screen");
	await together(bob.tile("Anna").and(bob.page.locator(".shows-screen"))
		.waitFor(), carol.tile("Anna").and(carol.page
		.locator(".shows-screen.shows")).waitFor());
	await carol.shot("09-three");
	await anna.page.click("#screen");
	await carol.page.click("#hangup");
	await carol.isAlone();
	await together(anna.tile("Carol").waitFor({ state: "detached" }),
		bob.tile("Carol").waitFor({ state: "detached" }));
	await anna.hears(1);
}

async function reload()
{
	const before = await bob.talks("Anna");

	await bob.page.reload();
	await bob.is("Online");
	const after = await sameCode(bob, anna);
	holds("another connection has another code", before !== after);
	await together(anna.hears(1), bob.hears(1));
}

async function restart()
{
	execFileSync(process.env.RESTART, ["stop"], { stdio: "inherit" });
	await together(anna.is("Reconnecting"), bob.is("Reconnecting"));
	await anna.shot("10-reconnecting");
	execFileSync(process.env.RESTART, ["start"], { stdio: "inherit" });
	await together(anna.is("Online"), bob.is("Online"));
	await together(anna.sees("Bob"), bob.sees("Anna"), anna.sees("Carol"));
	await together(anna.hears(1), bob.hears(1));
	await sameCode(anna, bob);
	await relayed(anna);
}

async function hangUp()
{
	await bob.page.click("#hangup");
	await together(bob.isAlone(), anna.isAlone());
	equal("connections of Anna left", (await anna.measure()).length, 0);
}

async function declined()
{
	await anna.call("Carol", "voice");
	await carol.answer("Anna", "decline");
	await anna.page.locator(".word", { hasText: "Carol declined" })
		.waitFor();
	await anna.isAlone();
}

// What a supernode could do: another fingerprint on its way.
function otherFingerprint()
{
	const send = WebSocket.prototype.send;

	WebSocket.prototype.send = function (text) {
		return send.call(this, text.replaceAll(
			/(a=fingerprint:sha-256 )(..)/g,
			(all, what, byte) => what +
				(byte === "00" ? "11" : "00")));
	};
}

async function tampered()
{
	const mallory = await Person.enter(browser, "Mallory",
		{ before: otherFingerprint });

	for (const [from, to] of [[mallory, anna], [anna, mallory]]) {
		await from.call(to.label, "voice");
		await to.answer(from.label);
		await anna.page.locator(".trouble", { hasText:
			"The call with Mallory was ended" }).waitFor();
		await together(anna.isAlone(), mallory.isAlone());
		await anna.shot("11-tampered");
		await anna.page.locator(".trouble .icon").click();
	}
	await mallory.context.close();
}

// Says what no page would say, to the names it is given.
function babble(names)
{
	const id = "A".repeat(22);
	const invite = { v: 1, kind: "invite", call: id, media: "voice",
		again: "", label: "<b>E</b>", key: "AAAA", sig: "AAAA" };
	const all = [null, 1, "x", [], {}, { v: 2, kind: "card" }, { v: 1 },
		{ v: 1, kind: "card", label: { a: 1 } },
		{ v: 1, kind: "card", label: "\u202e<i>evil</i>" + "x".repeat(99) },
		{ v: 1, kind: "__proto__", call: "__proto__" },
		{ v: 1, kind: "constructor", call: id }, invite,
		...["call", "media", "again", "label", "key", "sig"].flatMap(
			(k) => [undefined, null, 7, {}, "toString", "x\ny"]
				.map((v) => ({ ...invite, [k]: v }))),
		...["accept", "decline", "sdp", "ice", "hangup"].flatMap(
			(kind) => [undefined, id, {}].map((call) =>
				({ v: 1, kind, call, sig: 1 })))];

	return new Promise((resolve, reject) => {
		const ws = new WebSocket(location.origin.replace(/^http/,
			"ws") + "/signal", "supernode.v1");
		const left = names.flatMap((to) =>
			all.map((data) => ({ type: "send", to, data })));
		let sent = 0;
		const next = () => {
			const m = left.shift();
			if (m === undefined)
				resolve(sent);
			else
				ws.send(JSON.stringify({ ...m, id: ++sent }));
		};
		ws.onmessage = (e) => {
			const m = JSON.parse(e.data);
			if (m.type === "welcome")
				ws.send(JSON.stringify({ type: "hello", id: 0,
					name: "guest-Eve", room: "lobby" }));
			else if (["ready", "sent"].includes(m.type))
				next();
			else if (m.code === "rate-limited")
				setTimeout(next, m.retry_after_ms + 50);
			else if (m.type === "error")
				reject(new Error(e.data));
		};
		ws.onclose = (e) => reject(new Error(`closed ${e.code}`));
	});
}

async function hostile()
{
	const page = await browser.newPage();

	await page.goto(process.env.PAGE);
	const sent = await page.evaluate(babble, ["guest-Anna", "guest-Carol"]);
	say(`${sent} messages`);
	await anna.row("<i>evil</i>" + "x".repeat(29)).waitFor();
	equal("elements made of a name",
		await anna.page.locator(".person i, .person b").count(), 0);
	await anna.page.locator("#alerts .trouble").first().waitFor();
	equal("calls that came of it",
		await anna.page.locator(".ring, .tile").count(), 0);
	await page.close();
	await anna.misses("<i>evil</i>" + "x".repeat(29));
	const close = anna.page.locator("#alerts .icon");
	while (await close.count() > 0)
		await close.first().click();
}

async function noCamera()
{
	const dora = await Person.enter(bare, "Dora", { view: WIDE });

	await dora.call("Carol", "video");
	await dora.page.locator(".notice", { hasText: "camera was not found" })
		.waitFor();
	await carol.answer("Dora");
	await sameCode(dora, carol);
	await dora.shot("12-no-camera");
	await dora.page.click("#leave");
	await carol.isAlone();
}

// A browser may keep a direct way; nobody shall think that it does not.
async function late()
{
	const eve = await Person.enter(browser, "Eve", { room: "late" });
	const finn = await Person.enter(browser, "Finn", { room: "late" });

	await eve.sees("Finn");
	await eve.call("Finn", "voice");
	await finn.answer("Eve");
	await eve.tile("Finn").locator(".figures[data-route=direct]")
		.waitFor();
	await eve.page.locator(".switch").click();
	await eve.page.locator(".word", { hasText: "Relay only holds" })
		.waitFor();
	await together(eve.context.close(), finn.context.close());
}

async function keyboard()
{
	const close = carol.page.locator("#alerts .icon");
	while (await close.count() > 0)
		await close.first().click();
	await carol.page.locator("#relay-only").focus();
	const seen = [];
	for (let i = 0; i < 5; i++) {
		await carol.page.keyboard.press("Tab");
		seen.push(await carol.page.evaluate(() =>
			document.activeElement.getAttribute("aria-label") ??
			document.activeElement.textContent.trim()));
	}
	equal("what Tab reaches", seen.join(", "), "Copy link, Leave, " +
		"Chat with Anna, Call Anna, Call with video Anna");
}

try {
	await step("presence", meet);
	await step("call, relayed", talk);
	await step("chat", chat);
	await step("file", file);
	await step("three people", three);
	await step("reload during a call", reload);
	await step("restart of the supernode during a call", restart);
	await step("hang up", hangUp);
	await step("declined", declined);
	await step("changed on the way", tampered);
	await step("nonsense from a stranger", hostile);
	await step("no camera", noCamera);
	await step("relay only, during a direct call", late);
	await step("keyboard", keyboard);
	for (const p of [anna, bob, carol])
		equal(`errors in the page of ${p.label}`, p.error, undefined);
} catch (e) {
	for (const p of [anna, bob, carol])
		await p?.shot(`failed-${p.label}`).catch(() => undefined);
	say(`FAILED: ${e.stack}`);
	process.exitCode = 1;
} finally {
	await together(browser.close(), bare.close());
}
