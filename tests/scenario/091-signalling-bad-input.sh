#!/usr/bin/env bash
# Goal: every malformed, oversized, out-of-order or forbidden message gets its
# code and, where the protocol is broken, its close code; nobody can say who
# somebody else is; pages of other origins are turned away.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/nodes.sh
. "$ROOT/tests/support/nodes.sh"
ours_only "signalling is ours"

NODES_SIGNALLING=$'\torigins = {"https://app.example.org"}'
nodes_start
nodes 091-signalling-bad-input
server_lives
server_stop
equal "exit code" "$SRV_RC" 0
