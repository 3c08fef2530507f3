#!/usr/bin/env bash
# Goal: the negative runs of turnutils_uclient (-N wrong use of the protocol,
# -R random bytes in the packets) leave the server well: another client that
# runs at the same time loses no message, and one that comes after them.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/uclient.sh
. "$ROOT/tests/support/uclient.sh"

uclient_lab
negatives=()
# what becomes of their own messages is not the point: -R breaks them
for kind in -N -R "-N -t" "-R -t" "-N -S" "-N -t -S"; do
	# shellcheck disable=SC2086
	lab_exec client timeout 8 turnutils_uclient $kind -u "$TURN_USER" \
	    -w "$TURN_PASSWORD" -n 20 -z 20 "${PEER4[@]}" "$SRV_IP4" \
	    >"$TMP/negative${kind// /}" 2>&1 &
	negatives+=($!)
	started $!
done
uclient meanwhile -l 172 "${PEER4[@]}" "$SRV_IP4"
uclient_all
for pid in "${negatives[@]}"; do
	rc=0
	wait "$pid" || rc=$?
	say "negative run ended with $rc"
	# 255 is its own way to say that it was refused; 124: it was still
	# waiting for answers to what it had spoiled itself
	if [ "$rc" -gt 124 ] && [ "$rc" -lt 255 ]; then
		fail "a negative run died of a signal: $rc"
	fi
done
uclient after -l 172 "${PEER4[@]}" "$SRV_IP4"
uclient after-tcp -t -l 172 "${PEER4[@]}" "$SRV_IP4"
uclient_all
