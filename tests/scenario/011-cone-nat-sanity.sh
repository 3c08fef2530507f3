#!/usr/bin/env bash
# Goal: the laboratory's NATs are what they are called, so that scenario 010
# proves something: hosts behind port-restricted and full-cone NATs do reach
# each other directly; a port-restricted and a symmetric one do not, and
# meet through the supernode.
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
server_start server
declare -A TYPE=([pr1]=port-restricted [pr2]=port-restricted
    [fc1]=full-cone [fc2]=full-cone [sym]=symmetric)
for nat in "${!TYPE[@]}"; do
	lab_nat "$nat" "${TYPE[$nat]}"
	lab_host "in-$nat" "$nat"
	probe_start "$nat" "in-$nat"
done

direct_attempt pr1 pr2 20 20
equal "port-restricted to port-restricted, directly" "$ALICE_GOT" 20
equal "and back" "$BOB_GOT" 20
# the symmetric side's port is another one than the server saw: its packets
# arrive, and ours reach it only as an answer to where they came from
want fc1 echo on
direct_attempt fc1 sym 20 0
equal "symmetric to full-cone, directly" "$ALICE_GOT" 20
equal "to where the server saw the symmetric side" "$BOB_GOT" 0
ask sym await echoes 20 20000
equal "echoes to the symmetric side" "$(field echoes)" 20
want fc1 echo off
direct_attempt fc1 fc2 20 20
equal "full-cone to full-cone, directly" "$ALICE_GOT" 20
equal "and back" "$BOB_GOT" 20

direct_attempt pr1 sym
equal "port-restricted from symmetric, directly" "$ALICE_GOT" 0
equal "and back" "$BOB_GOT" 0
joins pr1 udp "$(udp4)"
joins sym udp "$(udp4)"
calls pr1 sym
server_lives
