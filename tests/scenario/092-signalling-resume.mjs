import { Client, Issuer, NodeKey, WORKERS, again, assert, ctl, find, join, say,
  tell, workerOf } from '../support/ws.mjs';

const issuer = Issuer.load(process.env.ISSUER);
const key = new NodeKey();

// Takes over old's session by a connection of its own; hello: what proves it.
async function resume(old, last, hello = { name: old.name }) {
  const c = await Client.open();
  c.welcome = await c.next({ type: 'welcome' });
  if (typeof hello === 'function') hello = hello(c.welcome);
  await again(c, { ...hello, resume: old.ready.resume, last });
  return c;
}

function isDetached(c) {
  return ctl('nodes').nodes.some((n) => n.session === c.session && n.detached);
}

// Cuts c, and waits until the server knows.
async function cut(c, other) {
  c.cut();
  while (!isDetached(c)) await other.quiet();
}

const alice = await join(issuer.hello('alice'));

say('--- at this worker and at others, again and again');
let bob = await join('guest-bob');
const seen = new Set();
let last = 0;
let n = 0;
for (let round = 0; seen.size < WORKERS || round < 8; round++) {
  assert.ok(round < 200, 'every worker has its turn');
  assert.equal((await tell(alice, 'guest-bob', n++)).type, 'sent');
  last = (await bob.next({ type: 'message', data: n - 1 })).seq;
  await cut(bob, alice);
  // what comes meanwhile
  alice.send({ type: 'send', id: 1000 + round, to: 'guest-bob', data: n++ });
  alice.send({ type: 'send', id: 2000 + round, to: 'guest-bob', data: n++ });
  assert.equal((await find(alice, 'guest-bob')).online, true);
  assert.ok(!alice.got.some((m) => m.id >= 1000));
  const next = await resume(bob, last);
  assert.equal(next.ready.resumed, true);
  assert.equal(next.ready.lost, 0);
  assert.equal(next.session, bob.session);
  for (const data of [n - 2, n - 1])
    assert.equal((await next.next({ type: 'message', data })).seq, ++last);
  await alice.next({ type: 'sent', id: 1000 + round });
  await alice.next({ type: 'sent', id: 2000 + round });
  assert.deepEqual(await next.quiet(), []);
  bob = next;
  seen.add(workerOf(bob));
}
say(`    ${n} messages`);

say('--- what was not seen comes again, what was does not');
bob.pongs = false;
for (let i = 0; i < 5; i++)
  last = (await tell(alice, 'guest-bob', i), await bob.next({ data: i })).seq;
await cut(bob, alice);
bob = await resume(bob, last - 2);
assert.deepEqual((await bob.quiet()).map((m) => m.seq), [last - 1, last]);
bob.got = [];
await cut(bob, alice);
bob = await resume(bob, last);
assert.deepEqual(await bob.quiet(), []);

say('--- proved by a pong: not kept any more');
for (let i = 0; i < 64; i++)
  alice.send({ type: 'send', to: 'guest-bob', data: `p${i}` });
await bob.next({ type: 'message', data: 'p63' });
await bob.until(() => bob.pings > 0, 'ping for proof');
await bob.quiet();
bob.got = [];
await cut(bob, alice);
bob = await resume(bob, 1);
assert.ok(bob.ready.lost > 0, 'what was proved and is asked for again is lost');
bob.got = [];

say('--- more than is kept: told how many are lost');
bob.pongs = false;
for (let i = 0; i < 400; i++)
  alice.send({ type: 'send', to: 'guest-bob', data: i });
const first = (await bob.next({ type: 'message', data: 0 })).seq;
await bob.next({ type: 'message', data: 399 });
bob.got = [];
await cut(bob, alice);
bob = await resume(bob, first - 1);
assert.equal(bob.ready.lost, 400 - bob.ready.limits.resume_messages);
await bob.next({ type: 'message', data: 399 });
assert.equal((await bob.quiet()).length, bob.ready.limits.resume_messages - 1);
bob.got = [];

say('--- too much for who is away: the sender hears it');
await cut(bob, alice);
const before = bob.ready.limits.resume_messages;
for (let i = 0; i < before + 10; i++)
  alice.send({ type: 'send', id: i, to: 'guest-bob', data: i });
await alice.next({ type: 'error', code: 'peer-offline' });
bob = await resume(bob, first + 399);
await alice.next({ type: 'sent' });
await bob.quiet();
bob.got = [];
await alice.quiet();
alice.got = [];

say('--- the old connection, where it lives, is replaced');
const old = bob;
bob = await resume(bob, 0);
assert.equal(await old.closed(), 4009);
assert.equal((await tell(alice, 'guest-bob', 'here')).type, 'sent');
await bob.next({ type: 'message', data: 'here' });

say('--- watches stay');
bob.send({ type: 'watch', names: ['guest-later'] });
await bob.next({ type: 'presence', name: 'guest-later', online: false });
await cut(bob, alice);
const later = await join('guest-later');
bob = await resume(bob, 0);
await bob.next({ type: 'presence', name: 'guest-later', online: true });
later.send({ type: 'bye' });
await bob.next({ type: 'presence', name: 'guest-later', online: false });

say('--- watchers do not see it');
alice.send({ type: 'watch', names: ['guest-bob'] });
await alice.next({ type: 'presence', name: 'guest-bob', online: true });
await cut(bob, alice);
bob = await resume(bob, 0);
assert.ok(!(await alice.quiet()).some((m) => m.type === 'presence'));

say('--- who closes in good order is gone');
bob.close(1000);
await alice.next({ type: 'presence', name: 'guest-bob', online: false });
const again1 = await resume(bob, 0);
assert.equal(again1.ready.resumed, false);
assert.notEqual(again1.session, bob.session);
await alice.next({ type: 'presence', name: 'guest-bob', online: true });

say('--- secrets and keys');
const carol = await join(issuer.hello('carol', { node: key }));
await cut(carol, alice);
const thief = await Client.open();
await thief.next({ type: 'welcome' });
thief.send({ type: 'hello', id: 1, name: 'carol', resume: carol.ready.resume });
assert.equal((await thief.next({ type: 'error', id: 1 })).code, 'auth-failed');
assert.equal(await thief.closed(), 4001);
const mallory = await Client.open();
await mallory.next({ type: 'welcome' });
mallory.send({ type: 'hello', id: 1, ...issuer.hello('mallory'),
  resume: carol.ready.resume });
assert.equal((await mallory.next({ type: 'ready', id: 1 })).resumed, false);
const carol2 = await resume(carol, 0, issuer.hello('carol', { node: key }));
assert.equal(carol2.ready.resumed, true);
const dave = await join(issuer.hello('dave'));
await cut(dave, alice);
const wrong = dave.ready.resume;
dave.ready.resume = `${wrong.slice(0, 20)}${wrong[20] === 'A' ? 'B' : 'A'}` +
  wrong.slice(21);
const fresh = await resume(dave, 0, issuer.hello('dave'));
assert.equal(fresh.ready.resumed, false);
dave.ready.resume = wrong;
assert.equal((await resume(dave, 0, { name: 'dave' })).ready.resumed, true);

say('--- two at once: one has it');
const eve = await join(issuer.hello('eve'));
await cut(eve, alice);
const both = await Promise.all([0, 1, 2, 3].map(() =>
  resume(eve, 0, issuer.hello('eve'))));
await Promise.all(both.map((c) => c.quiet().catch(() => {})));
assert.equal(new Set(both.filter((c) => c.code === null)
  .map((c) => c.session)).size, both.filter((c) => c.code === null).length);
assert.ok(both.some((c) => c.ready.resumed && c.session === eve.session));
process.exit(0);
