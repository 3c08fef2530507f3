// 081-issuer-away.mjs keys DIR: makes keys; serve DIR PORT: an issuer's HTTPS
// server, which tells by DIR/asked how often it was; hello DIR KEY: says hello
// with a token of that key, and prints what came of it.
import fs from 'node:fs';
import https from 'node:https';
import { Client } from '../support/ws.mjs';
import { Key, claims, load, publish, save } from '../support/issuer.mjs';

const [what, dir, more] = process.argv.slice(2);

if (what === 'keys') {
  for (const kid of ['a', 'b', 'c']) save(`${dir}/${kid}.key`, new Key(kid));
  publish(`${dir}/jwks`, load(`${dir}/a.key`));
} else if (what === 'publish') {
  publish(`${dir}/jwks`, load(`${dir}/${more}.key`));
} else if (what === 'serve') {
  let asked = 0;
  https.createServer({ key: fs.readFileSync(`${dir}/tls.key`),
    cert: fs.readFileSync(`${dir}/tls.pem`) }, (request, response) => {
    fs.writeFileSync(`${dir}/asked`, `${++asked}\n`);
    response.writeHead(200, { 'content-type': 'application/jwk-set+json',
      'cache-control': 'public, max-age=3600' });
    response.end(fs.readFileSync(`${dir}/jwks`));
  }).listen(Number(more), '127.0.0.1');
} else if (what === 'hello') {
  const c = await Client.open();
  await c.next({ type: 'welcome' });
  c.send({ type: 'hello', id: 1,
    token: load(`${dir}/${more}.key`).token(claims('alice')) });
  await c.until(() => c.got.some((m) => m.id === 1), 'answer');
  const m = c.got.find((x) => x.id === 1);
  console.log(m.type === 'ready' ? m.name : m.code);
  c.close();
  await c.closed();
}
