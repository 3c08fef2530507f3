#!/usr/bin/env bash
# Goal: two clients of one supernode hear each other over every pair of
# transports, byte for byte, and nothing of it passes the kernel's loopback;
# with relay.hairpin = false it does, and nothing else changes.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "relay.hairpin is ours"

COUNT=200
lab_net
lab_host server
lab_host alice
lab_host bob
# so many that most calls are between two workers, and some on one
SRV_NODE=$'\tworkers = 4'
SRV_CAPS=$'\tallocations-per-user = 100'
# the loopback is counted packet by packet
SRV_LISTEN=$'\toffload = false' SRV_RELAY=$'\thairpin = true'
server_start server
probe_start alice alice
probe_start bob bob
# an independent count of what the server's host sends to itself
lab_rules server <<-END
table inet count_lo {
	counter wire { }
	chain c {
		type filter hook input priority -200; policy accept;
		iifname "lo" meta l4proto udp counter name wire
	}
}
END

by_loopback()
{
	lab_counted server lo | cut -d' ' -f1
}

by_hairpin()
{
	status .hairpin_packets
}

at()
{
	case $1 in
	udp|tcp) udp4 ;;
	tls|dtls) tls4 ;;
	esac
}

# intact ID BYTES: what it received is that long, whole and once.
intact()
{
	ask "$1" stats
	equal "$1's bytes" "$(field bytes)" "$2"
	equal "$1's broken packets" "$(field foreign)" 0
	equal "$1's packets received twice" "$(field dup)" 0
}

# meet A-TRANSPORT B-TRANSPORT SIZE [ALLOCATE...]: both join and call.
meet()
{
	local size=$3

	say "-- $1 to $2, $size bytes"
	joins alice "$1" "$(at "$1")" "${@:4}"
	joins bob "$2" "$(at "$2")" "${@:4}"
	calls alice bob "$COUNT" "$size"
	intact alice $((COUNT * size))
	intact bob $((COUNT * size))
	calls=$((calls + 2))
}

calls=0
for pair in udp:udp udp:tcp udp:tls udp:dtls tcp:tcp tcp:tls tcp:dtls \
    tls:tls tls:dtls dtls:dtls; do
	meet "${pair%:*}" "${pair#*:}" 172
done
meet udp udp 1200
meet udp tls 1111
meet udp udp 172 family=6
meet tcp udp 25 family=6
# no channel: Send and Data indications, of sizes that need padding
for size in 24 25 26 27 1201; do
	want bob reset
	want alice send indication "${RELAYED[bob]}" "$COUNT" "$size" 1000
	ask bob await received "$COUNT" 20000
	intact bob $((COUNT * size))
	calls=$((calls + 1))
done
equal "packets by the hairpin" "$(by_hairpin)" $((calls * COUNT))
equal "packets by loopback" "$(by_loopback)" 0
equal "packets for a worker that was behind" "$(drops hairpin_full)" 0

# larger than a packet on the wire, and than any slot
joins bob tcp "$(at tcp)"
joins alice tcp "$(at tcp)"
want bob reset
want alice permit "${RELAYED[bob]}"
want bob permit "${RELAYED[alice]}"
for sent in 4 8 12 16 20; do
	# no more at once than waits for a slow reader
	want alice send indication "${RELAYED[bob]}" 4 50001 5000
	ask bob await received "$sent" 20000
done
intact bob $((20 * 50001))
equal "large packets by loopback" "$(by_loopback)" 0

# the peer's own permission: bob's allocation does not know alice
joins bob udp "$(at udp)"
joins alice udp "$(at udp)"
want alice permit "${RELAYED[bob]}"
want bob reset
want alice send indication "${RELAYED[bob]}" 10 172 1000
refused_all()
{
	[ "$(drops no_permission)" -eq 10 ]
}
wait_for 5 "ten packets without permission" refused_all
ask bob stats
equal "what bob, who let nobody in, received" "$(field received)" 0

SRV_RELAY=$'\thairpin = false'
server_config
server_reload
applied()
{
	log_says 'applied by every worker'
}
wait_for 5 "the new configuration" applied
before=$(by_hairpin)
calls=0
meet udp udp 172
meet tcp dtls 172
meet tls udp 172 family=6
equal "packets by the hairpin" "$(by_hairpin)" "$before"
# several that go to one address may pass as one
compare "packets by loopback" "$(by_loopback)" -gt $((calls * COUNT / 4))
server_lives
