#!/usr/bin/env bash
# Goal: caps.allocations-per-user is answered with 486 and caps.allocations
# with 508; what is given back can be taken again; nobody else is disturbed.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "caps are ours"

lab_net
lab_host server
lab_host alice
SRV_CAPS=$'\tallocations = 5\n\tallocations-per-user = 3'
server_start server
probe_start alice alice
probe_start bob alice

# hoard USER: one more allocation of that user, on a connection of its own
hoard()
{
	want alice open udp "$(udp4)"
	want alice rest "$TURN_SECRET" "$1"
	ask alice allocate
}
took()
{
	hoard "$1"
	[[ $REPLY == ok* ]] || fail "$1 was refused: $REPLY"
}
for _ in 1 2 3; do
	took ann
done
hoard ann
matches "a user's fourth is refused" "$REPLY" 'error code=486( |$)'
took ben
joins bob udp "$(udp4)"
equal "allocations held" "$(allocations)" 5
hoard cat
matches "the host's sixth is refused" "$REPLY" 'error code=508( |$)'

# an allocation that is there still works, and ends by Refresh with 0
want bob permit "${RELAYED[bob]}"
want bob refresh 0
wait_for 2 "one place" has_allocations 4
took cat
equal "allocations held" "$(allocations)" 5
hoard cat
matches "and the host is full again" "$REPLY" 'error code=508( |$)'
server_lives
