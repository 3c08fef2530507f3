#!/usr/bin/env bash
# Goal: who speaks too fast is told and held back, who goes on is closed; so is
# who does not read, without harm to others; sessions per name and address,
# connections before their hello, and time to say it are bounded; a token's
# end is its session's.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/nodes.sh
. "$ROOT/tests/support/nodes.sh"
ours_only "signalling is ours"

NODES_SIGNALLING=$'\tmessages = 20\n\tbytes = "400kbit/s"\n\twatches = 3\n\tsessions-per-name = 2\n\tsessions-per-address = 40\n\tpending = 12'
nodes_start
nodes 094-signalling-limits
server_lives
server_stop
equal "exit code" "$SRV_RC" 0
