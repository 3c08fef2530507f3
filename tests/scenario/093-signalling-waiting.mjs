import { Issuer, assert, everywhere, join, say, tell } from '../support/ws.mjs';

const issuer = Issuer.load(process.env.ISSUER);
const all = await everywhere((i) => join(`guest-w${i}`));

say('--- who comes in time gets it, whichever workers');
let n = 0;
for (const from of all) {
  const to = `guest-late${n++}`;
  const told = tell(from, to, `for ${to}`);
  await from.quiet();
  const c = await join(to);
  assert.equal((await c.next({ type: 'message', data: `for ${to}` })).from,
    from.name);
  assert.equal((await told).type, 'sent');
}

say('--- who comes with several sessions: sent is said once');
const first = tell(all[0], 'dora', 1);
await all[0].quiet();
const doras = await Promise.all([1, 2, 3].map(() =>
  join(issuer.hello('dora'))));
assert.equal((await first).type, 'sent');
for (const other of all) {
  assert.equal((await tell(other, 'dora', 2)).type, 'sent');
  for (const d of doras) await d.next({ type: 'message', from: other.name });
  assert.ok(!(await other.quiet()).some((m) => m.type === 'sent'));
}

say('--- nobody comes: peer-offline when the time is over, not before');
const begun = Date.now();
const late = await tell(all[0], 'guest-never', 1);
assert.equal(late.code, 'peer-offline');
assert.ok(Date.now() - begun >= 1900, 'it waited');

say('--- bounds: number and bytes of one name');
const answers = [];
for (let i = 0; i < 7; i++) {
  const from = all[i % all.length];
  answers.push(tell(from, 'guest-many', i).then((m) => m.code ?? m.type));
}
await Promise.race(answers);
assert.equal(await Promise.race(answers), 'peer-offline');
const many = await join('guest-many');
const done = await Promise.all(answers);
assert.equal(done.filter((t) => t === 'sent').length, 5);
assert.equal(done.filter((t) => t === 'peer-offline').length, 2);
for (const m of (await many.quiet()).filter((x) => x.type === 'message'))
  assert.ok(m.seq >= 1 && m.seq <= 5);
assert.equal((await tell(all[0], 'guest-big', 'x'.repeat(5000))).code,
  'peer-offline');

say('--- without an id an error is said all the same, without one');
all[0].send({ type: 'send', to: 'guest-big', data: 'x'.repeat(5000) });
assert.equal('id' in (await all[0].next({ type: 'error' })), true === false);

say('--- the sender is gone meanwhile: nobody minds');
const leaving = await join('guest-leaving');
leaving.send({ type: 'send', id: 1, to: 'guest-after', data: 'bye' });
await leaving.quiet();
leaving.send({ type: 'bye' });
await leaving.closed();
const after = await join('guest-after');
await after.next({ type: 'message', data: 'bye' });
process.exit(0);
