#!/usr/bin/env bash
# Goal: what clients of PeerServer hear from the server is what they hear from
# npm's `peer`, but for the differences that the script lists with a reason.
# shellcheck source=tests/support/browser.sh
. "$(dirname "$0")/../support/browser.sh"
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "coturn is no PeerServer"
browser_begin
need curl

signalling()
{
	SRV_MORE="signalling {
	peerjs = true
	peerjs-discovery = $1
	sessions = 12
	messages = 1000
	${2-}
}"
}

signalling true
server_start
browser_run peerjs_differential.mjs "$SRV_PORT"

# who does not want its peers listed has them not listed
unlisted()
{
	[ "$(curl -s -o "$TMP/peers" -w '%{http_code}' \
	    "http://127.0.0.1:$SRV_PORT/peerjs/peers")" = 401 ]
}
signalling false
server_config
server_reload
wait_for 5 "reload" unlisted
equal "answer without peerjs-discovery" "$(cat "$TMP/peers")" Unauthorized

# other pages than those that are listed, and our own, hear nothing
from()
{
	curl -s -o "$TMP/answer" -w '%{http_code}' -H "Origin: $1" \
	    "http://127.0.0.1:$SRV_PORT/peerjs/id"
}
refused()
{
	[ "$(from https://evil.example)" = 403 ]
}
equal "answer to any page" "$(from https://evil.example)" 200
signalling false 'origins = {"https://app.example"}'
server_config
server_reload
wait_for 5 "reload" refused
equal "answer to a page that is listed" "$(from https://app.example)" 200
equal "answer to our own" "$(from "http://127.0.0.1:$SRV_PORT")" 200
server_lives
