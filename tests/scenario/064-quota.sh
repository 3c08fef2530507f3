#!/usr/bin/env bash
# Goal: a quota is the end: however fast clients send, the server's interface
# carries no relayed byte beyond it (nftables counts), and what is left then is
# what at-quota says: a trickle, STUN alone, or nothing.  A restart opens
# nothing; the report adds up.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "quotas are ours"

QUOTA=4000000
lab_net
lab_host server
lab_host alice
lab_host bob
lab_count server out 'meta l4proto { udp, tcp }'

quota()
{
	ctl quota --json | jq -r "$1"
}

is_used_up()
{
	[ "$(quota .state)" = used-up ]
}

sent_by_server()
{
	lab_counted server out | cut -d' ' -f2
}

# spend MODE: a server of that mode whose quota is used up at once.
spend()
{
	local before peer

	rm -rf "$SRV_DIR/state"
	SRV_CAPS=$'\trate = "40Mbit/s"\n\tquota-day = "4MB"\n\ttrickle = "64kbit/s"\n'
	SRV_CAPS+=$'\tat-quota = "'$1'"'
	server_start server
	before=$(sent_by_server)
	joins alice udp "$(udp4)"
	want bob open udp "$(udp4)"
	want bob bind
	peer=$(field mapped)
	want alice channel 0x4001 "$peer"
	want bob reset
	# 16 Mbit/s for a second and a half; again where this machine is so busy
	# that too much of it found no grant
	for _ in 1 2 3; do
		is_used_up || want alice send 0x4001 - 3000 1000 500
	done
	wait_for 5 "end of the quota" is_used_up
	# each relayed byte came in before it left: half of it was sent
	compare "$1: bytes sent" "$(($(sent_by_server) - before))" -le \
	    $((QUOTA / 2 + 32 * 1024))
	compare "$1: share of the quota that was used, %" \
	    $((($(sent_by_server) - before) * 200 / QUOTA)) -ge 90
	ask bob stats
	say "$1: bob received $(field received)"
	equal "$1: the word is the quota's" \
	    "$(status '[.quota.state, .quota.day.left] | join(" ")')" "used-up 0"
	compare "$1: dropped for it" "$(drops quota)" -gt 0
	equal "$1: at_quota" "$(quota .at_quota)" "$1"
}

# nobody's allocations but the server's own word
probe_start alice alice
probe_start bob bob

spend trickle
want bob reset
before=$(sent_by_server)
start=$(date +%s%N)
want alice send 0x4001 - 2000 200 1000
took=$((($(date +%s%N) - start) / 1000000))
compare "trickle: bytes sent in $took ms" "$(($(sent_by_server) - before))" \
    -le $((8 * took + 8000))
ask bob stats
compare "trickle: packets that got through" "$(field received)" -ge 10
ctl quota
ctl report --month
matches "warned at 80 %" "$(cat "$SRV_LOG_FILE")" 'quota: used 80% quota-day=4MB'
matches "warned at the end" "$(cat "$SRV_LOG_FILE")" 'quota: used up quota-day=4MB'
equal "the report adds up" "$(ctl report --json | jq '
	([.users[].bytes] | add) + .others.bytes + .unattributed.bytes ==
	    .total.bytes and .users[0].name == "alice" and
	    .total.bytes == .total.in + .total.out')" true
compare "and holds what the kernel saw" \
    "$(ctl report --json | jq .total.out)" -ge "$(sent_by_server)"

# but for what workers held and did not use nothing is there again
server_stop
server_start server
compare "left after a restart" "$(quota '.periods[0].left')" -le \
    $((2 * 65536 * $(status .workers)))
server_stop

spend signalling
wait_for 5 "end of all allocations" has_allocations 0
want alice close
want alice open udp "$(udp4)"
want alice bind
matches "signalling: Binding is answered" "$(field mapped)" "^${LAB4[alice]}:"
refused 508 alice allocate
server_stop

spend off
want alice close
want alice open udp "$(udp4)"
# a cap lets one packet of full size through, however low it is: no more
for ((i = 0; i < 80; i++)); do
	ask alice bind
	[[ $REPLY == ok* ]] || break
done
matches "off: Binding is not answered after $i" "$REPLY" '^error code=408'
server_lives
server_stop
