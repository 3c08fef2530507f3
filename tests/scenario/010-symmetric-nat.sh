#!/usr/bin/env bash
# Goal: two hosts behind symmetric NATs cannot reach each other directly
# (shown first), yet exchange media both ways through the supernode and lose
# nothing.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
# shellcheck source=tests/support/direct.sh
. "$ROOT/tests/support/direct.sh"

lab_net
lab_host server
lab_nat nat1 symmetric
lab_nat nat2 symmetric
lab_host alice nat1
lab_host bob nat2
server_start server
probe_start alice alice
probe_start bob bob

direct_attempt alice bob
equal "alice received directly" "$ALICE_GOT" 0
equal "bob received directly" "$BOB_GOT" 0

joins alice udp "$(udp4)"
joins bob udp "$(udp4)"
calls alice bob 500 172
calls alice bob 100 1200
server_lives
