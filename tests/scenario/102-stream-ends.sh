#!/usr/bin/env bash
# Goal: a ticket opens one WebSocket, once, within 30 seconds; who breaks the
# rules of a stream, is kicked, or finds relaying off, is told so by a code,
# and so is the other end; every refusal is counted with its reason.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "streams are ours"
need node

SRV_AUTH=$'\tanonymous = true'
SRV_CAPS=$'\tallocations-per-user = 12'
SRV_MORE=$'signalling {\n\torigins = {"https://friend.example"}\n}'
WORKERS=2
server_start

cat >"$TMP/ends.mjs" <<END
import { join, stream, tickets, refused, soon, End }
  from '$ROOT/tests/support/streams.mjs';
import { assert, say } from '$ROOT/tests/support/ws.mjs';
import { execFileSync } from 'node:child_process';

const options = { port: $SRV_PORT };
const ctl = (...args) => execFileSync('$BUILD/supernodectl',
  ['-s', '$SRV_SOCKET', ...args]).toString();
const alice = await join('guest-alice', options);
const bob = await join('guest-bob', options);
const eve = await join('guest-eve', options);

// this one waits for nobody, while all the rest goes on
const [lone, never] = await tickets(alice, bob);
const waits = new End(lone.path, options);
await soon(waits.opened, 'the WebSocket');
const asked = Date.now();

// once
const [mine, theirs] = await tickets(alice, bob);
const plain = await fetch(\`http://127.0.0.1:$SRV_PORT\${mine.path}\`);
assert.equal(plain.status, 426);
const far = { ...options, headers: { Origin: 'https://evil.example' } };
assert.equal(await refused(mine.path, far), 403);
const a = new End(mine.path, { ...options,
  headers: { Origin: 'https://friend.example' } });
await soon(a.opened, 'the WebSocket');
assert.equal(await refused(mine.path, options), 410);
assert.equal(await refused('/stream/AAAAAAAAAAAAAAAAAAAAAA', options), 404);
assert.equal(await refused('/stream/', options), 404);
assert.equal(await refused('/stream', options), 404);
const b = new End(theirs.path, options);
await soon(b.opened, 'the WebSocket');
await a.pour(100);
await b.reach(100);
say('tickets');

// rules
const text = await stream(alice, bob, options);
text[0].send('hello');
assert.equal(await text[0].closed(), 4000);
assert.equal(await text[1].closed(), 1001);
const behind = await stream(alice, bob, options);
behind[1].finish();
behind[1].sendFrame(2, 'more');
assert.equal(await behind[1].closed(), 4000);
assert.equal(await behind[0].closed(), 1001);
assert.equal(behind[0].bytes, 0);
const gone = await stream(alice, bob, options);
await gone[0].pour(5000000);
gone[0].socket.end();
assert.equal(await gone[1].closed(), 1001);
assert.equal(gone[1].bytes, 5000000);
say('rules');

// nobody there, nobody found
eve.send({ type: 'stream', id: 7, to: 'guest-nobody' });
assert.equal((await eve.next({ type: 'error', id: 7 })).code, 'peer-offline');

// too many: each end is an allocation of its user
const many = [];
for (let i = 0; i < 10; i++) many.push(await stream(alice, bob, options));
const [over, under] = await tickets(alice, bob);
assert.equal(await refused(over.path, options), 429);
assert.equal(await refused(under.path, options), 410);
for (const [x] of many) x.close(1000);
await Promise.all(many.map(([, y]) => y.closed()));
say('many');

// a kick
const kicked = await stream(eve, bob, options);
ctl('kick', 'guest-eve');
assert.equal(await kicked[0].closed(), 1008);
assert.equal(await kicked[1].closed(), 1001);
say('kick');

// 30 seconds
const late = await soon(waits.ended, 'the end of waiting');
assert.equal(late, 1013);
const ms = Date.now() - asked;
assert.ok(ms > 29000 && ms < 45000, \`\${ms} ms\`);
assert.equal(await refused(never.path, options), 410);
say('late');

// off
ctl('relay', 'off');
assert.equal(await a.closed(), 1008);
assert.ok([1001, 1008].includes(await b.closed()));
alice.send({ type: 'stream', id: 8, to: 'guest-bob' });
assert.equal((await alice.next({ type: 'error', id: 8 })).code, 'relay-off');
ctl('relay', 'on');
await stream(alice, bob, options);
say('off');

process.exit(0);
END

node "$TMP/ends.mjs"
compare "tickets refused" "$(drops ticket)" -ge 5
equal "streams alone" "$(drops splice_alone)" 1
equal "streams broken" "$(drops splice_broken)" 2
gone() { [ "$(metric supernode_stream_ends)" -eq 0 ]; }
wait_for 10 "all ends to be gone" gone

# the rest goes with the server
cat >"$TMP/down.mjs" <<END
import { join, stream } from '$ROOT/tests/support/streams.mjs';
import { assert, say } from '$ROOT/tests/support/ws.mjs';

const options = { port: $SRV_PORT };
const alice = await join('guest-ann', options);
const bob = await join('guest-ben', options);
const last = await stream(alice, bob, options);
await last[0].pour(1000);
await last[1].reach(1000);
process.kill($SRV_PID, 'SIGTERM');
assert.equal(await last[0].closed(), 1001);
assert.equal(await last[1].closed(), 1001);
say('down');
process.exit(0);
END
node "$TMP/down.mjs"
ended() { ends "$SRV_PID"; }
wait_for 10 "the server to end" ended
