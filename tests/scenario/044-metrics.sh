#!/usr/bin/env bash
# Goal: /metrics passes promtool, counts live, and never names a user;
# /health answers 200; nothing else is served.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "metrics are ours"
need curl

lab_net
lab_host server
lab_host alice
lab_host bob
server_start server
probe_start alice alice
probe_start bob bob
url=http://127.0.0.1:$SRV_ADMIN_PORT
get()
{
	lab_exec server curl -sS --max-time 5 "$@"
}
code()
{
	get -o /dev/null -w '%{http_code}' "$@"
}
equal "health" "$(code "$url/health")" 200
equal "anything else" "$(code "$url/none")" 404
matches "content type" \
    "$(get -o /dev/null -w '%{content_type}' "$url/metrics")" \
    'text/plain.*version=0\.0\.4'
if command -v promtool >/dev/null; then
	get "$url/metrics" | promtool check metrics ||
		fail "promtool complains"
	say "ok: promtool has no complaint"
fi
joins alice udp "$(udp4)"
joins bob tcp "$(udp4)"
equal "allocations held" "$(metric supernode_turn_allocations)" 2
before=$(metric supernode_turn_relayed_packets_total)
calls alice bob 100
after=$(metric supernode_turn_relayed_packets_total)
# while the allocations live: not only at their end
compare "packets counted of 200 relayed" $((after - before)) -ge 200
text=$(get "$url/metrics")
[[ $text != *"$TURN_USER"* ]] || fail "a user is named"
matches "build info" "$text" 'supernode_build_info\{'
server_lives
