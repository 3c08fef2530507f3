#!/usr/bin/env bash
# bench.sh BUILD: supernoded, coturn and bare forwarders (bare.c) under the
# same load, interleaved in the same rounds, on loopback: each server one
# worker on core 0, the load on core 1.  Prints a table and leaves all figures
# and a plot in BUILD/bench/.
#
#	ROUNDS=5 SECONDS_EACH=0.5	how often, how long
#	ROWS=REGEX			only these rows: ROWS='^up-100x|^echo'
#	BENCH=quick			one short round of a few rows
#	CONTROL=yes			coturn in both places: ratios must be 1
#	CAPS='rate = "100Gbit/s"'	what supernoded's caps cost
#
# A row is WAY-COUNTxBYTES, a transport other than UDP in front, -burstN
# behind it; or setup-COUNT, memory-COUNT, idle-COUNT.  In a row workers-...
# supernoded with 2 and 4 workers is measured against as many of one worker.
# Nothing is passed or failed here; what gave no figure is missing.
BUILD=$1
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/ahead.sh
. "$(dirname "$0")/../support/ahead.sh"
need turnserver turnutils_stunclient jq openssl taskset

ALL_ROWS=(
	# the first is on a fresh heap: memory; the second is warm: speed
	memory-5000 setup-5000
	{up,down}-{1,100,1000,10000}x172 {up,down}-{100,1000}x1200
	both-{100,1000}x172 both-100x1200
	{up,down}-100x{172,1200}-burst8 up-1000x172-burst8
	hairpin-{100,1000}x172 hairpin-100x1200 hairpin-100x{172,1200}-burst8
	echo-{1,100,1000}x172 echo-100x1200
	workers-{up,hairpin}-100x172 workers-both-1000x172
	# from here on the servers have listeners for streams
	idle-1000 {tcp,tls,dtls}-{up,down}-100x{172,1200}
)
if [ "${BENCH-}" = quick ]; then
	: "${ROUNDS:=1}" "${SECONDS_EACH:=0.2}"
	ALL_ROWS=(memory-1000 setup-1000 {up,down}-100x172
		up-100x172-burst8 hairpin-100x172 echo-100x172
		workers-up-100x172
		idle-100 {tcp,tls,dtls}-up-100x172)
fi
: "${ROUNDS:=5}" "${SECONDS_EACH:=0.5}" "${ROWS:=.}"
: "${LIMIT_S:=960}" "${WINDOW:=128}" "${BURST_WINDOW:=512}"
# two workers that share a small window wake twice as often for it
: "${WORKERS_WINDOW:=1024}"
OUT=$BUILD/bench
RUNS=$TMP/runs.jsonl
BLAST=$BUILD/tools/blast
BARE=$BUILD/tools/bare
BARE_SINGLE=(batch)
BARE_MODES=$("$BARE" modes)
[[ $BARE_MODES != *uring* ]] || BARE_SINGLE+=(uring)
BARE_UP=("${BARE_SINGLE[@]}")
[[ $BARE_MODES != *raw* ]] || BARE_UP+=(raw)
SERVER_CORE=0
LOAD_CORE=1
ALL_CORES=0-$(($(nproc) - 1))
declare -A PORT=() PID=()

[ "$(nproc)" -ge 2 ] || skip "needs two cores: one for the load"
[ -x "$BLAST" ] || fail "$BLAST is not built: make tools"
[ -x "$BUILD/supernoded" ] || [ -n "${CONTROL-}" ] ||
	fail "$BUILD/supernoded is not built: make all"
# an allocation is a socket
ulimit -n "$(ulimit -Hn)"

# A port nobody has, outside the range the kernel hands out by itself.  The
# next three are its owner's as well: TLS or a bare forwarder's other ends, and
# the admin listener.
free_port()
{
	"$BUILD/tools/demo" port any $((20000 + RANDOM % 3000 * 4))
}

# What all but UDP needs, and only gets then: on the other rows each server
# runs with a UDP listener alone.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj /CN=bench -keyout "$TMP/key.pem" -out "$TMP/cert.pem" 2>/dev/null
STREAMS=

# start_ours AS WORKERS CORES
start_ours()
{
	local as=$1 workers=$2 cores=$3
	local dir=$TMP/$as udp=${PORT[$as]}
	local streams='tcp = {}  tls = {}  dtls = {}'

	mkdir -p "$dir"
	if [ -n "$STREAMS" ]; then
		streams="tcp = {\"127.0.0.1:$udp\"}
		    tls = {\"127.0.0.1:$((udp + 1))\"}
		    dtls = {\"127.0.0.1:$((udp + 1))\"}
		    certificate = \"$TMP/cert.pem\"
		    private-key = \"$TMP/key.pem\""
	fi
	cat >"$dir/conf" <<-END
	node   { name = "bench"  realm = "bench"  workers = $workers
	         state = "$dir"  run = "$dir" }
	listen { udp = {"127.0.0.1:$udp"}
	         $streams }
	relay  { addresses = {"127.0.0.1"}  allow = {"127.0.0.0/8"} }
	auth   { user "bench" { password = "bench" } }
	caps   { ${CAPS-rate = \"unlimited\"}  allocations = 100000
	         allocations-per-user = 100000  unauthenticated = 10000000 }
	admin  { listen = "127.0.0.1:$((udp + 3))" }
	log    { level = "warn" }
	END
	"${PRIORITY[@]}" taskset -c "$cores" "$BUILD/supernoded" \
	    -c "$dir/conf" >"$TMP/$as.log" 2>&1 &
	PID[$as]=$!
}

start_supernoded()
{
	if [ -n "${CONTROL-}" ]; then
		start_turnserver supernoded
	else
		start_ours supernoded 1 $SERVER_CORE
	fi
}

# start_turnserver AS.  As fast as it goes: no log, no database on a disk, no
# quota, one relay thread (-m 0 and -m 1 were within 1 % of each other).
start_turnserver()
{
	local as=$1 transports=(--no-tls --no-dtls --no-tcp)

	[ -z "$STREAMS" ] || transports=(
		--tls-listening-port=$((PORT[$as] + 1))
		--cert="$TMP/cert.pem" --pkey="$TMP/key.pem")
	"${PRIORITY[@]}" taskset -c $SERVER_CORE turnserver -n -m 1 --no-cli \
	    "${transports[@]}" --log-file=/dev/null --no-stdout-log \
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

# start_bare MODE FLOWS
start_bare()
{
	local as=bare-$1

	PORT[$as]=$(free_port)
	"${PRIORITY[@]}" taskset -c $SERVER_CORE "$BARE" "$1" "${PORT[$as]}" \
	    "$2" >"$TMP/$as.log" 2>&1 &
	PID[$as]=$!
	wait_for 10 "$as" grep -q ready "$TMP/$as.log"
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
	case $server in
	workers-*)	start_ours "$server" "${server#*-}" "$ALL_CORES" ;;
	apart-*)	start_ours "$server" 1 "$ALL_CORES" ;;
	*)		"start_$server" ;;
	esac
	started "${PID[$server]}"
	wait_for 20 "$server" is_ready_or_dead "$server"
	if ends "${PID[$server]}"; then
		cat "$TMP/$server.log" >&2
		fail "$server ended at once"
	fi
}

stop()
{
	kill "${PID[$1]}" 2>/dev/null || :
	wait_for 20 "end of $1" ends "${PID[$1]}"
}

# charge SERVER: the kernel's own thread on the server's core belongs to it
charge()
{
	local kernel

	kernel=$(pgrep -x "ksoftirqd/$SERVER_CORE" || :)
	echo "${PID[$1]}${kernel:+,$kernel}"
}

# transport ROW
transport()
{
	case $1 in
	tcp-* | tls-* | dtls-*)	echo "${1%%-*}" ;;
	idle-*)	echo tls ;;
	*)	echo udp ;;
	esac
}

# load ROW: the row as blast wants it
load()
{
	local row=$1 way count rest window=$WINDOW

	[[ $row != workers-* ]] || window=$WORKERS_WINDOW
	row=${row#workers-}
	row=${row#tcp-}
	row=${row#tls-}
	row=${row#dtls-}
	IFS=- read -r way count rest <<<"$row"
	case $way in
	hairpin)	echo way=across ;;
	memory)		echo way=setup ;;
	*)		echo "way=$way" ;;
	esac
	echo "allocations=${count%x*}"
	[ "$count" = "${count%x*}" ] || echo "size=${count#*x}"
	case $rest in
	burst*)	echo "burst=${rest#burst}" "window=$BURST_WINDOW" ;;
	*)	echo "window=$window" ;;
	esac
}

# servers ROW: who is measured
servers()
{
	if [[ $1 == workers-* ]]; then
		echo workers-1 workers-2 apart-2 workers-4 apart-4
		return
	fi
	echo supernoded coturn
	case $1 in
	tcp-* | tls-* | dtls-* | memory-* | setup-* | idle-*) ;;
	hairpin-*-burst*)	echo bare-hairpin-gso ;;
	hairpin-*)		echo bare-hairpin ;;
	*-burst*)		echo bare-gso ;;
	up-*)			printf 'bare-%s\n' "${BARE_UP[@]}" ;;
	*)			printf 'bare-%s\n' "${BARE_SINGLE[@]}" ;;
	esac
}

# measure_together SERVER ROUND ROW: N loads at once, on one server of N
# workers (workers-N) or each on a server of its own (apart-N).  Their CPU time
# per packet differs by what workers share.
measure_together()
{
	local server=$1 round=$2 row=$3 n=${1#*-} k all=() blasts=() arguments

	mapfile -t arguments < <(load "$row" | tr ' ' '\n')
	for ((k = 0; k < n; k++)); do
		all+=("$server")
		if [[ $server == apart-* ]]; then
			all[k]+=.$k
		elif [ "$k" -gt 0 ]; then
			continue
		fi
		start "${all[k]}"
	done
	rm -f "$TMP"/together.*
	for ((k = 0; k < n; k++)); do
		"${PRIORITY[@]}" timeout 60 taskset -c "$ALL_CORES" "$BLAST" \
		    server="127.0.0.1:${PORT[${all[k]}]}" user=bench \
		    password=bench pids="${PID[${all[k]}]}" \
		    seconds="$SECONDS_EACH" "${arguments[@]}" \
		    >"$TMP/together.$k" &
		blasts+=($!)
	done
	for k in "${blasts[@]}"; do
		wait "$k" || say "$row: a load failed" >&2
	done
	for k in $(printf '%s\n' "${all[@]}" | sort -u); do
		stop "$k"
	done
	# all loads see the CPU time of all workers of a common server
	cat "$TMP"/together.* | jq -cs --arg server "$server" --arg row "$row" \
	    --argjson round "$round" --argjson loads "$n" '
	    select(length == $loads)
	    | (map(.packets_per_s) | add) as $packets
	    | (map(.server_share) | add | if $server | startswith("workers-")
		    then . / $loads else . end) as $share
	    | {$server, $row, $round, way: .[0].way, packets_per_s: $packets,
		server_share: $share, lost: (map(.lost) | add),
		cpu_ns_per_packet: ($share * 1e9 / $packets)}' >>"$RUNS"
}

# measure SERVER ROUND ROW
measure()
{
	local server=$1 round=$2 row=$3 line bare=no port arguments

	mapfile -t arguments < <(load "$row" | tr ' ' '\n')
	case $server in
	bare-*)	bare=yes
		start_bare "${server#bare-}" "$(load "$row" |
		    sed -n 's/allocations=//p')" ;;
	workers-* | apart-*)
		measure_together "$@"
		return ;;
	*)	! ends "${PID[$server]}" || start "$server" ;;
	esac
	port=${PORT[$server]}
	case $(transport "$row") in
	tls | dtls)	port=$((port + 1)) ;;
	esac
	line=$("${PRIORITY[@]}" timeout 60 taskset -c $LOAD_CORE "$BLAST" \
	    server="127.0.0.1:$port" user=bench password=bench bare=$bare \
	    pids="$(charge "$server")" seconds="$SECONDS_EACH" rate=20000 \
	    transport="$(transport "$row")" "${arguments[@]}") || line=
	[ "$bare" = no ] || stop "$server"
	if [ -z "$line" ]; then
		say "$row: no figure for $server in round $round" >&2
		return
	fi
	jq -c ". + {server: \"$server\", round: $round, row: \"$row\"}" \
	    <<<"$line" >>"$RUNS"
}

# One server after the other, and in each round another one first.
measure_all()
{
	local round=$1 row=$2 all server

	mapfile -t all < <(servers "$row" | tr ' ' '\n')
	set -- "${all[@]:$((round % ${#all[@]}))}" \
	    "${all[@]:0:$((round % ${#all[@]}))}"
	for server; do
		measure "$server" "$round" "$row"
	done
}

# restart STREAMS: both servers, with listeners for streams or without
restart()
{
	local server

	STREAMS=$1
	for server in supernoded coturn; do
		[ -z "${PID[$server]-}" ] || stop "$server"
		start "$server"
	done
}

round()
{
	local n=$1 row

	restart ''
	for row in "${ALL_ROWS[@]}"; do
		[[ $row =~ $ROWS ]] || continue
		[[ $row != workers-* || -z ${CONTROL-} ]] || continue
		[ "$(transport "$row")" = udp ] || [ -n "$STREAMS" ] ||
			restart yes
		measure_all "$n" "$row"
	done
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
jq -r -f "$ROOT/tests/bench/svg.jq" "$OUT/results.json" >"$OUT/bench.svg"
jq -r -f "$ROOT/tests/bench/table.jq" "$OUT/results.json" |
    tee "$OUT/table.md"
