// 080-tokens.mjs keys DIR: makes the issuer's keys; run DIR: comes with tokens
// of every kind; prints "credential USERNAME PASSWORD" for the shell.
import fs from 'node:fs';
import { Client, assert, get, join, say } from '../support/ws.mjs';
import { AUDIENCE, ISSUER, Key, claims, hmac, load, now, publish, save,
  unsigned } from '../support/issuer.mjs';

const [what, dir] = process.argv.slice(2);
const file = `${dir}/login.jwks`;

if (what === 'keys') {
  const a = new Key('a');
  const b = new Key('b', 'ES256');
  save(`${dir}/a.key`, a);
  save(`${dir}/b.key`, b);
  publish(file, a, b);
  process.exit(0);
}

const a = load(`${dir}/a.key`);
const b = load(`${dir}/b.key`);
const stranger = new Key('a');

// What becomes of a hello: the name, or "code close".
async function hello(fields) {
  const c = await Client.open();
  const welcome = await c.next({ type: 'welcome' });
  if (typeof fields === 'function') fields = fields(welcome);
  c.send({ type: 'hello', id: 1, ...fields });
  await c.until(() => c.got.some((m) => m.id === 1), 'answer');
  const m = c.got.find((x) => x.id === 1);
  if (m.type === 'ready') {
    c.close();
    await c.closed();
    return m.name;
  }
  assert.equal(m.type, 'error', JSON.stringify(m));
  return `${m.code} ${await c.closed()}`;
}

const REFUSED = 'auth-failed 4001';

say('--- good ones');
assert.equal(await hello({ token: a.token(claims('alice')) }), 'alice');
assert.equal(await hello({ token: b.token(claims('bob')) }), 'bob');
assert.equal(await hello({ token: a.token(claims('alice'),
  { alg: 'Ed25519', typ: 'at+jwt' }) }), 'alice');
assert.equal(await hello({ token: a.token(claims('carol@example.org',
  { aud: ['x', AUDIENCE], nbf: now() + 30 })) }), 'carol@example.org');

say('--- bad ones');
const twice = `{"iss":"${ISSUER}","aud":"${AUDIENCE}","exp":${now() + 600},` +
  '"sub":"alice","sub":"root"}';
const good = a.token(claims('alice'));
const bad = {
  'alg none': unsigned(claims('alice')),
  'HS256 by the public key': hmac(a, claims('alice')),
  'another key by that name': stranger.token(claims('alice')),
  'another key, unnamed': stranger.token(claims('alice'), { kid: undefined }),
  'an unknown kid': a.token(claims('alice'), { kid: 'zzz' }),
  'ES256 named, EdDSA used': a.token(claims('alice'), { alg: 'ES256' }),
  'the other key by that name': b.token(claims('alice'), { kid: 'a' }),
  crit: a.token(claims('alice'), { crit: ['x'], x: 1 }),
  'a proof, no token': a.token(claims('alice'), { typ: 'dpop+jwt' }),
  'another issuer': a.token(claims('alice', { iss: 'https://x' })),
  'another audience': a.token(claims('alice', { aud: 'x' })),
  'no audience': a.token(claims('alice', { aud: undefined })),
  'no end': a.token(claims('alice', { exp: undefined })),
  'not yet': a.token(claims('alice', { nbf: now() + 300 })),
  'from the future': a.token(claims('alice', { iat: now() + 300 })),
  'no name': a.token(claims(undefined)),
  'a guest': a.token(claims('guest-1')),
  'a name with a blank': a.token(claims('al ice')),
  'a claim twice': a.token(twice),
  'bound to what is not understood':
    a.token(claims('alice', { cnf: { 'x5t#S256': 'AA' } })),
  'padding behind': `${good}=`,
  'a dot behind': `${good}.`,
  'its signature cut off': good.slice(0, good.lastIndexOf('.') + 1),
};
for (const [name, token] of Object.entries(bad)) {
  assert.equal(await hello({ token }), REFUSED, name);
}
assert.equal(await hello({ token: a.token(claims('alice',
  { exp: now() - 120 })) }), 'token-expired 4002');

const large = await Client.open();
large.send({ type: 'hello', id: 1,
  token: a.token(claims('alice', { x: 'x'.repeat(12000) })) });
await large.next({ type: 'error', code: 'bad-message' });
large.close();

say('--- a token that names a key is worth nothing without it');
const node = new Key('n');
const other = new Key('o');
const bound = a.token(claims('dave', { cnf: { jwk: node.jwk() } }));
const proof = (key, as = (w) => w.node) => (w) =>
  ({ token: bound, proof: key.prove(as(w), w.challenge) });
assert.equal(await hello(proof(node)), 'dave');
assert.equal(await hello({ token: bound }), REFUSED);
assert.equal(await hello(proof(other)), REFUSED);
// what an evil supernode that dave said hello to could try here
assert.equal(await hello(proof(node, () => 'evil.example')), REFUSED);
assert.equal(await hello((w) => ({ token: bound,
  proof: node.prove(w.node, Buffer.alloc(32).toString('base64url')) })),
REFUSED);
const printed = a.token(claims('dave', { cnf: { jkt: node.thumbprint() } }));
const held = (key) => (w) => ({ token: printed, key: key.jwk(),
  proof: key.prove(w.node, w.challenge) });
assert.equal(await hello(held(node)), 'dave');
assert.equal(await hello(held(other)), REFUSED);

say('--- credentials of ready');
const soon = now() + 120;
const c = await join({ token: a.token(claims('alice', { exp: soon })) });
const [stun, turn] = c.ready.iceServers;
assert.match(stun.urls[0], /^stun:127\.0\.0\.1:\d+$/);
assert.deepEqual(turn.urls.map((u) => u.replace(/\d+\?/, 'PORT?')), [
  'turn:127.0.0.1:PORT?transport=udp', 'turn:127.0.0.1:PORT?transport=tcp',
  'turns:127.0.0.1:PORT?transport=tcp']);
assert.equal(turn.username, `${soon}:alice`);
say(`credential ${turn.username} ${turn.credential}`);
c.close();

say('--- GET /ice');
const bearer = (token) => ({ authorization: `Bearer ${token}` });
let r = await get('/ice', { headers: bearer(good) });
assert.equal(r.status, 200);
assert.equal(r.headers.get('cache-control'), 'no-store');
const ice = (await r.json()).iceServers;
assert.match(ice[1].username, /^\d+:alice$/);
say(`credential ${ice[1].username} ${ice[1].credential}`);
r = await get('/ice');
assert.equal(r.status, 401);
assert.equal(r.headers.get('www-authenticate'),
  'Bearer realm="example.test"');
r = await get('/ice', { headers: bearer(bad['HS256 by the public key']) });
assert.equal(r.status, 401);
assert.match(r.headers.get('www-authenticate'), /error="invalid_token"/);
assert.doesNotMatch(await r.text(), /credential/);
const page = 'https://app.example';
r = await get('/ice', { headers: { ...bearer(good), origin: page } });
assert.equal(r.status, 200);
assert.equal(r.headers.get('access-control-allow-origin'), page);
r = await get('/ice',
  { headers: { ...bearer(good), origin: 'https://evil.example' } });
assert.equal(r.status, 403);

say('--- the TURN REST service');
r = await get('/?service=turn&username=erin&key=application');
assert.equal(r.status, 200);
const rest = await r.json();
assert.match(rest.username, /^\d+:erin$/);
assert.equal(rest.ttl, 3600);
assert.match(rest.uris[0], /^turn:/);
say(`credential ${rest.username} ${rest.password}`);
assert.equal((await get('/?service=turn&username=erin&key=wrong')).status,
  403);
assert.equal((await get('/?service=turn&username=erin')).status, 403);

say('--- the issuer takes another key: it is read for the first token of it');
const next = new Key('c');
publish(file, next);
const late = Date.now() + 60000;
while (await hello({ token: next.token(claims('frank')) }) !== 'frank') {
  assert.ok(Date.now() < late, 'the new key is not read');
  await new Promise((ok) => { setTimeout(ok, 200); }); // poll interval
}
assert.equal(await hello({ token: good }), REFUSED);
fs.writeFileSync(file, '{"keys":[');
assert.equal(await hello({ token: next.token(claims('frank')) }), 'frank');
say('done');
