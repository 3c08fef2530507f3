#!/usr/bin/env bash
# Goal: one allocation with a relayed address of each family
# (ADDITIONAL-ADDRESS-FAMILY) reaches an IPv4-only and an IPv6-only host; an
# even port comes with the reservation of the next one (EVEN-PORT).
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "RFC 8656's dual allocation"

lab_net
lab_host server
lab_host alice
lab_host four
lab_host six
lab_exec four ip -6 addr flush dev eth0 scope global
lab_exec six ip -4 addr flush dev eth0
server_start server
for id in alice four six; do
	probe_start "$id" "$id"
done

want alice open udp "$(udp4)"
want alice user "$TURN_USER" "$TURN_PASSWORD"
want alice allocate additional=6
alice4=$(field relayed)
alice6=$(field relayed2)
matches "one relayed address is IPv4" "$alice4" '^[0-9.]+:'
matches "the other is IPv6" "$alice6" '^\['

# each end on the supernode has one family; alice talks to both
joins four udp "$(udp4)"
joins six udp "$(udp6)" family=6
RELAYED[alice]=$alice4
calls alice four
want alice channel 0x4002 "${RELAYED[six]}"
want six channel 0x4001 "$alice6"
want alice reset
want six reset
want alice send 0x4002 - 100 172 2000
want six send 0x4001 - 100 172 2000
ask six await received 100 20000
equal "six received from alice" "$(field received)" 100
ask alice await received 100 20000
equal "alice received from six" "$(field received)" 100

# the reserved port is the one above, for whoever has the token
want alice close
want alice open udp "$(udp4)"
want alice user "$TURN_USER" "$TURN_PASSWORD"
want alice allocate even=1
even=$(field relayed) token=$(field token)
[ $((${even##*:} % 2)) -eq 0 ] || fail "odd port: $even"
want four close
want four open tcp "$(udp4)"
want four user "$TURN_USER" "$TURN_PASSWORD"
want four allocate token="$token"
equal "the reserved port" "$(field relayed)" \
    "${even%:*}:$((${even##*:} + 1))"
want six close
want six open udp "$(udp6)"
want six user "$TURN_USER" "$TURN_PASSWORD"
refused 508 six allocate token="$token"
server_lives
