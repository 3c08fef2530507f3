import { Client, Issuer, again, assert, ctl, say } from '../support/ws.mjs';

const issuer = Issuer.load(process.env.ISSUER);
const SECONDS = Number(process.env.CHURN_SECONDS ?? 4);
const NODES = 48;
const until = Date.now() + SECONDS * 1000;
const counts = {};

function count(what) {
  counts[what] = (counts[what] ?? 0) + 1;
}

function pick(n) {
  return Math.floor(Math.random() * n);
}

// a few names with tokens, the others guests with rooms
function nameOf(i) {
  return i % 4 === 0 ? `node-${i % 16}` : `guest-${i}`;
}

function helloOf(i) {
  return i % 4 === 0 ? issuer.hello(nameOf(i))
    : { name: nameOf(i), room: `room${i % 3}` };
}

const wishes = [
  (c) => c.send({ type: 'find', name: nameOf(pick(NODES)) }),
  (c) => c.send({ type: 'send', to: nameOf(pick(NODES)), data: pick(1e6) }),
  (c) => c.send({ type: 'send', id: pick(1e6), to: nameOf(pick(NODES)),
    data: 'x'.repeat(pick(3000)) }),
  (c) => c.send({ type: 'watch', names: [nameOf(pick(NODES)),
    nameOf(pick(NODES))] }),
  (c) => c.send({ type: 'unwatch', names: [nameOf(pick(NODES))] }),
  (c) => c.send({ type: 'stream', id: pick(1e6), to: nameOf(pick(NODES)) }),
];

// Opens a connection, and resumes what may be resumed.
async function enter(i, old) {
  const c = await Client.open();
  const hello = helloOf(i);
  if (old?.ready) Object.assign(hello, { resume: old.ready.resume, last: 0 });
  await again(c, hello);
  count(c.ready.resumed ? 'resumed' : 'ready');
  return c;
}

async function live(i) {
  let old = null;
  while (Date.now() < until) {
    let c;
    try {
      c = await enter(i, old);
    } catch (e) {
      // the name of a guest is held until its session ends
      count('refused');
      old = null;
      await new Promise((resolve) => { setTimeout(resolve, 20); });
      continue;
    }
    old = null;
    for (let n = pick(30); n > 0 && c.code === null; n--) {
      wishes[pick(wishes.length)](c);
      if (n % 5 === 0) await c.quiet().catch(() => {});
      c.got = [];
    }
    if (c.code !== null) {
      count(`closed ${c.code}`);
      continue;
    }
    if (pick(3) > 0) {
      old = c;
      c.cut();
    } else {
      c.send({ type: 'bye' });
      await c.closed();
      count('bye');
    }
  }
}

async function kick() {
  while (Date.now() < until) {
    ctl('kick', nameOf(pick(NODES)));
    ctl('nodes');
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

await Promise.all([...Array(NODES).keys()].map(live).concat(kick()));
say(JSON.stringify(counts));
assert.ok(counts.resumed > 10 && counts.ready > 50 && counts.bye > 10);

say('--- nothing is left when all are kicked');
for (let i = 0; i < NODES; i++) ctl('kick', nameOf(i));
for (let n = 0; ; n++) {
  const s = ctl('status').signalling;
  const left = s.names + s.sessions + s.detached + s.watches + s.waiting;
  if (left === 0) break;
  assert.ok(n < 200, JSON.stringify(s));
  await new Promise((resolve) => { setTimeout(resolve, 50); });
}
