#!/usr/bin/env bash
# Goal: the control socket is a Unix socket of mode 0660, never TCP;
# status and allocations show what is there, as text and as JSON.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "the control socket is ours"

lab_net
lab_host server
lab_host alice
lab_host bob
server_start server
probe_start alice alice
probe_start bob bob
equal "mode" "$(stat -c '%a %F' "$SRV_SOCKET")" "660 socket"

text=$(ctl status)
matches "status shows the version" "$text" "$(cat "$ROOT/VERSION")"
for word in uptime workers allocations; do
	matches "status shows $word" "${text,,}" "$word"
done
matches "status shows a listener" "$text" "$SRV_IP4:$SRV_PORT"
ctl status --json | jq -e type >/dev/null || fail "status is no JSON"
equal "allocations at first" "$(allocations)" 0

joins alice udp "$(udp4)"
joins bob tcp "$(udp4)"
calls alice bob 100 172
equal "allocations" "$(allocations)" 2
matches "the list names the user" "$(ctl allocations)" "$TURN_USER"
matches "and the relayed address" "$(ctl allocations)" "${RELAYED[alice]}"
matches "and the same as JSON" "$(ctl allocations --json)" "${RELAYED[bob]}"
[[ $(ctl status --json)$(ctl allocations --json) != *"$TURN_PASSWORD"* ]] ||
	fail "a password is shown"
want alice refresh 0
wait_for 2 "end of one" has_allocations 1

rc=0
out=$(ctl no-such-verb 2>&1) || rc=$?
compare "an unknown verb fails" "$rc" -ne 0
rc=0
out=$("$BUILD/supernodectl" -s "$TMP/none.sock" status 2>&1) || rc=$?
compare "a missing socket fails" "$rc" -ne 0
matches "and is named" "$out" "none.sock"

# a client that says nothing, or too much, does not hold up others
if command -v socat >/dev/null; then
	head -c 1000000 /dev/zero | timeout 5 socat -u - "UNIX:$SRV_SOCKET" ||
		true
fi
ctl status >/dev/null || fail "the control socket does not answer any more"
ports=$(lab_exec server ss -Hltn | awk '{ print $4 }' | sed 's/.*://' |
	sort -un | tr '\n' ' ')
equal "TCP ports" "$ports" "443 $SRV_PORT $SRV_TLS_PORT $SRV_ADMIN_PORT "
server_lives
