import { Client, Issuer, again, assert, ctl, join, say, tell } from
  '../support/ws.mjs';

const issuer = Issuer.load(process.env.ISSUER);
const alice = await join(issuer.hello('alice'));
const bob = await join(issuer.hello('bob'));
const data = 'x'.repeat(60000);

function resident() {
  return ctl('status').process.resident_bytes;
}

const slow = await join(issuer.hello('slow'));
const before = resident();
slow.socket.pause();

say('--- it is sent more than anybody buffers');
let offline = false;
for (let i = 0; i < 600 && !offline; i++) {
  alice.send({ type: 'send', to: 'slow', data });
  if (i % 10 !== 0) continue;
  await alice.quiet();
  offline = alice.got.some((m) => m.code === 'peer-offline');
}
assert.ok(offline, 'the sender hears it');
assert.ok(ctl('nodes').nodes.find((n) => n.name === 'slow').detached);

say('--- others go on');
assert.equal((await tell(alice, 'bob', 'hello')).type, 'sent');
await bob.next({ type: 'message', data: 'hello' });
assert.equal((await tell(bob, 'alice', 'hello')).type, 'sent');
if (!process.env.SANITIZED)
  assert.ok(resident() - before < 16e6, `grew by ${resident() - before} B`);

say('--- it wakes up, learns why, and comes back');
slow.socket.resume();
assert.equal(await slow.closed(), 1013);
const last = Math.max(0, ...slow.got.map((m) => m.seq ?? 0));
const back = await Client.open();
await again(back, { ...issuer.hello('slow'), resume: slow.ready.resume,
  last });
assert.equal(back.ready.resumed, true);
assert.equal((await tell(alice, 'slow', 'welcome back')).type, 'sent');
await back.next({ type: 'message', data: 'welcome back' });
let expected = last + back.ready.lost;
for (const m of (await back.quiet()).filter((x) => x.seq))
  assert.equal(m.seq, ++expected);
process.exit(0);
