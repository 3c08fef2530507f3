#!/usr/bin/env bash
# Goal: a node that does not read is cut by a bounded queue: others go on, the
# server's memory stays, and it may come back for what was kept.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/nodes.sh
. "$ROOT/tests/support/nodes.sh"
ours_only "signalling is ours"

NODES_SIGNALLING=$'\tmessages = 10000\n\tbytes = "8Gbit/s"'
nodes_start
nodes 095-signalling-slow-reader
server_lives
server_stop
equal "exit code" "$SRV_RC" 0
