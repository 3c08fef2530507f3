#!/usr/bin/env bash
# Goal: a file of 20 MB goes through a stream with its hash, in TCP and, where
# nothing but 443 is open, in TLS; many streams at once on four workers go both
# ways; messages keep their boundaries; "end" is heard behind the last byte and
# leaves the other direction open; both ends gone well are closed by 1000.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "streams are ours"
need node

lab_net
lab_host server
lab_host alice
lab_firewall wall only-443
lab_host shut wall
SRV_AUTH=$'\tanonymous = true'
SRV_CAPS=$'\tallocations-per-user = 64'
WORKERS=4
server_start server

cat >"$TMP/file.mjs" <<END
import { join, stream, soon } from '$ROOT/tests/support/streams.mjs';
import { assert, say } from '$ROOT/tests/support/ws.mjs';

const [host, port, secure] = process.argv.slice(2);
const options = { host, port: Number(port), secure: secure === 'tls' };
const alice = await join(\`guest-alice-\${secure}\`, options);
const bob = await join(\`guest-bob-\${secure}\`, options);

const start = Date.now();
const [a, b] = await stream(alice, bob, options);
assert.ok(await soon(a.pour(20 * 1024 * 1024), 'the file'));
const hash = a.finish();
assert.equal(await soon(b.finished, 'the end'), hash);
assert.equal(b.bytes, 20 * 1024 * 1024);
assert.ok(b.sizes.every((n) => n === 16 * 1024));
say(\`20 MB in \${Date.now() - start} ms\`);

// the way back is still open
await b.pour(100000, { size: 30000 });
const back = b.finish();
assert.equal(await soon(a.finished, 'the end'), back);
assert.deepEqual(a.sizes, [30000, 30000, 30000, 10000]);
assert.equal(await a.closed(), 1000);
assert.equal(await b.closed(), 1000);

// sizes of every kind, an empty one too
const [c, d] = await stream(alice, bob, options);
const sizes = [0, 1, 125, 126, 65535, 65536, 1000000, 3];
for (const n of sizes) c.sendFrame(2, Buffer.alloc(n, n));
c.finish();
await soon(d.finished, 'the end');
assert.deepEqual(d.sizes, sizes);
d.close(1000);
assert.equal(await c.closed(), 1000);

// many at once
const pairs = [];
for (let i = 0; i < 16; i++) pairs.push(await stream(alice, bob, options));
await Promise.all(pairs.map(async ([x, y]) => {
  const all = Promise.all([x.pour(1000000), y.pour(1000000)]);
  await soon(all, 'both ways');
  const sent = [x.finish(), y.finish()];
  const got = await soon(Promise.all([y.finished, x.finished]), 'both ends');
  assert.deepEqual(got, sent);
}));
say('16 streams, both ways');
process.exit(0);
END

lab_exec alice node "$TMP/file.mjs" "${LAB4[server]}" "$SRV_PORT" tcp
lab_exec shut node "$TMP/file.mjs" "${LAB4[server]}" 443 tls
equal "streams" "$(metric supernode_streams_total)" 36
gone() { [ "$(metric supernode_stream_ends)" -eq 0 ]; }
wait_for 10 "all ends to be gone" gone
server_lives
