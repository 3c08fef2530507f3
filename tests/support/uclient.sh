# shellcheck shell=bash
# uclient: coturn's turnutils_uclient as an independent client.  Sourced
# after lab.sh, server.sh.
#
#	uclient_lab              server, client and an echoing peer, dual stack
#	uclient NAME ARGS...     starts a run; $PEER4 $PEER6 reach the peer
#	uclient_all              waits for the runs: every message must be back
#
# turnutils_uclient reads one TLS record per wake-up: of two that arrive
# together the second stays with it until a third comes, the last one for ever.
# A run over TLS (-t -S) that ended so is therefore run again, alone, at most
# $UCLIENT_TRIES times in all; what the server itself loses is lost every time.
# From the third on it sends less often: where the machine is busy records meet
# at 20 ms in every run.

UCLIENT_NAMES=()
UCLIENT_PIDS=()
declare -A UCLIENT_ARGS=()
: "${UCLIENT_TRIES:=5}"
: "${UCLIENT_MESSAGES:=50}" "${UCLIENT_SECONDS:=60}"

uclient_lab()
{
	need turnutils_uclient turnutils_peer
	lab_net
	lab_host server
	lab_host client
	lab_host peer
	# one user, many clients at once
	SRV_CAPS=${SRV_CAPS-$'\tallocations-per-user = 1000'}
	server_start server
	lab_exec peer turnutils_peer -L "${LAB4[peer]}" -L "${LAB6[peer]}" \
	    -p 3480 >"$TMP/peer.log" 2>&1 &
	started $!
	wait_for 5 "echoing peer" uclient_peer_is_up
	# read by the tests
	# shellcheck disable=SC2034
	PEER4=(-e "${LAB4[peer]}" -r 3480) PEER6=(-e "${LAB6[peer]}" -r 3480)
}

uclient_peer_is_up()
{
	[ "$(lab_exec peer ss -Hlun 'sport = :3480' | wc -l)" -ge 2 ]
}

uclient_run()
{
	local name=$1

	shift
	exec nsenter --net=/run/netns/client -- \
	    timeout "$UCLIENT_SECONDS" turnutils_uclient \
	    -u "$TURN_USER" -w "$TURN_PASSWORD" -n "$UCLIENT_MESSAGES" \
	    -z 20 "$@" >"$TMP/uclient.$name" 2>&1
}

uclient()
{
	local name=$1

	uclient_run "$@" &
	UCLIENT_PIDS+=($!)
	UCLIENT_NAMES+=("$name")
	started $!
	shift
	UCLIENT_ARGS[$name]=$*
}

uclient_total()
{
	sed -n "s/.*start_mclient: tot_send_msgs=\([0-9]*\), \
tot_recv_msgs=\([0-9]*\)\$/\1 \2/p" "$TMP/uclient.$1" | tail -n 1
}

uclient_lost()
{
	! grep -q 'Total lost packets 0 (' "$TMP/uclient.$1"
}

uclient_check()
{
	local name=$1 rc=$2 sent received

	if [ "$rc" -ne 0 ]; then
		tail -n 15 "$TMP/uclient.$name"
		fail "$name: turnutils_uclient ended with $rc"
	fi
	read -r sent received < <(uclient_total "$name") ||
		fail "$name: no total in the output"
	! uclient_lost "$name" ||
		fail "$name: packets were lost: $sent sent, $received received"
	compare "$name: sent" "$sent" -gt 0
	equal "$name: received of $sent" "$received" "$sent"
}

# uclient_again NAME: may this run be repeated, and did a repetition pass?
uclient_again()
{
	local name=$1 try args slower=()

	[[ " ${UCLIENT_ARGS[$name]} " == *" -t -S "* ]] || return 1
	read -ra args <<<"${UCLIENT_ARGS[$name]}"
	for ((try = 2; try <= UCLIENT_TRIES; try++)); do
		say "$name: try $try of $UCLIENT_TRIES"
		[ "$try" -lt 3 ] || slower=(-z 200 -n 15)
		(uclient_run "$name" "${args[@]}" "${slower[@]}") || continue
		! uclient_lost "$name" || continue
		return 0
	done
	return 1
}

uclient_all()
{
	local i rc name

	for i in "${!UCLIENT_PIDS[@]}"; do
		rc=0 name=${UCLIENT_NAMES[$i]}
		wait "${UCLIENT_PIDS[$i]}" || rc=$?
		if [ "$rc" -ne 0 ] || uclient_lost "$name"; then
			! uclient_again "$name" || rc=0
		fi
		uclient_check "$name" "$rc"
	done
	UCLIENT_PIDS=() UCLIENT_NAMES=() UCLIENT_ARGS=()
	server_lives
}
