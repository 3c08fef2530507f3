#!/usr/bin/env bash
# Goal: clients of the PeerServer dialect on four workers send, leave, come
# back and are replaced all at once: no message is forged, doubled, out of
# order or somebody else's, and nothing is left when all have gone.
# shellcheck source=tests/support/browser.sh
. "$(dirname "$0")/../support/browser.sh"
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "coturn is no PeerServer"
browser_begin
need curl

: "${WORKERS:=4}"
SRV_MORE="signalling {
	peerjs = true
	messages = 100000
	bytes = \"1Gbit/s\"
	waiting = 10000
	waiting-bytes = \"1MiB\"
}"
server_start
browser_run peerjs_churn.mjs "$SRV_PORT" "${SEED:-$RANDOM}"

none_left()
{
	[ "$(metric supernode_signalling_peerjs_clients)" -eq 0 ]
}
wait_for 5 "end of the last client" none_left
equal "messages that wait" "$(metric supernode_signalling_waiting)" 0
server_lives
