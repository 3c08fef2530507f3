#!/usr/bin/env bash
# Goal: `supernodectl relay off` ends what is relayed at once, or by a deadline,
# while STUN goes on; it stays off over restarts and kill -9 until `relay on`;
# a damaged switch stays off with an alarm, one that cannot be stored says so;
# who did it, and when, is logged, and others than the group may not.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "the operator's switch is ours"
need setpriv

lab_net
lab_host server
lab_host alice
lab_host bob
server_start server
probe_start alice alice
probe_start bob bob
switch=$SRV_DIR/state/switch

talk()
{
	joins alice udp "$(udp4)"
	joins bob tcp "$(udp4)"
	calls alice bob 50
}

is_off()
{
	want alice open udp "$(udp4)"
	want alice bind
	matches "Binding is answered" "$(field mapped)" "^${LAB4[alice]}:"
	want alice user "$TURN_USER" "$TURN_PASSWORD"
	refused 403 alice allocate
	equal "by whom" "$(status .relay.by)" operator
}

# At once: a ring of the kernel's (io_uring) holds the sockets of one that was
# killed a moment longer than the process lives.
again()
{
	server_launch
	SRV_PID=$!
	started "$SRV_PID"
	wait_for 20 "server" server_ready_or_dead
	server_lives
}

say "--- at once, under traffic"
talk
tell bob send 0x4001 - 3000 172 1000
want alice reset
want alice await received 100 20000
start=$(date +%s%N)
out=$(ctl relay off --reason "exam week")
wait_for 1 "end of all allocations" has_allocations 0
took=$((($(date +%s%N) - start) / 1000000))
soon "ended within ms" "$took" 1000
matches "it says what ends" "$out" "2 allocations end now"
hear bob
compare "bob was still sending" "$(field sent)" -gt 1000
is_off
matches "the log says who" "$(grep 'switch: relaying switched off' \
    "$SRV_LOG_FILE")" "uid=$(id -u) pid=[0-9]+ reason=\"exam week\""
matches "status says who" "$(ctl status)" "off by operator: uid $(id -u): exam"
equal "metric" "$(metric supernode_relay_on)" 0
equal "the file is nobody else's" "$(stat -c %a "$switch")" 600

say "--- over a restart, and over kill -9"
server_stop
again
is_off
matches "reason" "$(status .relay.operator.reason)" "exam week"
kill -KILL "$SRV_PID"
wait "$SRV_PID" 2>/dev/null || true
again
is_off
server_reload
is_off

say "--- only root and the group"
rc=0
out=$(setpriv --reuid 65534 --regid 65534 --clear-groups \
    "$BUILD/supernodectl" -s "$SRV_SOCKET" relay on 2>&1) || rc=$?
equal "exit code for others" "$rc" 3
is_off
chmod 777 "$SRV_SOCKET"
chmod o+x "$TMP" "$SRV_DIR" "$SRV_DIR/run"
setpriv --reuid 65534 --regid 65534 --clear-groups \
    "$BUILD/supernodectl" -s "$SRV_SOCKET" relay off >/dev/null
matches "the log names the uid" "$(grep 'switch: relaying switched off' \
    "$SRV_LOG_FILE" | tail -n 1)" "uid=65534 "
for bad in "off --deadline 5" "off --deadline 8d" "perhaps" "on --deadline 5m" \
    "off --cancel" ""; do
	rc=0
	# shellcheck disable=SC2086
	ctl relay $bad >/dev/null 2>&1 || rc=$?
	compare "refused: relay $bad" "$rc" -ne 0
done
rc=0
ctl relay off --reason $'two\nlines' >/dev/null 2>&1 || rc=$?
equal "a reason of two lines is refused" "$rc" 1

say "--- on again"
matches "answer" "$(ctl relay on)" "relaying is on"
talk
out=$(ctl relay off --deadline 5s)
matches "it says how many are left" "$out" "2 allocations are left, for 5 s"
want bob open udp "$(udp4)"
want bob user "$TURN_USER" "$TURN_PASSWORD"
refused 403 bob allocate
want alice refresh 600
matches "status counts down" "$(ctl status)" "may stay for [1-5] s"
wait_for 10 "end at the deadline" has_allocations 0
equal "nothing waits" "$(status .relay.operator.left_ms)" null

say "--- a disk that does not take it"
ctl relay on >/dev/null
rm "$switch"
mkdir "$switch"
matches "off holds, with an alarm" "$(ctl relay off)" "ALARM.*not be stored"
equal "metric" "$(metric supernode_switch_alarm)" 1
rc=0
out=$(ctl relay on 2>&1) || rc=$?
equal "on is refused" "$rc" 1
matches "and says why" "$out" "stays off.*switch cannot be written"
is_off
rmdir "$switch"

say "--- damage"
ctl relay on >/dev/null
server_stop
echo '{"relay": tr' >"$switch"
again
is_off
matches "alarm" "$(ctl status)" "ALARM +the switch file is damaged"
log_says "not read path=$switch reason=" || fail "no line in the log"
ctl relay on >/dev/null
equal "no alarm" "$(status .relay.operator.alarm)" ""
talk
server_stop
equal "exit code" "$SRV_RC" 0
