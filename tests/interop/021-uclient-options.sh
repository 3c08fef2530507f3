#!/usr/bin/env bash
# Goal: what clients of other makes do: mandatory channel padding (-D), the
# DONT-FRAGMENT attribute (-g), extra requests (-G), no RTCP pair (-c), an IPv6
# relayed address on an IPv4 connection (-x) and TURN REST passwords (-W) lose
# no message.  Not -Z: Debian's uclient asks for the second family by a number
# from before RFC 8656 (0x8032) and then refreshes either family at random.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/uclient.sh
. "$ROOT/tests/support/uclient.sh"

uclient_lab
uclient padding -D -l 171 "${PEER4[@]}" "$SRV_IP4"
uclient padding-tcp -t -D -l 171 "${PEER4[@]}" "$SRV_IP4"
uclient dont-fragment -g -l 1200 "${PEER4[@]}" "$SRV_IP4"
uclient extra -G -l 172 "${PEER4[@]}" "$SRV_IP4"
uclient no-rtcp -c -l 172 "${PEER4[@]}" "$SRV_IP4"
uclient v4-to-v6 -x -l 172 "${PEER6[@]}" "$SRV_IP4"
if [ "$SERVER" = supernode ]; then
	uclient rest -W "$TURN_SECRET" -l 172 "${PEER4[@]}" "$SRV_IP4"
fi
uclient_all
