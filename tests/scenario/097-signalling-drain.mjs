import fs from 'node:fs';
import { Client, assert, ctl, everywhere, get, join, say } from
  '../support/ws.mjs';

async function drain() {
  const all = await everywhere((i) => join(`guest-w${i}`));
  const waiting = await Client.open();
  await waiting.next({ type: 'welcome' });
  ctl('drain', '--deadline', '1m');
  for (const c of all) {
    const e = await c.next({ type: 'error', code: 'draining' });
    assert.ok(e.retry_after_ms > 0);
    assert.equal(await c.closed(), 1001);
  }
  assert.equal(await waiting.closed(), 1001);
  assert.equal((await get('/health')).status, 503);
  await assert.rejects(Client.open(), { status: 503 });
  ctl('drain', '--cancel');
  while ((await get('/health')).status !== 200);
  const back = await join('guest-back');
  back.send({ type: 'bye' });
  assert.equal(await back.closed(), 1000);
}

async function reload() {
  const conf = process.argv[3];
  const all = await everywhere((i) => join(`guest-w${i}`));
  fs.writeFileSync(conf, fs.readFileSync(conf, 'utf8')
    .replace('signalling {', 'signalling {\n\tenabled = false'));
  process.kill(Number(process.env.SERVER_PID), 'SIGHUP');
  for (const c of all) assert.equal(await c.closed(), 1001);
  await assert.rejects(Client.open(), { status: 404 });
}

async function end() {
  while ((await get('/signal')).status !== 426);
  const all = await everywhere((i) => join(`guest-w${i}`));
  process.kill(Number(process.env.SERVER_PID), 'SIGTERM');
  for (const c of all) assert.equal(await c.closed(), 1001);
}

async function off() {
  for (const path of ['/signal', '/ice', '/stream/x', '/?service=turn'])
    assert.equal((await get(path)).status, 404, path);
  assert.equal((await get('/health')).status, 200);
  await assert.rejects(Client.open(), { status: 404 });
}

say(`--- ${process.argv[2]}`);
await ({ drain, reload, end, off })[process.argv[2]]();
process.exit(0);
