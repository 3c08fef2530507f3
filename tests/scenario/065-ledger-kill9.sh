#!/usr/bin/env bash
# Goal: kill -9 under traffic, 50 times: the ledger never counts less than the
# kernel saw the server send and what had to arrive for it, and at most one
# reservation a kill more.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "the ledger is ours"

: "${KILLS:=50}"
QUOTA_MB=500
# of a quota this small, see RESERVE_SHARE in relay/quota_disk.c
RESERVATION=$((QUOTA_MB * 1000000 / 64))
lab_net
lab_host server
lab_host alice
lab_host bob
lab_count server out 'meta l4proto { udp, tcp }'
lab_count server in 'meta l4proto { udp, tcp }'
# to bob, whose packets came in before: ours alone know the way there
lab_rules server <<-END
table inet relayed {
	counter wire { }
	chain c {
		type filter hook output priority -200; policy accept;
		ip daddr ${LAB4[bob]} udp length > 500 counter name wire
	}
}
END
SRV_CAPS=$'\tquota-month = "'$QUOTA_MB$'MB"'
probe_start alice alice
probe_start bob bob

relayed()
{
	lab_exec server nft list counter inet relayed wire |
		sed -n 's/.*packets \([0-9]*\) bytes \([0-9]*\).*/\2/p'
}

used()
{
	ctl quota --json | jq '.periods[1].used'
}

is_free()
{
	! lab_exec server ss -Hltun "sport = :$SRV_PORT" | grep -q .
}

has_relayed()
{
	[ "$(relayed)" -gt "$1" ]
}

server_start server
want bob open udp "$(udp4)"
want bob bind
peer=$(field mapped)
for ((kill = 1; kill <= KILLS; kill++)); do
	joins alice udp "$(udp4)" >/dev/null
	want alice channel 0x4001 "$peer"
	before=$(relayed)
	tell alice send 0x4001 - $((40 + RANDOM % 200)) 1000 500
	wait_for 5 "traffic" has_relayed "$before"
	{
		kill -KILL "$SRV_PID"
		wait "$SRV_PID" || :
	} 2>/dev/null
	hear alice
	want alice close
	# a ring of the kernel's holds the sockets a little longer
	wait_for 5 "end of the sockets" is_free
	server_launch
	SRV_PID=$!
	started "$SRV_PID"
	wait_for 20 "server" server_ready_or_dead
	seen=$(($(lab_counted server out | cut -d' ' -f2) + $(relayed)))
	now=$(used)
	[ "$now" -ge "$seen" ] ||
		fail "kill $kill: the ledger has $now, the kernel saw $seen"
done
say "ok: $KILLS kills, the ledger never had less than the kernel"
most=$(($(lab_counted server out | cut -d' ' -f2) +
    $(lab_counted server in | cut -d' ' -f2)))
now=$(used)
compare "counted too much, a kill" $(((now - most) / KILLS)) -le \
    "$RESERVATION"
say "kernel $most, ledger $now"
matches "the log says so" "$(cat "$SRV_LOG_FILE")" 'quota: ledger was not closed'
server_lives
server_stop
