import { Client, Issuer, NodeKey, PORT, again, assert, find, get, join, say,
  tell } from '../support/ws.mjs';

const issuer = Issuer.load(process.env.ISSUER);
const other = new Issuer();
const key = new NodeKey();

async function refusedHello(hello, code, close) {
  const c = await Client.open();
  const welcome = await c.next({ type: 'welcome' });
  if (typeof hello === 'function') hello = hello(welcome);
  c.send({ type: 'hello', id: 9, ...hello });
  const e = await c.next({ type: 'error', id: 9 });
  assert.equal(e.code, code, JSON.stringify([hello, e]));
  if (close) assert.equal(await c.closed(), close, JSON.stringify(hello));
  else c.cut();
}

say('--- before hello');
{
  const c = await Client.open();
  const types = [{ type: 'find', id: 1, name: 'bob' },
    { type: 'send', id: 1, to: 'bob', data: 1 },
    { type: 'watch', id: 1, names: ['bob'] },
    { type: 'unwatch', id: 1, names: ['bob'] },
    { type: 'stream', id: 1, to: 'bob' }];
  for (const m of types) {
    c.send(m);
    assert.equal((await c.next({ type: 'error', id: 1 })).code, 'bad-message');
  }
  await c.quiet();
  await again(c, 'guest-late');
  c.send({ type: 'hello', id: 2, name: 'guest-twice' });
  assert.equal((await c.next({ type: 'error', id: 2 })).code, 'bad-message');
  assert.equal((await find(c, 'guest-twice')).online, false);
  c.cut();
}

say('--- hello');
await refusedHello({}, 'auth-failed', 4001);
await refusedHello({ name: 'alice' }, 'forbidden', 1008);
await refusedHello({ name: 'guest-' }, 'forbidden', 1008);
await refusedHello({ name: 'guest-<b>' }, 'forbidden', 1008);
await refusedHello({ name: `guest-${'x'.repeat(33)}` }, 'forbidden', 1008);
await refusedHello({ name: 'a b' }, 'bad-message');
await refusedHello({ name: 7 }, 'bad-message');
await refusedHello({ name: '' }, 'bad-message');
await refusedHello({ token: 'x' }, 'auth-failed', 4001);
await refusedHello({ token: 'a.b.c' }, 'auth-failed', 4001);
await refusedHello(other.hello('alice'), 'auth-failed', 4001);
await refusedHello(issuer.hello('alice', { seconds: -3600 }),
  'token-expired', 4002);
await refusedHello({ token: issuer.token('alice', { node: key }) },
  'auth-failed', 4001);
await refusedHello({ token: issuer.token('alice', { node: key }),
  proof: 'AAAA' }, 'auth-failed', 4001);
// a proof for another connection's challenge
await refusedHello({ token: issuer.token('alice', { node: key }),
  proof: key.prove({ node: 'sn1.example.test', challenge: 'A'.repeat(43) }) },
'auth-failed', 4001);
await refusedHello((w) => ({ token: issuer.token('alice', { node: key }),
  proof: new NodeKey().prove(w) }), 'auth-failed', 4001);
await refusedHello(issuer.hello('alice',
  { claims: { aud: 'elsewhere' } }), 'auth-failed', 4001);
await refusedHello(issuer.hello('guest-7'), 'auth-failed', 4001);
await refusedHello({ name: 'guest-a', room: 'no blanks' }, 'bad-message');
await refusedHello({ name: 'guest-a', presence: 'some' }, 'bad-message');
await refusedHello({ name: 'alice', resume: 'x' }, 'auth-failed', 4001);
await refusedHello({ name: 'alice', resume: `${'0'.repeat(15)}1.${
  'A'.repeat(22)}` }, 'auth-failed', 4001);
{
  // a name that is taken leaves the connection open, a few times
  const first = await join('guest-taken');
  const c = await Client.open();
  for (let i = 0; i < 4; i++) {
    c.send({ type: 'hello', id: i, name: 'guest-taken' });
    assert.equal((await c.next({ type: 'error', id: i })).code, 'name-taken');
  }
  c.send({ type: 'hello', id: 5, name: 'guest-taken' });
  assert.equal(await c.closed(), 4001);
  first.cut();
}

say('--- messages');
const bob = await join('guest-bob');
const table = [
  'x', '', '[]', '7', '"hello"', 'null', '{', '{}', '{"type":7}',
  '{"type":"nothing"}', '{"type":"ping","type":"ping"}', '{"type":"find"}',
  '{"type":"find","name":""}', '{"type":"find","name":"a\\u0000b"}',
  '{"type":"find","name":"a\\"b"}', '{"type":"find","name":["bob"]}',
  `{"type":"find","name":"${'x'.repeat(256)}"}`,
  '{"type":"find","id":-1,"name":"bob"}',
  '{"type":"find","id":1.5,"name":"bob"}',
  '{"type":"find","id":"1","name":"bob"}',
  '{"type":"find","id":9007199254740993,"name":"bob"}',
  '{"type":"send","to":"guest-bob"}',
  '{"type":"send","data":1}',
  '{"type":"send","to":"guest-bob","data":{"a":1,"a":2}}',
  `{"type":"send","to":"guest-bob","data":${'['.repeat(40)}${']'.repeat(40)}}`,
  '{"type":"send","to":"guest-bob","data":1,"session":"xyz"}',
  '{"type":"send","to":"guest-bob","data":1e999}',
  '{"type":"watch"}', '{"type":"watch","names":"bob"}',
  '{"type":"watch","names":[1]}',
  `{"type":"watch","names":[${Array(65).fill('"bob"').join()}]}`,
  '{"type":"stream"}', '{"type":"ping"} x',
];
for (let at = 0; at < table.length;) {
  // no more than the strikes of one session
  const c = await join(`guest-bad${at}`);
  for (let i = 0; i < 15 && at < table.length; i++, at++) {
    c.send(table[at]);
    assert.equal((await c.next({ type: 'error' }, table[at])).code,
      'bad-message', table[at]);
  }
  await c.quiet();
  c.cut();
}
assert.ok(!(await bob.quiet()).some((m) => m.type === 'message'));

say('--- garbage again and again');
{
  const c = await join('guest-garbage');
  for (let i = 0; i < 30; i++) c.send('garbage');
  assert.equal(await c.closed(), 4000);
}

say('--- what WebSocket forbids');
const frames = [
  ['text that is no UTF-8', (c) => c.sendFrame(1, [0xff, 0xfe]), 1007],
  ['a frame without a mask',
    (c) => c.sendFrame(1, '{}', { masked: false }), 1002],
  ['an opcode nobody knows', (c) => c.sendFrame(3, 'x'), 1002],
  ['a long ping', (c) => c.sendFrame(9, 'x'.repeat(126)), 1002],
  ['more than ready.limits.message_bytes',
    (c) => c.send({ type: 'send', to: 'guest-bob', data: 'x'.repeat(65536) }),
    1009],
];
for (const [what, send, code] of frames) {
  const c = await join('guest-frames');
  send(c);
  assert.equal(await c.closed(), code, what);
  // a broken connection may be resumed; a guest's name is free again
  // when that is over, or at once when the protocol was broken
  c.cut();
  const next = await Client.open();
  next.send({ type: 'hello', id: 1, name: 'guest-frames',
    resume: c.ready.resume });
  await next.next({ type: 'ready', id: 1 });
  next.send({ type: 'bye' });
  await next.closed();
}
{
  const c = await join('guest-binary');
  c.sendFrame(2, '{"type":"ping"}');
  assert.equal((await c.next({ type: 'error' })).code, 'bad-message');
  c.cut();
}

say('--- the largest message passes');
{
  const c = await join('guest-large');
  const data = 'x'.repeat(65536 - 60);
  assert.equal((await tell(c, 'guest-bob', data)).type, 'sent');
  assert.equal((await bob.next({ type: 'message' })).data.length, data.length);
  c.cut();
}

say('--- from is not the sender\'s to say');
{
  const c = await join('guest-liar');
  assert.equal((await tell(c, 'guest-bob', { from: 'alice' },
    { from: 'alice', seq: 7, type: 'send' })).type, 'sent');
  const m = await bob.next({ type: 'message', data: { from: 'alice' } });
  assert.equal(m.from, 'guest-liar');
  assert.equal(m.session, c.session);
  c.cut();
}

say('--- data is not looked into');
{
  const c = await join('guest-data');
  for (const text of ['"</script>"', '1e5', '-0.0', '{"a":{"b":[null]}}',
    '9007199254740993', '"\\ud83d\\ude00"']) {
    c.send(`{"type":"send","to":"guest-bob","data": ${text} ,"id":3}`);
    await c.next({ type: 'sent', id: 3 }, text);
    const m = await bob.next({ type: 'message', from: 'guest-data' });
    assert.deepEqual(m.data, JSON.parse(text));
  }
  c.cut();
}

say('--- Origin');
const origins = [[`http://127.0.0.1:${PORT}`, 101],
  ['https://app.example.org', 101], ['https://evil.example.org', 403],
  ['https://app.example.org.evil.org', 403], ['null', 403],
  [`http://127.0.0.1:${PORT + 1}`, 403]];
for (const [origin, status] of origins) {
  const asked = Client.open({ headers: { Origin: origin } });
  if (status === 101) (await asked).cut();
  else await assert.rejects(asked, { status });
}

say('--- other requests');
for (const [path, status] of [['/signal', 426], ['/stream/nothing', 404],
  ['/%2e%2e/signal', 404], ['/signal/', 404], ['/peerjs', 404]])
  assert.ok([status, 426].includes((await get(path)).status), path);
bob.cut();
