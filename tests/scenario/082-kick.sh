#!/usr/bin/env bash
# Goal: `supernodectl kick NAME` ends its sessions and allocations, in every
# worker, and nobody else's; with --for it gets no session, no credential and
# no allocation until then, over a restart, too; it is logged and audited who
# did it, and a time of 0s lets it in again.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "tokens are ours"
need node jq

ip link set lo up
WORKERS=${WORKERS:-2}
echo '{"keys":[]}' >"$TMP/login.jwks"
SRV_AUTH="	issuer \"login\" { jwks = \"$TMP/login.jwks\"
		issuer = \"https://login.example.test\"
		audience = \"supernode\" }"
SRV_MORE="signalling { rest-keys = {\"application\"} }
audit { file = \"$TMP/audit.log\" }"
server_start

nodes_start() {
	rm -f "$TMP/in" "$TMP/out"
	mkfifo "$TMP/in" "$TMP/out"
	PORT=$SRV_PORT node "$ROOT/tests/scenario/082-kick.mjs" "$TMP" \
	    <"$TMP/in" >"$TMP/out" &
	started $!
	exec 7>"$TMP/in" 8<>"$TMP/out"
}
node_says() {
	echo "$1" >&7
	IFS= read -r -t 120 REPLY <&8 || fail "no answer to $1"
	[[ $REPLY != failed* ]] || fail "$1: $REPLY"
	printf '%s\n' "$REPLY"
}
# allocates as the user of a credential, or is refused CODE
allocates() {
	want "$1" open "$2" "$(udp4)"
	want "$1" user "$3" "$4"
	want "$1" allocate
}
is_refused() {
	want "$1" open udp "$(udp4)"
	want "$1" user "$2" "$3"
	refused 403 "$1" allocate
}

nodes_start
wait_for 10 "keys" grep -q Ed25519 "$TMP/login.jwks"
ctl reload >/dev/null
read -r user password < <(node_says join)
for probe in z1 z2 other; do
	probe_start "$probe"
done
allocates z1 udp "$user" "$password"
allocates z2 tcp "$user" "$password"
allocates other udp "$TURN_USER" "$TURN_PASSWORD"
equal "allocations" "$(allocations)" 3

say "--- now"
out=$(ctl kick zoe)
equal "it says" "$out" "2 sessions and 2 allocations ended; may come back"
equal "the sessions' close codes" "$(node_says closed)" "1008 1008"
equal "allocations that are left" "$(allocations)" 1
equal "bob's sessions" "$(node_says bob)" 1
want other refresh 600
matches "the log says who" "$(grep 'kick: ended' "$SRV_LOG_FILE")" \
    "name=\"zoe\" sessions=2 allocations=2 until=0 uid=$(id -u)"
equal "zoe may come back" "$(node_says hello)" ready
equal "nobody by that name" "$(ctl kick nobody)" \
    "0 sessions and 0 allocations ended; may come back"

say "--- for an hour"
read -r user password < <(node_says join)
probe_start z3
allocates z3 udp "$user" "$password"
out=$(ctl kick zoe --for 1h --json)
equal "sessions" "$(jq .sessions <<<"$out")" 2
equal "allocations" "$(jq .allocations <<<"$out")" 1
left=$(($(jq .until <<<"$out") - $(date +%s)))
compare "until" "$left" -gt 3500
compare "until" "$left" -le 3600
equal "the close codes" "$(node_says closed)" "1008 1008"
is_out() {
	equal "hello" "$(node_says hello)" "forbidden 1008"
	equal "/ice" "$(node_says ice)" 403
	equal "the TURN REST service" "$(node_says rest)" 403
	is_refused "$1" "$user" "$password"
}
is_out z1
probe_start z4
is_out z4
equal "the metric" "$(metric supernode_barred_names)" 1
matches "status lists it" "$(ctl status --json)" '"name": "zoe"'
equal "the file is nobody else's" \
    "$(stat -c %a "$SRV_DIR/state/barred")" 600

say "--- over a restart"
server_stop
server_launch
SRV_PID=$!
started "$SRV_PID"
wait_for 20 "server" server_ready_or_dead
probe_start z5
is_out z5

say "--- and in again"
ctl kick zoe --for 0s >/dev/null
equal "hello" "$(node_says hello)" ready
probe_start z6
allocates z6 udp "$user" "$password"

rc=0
ctl kick zoe --for 400d >/dev/null 2>&1 || rc=$?
equal "more than a year is refused" "$rc" 1
rc=0
ctl kick >/dev/null 2>&1 || rc=$?
equal "no name is wrong usage" "$rc" 2
equal "audit" "$(jq -c 'select(.event == "kick") |
    [.user, .sessions, .allocations]' "$TMP/audit.log" | tr '\n' ' ')" \
    '["zoe",2,2] ["nobody",0,0] ["zoe",2,1] ["zoe",0,0] '
server_lives
