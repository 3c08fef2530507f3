#!/usr/bin/env bash
# Goal: SIGTERM (and SIGINT) ends the server soon, with exit code 0, while
# clients are connected; sockets are gone and the next start works at once.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "shutdown of ours"

lab_net
lab_host server
lab_host alice
lab_host bob
probe_start alice alice
probe_start bob bob
for signal in TERM INT; do
	server_start server
	joins alice udp "$(udp4)"
	joins bob tls "$(tls4)"
	calls alice bob 50
	tell alice send 0x4001 - 500 172 1000
	start=$(date +%s%N)
	kill "-$signal" "$SRV_PID"
	wait_for 5 "end by SIG$signal" ends "$SRV_PID"
	took=$((($(date +%s%N) - start) / 1000000))
	rc=0
	wait "$SRV_PID" || rc=$?
	SRV_PID=
	equal "exit code by SIG$signal" "$rc" 0
	soon "ms until the end" "$took" 2000
	hear alice
	# the TLS client is told, not left hanging
	ask bob closed 10000
	[[ $REPLY == ok* || $REPLY == "error code=499"* ]] ||
		fail "bob's connection hangs: $REPLY"
	[ ! -e "$SRV_SOCKET" ] || fail "the control socket is left behind"
	if lab_exec server ss -Hltun | grep -q .; then
		fail "sockets are left: $(lab_exec server ss -Hltun)"
	fi
done
