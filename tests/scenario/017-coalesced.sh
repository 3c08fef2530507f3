#!/usr/bin/env bash
# Goal: packets that the server's kernel hands over and takes several at a
# time (UDP_GRO, UDP_SEGMENT) arrive one by one, byte for byte, in any size;
# with listen.offload = false none goes that way, and nothing else changes.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "listen.offload is ours"

COUNT=500 PORTION=100
lab_net
lab_host server
lab_host alice
lab_host bob
# from relayed address to relayed address by the kernel's loopback, where
# what left as one message arrives as one
SRV_NODE=$'\tworkers = 1'
SRV_RELAY=$'\thairpin = false' SRV_LISTEN=$'\toffload = true'
SRV_CAPS=$'\tallocations-per-user = 100'

# burst WAY SIZE: alice sends as fast as she can, and no more at once than waits
# for a slow reader.
burst()
{
	local sent

	say "-- $1, $2 bytes"
	want bob reset
	for ((sent = PORTION; sent <= COUNT; sent += PORTION)); do
		want alice send "$1" "${RELAYED[bob]}" "$PORTION" "$2"
		ask bob await received "$sent" 20000
	done
	ask bob stats
	equal "bob's packets" "$(field received)" "$COUNT"
	equal "bob's bytes" "$(field bytes)" $((COUNT * $2))
	equal "bob's broken packets" "$(field foreign)" 0
	equal "bob's packets received twice" "$(field dup)" 0
}

# visits TRANSPORT: both join by it and talk.
visits()
{
	local size

	say "-- both by $1"
	joins alice "$1" "$(udp4)" "${@:2}"
	joins bob "$1" "$(udp4)" "${@:2}"
	calls alice bob "$COUNT" 172
	want alice permit "${RELAYED[bob]}"
	want bob permit "${RELAYED[alice]}"
	for size in 24 25 172 1171; do
		burst indication "$size"
	done
}

everybody()
{
	visits udp
	visits udp family=6
	visits tcp
}

server_start server
probe_start alice alice
probe_start bob bob
everybody
say "segments: $(status .segments_sent) sent, $(status .segments_received) taken"
[ "$(status .segments_sent)" -gt 0 ] || fail "nothing left in one piece"
[ "$(status .segments_received)" -gt 0 ] || fail "nothing came in one piece"
equal "packets refused by the kernel" "$(drops send_error)" 0
server_lives
server_stop

SRV_LISTEN=$'\toffload = false'
server_start server
everybody
equal "segments sent" "$(status .segments_sent)" 0
equal "segments taken" "$(status .segments_received)" 0
server_lives
