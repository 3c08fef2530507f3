#!/usr/bin/env bash
# Goal: a host that speaks IPv4 only reaches one that speaks IPv6 only: each
# allocates, over the family it has, a relayed address of the family the
# other sends to; and an IPv4 client reaches a bare IPv6 peer.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"

lab_net
lab_host server
lab_host alice
lab_host bob
lab_exec alice ip -6 addr flush dev eth0 scope global
lab_exec bob ip -4 addr flush dev eth0
server_start server
probe_start alice alice
probe_start bob bob

# both ends on the supernode: IPv4 client with an IPv6 relayed address
joins alice udp "$(udp4)" family=6
matches "alice's relayed address is IPv6" "${RELAYED[alice]}" '^\['
joins bob udp "$(udp6)" family=6
calls alice bob

# one end: bob is an ordinary IPv6 host that answers what reaches him
probe_start peer bob
want peer open udp "$(udp6)"
want peer bind
peer=$(field mapped)
want peer echo on
want alice permit "$peer"
want alice reset
want alice send indication "$peer" 100 172 2000
ask alice await echoes 100 20000
equal "alice's packets came back from a bare IPv6 peer" "$(field echoes)" 100

# without REQUESTED-ADDRESS-FAMILY it stays IPv4
joins alice udp "$(udp4)"
matches "the default family is IPv4" "${RELAYED[alice]}" '^[0-9.]+:'
server_lives
