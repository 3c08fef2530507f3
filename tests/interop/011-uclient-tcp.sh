#!/usr/bin/env bash
# Goal: turnutils_uclient over TCP, IPv4 and IPv6: ChannelData (padded),
# Send indications and client to client lose no message.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/uclient.sh
. "$ROOT/tests/support/uclient.sh"

uclient_lab
uclient channel4 -t -l 171 "${PEER4[@]}" "$SRV_IP4"
uclient send4 -t -l 171 -s "${PEER4[@]}" "$SRV_IP4"
uclient channel6 -t -l 171 -x "${PEER6[@]}" "$SRV_IP6"
uclient send6 -t -l 171 -s -x "${PEER6[@]}" "$SRV_IP6"
uclient pair4 -t -l 171 -y -m 2 "$SRV_IP4"
uclient pair6 -t -l 171 -y -m 2 -x "$SRV_IP6"
uclient_all
