#!/usr/bin/env bash
# Goal: turnutils_stunclient (STUN Binding) sees the address it has, over
# IPv4 and IPv6, and through a NAT the NAT's.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"

need turnutils_stunclient
lab_net
lab_host server
lab_host client
lab_nat nat symmetric
lab_host inside nat
server_start server

# seen HOST SERVER: the reflexive address, without its port
seen()
{
	lab_exec "$1" timeout 10 turnutils_stunclient "$2" 2>&1 |
		sed -n 's/.*UDP reflexive addr: \[\{0,1\}\(.*[0-9a-f]\)\]\{0,1\}:[0-9]*$/\1/p' |
		head -n 1
}
equal "IPv4" "$(seen client "$SRV_IP4")" "${LAB4[client]}"
equal "IPv6" "$(seen client "$SRV_IP6")" "${LAB6[client]}"
equal "behind a NAT" "$(seen inside "$SRV_IP4")" "${LAB4[nat]}"
server_lives
