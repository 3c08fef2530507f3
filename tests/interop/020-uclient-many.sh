#!/usr/bin/env bash
# Goal: several clients and threads of turnutils_uclient at once, large and
# small messages, over every transport, lose no message.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/uclient.sh
. "$ROOT/tests/support/uclient.sh"

uclient_lab
uclient udp -m 12 -l 100 "${PEER4[@]}" "$SRV_IP4"
uclient udp-large -m 4 -l 1200 "${PEER4[@]}" "$SRV_IP4"
uclient tcp -t -m 6 -l 999 "${PEER4[@]}" "$SRV_IP4"
uclient tls -t -S -m 6 -l 1200 "${PEER4[@]}" "$SRV_IP4"
uclient pairs -y -m 8 -l 172 "$SRV_IP4"
uclient_all
