#!/usr/bin/env bash
# Goal: turnutils_uclient over TLS, IPv4 and IPv6: ChannelData, Send
# indications and client to client lose no message.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/uclient.sh
. "$ROOT/tests/support/uclient.sh"

uclient_lab
uclient channel4 -t -S -l 172 "${PEER4[@]}" "$SRV_IP4"
uclient send4 -t -S -l 172 -s "${PEER4[@]}" "$SRV_IP4"
uclient channel6 -t -S -l 172 -x "${PEER6[@]}" "$SRV_IP6"
uclient send6 -t -S -l 172 -s -x "${PEER6[@]}" "$SRV_IP6"
# at 100 ms records seldom meet (see uclient.sh)
uclient pair4 -t -S -l 172 -y -m 2 -z 100 -n 30 "$SRV_IP4"
uclient pair6 -t -S -l 172 -y -m 2 -z 100 -n 30 -x "$SRV_IP6"
uclient_all
