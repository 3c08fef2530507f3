#!/usr/bin/env bash
# Goal: a drain tells every node to go (draining, 1001) and turns new ones
# away (503) until it is taken back; so does a reload that switches it off; an end of the server closes 1001; without
# signalling.enabled nothing of it is served.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/nodes.sh
. "$ROOT/tests/support/nodes.sh"
ours_only "signalling is ours"
need turnutils_uclient

nodes_start
# somebody relays: a drain waits for him
turnutils_uclient -u "$TURN_USER" -w "$TURN_PASSWORD" -y -c -n 2000 -z 20 \
    "$SRV_IP4" -p "$SRV_PORT" >"$TMP/uclient" 2>&1 &
started $!
relays()
{
	[ "$(allocations)" -gt 0 ]
}
wait_for 10 "allocation" relays
nodes 097-signalling-drain drain
nodes 097-signalling-drain reload "$SRV_CONF"
server_config
server_reload
nodes 097-signalling-drain end
SRV_RC=0
wait "$SRV_PID" || SRV_RC=$?
equal "exit code" "$SRV_RC" 0

say "--- switched off"
SRV_MORE="signalling { enabled = false }"
server_config
server_launch
SRV_PID=$!
started "$SRV_PID"
wait_for 20 "server" server_ready_or_dead
nodes 097-signalling-drain off
server_stop
equal "exit code" "$SRV_RC" 0
