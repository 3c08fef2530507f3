#!/usr/bin/env bash
# Goal: messages for a name that is not there wait a short while, bounded, at
# one worker for all; then the sender hears that the peer is offline.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/nodes.sh
. "$ROOT/tests/support/nodes.sh"
ours_only "signalling is ours"

NODES_SIGNALLING=$'\twait = "2s"\n\twaiting = 5\n\twaiting-bytes = "4KiB"'
nodes_start
nodes 093-signalling-waiting
server_lives
server_stop
equal "exit code" "$SRV_RC" 0
