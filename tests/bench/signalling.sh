#!/usr/bin/env bash
# signalling.sh BUILD: messages from node to node through supernoded, Redis,
# NATS and a bare echo, interleaved in the same rounds, on loopback: each
# server on core 0, the load on core 1.  And what it costs to hold many nodes
# over TLS, and to have all of them back at once.
#
#	ROUNDS=5 SECONDS_EACH=1		how often, how long
#	NODES=15000			held over TLS; bounded by descriptors
#	PAIRS="100 1000"
#	ROWS=REGEX			only these: ROWS=tls, ROWS='^(supernode|nats)$'
#
# Prints tables and leaves all figures in BUILD/bench/signalling.jsonl.
# Nothing is passed or failed here.
BUILD=$1
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/ahead.sh
. "$(dirname "$0")/../support/ahead.sh"
need redis-server nats-server jq openssl taskset

: "${ROUNDS:=5}" "${SECONDS_EACH:=1}" "${NODES:=15000}" "${PAIRS:=100 1000}"
: "${ROWS:=}"
OUT=$BUILD/bench
RUNS=$OUT/signalling.jsonl
CHATTER=$BUILD/tools/chatter
declare -A PORT=() PID=()

[ "$(nproc)" -ge 2 ] || skip "needs two cores: one for the load"
mkdir -p "$OUT"
: >"$RUNS"
ulimit -n "$(ulimit -Hn)"
room=$(($(ulimit -n) - 200))
[ "$NODES" -le "$room" ] || {
	echo "NODES: $room instead of $NODES, there are no more descriptors"
	NODES=$room
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$TMP/key.pem" -out "$TMP/cert.pem" -subj /CN=localhost \
    -days 2 2>/dev/null

free_port()
{
	"$BUILD/tools/demo" port loopback "$1"
}

is_open()
{
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# launch NAME PORT COMMAND...: on core 0, until it can be connected to
launch()
{
	local name=$1 port=$2
	shift 2
	PORT[$name]=$port
	"${PRIORITY[@]}" taskset -c 0 "$@" >"$TMP/$name.log" 2>&1 &
	PID[$name]=$!
	started $!
	wait_for 10 "$name on port $port" is_open "$port" ||
		fail "$name: $(tail -n 3 "$TMP/$name.log")"
}

supernode()
{
	local name=$1 port tls
	port=$(free_port 23478)
	PORT[$name-tls]=$(free_port $((port + 1)))
	tls=${PORT[$name-tls]}
	mkdir -p "$TMP/$name"
	cat >"$TMP/$name.conf" <<-END
	node { name = "localhost" realm = "localhost" workers = 1
	       state = "$TMP/$name" run = "$TMP/$name" }
	listen { udp = {"127.0.0.1:$port"} tcp = {"127.0.0.1:$port"}
	         tls = {"127.0.0.1:$tls"} dtls = {}
	         certificate = "$TMP/cert.pem" private-key = "$TMP/key.pem" }
	relay { addresses = {"127.0.0.1"} }
	auth { secret = {"bench"} anonymous = true }
	signalling { messages = 10000000 bytes = "100Gbit/s"
	             sessions-per-address = 1000000
	             sessions-per-prefix = 1000000 pending = 100000 }
	caps { rate = "unlimited" connections = 1000000
	       connections-per-prefix = 1000000 }
	admin { listen = "" }
	END
	launch "$name" "$port" "$BUILD/supernoded" -c "$TMP/$name.conf"
	PID[$name-tls]=${PID[$name]}
}

talk()
{
	local row=$1 server=$2 dialect=$3 pairs=$4 tls=${5-}
	"${PRIORITY[@]}" taskset -c 1 "$CHATTER" server="127.0.0.1:${PORT[$server]}" \
	    pids="${PID[$server]}" dialect="$dialect" ${tls:+tls=yes} \
	    pairs="$pairs" seconds="$SECONDS_EACH" |
		jq -c --arg row "$row" --arg pairs "$pairs" \
		    --arg round "$i" '. + {row: $row, pairs: ($pairs |
		    tonumber), round: ($round | tonumber)}' >>"$RUNS" ||
		echo "$row, $pairs pairs: no figure" >&2
}

port=$(free_port 26379)
launch redis "$port" redis-server --port "$port" --bind 127.0.0.1 \
    --protected-mode no --save "" --appendonly no --maxclients 10000 --dir "$TMP"
port=$(free_port 24222)
launch nats "$port" nats-server -a 127.0.0.1 -p "$port"
port=$(free_port 27000)
launch echo "$port" "$BUILD/tools/echo" "127.0.0.1:$port"
port=$(free_port 27001)
launch echo-tls "$port" "$BUILD/tools/echo" "127.0.0.1:$port" \
    "$TMP/cert.pem" "$TMP/key.pem"
supernode supernode

# every round begins with another one, so that neighbours change
LOADS=("supernode supernode ws" "nats nats nats" "redis redis redis"
    "echo echo echo" "supernode-tls supernode-tls ws tls"
    "echo-tls echo-tls echo tls")
for ((i = 0; i < ROUNDS; i++)); do
	for pairs in $PAIRS; do
		for ((j = 0; j < ${#LOADS[@]}; j++)); do
			read -r row server dialect tls \
			    <<<"${LOADS[(i + j) % ${#LOADS[@]}]}"
			[[ $row =~ $ROWS ]] || continue
			talk "$row" "$server" "$dialect" "$pairs" "$tls"
		done
	done
done

echo "Delivered messages for a second of the server's CPU: medians of" \
    "$ROUNDS rounds (least to most)"
jq -rsf "$(dirname "$0")/signalling.jq" "$RUNS"

echo
echo "$NODES nodes over TLS, cut by RST, and back in"
supernode holder
"${PRIORITY[@]}" taskset -c 1 "$CHATTER" server="127.0.0.1:${PORT[holder-tls]}" \
    pids="${PID[holder]}" dialect=ws tls=yes way=hold nodes="$NODES" |
	tee -a "$RUNS"
