#!/usr/bin/env bash
# Goal: `supernodectl drain`: a new client is sent to another supernode of its
# family (300; coturn's client goes there, too), or away where none is named
# (508); who is here goes on; the deadline can be changed and the drain taken
# back; the process ends by itself when nobody is left, or at the deadline, and
# asks systemd for the time.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "the drain is ours"
need socat turnutils_uclient turnutils_peer

lab_net
lab_host server
lab_host other
lab_host alice
lab_host bob
lab_host peer
others="\"${LAB4[other]}:$SRV_PORT\", \"${LAB4[other]}:3479\""
SRV_RELAY=$'\talternates = {'"$others}"
export NOTIFY_SOCKET=$TMP/notify
socat -u "UNIX-RECV:$NOTIFY_SOCKET" "CREATE:$TMP/notified" &
started $!
wait_for 5 "notify socket" test -S "$NOTIFY_SOCKET"
server_start server
probe_start alice alice
probe_start bob bob

lab_exec peer turnutils_peer -L "${LAB4[peer]}" -p 3480 >"$TMP/peer.log" 2>&1 &
started $!

# the other supernode, at two ports
mkdir -p "$TMP/other/state" "$TMP/other/run"
sed -e "s|udp = {|udp = {\"${LAB4[other]}:3479\", |" \
    -e "s|$SRV_IP4:|${LAB4[other]}:|g; s|\\[$SRV_IP6\\]|[${LAB6[other]}]|g" \
    -e "s|\"$SRV_IP4\", \"$SRV_IP6\"|\"${LAB4[other]}\"|" \
    -e "s#$SRV_DIR/\\(state\\|run\\)#$TMP/other/\\1#; /alternates/d" \
    "$SRV_CONF" >"$TMP/other.conf"
NOTIFY_SOCKET='' nsenter --net=/run/netns/other -- \
    "$BUILD/supernoded" -c "$TMP/other.conf" >"$TMP/other.log" 2>&1 &
started $!
until_true 5 test -S "$TMP/other/run/control.sock" ||
	fail "the other supernode: $(tail -n 3 "$TMP/other.log")"

# a new client of host $1 asks, and is told code $2
newcomer()
{
	want "$1" open udp "${3:-$(udp4)}"
	want "$1" user "$TURN_USER" "$TURN_PASSWORD"
	refused "$2" "$1" allocate
}

again()
{
	wait "$SRV_PID" || true
	: >"$TMP/notified"
	server_config
	server_launch
	SRV_PID=$!
	started "$SRV_PID"
	wait_for 20 "server" server_ready_or_dead
	server_lives
}

ended()
{
	wait_for "$1" "end of the server" ends "$SRV_PID"
	SRV_RC=0
	wait "$SRV_PID" || SRV_RC=$?
	equal "exit code" "$SRV_RC" 0
}

say "--- the way down, and back"
joins alice udp "$(udp4)"
out=$(ctl drain --deadline 1h)
matches "it says what is left" "$out" "1 allocations are left, ends in 1 h"
newcomer bob 300
ctl drain --deadline 10m >/dev/null
status .drain.left_ms >"$TMP/left"
compare "another deadline, ms" "$(cat "$TMP/left")" -le 600000
matches "status" "$(ctl status)" "draining +1 allocations left, ends in (10|9) min"
equal "health" "$(at_server curl -so /dev/null -w '%{http_code}' \
    "http://127.0.0.1:$SRV_ADMIN_PORT/health")" 503
equal "metric" "$(metric supernode_draining)" 1
ctl drain --cancel >/dev/null
ctl drain --cancel >/dev/null 2>&1 && fail "there was nothing to cancel"
joins bob udp "$(udp4)"
want bob refresh 0
for bad in "--deadline 8d" "--deadline x" "--cancel --deadline 5m" now; do
	rc=0
	# shellcheck disable=SC2086
	ctl drain $bad >/dev/null 2>&1 || rc=$?
	compare "refused: drain $bad" "$rc" -ne 0
done
equal "state" "$(status .state)" serving

say "--- 300: elsewhere, in turn, in the family of the client"
ctl drain >/dev/null
lab_exec bob timeout 30 turnutils_uclient -u "$TURN_USER" -w "$TURN_PASSWORD" \
    -c -n 3 -e "${LAB4[peer]}" -r 3480 "$SRV_IP4" >"$TMP/uclient" 2>&1 &
uclient=$!
started "$uclient"
seen=
for _ in 1 2 3 4 5 6; do
	newcomer bob 300
	seen+=" $(field alternate)"
done
matches "one" "$seen" " ${LAB4[other]}:$SRV_PORT"
matches "and the other" "$seen" " ${LAB4[other]}:3479"
newcomer bob 508 "$(udp6)"
newcomer bob 300 "$(udp4)"
joins bob udp "$(field alternate)"
say "--- who is here goes on, to its end"
calls alice bob 50
want alice refresh 600
want alice bind
both_elsewhere()
{
	[ "$(grep -c 'allocation opened' "$TMP/other.log")" -ge 2 ]
}
wait_for 10 "coturn's client elsewhere" both_elsewhere
want alice refresh 0
ended 3
log_says 'drain: done, no allocation is left' || fail "the log does not say so"
grep -q 'EXTEND_TIMEOUT_USEC=15000000' "$TMP/notified" ||
	fail "systemd was not asked for time: $(cat "$TMP/notified")"
grep -q 'STATUS=Draining: 1 allocations left, [0-9]* s at most' \
    "$TMP/notified" || fail "no STATUS: $(cat "$TMP/notified")"
grep -q 'STOPPING=1' "$TMP/notified" || fail "no STOPPING"

say "--- 508 without another, and the deadline"
SRV_RELAY=
again
joins alice udp "$(udp4)"
ctl drain --deadline 5s >/dev/null
newcomer bob 508
ended 10
log_says 'drain: deadline reached, the rest is closed allocations=1' ||
	fail "the log does not say what was closed"
log_says 'allocation closed .*why="shut down"' || fail "not closed"

say "--- nobody here: at once; SIGTERM ends a drain"
again
ctl drain >/dev/null
ended 2
again
joins alice udp "$(udp4)"
ctl drain --deadline 1h >/dev/null
kill -TERM "$SRV_PID"
ended 2

say "--- coturn's client went elsewhere, too"
wait "$uclient" || fail "turnutils_uclient: $(tail -n 5 "$TMP/uclient")"
matches "nothing was lost" "$(cat "$TMP/uclient")" "Total lost packets 0 \("
