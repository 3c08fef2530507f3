#!/usr/bin/env bash
# Goal: a session whose connection broke is taken over by another one, at
# any worker: what it was sent and did not get comes once and in order, its
# watches stay, who sends to it meanwhile hears when it has it; who proves
# nothing gets nothing.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/nodes.sh
. "$ROOT/tests/support/nodes.sh"
ours_only "signalling is ours"

NODES_SIGNALLING=$'\tmessages = 1000\n\tbytes = "80Mbit/s"'
nodes_start
nodes 092-signalling-resume
server_lives
server_stop
equal "exit code" "$SRV_RC" 0
