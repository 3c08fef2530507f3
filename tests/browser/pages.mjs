// pages: people with the page open, for the tests that drive it.

import { createRequire } from "node:module";
import { join } from "node:path";
import { portrait } from "./portrait.mjs";

const require = createRequire(`${process.env.MODULES}/`);
const { chromium } = require("playwright-core");

const FACTOR = Number(process.env.WAIT_FACTOR || 4);
const SECOND = 1000 * FACTOR;	// a deadline's, see tests/support/check.sh
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic",
	"--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync",
	"--disable-dev-shm-usage", "--use-fake-ui-for-media-stream"];
const DEVICES = ["--use-fake-device-for-media-stream",
	`--use-file-for-fake-video-capture=${portrait(
		join(process.env.TMP, "portrait.y4m"))}`];

export function say(text)
{
	console.log(text);
}

export function equal(what, got, wanted)
{
	if (got !== wanted)
		throw new Error(`${what}: got '${got}', wanted '${wanted}'`);
	say(`ok: ${what} = ${got}`);
}

export function holds(what, is)
{
	if (!is)
		throw new Error(what);
	say(`ok: ${what}`);
}

// Runs one step and says how long it took.
export async function step(what, fn)
{
	const begin = Date.now();

	say(`--- ${what}`);
	await fn();
	say(`    ${Date.now() - begin} ms`);
}

export function launch({ executable, hasDevices } = {})
{
	return chromium.launch({
		executablePath: executable ?? process.env.CHROMIUM ??
			"/usr/bin/chromium",
		args: hasDevices === false ? FLAGS : [...FLAGS, ...DEVICES],
		handleSIGINT: false,
	});
}

// Keeps every connection of the page where getStats can be asked.
function keepConnections()
{
	const Plain = globalThis.RTCPeerConnection;

	globalThis.connections = [];
	globalThis.RTCPeerConnection = class extends Plain {
		constructor(...args)
		{
			super(...args);
			globalThis.connections.push(this);
		}
	};
}

// What the page's living connections say of themselves.
async function measure()
{
	const all = [];

	for (const pc of globalThis.connections) {
		if (pc.connectionState !== "connected")
			continue;
		const stats = await pc.getStats();
		const m = { local: "", remote: "", protocol: "", frames: 0,
			audio: 0 };
		for (const s of stats.values()) {
			if (s.type === "transport") {
				const p = stats.get(s.selectedCandidatePairId);
				const l = stats.get(p?.localCandidateId);
				const r = stats.get(p?.remoteCandidateId);
				m.local = l?.candidateType ?? "";
				m.protocol = l?.relayProtocol ?? "";
				m.remote = r?.candidateType ?? "";
			} else if (s.type === "inbound-rtp") {
				m.frames += s.framesDecoded ?? 0;
				m.audio += s.kind === "audio" ?
					s.packetsReceived : 0;
			}
		}
		all.push(m);
	}
	return all;
}

export class Person {
	// before: a function to run in the page before its own scripts.
	static async enter(browser, label, { room, view, before, relayOnly }
		= {})
	{
		const p = new Person();

		p.label = label;
		p.context = await browser.newContext({ acceptDownloads: true,
			permissions: ["camera", "microphone"],
			ignoreHTTPSErrors: false, ...view });
		p.page = await p.context.newPage();
		p.page.setDefaultTimeout(15 * SECOND);
		p.page.on("console", (m) => ["error", "warning"]
			.includes(m.type()) && say(`${label}: ${m.text()}`));
		p.page.on("pageerror", (e) => {
			say(`${label}: ${e.stack}`);
			p.error ??= e;
		});
		await p.page.addInitScript(keepConnections);
		if (before)
			await p.page.addInitScript(before);
		await p.page.goto(`${process.env.PAGE}#${room ?? "lobby"}`);
		await p.page.fill("#name", label);
		if (label !== "")
			await p.join(relayOnly);
		return p;
	}

	async join(relayOnly)
	{
		await this.page.press("#name", "Enter");
		await this.is("Online");
		if (relayOnly)
			await this.page.locator(".switch").click();
	}

	// What the state of the connection to the supernode shall be.
	is(state)
	{
		return this.page.locator("#state", { hasText: state })
			.waitFor();
	}

	shot(name)
	{
		return process.env.SHOTS ? this.page.screenshot(
			{ path: `${process.env.SHOTS}/${name}.png` }) :
			undefined;
	}

	row(label)
	{
		return this.page.locator(".person").filter({ has:
			this.page.locator("strong").getByText(label,
				{ exact: true }) });
	}

	sees(label)
	{
		return this.row(label).waitFor({ state: "attached" });
	}

	misses(label)
	{
		return this.row(label).waitFor({ state: "detached" });
	}

	tile(label)
	{
		return this.page.locator(".tile").filter({ has:
			this.page.locator("header .who").getByText(label,
				{ exact: true }) });
	}

	call(label, media)
	{
		return this.row(label).locator(`[data-call=${media}]`).click();
	}

	async answer(label, what)
	{
		await this.page.locator(".ring", { hasText: label })
			.locator(`[data-do=${what ?? "accept"}]`).click();
	}

	// Both pictures and codes are there.
	async talks(label)
	{
		const tile = this.tile(label);

		await tile.and(this.page.locator("[data-state=connected]"))
			.waitFor();
		await tile.locator(".digits").waitFor();
		return tile.locator(".digits").textContent();
	}

	async isAlone()
	{
		await this.page.locator("#idle").waitFor();
		await this.page.locator(".tile").first()
			.waitFor({ state: "detached" });
	}

	measure()
	{
		return this.page.evaluate(measure);
	}

	// Frames are decoded and audio comes, on count connections; now and
	// not only some time ago.
	async hears(count, withVideo = true)
	{
		const before = await this.measure();

		await this.until(`${this.label} hears ${count}`, async () => {
			const now = await this.measure();
			return now.length === count && now.every((m, i) =>
				m.audio > (before[i]?.audio ?? 0) + 10 &&
				(!withVideo || m.frames >
				    (before[i]?.frames ?? 0) + 10));
		});
	}

	// Asks until it holds; the deadline is a failure.
	async until(what, fn)
	{
		const end = Date.now() + 20 * SECOND;

		while (!await fn()) {
			if (Date.now() > end)
				throw new Error(`${what}: never; ` +
					JSON.stringify(await this.measure()));
			await this.page.waitForTimeout(100); // poll interval
		}
		say(`ok: ${what}`);
	}

	async write(text)
	{
		await this.page.fill("#text", text);
		await this.page.press("#text", "Enter");
	}

	reads(text)
	{
		return this.page.locator("#log .line:not(.mine)",
			{ hasText: text }).waitFor();
	}
}

// Two who are connected see the same code.
export async function sameCode(a, b)
{
	const [x, y] = await Promise.all([a.talks(b.label), b.talks(a.label)]);

	holds(`a code of digits: ${x}`, /^\d{4} \d{4}$/.test(x));
	equal(`code of ${b.label} at ${a.label}`, x, y);
	return x;
}

export async function relayed(a, protocol)
{
	for (const m of await a.measure()) {
		equal(`${a.label}: chosen pair`, `${m.local}/${m.remote}`,
			"relay/relay");
		if (protocol)
			equal(`${a.label}: reaches the relay over`, m.protocol,
				protocol);
	}
}
