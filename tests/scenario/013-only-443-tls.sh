#!/usr/bin/env bash
# Goal: a host behind a firewall that lets only TCP port 443 out (UDP and
# the other ports shown to be shut) talks over TURN/TLS on 443.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"

lab_net
lab_host server
lab_firewall campus only-443
lab_nat home symmetric
lab_host alice campus
lab_host bob home
server_start server
probe_start alice alice
probe_start bob bob

want alice open udp "$(udp4)"
refused 408 alice bind
refused 408 alice open tcp "$(udp4)"
refused 408 alice open tls "$(tls4)"
joins alice tls "$SRV_IP4:443"
joins bob udp "$(udp4)"
calls alice bob 300 172
calls alice bob 50 1200
server_lives
