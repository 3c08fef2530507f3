#!/usr/bin/env bash
# Goal: a reload is all or nothing: a faulty file changes nothing and is
# complained about with file, line and key; the next good one is taken.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "reload by SIGHUP"

lab_net
lab_host server
lab_host alice
lab_host bob
server_start server
probe_start alice alice
probe_start bob bob
joins alice udp "$(udp4)"
joins bob tcp "$(udp4)"

# the first fault stands behind a change that must not be taken either
SRV_RELAY=$'\tenabled = false' SRV_CAPS=$'\trate = "fast"'
server_config
line=$(grep -n 'rate = "fast"' "$SRV_CONF" | cut -d: -f1)
server_reload
wait_for 5 "complaint" log_says "supernoded\.conf:$line.*rate"
calls alice bob 50
rc=0
out=$(ctl reload 2>&1) || rc=$?
compare "supernodectl reload fails" "$rc" -ne 0
matches "and says where" "$out" "supernoded\\.conf:$line"

# what needs a restart is refused as a whole, too
SRV_CAPS='' SRV_RELAY=$'\tenabled = false'
SRV_LISTEN=$'\tudp = {"'"$SRV_IP4"$':4000"}'
server_config
rc=0
out=$(ctl reload 2>&1) || rc=$?
compare "a reload of listeners fails" "$rc" -ne 0
matches "and names the key" "$out" "listen"
calls alice bob 50

SRV_LISTEN='' SRV_RELAY='' SRV_CAPS=$'\trate = "40Mbit/s"'
server_config
out=$(ctl reload)
matches "the difference is shown" "$out" 'caps\.rate.*40Mbit/s'
calls alice bob 50
server_lives
