#!/usr/bin/env bash
# Goal: nodes find, reach and watch each other, whichever of four workers they
# are at, by TCP and TLS, with tokens and as guests; several sessions of one
# name; who may see whom; rooms; streams; the HTTP paths beside it.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/nodes.sh
. "$ROOT/tests/support/nodes.sh"
ours_only "signalling is ours"

# as many sends in a row as a test likes
NODES_SIGNALLING=$'\tmessages = 100000\n\tbytes = "80Mbit/s"'
NODES_SIGNALLING+=$'\n\tsessions-per-name = 64'
nodes_start
nodes 090-signalling
matches "nodes" "$(ctl nodes)" "no nodes"
compare "delivered" "$(metric supernode_signalling_delivered_total)" -gt 20
server_stop
equal "exit code" "$SRV_RC" 0
