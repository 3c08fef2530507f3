#!/usr/bin/env bash
# Goal: nodes come, find, send, watch, break off, resume, are kicked and leave,
# all at once at four workers; nothing is left behind.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/nodes.sh
. "$ROOT/tests/support/nodes.sh"
ours_only "signalling is ours"

NODES_SIGNALLING=$'\tmessages = 10000\n\tbytes = "800Mbit/s"\n\tsessions-per-name = 64\n\twait = "1s"'
nodes_start
nodes 096-signalling-churn
server_lives
server_stop
equal "exit code" "$SRV_RC" 0
