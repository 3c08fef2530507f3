#!/usr/bin/env bash
# Goal: two RTCPeerConnections of headless Chromium that may use relayed
# candidates only open a data channel through the server and exchange
# messages; the chosen pair is relay/relay.  Over UDP and over TCP.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
need chromium jq

COUNT=50
lab_net
lab_host server
lab_host browser
server_start server

# The page tells its outcome on the console, which goes to the log.
result()
{
	sed -n 's/.*CONSOLE.*"RESULT \(.*\)", source:.*/\1/p' "$1" |
		sed 's/\\"/"/g' | grep .
}

over()
{
	local transport=$1 log=$TMP/chromium.$1 json pid page

	page="file://$ROOT/tests/browser/relay.html#count=$COUNT"
	page+="&urls=turn:$(udp4)?transport=$transport"
	page+="&username=$TURN_USER&credential=$TURN_PASSWORD"
	HOME=$TMP lab_exec browser chromium --headless --no-sandbox \
	    --disable-gpu --disable-quic --no-first-run \
	    --disable-background-networking --disable-component-update \
	    --disable-sync --disable-dev-shm-usage --enable-logging=stderr \
	    --user-data-dir="$TMP/profile.$transport" "$page" \
	    >"$log" 2>&1 &
	pid=$!
	started "$pid"
	if ! until_true 60 result "$log"; then
		tail -n 20 "$log"
		fail "$transport: the page did not end"
	fi
	json=$(result "$log" | head -n 1)
	say "$transport: $json"
	equal "$transport: messages that came back" \
	    "$(jq .echoes <<<"$json")" "$COUNT"
	equal "$transport: chosen pair" \
	    "$(jq -r '.a.local + "/" + .a.remote' <<<"$json")" relay/relay
	equal "$transport: reaches its relay over" \
	    "$(jq -r .a.relayProtocol <<<"$json")" "$transport"
	kill "$pid"
	wait_for 10 "end of the browser" ends "$pid"
}

over udp
over tcp
server_lives
