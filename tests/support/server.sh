# shellcheck shell=bash
# server: the server under test, in a lab host or on loopback.  Sourced after
# lab.sh or check.sh.  SERVER=coturn runs Debian's turnserver in its place,
# to tell a fault of a test from one of ours.
#
#	server_start [HOST]     writes the configuration, starts, waits
#	server_stop             SIGTERM, and waits for the end
#	ctl VERB...             supernodectl on its control socket
#	server_config           writes $SRV_CONF again (then: server_reload)
#
# A test sets before server_start what it needs otherwise, as lines of the
# section: SRV_NODE SRV_LISTEN SRV_RELAY SRV_AUTH SRV_CAPS SRV_ADMIN SRV_LOG,
# and SRV_MORE for whole sections; SRV_AS is a command to start it by.  A key set there replaces the default; so
# do the keys of a MODE (see mode.sh) where the test has none of its own.

# read by the tests
# shellcheck disable=SC2034
TURN_USER=alice TURN_PASSWORD=correct-horse TURN_SECRET=north
TURN_REALM=example.test
: "${SERVER:=supernode}"
: "${SRV_PORT:=3478}" "${SRV_TLS_PORT:=5349}" "${SRV_ADMIN_PORT:=9641}"
SRV_DIR=$TMP/server
SRV_CONF=$SRV_DIR/supernoded.conf
SRV_LOG_FILE=$SRV_DIR/log
SRV_SOCKET=$SRV_DIR/run/control.sock
SRV_CERT=$SRV_DIR/cert.pem
SRV_KEY=$SRV_DIR/key.pem
SRV_PID=
SRV_HOST=
SRV_SKIP_TAIL=
SRV_AS=()
# shellcheck source=tests/support/mode.sh
. "$ROOT/tests/support/mode.sh"

server_certificate()
{
	mkdir -p "$SRV_DIR"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -days 2 -subj "/CN=$TURN_REALM" \
	    -addext "subjectAltName=DNS:$TURN_REALM,IP:${SRV_IP4}" \
	    -keyout "$SRV_KEY.new" -out "$SRV_CERT.new" 2>/dev/null
	mv "$SRV_KEY.new" "$SRV_KEY"
	mv "$SRV_CERT.new" "$SRV_CERT"
}

# section NAME OWN-LINES DEFAULT-LINE...: the defaults whose key is not set
# in the test's own lines, then those.
section()
{
	local name=$1 own=$2 line key

	shift 2
	echo "$name {"
	for line; do
		key=${line%% *}
		grep -q "^[[:space:]]*${key}[[:space:]]" <<<"$own" ||
			printf '\t%s\n' "$line"
	done
	[ -z "$own" ] || printf '%s\n' "$own"
	echo "}"
}

server_config()
{
	local a=$SRV_IP4 b=$SRV_IP6 p=$SRV_PORT t=$SRV_TLS_PORT more=
	local listen relay

	mapfile -t listen < <(mode_lines listen)
	mapfile -t relay < <(mode_lines relay)
	mkdir -p "$SRV_DIR/state" "$SRV_DIR/run"
	[ -s "$SRV_CERT" ] || server_certificate
	# the ports that firewalls leave open, where nobody else can have them
	[ -z "$SRV_HOST" ] || more=", \"$a:443\", \"[$b]:443\""
	{
		section node "${SRV_NODE-}" \
		    "name = \"sn1.$TURN_REALM\"" "realm = \"$TURN_REALM\"" \
		    "workers = ${WORKERS:-0}" \
		    "state = \"$SRV_DIR/state\"" "run = \"$SRV_DIR/run\""
		section listen "${SRV_LISTEN-}" \
		    "udp = {\"$a:$p\", \"[$b]:$p\"}" \
		    "tcp = {\"$a:$p\", \"[$b]:$p\"}" \
		    "tls = {\"$a:$t\", \"[$b]:$t\"$more}" \
		    "dtls = {\"$a:$t\", \"[$b]:$t\"}" \
		    "certificate = \"$SRV_CERT\"" "private-key = \"$SRV_KEY\"" \
		    "${listen[@]}"
		section relay "${SRV_RELAY-}" \
		    "addresses = {\"$a\", \"$b\"}" \
		    "allow = {\"198.18.0.0/15\", \"2001:db8::/32\", \"127.0.0.0/8\", \"::1\"}" \
		    "${relay[@]}"
		section auth "${SRV_AUTH-}" \
		    "secret = {\"$TURN_SECRET\"}" \
		    "user \"$TURN_USER\" { password = \"$TURN_PASSWORD\" }"
		section caps "${SRV_CAPS-}" 'rate = "unlimited"'
		section admin "${SRV_ADMIN-}" \
		    "listen = \"127.0.0.1:$SRV_ADMIN_PORT\""
		section log "${SRV_LOG-}" 'level = "info"'
		printf '%s\n' "${SRV_MORE-}"
	} >"$SRV_CONF.new"
	mv "$SRV_CONF.new" "$SRV_CONF"
}

# Runs a command where the server is.
at_server()
{
	if [ -n "$SRV_HOST" ]; then
		lab_exec "$SRV_HOST" "$@"
	else
		"$@"
	fi
}

ctl()
{
	"$BUILD/supernodectl" -s "$SRV_SOCKET" "$@"
}

# status FILTER: a value out of `status --json`.
status()
{
	ctl status --json | jq -r "$1"
}

server_ready()
{
	if [ "$SERVER" = coturn ]; then
		at_server timeout 1 \
		    turnutils_stunclient -p "$SRV_PORT" "$SRV_IP4"
	else
		ctl status
	fi
}

server_ready_or_dead()
{
	ends "$SRV_PID" || server_ready
}

# free_port [NOT...]: a TCP and UDP port nobody has right now, none of NOT,
# outside the range the kernel hands out by itself.
free_port()
{
	local port

	while :; do
		port=$((20000 + RANDOM % 12000))
		[[ " $* " != *" $port "* ]] || continue
		if ! ss -Hltun "sport = :$port" | grep -q .; then
			echo "$port"
			return
		fi
	done
}

server_coturn()
{
	local run=(turnserver -n -m "${WORKERS:-1}" --no-cli --fingerprint
	    -L "$SRV_IP4" -L "$SRV_IP6" -E "$SRV_IP4" -E "$SRV_IP6"
	    -p "$SRV_PORT" --tls-listening-port="$SRV_TLS_PORT"
	    --lt-cred-mech --user="$TURN_USER:$TURN_PASSWORD"
	    --realm="$TURN_REALM" --cert="$SRV_CERT" --pkey="$SRV_KEY"
	    --allow-loopback-peers --log-file=stdout --simple-log
	    --pidfile="$SRV_DIR/pid" --userdb="$SRV_DIR/db")

	if [ -n "$SRV_HOST" ]; then
		lab_rules "$SRV_HOST" <<-END
		table inet tls {
			chain in {
				type nat hook prerouting priority -100;
				tcp dport 443 redirect to :$SRV_TLS_PORT
			}
		}
		END
		run=(nsenter --net="/run/netns/$SRV_HOST" -- "${run[@]}")
	fi
	"${run[@]}" >"$SRV_LOG_FILE" 2>&1 &
}

server_launch()
{
	local run=("${SRV_AS[@]}" "$BUILD/supernoded" -c "$SRV_CONF")

	[ -x "$BUILD/supernoded" ] ||
		fail "$BUILD/supernoded is not built: make all"
	[ -x "$BUILD/supernodectl" ] ||
		fail "$BUILD/supernodectl is not built: make all"
	[ -z "$SRV_HOST" ] ||
		run=(nsenter --net="/run/netns/$SRV_HOST" -- "${run[@]}")
	"${run[@]}" >>"$SRV_LOG_FILE" 2>&1 &
}

server_start()
{
	SRV_HOST=${1-}
	if [ -n "$SRV_HOST" ]; then
		SRV_IP4=${LAB4[$SRV_HOST]} SRV_IP6=${LAB6[$SRV_HOST]}
	else
		SRV_IP4=127.0.0.1 SRV_IP6=::1
		SRV_PORT=$(free_port)
		SRV_TLS_PORT=$(free_port "$SRV_PORT")
		SRV_ADMIN_PORT=$(free_port "$SRV_PORT" "$SRV_TLS_PORT")
	fi
	[ "$SERVER" = coturn ] || mode_begin
	server_config
	if [ "$SERVER" = coturn ]; then
		server_coturn
	else
		server_launch
	fi
	SRV_PID=$!
	started "$SRV_PID"
	on_exit server_report
	wait_for 20 "server" server_ready_or_dead
	! ends "$SRV_PID" || fail "the server ended at once"
}

# At the end of a failed test: what the server said.
server_report()
{
	if [ "$1" -ne 0 ] && [ "$1" -ne 77 ] && [ -z "$SRV_SKIP_TAIL" ]; then
		echo "--- what the server dropped:" "$(status '.drops |
		    with_entries(select(.value > 0)) | tostring' 2>&1)"
		echo "--- the server's last lines"
		tail -n 20 "$SRV_LOG_FILE"
	fi
	if [ -n "$SRV_PID" ] && ends "$SRV_PID"; then
		echo "--- the server had ended already"
	fi
	SRV_SKIP_TAIL=1
}

server_reload()
{
	kill -HUP "$SRV_PID"
}

# Sets SRV_RC to the exit code.
server_stop()
{
	local pid=$SRV_PID

	kill -TERM "$pid"
	wait_for 10 "end of the server" ends "$pid"
	SRV_RC=0
	wait "$pid" || SRV_RC=$?
	SRV_PID=
}

server_lives()
{
	! ends "$SRV_PID" || fail "the server has died"
}

# addresses for probes and turnutils
udp4() { echo "$SRV_IP4:$SRV_PORT"; }
udp6() { echo "[$SRV_IP6]:$SRV_PORT"; }
tls4() { echo "$SRV_IP4:$SRV_TLS_PORT"; }
tls6() { echo "[$SRV_IP6]:$SRV_TLS_PORT"; }

# coturn_only_stands_in WHY: a test that needs what coturn has not.
ours_only()
{
	[ "$SERVER" = supernode ] || skip "$1: not for SERVER=$SERVER"
}

# drops REASON: how many were dropped for it, all workers together.
drops()
{
	status ".drops.$1"
}

# allocations: how many there are now.
allocations()
{
	ctl allocations --json | jq .total
}

has_allocations()
{
	[ "$(allocations)" -eq "$1" ]
}

# metric NAME: sum of a metric's samples.
metric()
{
	at_server curl -fsS "http://127.0.0.1:$SRV_ADMIN_PORT/metrics" |
		awk -v n="$1" '$1 == n || index($1, n "{") == 1 { s += $2 }
		    END { printf "%.0f\n", s }'
}

log_says()
{
	grep -Eq "$1" "$SRV_LOG_FILE"
}
