#!/usr/bin/env bash
# Goal: `supernodectl explain` says of an allocation, a user or an address why
# packets were dropped and requests refused, and what the host may do now.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "explain is ours"
need jq

lab_net
lab_host server
lab_host alice
lab_host bob
# read by server.sh
# shellcheck disable=SC2034
SRV_RELAY='	deny = {"198.18.0.200"}'
# shellcheck disable=SC2034
SRV_CAPS='	rate = "40Mbit/s"'
server_start server
probe_start alice alice
probe_start bob bob

# because WHAT FILTER WANTED
because()
{
	local got

	got=$(ctl explain "$1" --json | jq -c "$2")
	[ "$got" = "$3" ] || fail "explain $1: $2 is $got, wanted $3"
	say "ok: $1: $2 = $3"
}
matches "nobody is known yet" "$(ctl explain alice)" 'no allocation, and nothing'

# ---- packets

joins alice udp "$(udp4)"
drop_counts()
{
	ctl explain alice --json | jq -e --arg reason "$1" --argjson n "$2" '
	    .allocations[0].drops | any(.reason == $reason and .packets == $n)'
}
# from a peer without permission
lab_exec bob bash -c "for i in 1 2 3 4 5; do
	echo >/dev/udp/${RELAYED[alice]%:*}/${RELAYED[alice]##*:}
done"
wait_for 5 "five of a stranger" drop_counts no_permission 5
# on a channel that is not bound
want alice send 0x4005 - 7 100 1000
wait_for 5 "seven on no channel" drop_counts no_channel 7
because alice '[.allocations[0].drops[].reason]' '["no_channel","no_permission"]'
because alice '.allocations[0].dropped' 12
text=$(ctl explain alice)
matches "the table" "$text" 'no_channel +7 +ChannelData on an unbound channel'
matches "whose it is" "$text" "allocation [0-9]+ of alice, ${LAB4[alice]}:"

# by address of the client, with and without port, relayed address, number
ID=$(ctl allocations --json | jq '.allocations[0].id')
CLIENT=$(ctl allocations --json | jq -r '.allocations[0].client')
for what in "${LAB4[alice]}" "$CLIENT" "${RELAYED[alice]}" "$ID"; do
	because "$what" '.allocations | length' 1
done
because "${LAB4[alice]}:1" '.allocations | length' 0
because "${LAB4[bob]}" '.allocations | length' 0
because bob '.allocations | length' 0

# ---- requests

refused 403 alice permit 198.18.0.200
refused 403 alice permit 198.18.0.200
because alice '.refusals[0] | [.request, .code, .times, .is_proved]' \
    '["CreatePermission",403,2,true]'
because 198.18.0.200 .as_peer '"denied: a special range, or relay.deny"'
because "${LAB4[bob]}" .as_peer '"allowed"'
want bob open tcp "$(udp4)"
want bob user mallory whatever
refused 401 bob allocate
want bob user "$TURN_USER" wrong-password
refused 401 bob allocate
because mallory '[.refusals[] | [.code, .reason, .is_proved]]' \
    '[[401,"unknown_user",false]]'
because "${LAB4[bob]}" '[.refusals[].reason] | sort' \
    '["unknown_user","wrong_password"]'
matches "the table" "$(ctl explain mallory)" \
    "mallory \\(unproved\\) +Allocate +401 .*\\(unknown_user\\) +once"
[[ $(ctl explain "${LAB4[bob]}" --json) != *wrong-password* ]] ||
	fail "a password is shown"

# ---- a cap

SRV_CAPS+=$'\n\trate-per-allocation = "64kbit/s"\n\tburst-per-allocation = "4kB"'
server_config
server_reload
wait_for 5 "reload" log_says 'applied by every worker'
want alice channel 0x4001 "${LAB4[bob]}:9"
want alice send 0x4001 - 50 1000 1000
capped()
{
	ctl explain alice --json | jq -e '.allocations[0].drops[0] |
	    (.reason | startswith("cap")) and .packets > 10'
}
wait_for 5 "packets over the cap" capped
because alice '.account | [.allocations, .state, .dropped > 10]' \
    '[1,"open",true]'
matches "of the user" "$(ctl explain alice)" 'packets of this user went over'

# ---- the host

matches "the cap" "$(ctl explain alice)" 'at most 40Mbit/s: caps\.rate'
SRV_RELAY+=$'\n\tenabled = false'
server_config
server_reload
off()
{
	[[ $(ctl explain alice) == *"relays nothing now"* ]]
}
wait_for 5 "an explanation" off
rc=0
ctl explain >/dev/null 2>&1 || rc=$?
equal "of nothing" "$rc" 2
server_lives
