#!/usr/bin/env bash
# Goal: a host behind a firewall that drops all UDP (shown first) talks over
# TURN/TCP, and over TLS, with a host behind a symmetric NAT that uses UDP.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"

lab_net
lab_host server
lab_firewall office no-udp
lab_nat home symmetric
lab_host alice office
lab_host bob home
server_start server
probe_start alice alice
probe_start bob bob

want alice open udp "$(udp4)"
refused 408 alice bind
for try in "tcp $(udp4)" "tls $(tls4)"; do
	# shellcheck disable=SC2086
	joins alice $try
	joins bob udp "$(udp4)"
	calls alice bob 300 172
	calls alice bob 50 1200
done
server_lives
