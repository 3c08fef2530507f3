import { Client, Issuer, assert, find, join, say, tell } from
  '../support/ws.mjs';

const issuer = Issuer.load(process.env.ISSUER);

// takes ten seconds: the rest runs meanwhile
const silent = await Client.open();
const silentSince = Date.now();
await silent.next({ type: 'welcome' });

say('--- told in ready');
const alice = await join(issuer.hello('alice'));
assert.equal(alice.ready.limits.messages_per_second, 20);
assert.equal(alice.ready.limits.bytes_per_second, 50000);
assert.equal(alice.ready.limits.watches, 3);
assert.equal(alice.ready.limits.sessions_per_name, 2);
const guest = await join('guest-slow');
assert.equal(guest.ready.limits.messages_per_second, 10);

say('--- a token ends, and its session');
const brief = await join(issuer.hello('brief', { seconds: 2 }));
const expired = brief.next({ type: 'error', code: 'token-expired' });

say('--- messages a second');
const bob = await join(issuer.hello('bob'));
const fast = await join(issuer.hello('fast'));
for (let i = 0; i < 90; i++)
  fast.send({ type: 'send', id: i, to: 'bob', data: i });
const limited = await fast.next({ type: 'error', code: 'rate-limited' });
assert.ok(limited.id >= 79 && limited.id < 90, 'it says which one');
assert.ok(limited.retry_after_ms >= 50 && limited.retry_after_ms < 5000);
// held back, not lost: all but those that were refused arrive
await bob.next({ type: 'message', from: 'fast', data: 89 });

say('--- bytes a second');
const big = await join(issuer.hello('big'));
for (let i = 0; i < 5; i++)
  big.send({ type: 'send', to: 'guest-slow', data: 'x'.repeat(60000) });
await big.next({ type: 'error', code: 'rate-limited' });

say('--- again and again: closed 4029');
const rude = await join(issuer.hello('rude'));
let flood = setInterval(() => {
  for (let i = 0; i < 40; i++) rude.send({ type: 'find', name: 'x' });
}, 5);
const rudeClosed = rude.closed().finally(() => clearInterval(flood));

say('--- others notice nothing');
assert.equal((await tell(alice, 'bob', 'calm')).type, 'sent');
await bob.next({ type: 'message', data: 'calm' });

say('--- watches');
alice.send({ type: 'watch', id: 5, names: ['a', 'b', 'c', 'd'] });
assert.equal((await alice.next({ type: 'error', id: 5 })).code, 'forbidden');
alice.send({ type: 'unwatch', names: ['a'] });
alice.send({ type: 'watch', names: ['d'] });
await alice.next({ type: 'presence', name: 'd' });

say('--- sessions of a name');
const bob2 = await join(issuer.hello('bob'));
const bob3 = await Client.open();
bob3.send({ type: 'hello', id: 1, ...issuer.hello('bob') });
assert.equal((await bob3.next({ type: 'error', id: 1 })).code, 'name-taken');
bob3.cut();
bob2.send({ type: 'bye' });
await bob2.closed();
await join(issuer.hello('bob'));

say('--- sessions of an address');
const many = [];
for (;;) {
  const c = await Client.open();
  c.send({ type: 'hello', id: 1, name: `guest-n${many.length}` });
  await c.until(() => c.got.some((m) => m.id === 1), 'answer');
  const m = c.got.find((x) => x.id === 1);
  if (m.type === 'error') {
    assert.equal(m.code, 'rate-limited');
    assert.ok(m.retry_after_ms > 0);
    assert.equal(await c.closed(), 1013);
    break;
  }
  many.push(c);
  assert.ok(many.length <= 40);
}
assert.ok(many.length > 25);
for (const c of many) c.send({ type: 'bye' });
await Promise.all(many.map((c) => c.closed()));
const freed = await join('guest-freed');
freed.send({ type: 'bye' });

say('--- connections before their hello');
const pending = [];
let turned = null;
for (let i = 0; i < 20 && !turned; i++)
  await Client.open().then((c) => pending.push(c), (e) => { turned = e; });
assert.equal(turned.status, 503);
assert.match(turned.head, /retry-after: [1-9]/i);
assert.ok(pending.length <= 12);
for (const c of pending) c.cut();
assert.equal((await find(alice, 'bob')).online, true);

say('--- the token has ended');
await expired;
assert.equal(await brief.closed(), 4002);

say('--- closed 4029, and no hello for 10 s');
assert.equal(await rudeClosed, 4029);
assert.equal(await silent.closed(), 4008);
assert.ok(Date.now() - silentSince >= 9900);
process.exit(0);
