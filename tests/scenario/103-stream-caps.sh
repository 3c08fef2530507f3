#!/usr/bin/env bash
# Goal: streams are under the caps like everything that is relayed: by the
# kernel's own counter (nftables) no window of a second or more holds more than
# caps.rate x time + burst, with streams of several users over TCP and TLS on
# four workers, and the rate is used; nothing is lost, only held back.  What is
# taken in keeps to the same (what waits in the kernel's buffers was counted by
# nobody).  caps.rate-per-user holds for the sender as for the receiver.
# alone: measures a rate
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "caps are ours"
need node

lab_net
lab_host server
lab_host alice
SRV_AUTH=$'\tanonymous = true'
SRV_CAPS=$'\trate = "4Mbit/s"'
WORKERS=4
server_start server
lab_count server out 'meta l4proto tcp'

cat >"$TMP/pour.mjs" <<END
import { join, stream, soon, End } from '$ROOT/tests/support/streams.mjs';
import { assert, say } from '$ROOT/tests/support/ws.mjs';

// "whole" or "cut", seconds, then "sender receiver" each
const [how, seconds, ...pairs] = process.argv.slice(2);
const plain = { host: '${LAB4[server]}', port: $SRV_PORT };
const secure = { host: '${LAB4[server]}', port: $SRV_TLS_PORT, secure: true };
const nodes = {};
for (const name of new Set(pairs.join(' ').split(' ')))
  nodes[name] = await join(\`guest-\${name}\`, plain);
const streams = [];
for (const [i, pair] of pairs.entries()) {
  const [from, to] = pair.split(' ');
  streams.push(await stream(nodes[from], nodes[to], i % 2 ? secure : plain));
}
say('begun');
const end = Date.now() + seconds * 1000;
const all = await Promise.all(streams.map(async ([x, y]) => {
  // what the kernels still hold of it would take its time
  if (how === 'cut') {
    x.pour(1e12);
    await new Promise((r) => setTimeout(r, seconds * 1000)); // poll interval
    return \`\${x.sent} and \${y.bytes}\`;
  }
  const whole = await x.pour(1e12, { until: () => Date.now() > end });
  if (!whole) return \`closed \${x.code} after \${y.bytes}\`;
  const hash = x.finish();
  assert.equal(await soon(y.finished, 'the end'), hash);
  return \`\${y.bytes}\`;
}));
for (const [i, line] of all.entries()) say(\`\${pairs[i]}: \${line}\`);
process.exit(0);
END

pour()
{
	rm -f "$TMP/said"
	lab_exec alice node "$TMP/pour.mjs" "$@" >"$TMP/said" 2>&1 &
	NODE=$!
	wait_for 20 "the streams to begin" begun
}
begun() { grep -q ^begun "$TMP/said" || ends "$NODE"; }
poured()
{
	wait "$NODE" || fail "$(cat "$TMP/said")"
	cat "$TMP/said"
}

# taken: "seconds bytes" that came in and were read
taken()
{
	status '"\(.uptime_s) \(.wire.in.bytes)"'
}

# samples MS: "before after out" in ns and bytes; TAKEN: at begin and end
samples()
{
	local end=$(($(date +%s%N) + $1 * 1000000)) before out

	TAKEN=$(taken)
	while before=$(date +%s%N) && [ "$before" -lt "$end" ]; do
		out=$(lab_counted server out | cut -d' ' -f2)
		echo "$before $(date +%s%N) $out"
	done >"$TMP/samples"
	TAKEN+=" $(taken)"
}

# judge_in WHAT BYTES/S BURST
judge_in()
{
	read -r over USED < <(awk -v rate="$2" -v burst="$3" '{
		t = $3 - $1
		printf "%d %d\n", $4 - $2 - rate * t - burst,
		    100 * ($4 - $2) / rate / t
	}' <<<"$TAKEN")
	compare "$1: bytes over the cap" "$over" -le 0
	say "$1: used $USED %"
}

# judge WHAT BYTES/S BURST: the worst window, and what was used
judge()
{
	local worst

	read -r worst USED < <(awk -v rate="$2" -v burst="$3" '
	{ t[NR] = $1 / 1e9; u[NR] = $2 / 1e9; b[NR] = $3 }
	END {
		worst = -1e18
		for (i = 1; i <= NR; i++) for (j = i + 1; j <= NR; j++) {
			if (t[j] - u[i] < 1)
				continue
			over = b[j] - b[i] - rate * (u[j] - t[i]) - burst
			if (over > worst)
				worst = over
		}
		printf "%d %d\n", worst,
		    100 * (b[NR] - b[1]) / rate / (u[NR] - t[1])
	}' "$TMP/samples")
	compare "$1: bytes over the cap in the worst window" "$worst" -le 0
	say "$1: used $USED %"
}

# ---- the host

pour whole 8 "a b" "b a" "c d" "a d"
samples 6000
poured
judge "out, 4 Mbit/s" 500000 125000
[ "$USED" -ge 90 ] || fail "used $USED % out"
judge_in "in, 4 Mbit/s" 500000 125000
equal "cap_error_bytes" "$(metric supernode_cap_error_bytes)" 0

# ---- a user who sends; another, to whom two send

SRV_CAPS=$'\trate = "unlimited"\n\trate-per-user = "1Mbit/s"'
server_config
server_reload
reloaded() { grep -q "reload: applied" "$SRV_LOG_FILE"; }
wait_for 10 "the reload" reloaded
pour cut 6 "e f"
samples 4000
poured
judge_in "in from one user, 1 Mbit/s" 125000 62500
[ "$USED" -ge 85 ] || fail "used $USED % in"
pour cut 6 "g i" "h i"
samples 4000
poured
judge "out to one user, 1 Mbit/s" 125000 62500
[ "$USED" -ge 85 ] || fail "used $USED % out"
least=$(awk '/ i: / { all += $NF; if (least == "" || $NF < least) least = $NF }
	END { printf "%d", 100 * least / all }' "$TMP/said")
compare "of two streams to one user, %, the smaller one" "$least" -ge 25
server_lives
