#!/usr/bin/env bash
# Goal: pages with the unmodified `peerjs` package find each other through our
# server and exchange data, audio and video through our relay; they reconnect
# under their id, and hear what cannot be.
# shellcheck source=tests/support/browser.sh
. "$(dirname "$0")/../support/browser.sh"
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "coturn is no PeerServer"
browser_begin

lab_net
lab_host server
lab_host browser
SRV_AUTH=$'\tanonymous = true'
SRV_MORE="signalling {
	peerjs = true
}"
server_start server
browser_trusts "$SRV_CERT"
browser_in browser
browser_run peerjs.mjs "$TMP/chromium.browser" "$SRV_IP4" "$SRV_PORT" \
    "$SRV_TLS_PORT"
server_lives
