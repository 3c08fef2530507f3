#!/usr/bin/env bash
# Goal: readers that stop take nothing from others: with 32 of them in front of
# senders that never stop, all at full speed before, what the server holds stays
# within a window each, another stream goes on at its speed, and what was sent
# arrives whole when they read again.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "streams are ours"
need node

lab_net
lab_host server
lab_host alice
SRV_AUTH=$'\tanonymous = true'
SRV_CAPS=$'\tallocations-per-user = 200'
WORKERS=4
server_start server

# what the process has allocated, bytes; resident where no jemalloc tells
held()
{
	status '.memory.heap.allocated // 0'
}

cat >"$TMP/slow.mjs" <<END
import { join, stream, soon } from '$ROOT/tests/support/streams.mjs';
import { assert, say } from '$ROOT/tests/support/ws.mjs';
import fs from 'node:fs';
import readline from 'node:readline';

const [host, port] = process.argv.slice(2);
const options = { host, port: Number(port) };
const alice = await join('guest-alice', options);
const bob = await join('guest-bob', options);
const STUCK = 32;
const lines = readline.createInterface({ input: process.stdin });
const told = () => new Promise((r) => lines.once('line', r));

const free = await stream(alice, bob, options);
const pairs = [];
for (let i = 0; i < STUCK; i++) {
  // tickets are asked for at the rate that a session may
  pairs.push(await stream(alice, bob, options));
}
say('open');
await told();

// every reader stops; every sender goes on until nothing moves any more
for (const [, y] of pairs) y.socket.pause();
let stop = false;
const pours = pairs.map(([x]) => x.pour(1e12, { until: () => stop }));
let before = -1;
const sent = () => pairs.reduce((n, [x]) => n + x.socket.bytesWritten, 0);
const stands = () => new Promise((resolve) => {
  const look = () => {
    if (sent() === before) resolve();
    else {
      before = sent();
      setTimeout(look, 300); // poll interval
    }
  };
  look();
});
await soon(stands(), 'a standstill');
say(\`stuck after \${sent()} bytes\`);
await told();

// beside them
const start = Date.now();
await soon(free[0].pour(20 * 1024 * 1024), 'the other stream');
const hash = free[0].finish();
assert.equal(await soon(free[1].finished, 'the other end'), hash);
say(\`beside 20 MB in \${Date.now() - start} ms\`);
await told();

stop = true;
for (const [, y] of pairs) y.socket.resume();
await soon(Promise.all(pours), 'the senders');
const hashes = pairs.map(([x]) => x.finish());
const got = await soon(
  Promise.all(pairs.map(([, y]) => y.finished)), 'the readers');
assert.deepEqual(got, hashes);
say('all whole');
process.exit(0);
END

mkfifo "$TMP/to"
lab_exec alice node "$TMP/slow.mjs" "${LAB4[server]}" "$SRV_PORT" \
    <"$TMP/to" >"$TMP/said" 2>&1 &
node=$!
exec 7>"$TMP/to"
heard() { grep -q "^$1" "$TMP/said" || ends "$node"; }
step()
{
	wait_for 60 "$1" heard "$1"
	grep "^$1" "$TMP/said" || fail "$(cat "$TMP/said")"
}

step open
before=$(held)
echo >&7
step stuck
after=$(held)
say "held: $before bytes before, $after when stuck"
# 32 windows of 256 KiB, and as much again for what belongs to them
[ "$before" -eq 0 ] ||
	compare "bytes held for 32 stuck readers" "$((after - before))" \
	    -le $((2 * 32 * 256 * 1024))
echo >&7
step beside
echo >&7
step "all whole"
wait "$node"
exec 7>&-
server_lives
