#!/usr/bin/env bash
# Goal: a ledger that cannot be written (a full disk, one that became read-only)
# or read (damaged, half of it gone) is an alarm in log, status and metrics, and
# ends relaying; STUN goes on; what was granted is not exceeded; and all comes
# back by itself.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "the ledger is ours"

lab_net
lab_host server
lab_host alice
lab_host bob
lab_count server out 'meta l4proto { udp, tcp }'
SRV_CAPS=$'\tquota-month = "1GB"'
# of a quota this small, see RESERVE_SHARE in relay/quota_disk.c
RESERVATION=$((1000000000 / 64))
state=$SRV_DIR/state
mkdir -p "$state"
mount -t tmpfs -o size=256k ledger "$state"
on_exit unmount
unmount()
{
	umount -l "$state"
}
server_start server
probe_start alice alice
probe_start bob bob
want bob open udp "$(udp4)"
want bob bind
peer=$(field mapped)

fault()
{
	ctl quota --json | jq -r .ledger.fault
}

has_fault()
{
	[[ $(fault) =~ $1 ]]
}

is_refusing()
{
	[ "$(status .quota.state)" = no-ledger ]
}

sent_by_server()
{
	lab_counted server out | cut -d' ' -f2
}

# flood UNTIL...: alice sends 16 Mbit/s until that is so
flood()
{
	local i

	for ((i = 0; i < 100; i++)); do
		want alice send 0x4001 - 400 1000 500
		! "$@" || return 0
	done
	fail "never: $*"
}

joined()
{
	want alice close
	joins alice udp "$(udp4)"
	want alice channel 0x4001 "$peer"
	want bob reset
	want alice send 0x4001 - 50 1000 1000
	want bob await received 50 3000
}

# closes WHAT PATTERN: how it looks when it has failed closed
closes()
{
	local before

	matches "$1: the log says so" "$(cat "$SRV_LOG_FILE")" "quota: ledger failed, nothing is relayed beyond what it holds: .*$2"
	matches "$1: status" "$(status .quota.fault)" "$2"
	matches "$1: and in words" "$(ctl status)" "ALARM: .*$2"
	equal "$1: metric" "$(metric supernode_ledger_works)" 0
	wait_for 5 "end of all allocations" has_allocations 0
	before=$(sent_by_server)
	want alice send 0x4001 - 200 1000 500
	equal "$1: bytes relayed" \
	    "$(($(sent_by_server) - before))" 0
	want alice close
	want alice open udp "$(udp4)"
	want alice bind
	refused 508 alice allocate
}

works_again()
{
	[ "$(fault)" = null ] && [ "$(status .quota.state)" = open ]
}

joined
# full to the last page: a file of another and no room for the whole ledger
dd if=/dev/zero of="$state/full" bs=4k 2>/dev/null || :
before=$(sent_by_server)
flood has_fault "No space left"
at_alarm=$(sent_by_server)
flood is_refusing
sent=$(($(sent_by_server) - before))
# every byte came in before: until the ledger had to be written again what
# each charge granted, then the rest of one
say "sent $sent bytes on a full disk"
compare "after it was noticed" "$(($(sent_by_server) - at_alarm))" -le \
    "$RESERVATION"
closes "full" "No space left"
rm "$state/full"
wait_for 5 "the ledger" works_again
matches "the log says so" "$(cat "$SRV_LOG_FILE")" 'quota: ledger works again'
joined

# read-only: the kernel allows it only where nobody writes
server_stop
mount -o remount,ro "$state"
server_start server
closes "read-only" "Read-only"
mount -o remount,rw "$state"
wait_for 5 "the ledger" works_again
joined
used=$(ctl quota --json | jq '.periods[1].used')
server_stop

# damaged: kept, and refused until it is moved away
cp -a "$state" "$TMP/good"
sed -i '1s/host/hosu/' "$state/ledger"
cp "$state/ledger" "$TMP/damaged"
server_start server
closes "damaged" "checksum is wrong"
cmp "$state/ledger" "$TMP/damaged" || fail "the damaged ledger was touched"
server_stop
cp "$TMP/good/ledger" "$state/ledger"
rm "$state/ledger.charge"
server_start server
closes "half" "not ledger.charge"
cp "$TMP/good/ledger.charge" "$state/"
wait_for 5 "the ledger" works_again
compare "nothing was lost" "$(ctl quota --json | jq '.periods[1].used')" -ge \
    "$((used - 2 * 65536 * $(status .workers)))"
joined
server_lives
server_stop
