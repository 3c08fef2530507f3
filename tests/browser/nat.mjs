// nat: people behind NATs and firewalls use the page over TLS.  Environment:
// PAGE, MODULES, and CHROMIUM_ALICE, CHROMIUM_BOB, CHROMIUM_CAROL: programs
// that run a browser behind two symmetric NATs and behind a firewall that
// lets out nothing but TCP to port 443.

import { equal, holds, launch, Person, sameCode, say, step }
	from "./pages.mjs";

const names = ["ALICE", "BOB", "CAROL"];
const browsers = await Promise.all(names.map((name) =>
	launch({ executable: process.env[`CHROMIUM_${name}`] })));
let alice, bob, carol;

async function meet()
{
	[alice, bob, carol] = await Promise.all(browsers.map((browser, i) =>
		Person.enter(browser, names[i])));
	await Promise.all([alice.sees("BOB"), bob.sees("CAROL"),
		carol.sees("ALICE")]);
	holds("the page is served over TLS",
		process.env.PAGE.startsWith("https://"));
}

async function call(from, to)
{
	await from.call(to.label, "video");
	await to.answer(from.label);
	await sameCode(from, to);
	await Promise.all([from.hears(1), to.hears(1)]);
	await from.write(`Hello ${to.label}`);
	await to.reads(`Hello ${to.label}`);
}

async function end(from, to)
{
	await from.page.click("#hangup");
	await Promise.all([from.isAlone(), to.isAlone()]);
}

// One relay may be enough: a NAT lets out to it what it does not let in.
async function throughRelay(p)
{
	const [{ local, remote }] = await p.measure();

	holds(`${p.label}: through a relay: ${local}/${remote}`,
		local === "relay" || remote === "relay");
	await p.page.locator(".figures[data-route=relayed]").waitFor();
}

// Nothing was told to use the relay: there is no other way.
async function symmetric()
{
	await call(alice, bob);
	for (const p of [alice, bob])
		await throughRelay(p);
	await end(alice, bob);
}

async function only443()
{
	await call(carol, bob);
	await throughRelay(carol);
	const [{ local, protocol }] = await carol.measure();
	equal("CAROL sends by", `${local} over ${protocol}`, "relay over tls");
	await end(bob, carol);
}

try {
	await step("everybody meets", meet);
	await step("two symmetric NATs", symmetric);
	await step("nothing but TCP to port 443", only443);
} catch (e) {
	say(`FAILED: ${e.stack}`);
	process.exitCode = 1;
} finally {
	await Promise.all(browsers.map((browser) => browser.close()));
}
