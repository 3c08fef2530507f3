#!/usr/bin/env bash
# Goal: relay.enabled = false, told by SIGHUP, ends what is being relayed within
# a second; Binding goes on, Allocate is refused with 403; true brings it back.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "relay.enabled is ours"

lab_net
lab_host server
lab_host alice
lab_host bob
SRV_RELAY=$'\tenabled = true'
server_start server
probe_start alice alice
probe_start bob bob
joins alice udp "$(udp4)"
joins bob tcp "$(udp4)"
calls alice bob 50

# silent: nothing reaches alice for 100 ms, while bob goes on sending
silent()
{
	want alice reset
	ask alice await received 1 100
	[[ $REPLY == error* ]]
}
tell bob send 0x4001 - 6000 172 1000
want alice reset
want alice await received 100 20000
SRV_RELAY=$'\tenabled = false'
server_config
start=$(date +%s%N)
server_reload
wait_for 5 "silence" silent
took=$((($(date +%s%N) - start) / 1000000))
# the last 100 ms of it were the silence itself
soon "relaying ended within ms" "$took" 1100
hear bob
compare "bob was still sending" "$(field sent)" -gt 1000
wait_for 1 "end of all allocations" has_allocations 0

want alice close
want alice open udp "$(udp4)"
want alice bind
matches "Binding is answered" "$(field mapped)" "^${LAB4[alice]}:"
refused 403 alice allocate
want bob close
want bob open tcp "$(udp4)"
refused 403 bob allocate

SRV_RELAY=$'\tenabled = true'
server_config
server_reload
relays_again()
{
	ask alice allocate
	[[ $REPLY == ok* ]]
}
# each worker by itself, and the next connection may be another worker's
applied_twice()
{
	[ "$(grep -c 'applied by every worker' "$SRV_LOG_FILE")" -eq 2 ]
}
wait_for 5 "relaying" relays_again
wait_for 5 "relaying by every worker" applied_twice
joins alice udp "$(udp4)"
joins bob udp "$(udp4)"
calls alice bob 50
server_lives
