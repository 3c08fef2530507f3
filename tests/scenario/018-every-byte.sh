#!/usr/bin/env bash
# Goal: through 10,000 allocations at once random traffic (one byte to the
# largest datagram, channels and indications, peers and pairs of clients, single
# packets, coalesced bursts and trains of mixed sizes, both ways) arrives in
# order, once, and right in every byte; neither the kernel nor the server drops
# a packet.  SIFT_ALLOCATIONS and SIFT_SECONDS make it smaller.
# alone: nothing may be dropped for want of CPU
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "it counts what we drop"

: "${SIFT_ALLOCATIONS:=10000}" "${SIFT_SECONDS:=6}"
# an allocation is a descriptor of the server
NEEDED=$((SIFT_ALLOCATIONS + 500))
ulimit -n "$(ulimit -Hn)"
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge "$NEEDED" ] ||
	skip "needs $NEEDED open files, the hard limit is $(ulimit -Hn)"

# this namespace's own loopback: what its counters say, we did
ip link set lo up
SRV_CAPS=$'\tallocations = 20000\n\tallocations-per-user = 20000
	unauthenticated = 1000000'
server_start

# udp_counter NAME: of IPv4, in this namespace
udp_counter()
{
	awk -v name="$1" '$1 == "Udp:" && !n { for (n = NF; $n != name; n--); next }
	    $1 == "Udp:" { print $n }' /proc/net/snmp
}

timeout 200 "$BUILD/tools/sift" server="$(udp4)" user="$TURN_USER" \
    password="$TURN_PASSWORD" allocations="$SIFT_ALLOCATIONS" \
    seconds="$SIFT_SECONDS" ${SIFT_SEED:+seed="$SIFT_SEED"} >"$TMP/sift" ||
	fail "sift: $? ($(cat "$TMP/sift"))"
cat "$TMP/sift"

equal "packets for which a receive buffer had no room" \
    "$(udp_counter RcvbufErrors)" 0
equal "packets for which a send buffer had no room" \
    "$(udp_counter SndbufErrors)" 0
equal "packets the server dropped" \
    "$(status '[.drops[]] | add')" 0
say "by the hairpin: $(status .hairpin_packets)," \
    "segments: $(status .segments_sent) sent," \
    "$(status .segments_received) taken"
server_lives
