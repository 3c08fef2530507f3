#!/usr/bin/env bash
# Goal: with relay.members-only this host relays only where one end, or both,
# is in a named network; a network with relay = false has no part in it; and a
# reload changes it for what is running.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "networks are ours"

lab_net
for host in server alice bob carol; do
	lab_host "$host"
done
inside="network \"campus\" { prefixes = {\"${LAB4[alice]}/32\", \"${LAB4[bob]}/32\"} }"

# policy MEMBERS NETWORKS: a reload with them
policy()
{
	SRV_RELAY=$'\tmembers-only = "'$1\"
	SRV_MORE=$2
	server_config
	ctl reload
}


server_start server
probe_start inpeer bob
want inpeer open udp "$(udp4)"
want inpeer bind
in=$(field mapped)
probe_start outpeer carol
want outpeer open udp "$(udp4)"
want outpeer bind
out=$(field mapped)

say "--- without networks: anyone with anyone"
probe_start alice alice
probe_start carol carol
joins alice udp "$(udp4)"
joins carol udp "$(udp4)"
want alice permit "$out"
want carol channel 0x4001 "$out"
want carol send 0x4001 - 5 100 1000
want outpeer await received 5 2000

say "--- one end"
policy one "$inside"
refused 403 carol permit "$out"
want carol permit "$in"
want alice permit "$in"
want alice channel 0x4002 "$out"
denied=$(drops denied_peer)
# what was permitted before the reload is no more
want outpeer reset
want carol send 0x4001 - 5 100 1000
is_denied() { [ "$(drops denied_peer)" -ge $((denied + 5)) ]; }
wait_for 2 "denied packets" is_denied
ask outpeer stats
equal "packets to a stranger of a stranger" "$(field received)" 0
want alice send 0x4002 - 5 100 1000
want outpeer await received 5 2000

say "--- both ends"
policy both "$inside"
gone() { [ "$(allocations)" -eq 1 ]; }
wait_for 2 "the stranger's allocation to end" gone
log_says 'allocation closed .*why="network does not relay"' ||
	fail "no line says why"
probe_start dora carol
want dora open udp "$(udp4)"
want dora user "$TURN_USER" "$TURN_PASSWORD"
refused 403 dora allocate
want alice permit "$in"
refused 403 alice permit "$out"
refused 403 alice channel 0x4003 "$out"

say "--- a network that does not relay, inside another that does"
policy "" "$inside
network \"lab\" { prefixes = {\"198.18.0.0/24\"} relay = false }"
want alice permit "$in"
refused 403 alice permit "$out"
refused 403 dora allocate

say "--- nonsense is refused and changes nothing"
SRV_RELAY=$'\tmembers-only = "both"' SRV_MORE=
server_config
if ctl reload >"$TMP/reload" 2>&1; then
	fail "members-only without a network was taken"
fi
matches "it says why" "$(cat "$TMP/reload")" 'relay.members-only: would relay'
refused 403 alice permit "$out"
server_lives
