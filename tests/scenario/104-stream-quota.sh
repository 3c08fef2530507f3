#!/usr/bin/env bash
# Goal: what streams move is in the accounts: the ledger has it by user, headers
# included; the audit log has each end; a user whose quota is used up has his
# streams ended with 4030; networks and relay.members-only hold, for streams that
# run as for new ones; a drain waits for streams.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "accounts are ours"
need node

lab_net
lab_host server
lab_host alice
lab_host stranger
SRV_AUTH=$'\tanonymous = true'
SRV_CAPS=$'\trate = "40Mbit/s"\n\tquota-day-per-user = "12MB"\n\tat-quota = "off"\n\ttime-zone = "UTC"'

# configure RELAY: whether the network relays
configure()
{
	SRV_MORE="network \"strange\" {
		prefixes = {\"${LAB4[stranger]}/32\"}
		relay = $1
	}
	audit {
		file = \"$TMP/audit.log\"
	}"
}
configure false
WORKERS=2
server_start server
lab_count server out 'meta l4proto tcp'

cat >"$TMP/move.mjs" <<END
import { join, stream, tickets, refused, soon }
  from '$ROOT/tests/support/streams.mjs';
import { assert, say } from '$ROOT/tests/support/ws.mjs';

const options = { host: '${LAB4[server]}', port: $SRV_PORT };
const [what] = process.argv.slice(2);
const names = what === 'stranger' ? ['s', 't'] : ['a', 'b'];
const [from, to] = await Promise.all(
  names.map((n) => join(\`guest-\${what}-\${n}\`, options)));

if (what === 'move') {
  const [x, y] = await stream(from, to, options);
  await soon(x.pour(8000000), 'what is moved');
  const hash = x.finish();
  assert.equal(await soon(y.finished, 'the end'), hash);
  y.close(1000);
  await x.closed();
} else if (what === 'quota') {
  const [x, y] = await stream(from, to, options);
  x.pour(1e12);
  const codes = await Promise.all([x, y].map((e) => soon(e.ended, 'the end')));
  say(\`\${codes} after \${y.bytes} of \${x.sent}\`);
  assert.ok(codes.includes(4030), 'quota');
  assert.ok(codes.every((c) => c === 4030 || c === 1001));
} else if (what === 'member') {
  // until the network relays no more
  const [x, y] = await stream(from, to, options);
  await x.pour(1000);
  await y.reach(1000);
  say('member: runs');
  const codes = await Promise.all([x, y].map((e) => soon(e.ended, 'the end')));
  assert.ok(codes.includes(1008), \`\${codes}\`);
} else if (what === 'nobody') {
  // neither end is in a network: they meet, and that is all
  const [x, y] = await stream(from, to, options);
  const codes = await Promise.all([x, y].map((e) => soon(e.ended, 'the end')));
  assert.deepEqual(codes.sort(), [1001, 1008]);
} else if (what === 'drain') {
  // what runs goes on when the sessions have been told to go
  const [x, y] = await stream(from, to, options);
  assert.equal(await from.closed(), 1001);
  assert.equal(await to.closed(), 1001);
  await soon(x.pour(1000000), 'what is moved');
  const hash = x.finish();
  assert.equal(await soon(y.finished, 'the end'), hash);
  y.close(1000);
  await x.closed();
} else if (what === 'stranger') {
  const [mine, theirs] = await tickets(from, to);
  assert.equal(await refused(mine.path, options), 403);
  assert.equal(await refused(theirs.path, options), 410);
}
say(\`\${what}: done\`);
process.exit(0);
END
move() { lab_exec "$1" node "$TMP/move.mjs" "$2"; }

used()
{
	ctl quota --json | jq -r \
	    "[.users[] | select(.name == \"$1\") | .day.used][0] // 0"
}
has_used() { [ "$(used "$1")" -ge "$2" ]; }

# ---- accounts

move alice move
for name in guest-move-a guest-move-b; do
	wait_for 5 "$name in the ledger" has_used "$name" 8000000
	compare "used by $name" "$(used "$name")" -le 8400000
done
ends_of()
{
	jq -s "[.[] | select(.event == \"$1\" and .transport == \"stream\")] |
	    length" "$TMP/audit.log"
}
audited() { [ "$(ends_of closed)" -eq 2 ]; }
wait_for 5 "both ends in the audit log" audited
equal "ends opened in the audit log" "$(ends_of opened)" 2

# ---- a quota used up

before=$(lab_counted server out | cut -d' ' -f2)
move alice quota
bytes=$(($(lab_counted server out | cut -d' ' -f2) - before))
say "sent $bytes bytes beyond"
# either user may move 12 MB, and a trickle of what was under way
compare "bytes sent under a quota of 12 MB" "$bytes" -le 14000000
compare "share of the quota that was used, %" $((bytes / 120000)) -ge 90

# ---- a network that does not relay

move stranger stranger
equal "streams that met" "$(metric supernode_streams_total)" 2

# ---- members only; and a network that ends to relay

reloads() { grep -c "reload: applied" "$SRV_LOG_FILE"; }
reload()
{
	local before

	before=$(reloads) || true
	configure "$1"
	server_config
	server_reload
	applied() { [ "$(reloads)" -gt "$before" ]; }
	wait_for 10 "the reload" applied
}
SRV_RELAY=$'\tmembers-only = "one"'
reload true
move alice nobody
move stranger member >"$TMP/member" 2>&1 &
node=$!
runs() { grep -q runs "$TMP/member" || ends "$node"; }
wait_for 10 "a stream of the network" runs
SRV_RELAY=
reload false
wait "$node" || fail "$(cat "$TMP/member")"
cat "$TMP/member"

# ---- a drain

move alice drain >"$TMP/drain" 2>&1 &
node=$!
is_open() { [ "$(metric supernode_stream_ends)" -eq 2 ] || ends "$node"; }
wait_for 10 "the stream" is_open
ctl drain --deadline 60s >/dev/null
matches "status" "$(ctl status)" "draining +2 allocations left"
wait "$node" || fail "$(cat "$TMP/drain")"
cat "$TMP/drain"
down() { ends "$SRV_PID"; }
wait_for 10 "the end of the server, since nobody is left" down
