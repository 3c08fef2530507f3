#!/usr/bin/env bash
# bench.sh BUILD: supernoded and coturn under the same load, interleaved in
# the same rounds, on loopback: each server one worker on core 0, the load on
# core 1.  Prints a table and leaves all figures in BUILD/bench/.
#
#	ROUNDS=5 SECONDS_EACH=1	how often, how long
#	BENCH=quick			one short round: does it run at all?
#	CONTROL=yes			coturn in both places: ratios must be 1
#
# Nothing is passed or failed here; a run that cannot be made ends it.
BUILD=$1
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
need turnserver turnutils_stunclient jq taskset

if [ "${BENCH-}" = quick ]; then
	: "${ROUNDS:=1}" "${SECONDS_EACH:=0.2}"
fi
: "${ROUNDS:=5}" "${SECONDS_EACH:=1}"
: "${LIMIT_S:=600}" "${MANY:=2000}" "${WINDOW:=128}"
OUT=$BUILD/bench
RUNS=$TMP/runs.jsonl
BLAST=$BUILD/tools/blast
SERVER_CORE=0
LOAD_CORE=1
declare -A PORT=() PID=()

[ "$(nproc)" -ge 2 ] || skip "needs two cores: one for the load"
[ -x "$BLAST" ] || fail "$BLAST is not built: make tools"
[ -x "$BUILD/supernoded" ] || [ -n "${CONTROL-}" ] ||
	fail "$BUILD/supernoded is not built: make all"
# an allocation is a socket
ulimit -n "$(ulimit -Hn)"

# ahead of what else runs here, where that is allowed (root); where the kernel
# shares by session (autogroup), the session's own weight is what counts
PRIORITY=(nice -n -15)
[ "$("${PRIORITY[@]}" nice 2>/dev/null)" = -15 ] || PRIORITY=()
autogroup_was=$(sed 's/.*nice //' "/proc/$$/autogroup" 2>/dev/null || :)
autogroup()
{
	[ -z "$autogroup_was" ] ||
		echo "$1" 2>/dev/null >"/proc/$$/autogroup" || :
}
autogroup_back() { autogroup "$autogroup_was"; }
on_exit autogroup_back
autogroup -15

# A port nobody has, outside the range the kernel hands out by itself.
free_port()
{
	"$BUILD/tools/demo" port any $((20000 + RANDOM % 12000))
}

start_supernoded()
{
	local dir=$TMP/supernoded

	if [ -n "${CONTROL-}" ]; then
		start_turnserver supernoded
		return
	fi
	mkdir -p "$dir"
	cat >"$dir/conf" <<-END
	node   { name = "bench"  realm = "bench"  workers = 1
	         state = "$dir"  run = "$dir" }
	listen { udp = {"127.0.0.1:${PORT[supernoded]}"}
	         tcp = {}  tls = {}  dtls = {} }
	relay  { addresses = {"127.0.0.1"}  allow = {"127.0.0.0/8"} }
	auth   { user "bench" { password = "bench" } }
	caps   { rate = "unlimited"  allocations = 100000
	         allocations-per-user = 100000  unauthenticated = 10000000 }
	admin  { listen = "127.0.0.1:$(free_port)" }
	log    { level = "warn" }
	END
	"${PRIORITY[@]}" taskset -c $SERVER_CORE "$BUILD/supernoded" -c "$dir/conf" \
	    >"$TMP/supernoded.log" 2>&1 &
	PID[supernoded]=$!
}

# start_turnserver AS.  As fast as it goes: no log, no other transport, no database on a disk, no
# quota, one relay thread (-m 0 and -m 1 were within 1 % of each other).
start_turnserver()
{
	local as=$1

	"${PRIORITY[@]}" taskset -c $SERVER_CORE turnserver -n -m 1 --no-cli --no-tls \
	    --no-dtls --no-tcp --log-file=/dev/null --no-stdout-log \
	    -L 127.0.0.1 -E 127.0.0.1 -p "${PORT[$as]}" \
	    --lt-cred-mech -u bench:bench -r bench --allow-loopback-peers \
	    --pidfile="$TMP/$as.pid" --userdb="$TMP/$as.db" \
	    >"$TMP/$as.log" 2>&1 &
	PID[$as]=$!
}

start_coturn()
{
	start_turnserver coturn
}

is_ready()
{
	timeout 1 turnutils_stunclient -p "${PORT[$1]}" 127.0.0.1
}

is_ready_or_dead()
{
	ends "${PID[$1]}" || is_ready "$1"
}

start()
{
	local server=$1

	PORT[$server]=$(free_port)
	"start_$server"
	started "${PID[$server]}"
	wait_for 20 "$server" is_ready_or_dead "$server"
	if ends "${PID[$server]}"; then
		cat "$TMP/$server.log" >&2
		fail "$server ended at once"
	fi
}

stop()
{
	kill "${PID[$1]}"
	wait_for 20 "end of $1" ends "${PID[$1]}"
}

# charge SERVER: the kernel's own thread on the server's core belongs to it
charge()
{
	local kernel

	kernel=$(pgrep -x "ksoftirqd/$SERVER_CORE" || :)
	echo "${PID[$1]}${kernel:+,$kernel}"
}

# measure SERVER ROUND NAME KEY=VALUE...
measure()
{
	local server=$1 round=$2 name=$3 line

	shift 3
	line=$("${PRIORITY[@]}" timeout 60 taskset -c $LOAD_CORE "$BLAST" \
	    server="127.0.0.1:${PORT[$server]}" user=bench password=bench \
	    pids="$(charge "$server")" seconds="$SECONDS_EACH" \
	    window="$WINDOW" "$@") || fail "$server: blast $*"
	jq -c ". + {server: \"$server\", round: $round, name: \"$name\"}" \
	    <<<"$line" >>"$RUNS"
}

# cell ROUND NAME KEY=VALUE...: one after the other, and in the next round
# the other way round
cell()
{
	local round=$1 server order=(supernoded coturn)

	[ $((round % 2)) -eq 1 ] || order=(coturn supernoded)
	for server in "${order[@]}"; do
		measure "$server" "$@"
	done
}

round()
{
	local n=$1 way size allocations

	start supernoded
	start coturn
	# the first is on a fresh heap: memory; the second is warm: speed
	cell "$n" memory way=setup allocations="$MANY"
	cell "$n" setup way=setup allocations="$MANY"
	for size in 172 1200; do
		for allocations in 1 100 1000; do
			for way in up down both; do
				cell "$n" stream way=$way size=$size \
				    allocations=$allocations
			done
			cell "$n" echo way=echo size=$size \
			    allocations=$allocations rate=20000
		done
	done
	stop supernoded
	stop coturn
}

supernoded_version()
{
	if [ -n "${CONTROL-}" ]; then
		echo "coturn (control run)"
	else
		"$BUILD/supernoded" --version | head -n 1
	fi
}

machine()
{
	lscpu -J | jq '{
		cpu: (.lscpu[] | select(.field == "Model name:") | .data),
		cores: (.lscpu[] | select(.field == "CPU(s):") | .data)
	}' | jq -c --arg kernel "$(uname -r)" --arg coturn "$(
		turnserver --version 2>&1 | tail -n 1)" --arg supernoded "$(
		supernoded_version)" \
	    '. + {kernel: $kernel, supernoded: $supernoded, coturn: $coturn}'
}

began=$SECONDS
longest=0
for ((n = 1; n <= ROUNDS; n++)); do
	if [ $((SECONDS - began + longest)) -gt "$LIMIT_S" ]; then
		say "stopped before round $n: $LIMIT_S s are not enough"
		break
	fi
	at=$SECONDS
	round "$n"
	took=$((SECONDS - at))
	[ "$took" -le "$longest" ] || longest=$took
	say "round $n of $ROUNDS: $took s" >&2
done

mkdir -p "$OUT"
jq -s --argjson machine "$(machine)" \
    -f "$ROOT/tests/bench/summary.jq" "$RUNS" >"$OUT/results.json"
jq -r -f "$ROOT/tests/bench/table.jq" "$OUT/results.json" |
    tee "$OUT/table.md"
