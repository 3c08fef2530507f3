#!/usr/bin/env bash
# Goal: a second server on taken ports, or in the same run folder, ends with
# one clear sentence and leaves the first one alone.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "start of ours"

lab_net
lab_host server
lab_host alice
lab_host bob
server_start server
probe_start alice alice
probe_start bob bob
joins alice udp "$(udp4)"
joins bob tcp "$(udp4)"

# second SED-EXPRESSION PATTERN
second()
{
	local rc=0 out

	sed "$1" "$SRV_CONF" >"$TMP/second.conf"
	out=$(at_server timeout 10 "$BUILD/supernoded" -c "$TMP/second.conf" \
	    2>&1) || rc=$?
	case $rc in
	0|124) fail "the second server started: $out" ;;
	esac
	[ "$rc" -lt 128 ] || fail "the second server died, exit $rc: $out"
	matches "it says why: $out" "$out" "$2"
}
mkdir -p "$TMP/other"
second "s|run = .*|run = \"$TMP/other\"|" \
    "($SRV_IP4|$SRV_IP6).*:[0-9]+.*[Ii]n use"
second "s/:$SRV_PORT/:4000/g; s/:$SRV_TLS_PORT/:4001/g; s/:443/:4002/g; s/:$SRV_ADMIN_PORT/:4003/" \
    'control\.sock'
ctl status >/dev/null || fail "the first one's control socket is broken"
calls alice bob 50
server_lives
