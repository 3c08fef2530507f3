import { execFile } from 'node:child_process';
import { Client, Issuer, NodeKey, TLS_PORT, again, assert, ctl, everywhere,
  find, get, join, say, tell, workerOf } from '../support/ws.mjs';

const issuer = Issuer.load(process.env.ISSUER);

async function gone(...clients) {
  for (const c of clients) c.send({ type: 'bye' });
  for (const c of clients) assert.equal(await c.closed(), 1000);
}

say('--- HTTP');
assert.equal((await get('/health')).status, 200);
assert.equal((await get('/signal')).status, 426);
assert.equal((await get('/nothing')).status, 404);
assert.equal((await get('/call')).status, 404);
await assert.rejects(Client.open({ protocol: 'chat' }), { status: 400 });

say('--- welcome and ready');
const key = new NodeKey();
let a = await join(issuer.hello('alice', { node: key }));
assert.equal(a.welcome.node, 'sn1.example.test');
assert.equal(Buffer.from(a.welcome.challenge, 'base64url').length, 32);
assert.deepEqual(a.welcome.auth, ['token', 'anonymous']);
assert.equal(a.ready.name, 'alice');
assert.equal(a.ready.resumed, false);
assert.match(a.ready.session, /^[0-9a-f]{16}$/);
assert.ok(a.ready.resume.startsWith(`${a.ready.session}.`));
assert.deepEqual(a.ready.hosts, []);
const turn = a.ready.iceServers.find((s) => s.credential);
assert.match(turn.username, /^[0-9]+:alice$/);
for (const limit of ['message_bytes', 'messages_per_second',
  'bytes_per_second', 'watches', 'sessions_per_name', 'wait_ms', 'resume_ms'])
  assert.ok(a.ready.limits[limit] > 0, limit);

say('--- from every worker to every worker');
const all = await everywhere((i) => join(`guest-w${i}`));
for (const from of all)
  for (const to of all) {
    assert.equal((await find(from, to.name)).online, true);
    const data = { text: `${from.name} to ${to.name}`, deep: [{ ü: [1.5] }] };
    assert.equal((await tell(from, to.name, data)).type, 'sent');
    const m = await to.next({ type: 'message', from: from.name, data });
    assert.equal(m.session, from.session);
  }

say('--- one session of several');
const bobs = await everywhere((i) => join(issuer.hello('bob'),
  i % 2 ? { secure: true, port: TLS_PORT } : {}));
const found = await find(a, 'bob');
assert.equal(found.online, true);
assert.ok(found.sessions >= bobs.length);
assert.equal((await tell(a, 'bob', 'to all')).type, 'sent');
for (const b of bobs) await b.next({ type: 'message', data: 'to all' });
assert.equal((await tell(a, 'bob', 'to one',
  { session: bobs[0].session })).type, 'sent');
await bobs[0].next({ type: 'message', data: 'to one' });
for (const b of bobs.slice(1))
  assert.ok(!(await b.quiet()).some((m) => m.data === 'to one'));
assert.equal((await tell(a, 'bob', 0, { session: '00000000000000aa' })).code,
  'peer-offline');
assert.equal((await tell(a, 'alice', 'to myself')).type, 'sent');
await a.next({ type: 'message', from: 'alice', data: 'to myself' });

say('--- without an id nobody is told');
a.send({ type: 'send', to: 'bob', data: 'quiet' });
await bobs[0].next({ type: 'message', data: 'quiet' });
assert.ok(!(await a.quiet()).some((m) => m.type === 'sent'));

say('--- sequence numbers and order');
for (let i = 0; i < 300; i++)
  a.send({ type: 'send', to: all[0].name, data: i });
let seq = 0;
for (let i = 0; i < 300; i++) {
  const m = await all[0].next({ type: 'message', data: i });
  if (seq) assert.equal(m.seq, seq + 1);
  seq = m.seq;
}

say('--- presence');
a.send({ type: 'watch', id: 1, names: ['guest-x', 'bob', 'guest-shy'] });
await a.next({ type: 'presence', name: 'guest-x', online: false });
await a.next({ type: 'presence', name: 'bob', online: true });
await a.next({ type: 'presence', name: 'guest-shy', online: false });
let x = await join('guest-x');
await a.next({ type: 'presence', name: 'guest-x', online: true });
await gone(x);
await a.next({ type: 'presence', name: 'guest-x', online: false });
a.send({ type: 'unwatch', names: ['guest-x'] });
x = await join('guest-x');
assert.ok(!(await a.quiet()).some((m) => m.name === 'guest-x'));

say('--- who may see whom');
const shy = await join({ name: 'guest-shy', presence: 'nobody' });
const picky = await join({ name: 'guest-picky', presence: 'listed',
  listed: ['alice'] });
assert.deepEqual(await find(a, 'guest-shy'),
  { type: 'found', id: (await find(a, 'guest-shy')).id - 1,
    name: 'guest-shy', online: false, sessions: 0 });
assert.equal((await find(a, 'guest-picky')).online, true);
assert.equal((await find(x, 'guest-picky')).online, false);
assert.ok(!(await a.quiet()).some((m) => m.name === 'guest-shy'));
assert.equal((await tell(a, 'guest-shy', 1)).type, 'sent');

say('--- rooms');
const one = await join({ name: 'guest-one', room: 'lobby' });
const two = await join({ name: 'guest-two', room: 'lobby' });
const three = await join({ name: 'guest-three', room: 'attic' });
await one.next({ type: 'presence', name: 'guest-two', online: true,
  room: 'lobby' });
await two.next({ type: 'presence', name: 'guest-one', online: true,
  room: 'lobby' });
await gone(two);
await one.next({ type: 'presence', name: 'guest-two', online: false,
  room: 'lobby' });
assert.ok(!(await three.quiet()).some((m) => m.type === 'presence'));

say('--- names');
const rival = await Client.open();
rival.send({ type: 'hello', id: 1, name: 'guest-x' });
assert.equal((await rival.next({ type: 'error', id: 1 })).code, 'name-taken');
await again(rival, 'guest-y');
await gone(x);
x = await join('guest-x');

say('--- streams');
for (const to of [all[0], all[all.length - 1]]) {
  a.send({ type: 'stream', id: 77, to: to.name });
  const mine = await a.next({ type: 'stream', id: 77, peer: to.name });
  const theirs = await to.next({ type: 'stream', peer: 'alice' });
  assert.equal(mine.path, `/stream/${mine.ticket}`);
  const ends = await Promise.all([mine, theirs].map((t) =>
    Client.open({ path: t.path, protocol: null })));
  ends[1].take = function take(data) { this.raw = (this.raw ?? '') + data; this.wake(); };
  ends[0].sendFrame(2, 'through');
  await ends[1].until(() => (ends[1].raw ?? '').includes('through'), 'bytes');
  for (const e of ends) e.cut();
}
a.send({ type: 'stream', id: 78, to: 'guest-nobody' });
assert.equal((await a.next({ type: 'error', id: 78 })).code, 'peer-offline');

say('--- the operator looks');
assert.equal(ctl('show', 'alice').sessions.length, 1);
const shown = ctl('nodes').nodes.find((n) => n.session === a.session);
assert.equal(shown.name, 'alice');
assert.equal(shown.worker, workerOf(a));
assert.ok(shown.in.messages > 300 && shown.out.bytes > 0);
const status = ctl('status');
assert.ok(status.signalling.sessions >= all.length + bobs.length);

let talking = true;
const talk = (async () => {
  for (let i = 0; talking; i++) await tell(all[0], all[1 % all.length].name,
    'x'.repeat(2000));
})();
const top = await new Promise((resolve, reject) => {
  execFile(`${process.env.BUILD}/supernodectl`,
    ['-s', process.env.SOCKET, '--json', 'top', '5'],
    (error, out) => (error ? reject(error) : resolve(JSON.parse(out).top)));
});
talking = false;
await talk;
assert.ok(top.some((r) => r.name === all[0].name && r.in_bit_s > 1000));
assert.ok(top.length <= 5);

say('--- kick');
const kicked = ctl('kick', 'bob', '--for', '1h');
assert.ok(kicked.sessions >= bobs.length);
for (const b of bobs) assert.equal(await b.closed(), 1008);
assert.equal((await find(a, 'bob')).online, false);
await a.next({ type: 'presence', name: 'bob', online: false });
const back = await Client.open();
back.send({ type: 'hello', id: 1, ...issuer.hello('bob') });
assert.equal((await back.next({ type: 'error', id: 1 })).code, 'forbidden');
assert.equal(await back.closed(), 1008);

for (const n of ctl('nodes').nodes) ctl('kick', n.name);
assert.equal(await a.closed(), 1008);
