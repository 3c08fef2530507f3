#!/usr/bin/env bash
# Goal: status --memory tells the allocator's figures and what each kind of
# object takes; an allocation with a permission and a channel costs at most
# 1.5 KiB of user-space memory.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "memory by kind of object is ours"
need jq

COUNT=1000
[ "$(ulimit -Hn)" -ge 4096 ] || skip "needs 4096 descriptors"
ulimit -n 4096
# a loopback, and so ports, of its own
ip link set lo up
# read by server.sh
# shellcheck disable=SC2034
SRV_NODE='	workers = 1' SRV_CAPS='	allocations-per-user = 2000
	unauthenticated = 100000'
# shellcheck disable=SC2119
server_start

# hold SECONDS: COUNT allocations, each with a permission and a channel
hold()
{
	"$BUILD/tools/blast" server="$SRV_IP4:$SRV_PORT" user="$TURN_USER" \
	    password="$TURN_PASSWORD" pids="$SRV_PID" way=up \
	    allocations=$COUNT size=172 seconds="$1" >/dev/null &
	BLAST_PID=$!
	started "$BLAST_PID"
}
holds_all()
{
	[ "$(status .memory.objects.channels.count)" -eq $COUNT ]
}
before=$(status .memory)
hold 30
wait_for 60 "$COUNT channels" holds_all
after=$(status .memory)
text=$(ctl status --memory)
kill "$BLAST_PID"

of()
{
	jq -r "$2" <<<"$1"
}
for kind in allocations permissions channels relayed_sockets; do
	equal "$kind" "$(of "$after" ".objects.$kind.count")" $COUNT
	compare "bytes of one of $kind" \
	    "$(of "$after" ".objects.$kind.bytes_each")" -gt 0
	compare "bytes of all $kind" "$(of "$after" \
	    ".objects.$kind | .bytes - .count * .bytes_each")" -ge 0
done
for kind in packet_slots tables wheels; do
	compare "bytes of $kind" "$(of "$after" ".objects.$kind.bytes")" -gt 0
done
matches "status --memory is a table" "$text" "relayed_sockets +1 000"
rc=0
ctl allocations --memory >/dev/null 2>&1 || rc=$?
equal "--memory without status" "$rc" 2

if [ "$(of "$after" .heap)" = null ]; then
	# a build with sanitizers runs on their allocator
	matches "and says so" "$text" "not available"
else
	compare "bytes for each allocation" "$((($(of "$after" \
	    .heap.allocated) - $(of "$before" .heap.allocated)) / COUNT))" \
	    -le 1536
	compare "resident" "$(of "$after" .heap.resident)" -ge \
	    "$(of "$after" .heap.allocated)"
fi
server_lives
