// 082-kick.mjs: keeps sessions of zoe and bob, each with a token; commands on
// standard input, an answer line to each:
//	closed	how zoe's sessions ended
//	hello	what comes of another hello of zoe
//	ice	status of /ice for zoe
//	rest	status of the TURN REST service for zoe
//	bob	whether bob is still there
import readline from 'node:readline';
import { Client, find, get, join } from '../support/ws.mjs';
import { Key, claims, publish } from '../support/issuer.mjs';

const dir = process.argv[2];
const key = new Key('a');
publish(`${dir}/login.jwks`, key);

const token = (name) => key.token(claims(name));
let zoe = [], bob;

async function joined() {
  zoe = [await join({ token: token('zoe') }),
    await join({ token: token('zoe') })];
  bob ??= await join({ token: token('bob') });
  const turn = zoe[0].ready.iceServers[1];
  return `${turn.username} ${turn.credential}`;
}

async function hello() {
  const c = await Client.open();
  await c.next({ type: 'welcome' });
  c.send({ type: 'hello', id: 1, token: token('zoe') });
  await c.until(() => c.got.some((m) => m.id === 1), 'answer');
  const m = c.got.find((x) => x.id === 1);
  if (m.type === 'ready') c.close();
  return m.type === 'ready' ? 'ready' : `${m.code} ${await c.closed()}`;
}

const commands = {
  join: joined,
  closed: async () => (await Promise.all(zoe.map((c) => c.closed())))
    .join(' '),
  hello,
  ice: async () => (await get('/ice',
    { headers: { authorization: `Bearer ${token('zoe')}` } })).status,
  rest: async () => (await get(
    '/?service=turn&username=zoe&key=application')).status,
  bob: async () => (await find(bob, 'bob')).sessions,
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  try {
    console.log(await commands[line]());
  } catch (error) {
    console.log(`failed: ${error.message}`);
  }
}
process.exit(0);
