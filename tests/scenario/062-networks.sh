#!/usr/bin/env bash
# Goal: below the host's cap a network, a user and an allocation have caps of
# their own.  What a network's clients and peers exchange together keeps to its
# rate, by the kernel's own counter, and is shared fairly among its users;
# others are not held back by it; and what was used is told per network.
# alone: measures a rate
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "networks are ours"

lab_net
for host in server alice bob carol; do
	lab_host "$host"
done
SRV_CAPS=$'\trate = "50Mbit/s"'
SRV_MORE="network \"campus\" {
	prefixes = {\"${LAB4[alice]}/32\", \"${LAB6[alice]}/128\"}
	rate = \"1Mbit/s\"
}"
WORKERS=4
server_start server

# enters ID HOST USER: a client with an allocation
enters()
{
	probe_start "$1" "$2"
	want "$1" open udp "$(udp4)"
	want "$1" rest "$TURN_SECRET" "$3"
	want "$1" allocate
}

# a peer of each for whom the counter has a rule: where is said in PEER
declare -A PEER=()
peer()
{
	probe_start "$1" "$2"
	want "$1" open udp "$(udp4)"
	want "$1" bind
	PEER[$1]=$(field mapped)
	lab_rules server <<-END
	table inet count_$1 {
		counter wire { }
		chain c {
			type filter hook output priority -200; policy accept;
			ip daddr ${PEER[$1]%:*} udp dport ${PEER[$1]#*:} counter name wire
		}
	}
	END
}

sent()
{
	lab_counted server "$1" | cut -d' ' -f2
}

peer sink bob
peer quiet bob
peer inside alice
enters greedy alice greedy
for try in 1 2 3; do
	enters "voice$try" alice "voice$try"
	want "voice$try" channel 0x4001 "${PEER[quiet]}"
done
enters stranger carol stranger
enters guest carol guest
want greedy channel 0x4001 "${PEER[sink]}"
want stranger channel 0x4001 "${PEER[sink]}"
want guest channel 0x4001 "${PEER[inside]}"
want quiet echo on

say "--- the network's rate, and who else shares it"
# greedy from inside, and a guest to inside, 2 Mbit/s each; a stranger has
# nothing to do with the network
tell greedy send 0x4001 - 2000 1000 4000
tell guest send 0x4001 - 2000 1000 4000
binds() { [ "$(drops share_network)" -gt 0 ]; }
wait_for 5 "the network's cap to bind" binds
# another voice where the machine stopped for a while
for try in 1 2 3; do
	before=$(sent sink) was=$(sent inside) start=$(date +%s%N)
	want "voice$try" send 0x4001 - 100 100 20000
	after=$(($(sent sink) - before)) inside=$(($(sent inside) - was))
	us=$((($(date +%s%N) - start) / 1000))
	ask "voice$try" await echoes 100 500
	say "voice, try $try: $REPLY"
	[ "$(field echoes)" -lt 100 ] || break
done
equal "packets of the voice that came back" "$(field echoes)" 100
# the voice takes 100 packets there and back: 128 bytes and 132
used=$(((after + inside + 26000) * 8 * 100 / us))
say "greedy $after, guest $inside bytes in $us us: $used % of the rate"
compare "of the network's rate" "$used" -le 113
compare "of the network's rate" "$used" -ge 85
compare "greedy beside guest, %" "$((after * 100 / inside))" -ge 80
compare "greedy beside guest, %" "$((after * 100 / inside))" -le 125
hear greedy
hear guest

want sink reset
want stranger send 0x4001 - 1000 1000 500
want sink await received 1000 3000
compare "bytes of the network" "$(metric supernode_network_wire_bytes_total)" \
    -gt $((after + inside))
equal "the network in the status" "$(status '.networks[0].name')" campus
equal "users in the status" "$(status '.users | length')" 6
equal "dropped at the host's cap" \
    "$(($(drops cap_in) + $(drops cap_out) + $(drops share)))" 0

say "--- a user's rate, over his allocations, and an allocation's"
SRV_CAPS+=$'\n\trate-per-user = "1Mbit/s"\n\trate-per-allocation = "600kbit/s"'
SRV_MORE=
server_config
ctl reload
enters one carol user
enters two carol user
want one channel 0x4001 "${PEER[sink]}"
want two channel 0x4001 "${PEER[inside]}"
tell one send 0x4001 - 600 1000 4000
settled() { [ "$(drops cap_allocation)" -gt 50 ]; }
wait_for 5 "the allocation's cap to bind" settled
before=$(sent sink) start=$(date +%s%N)
hear one
used=$((($(sent sink) - before) * 8 * 1000000 / (($(date +%s%N) - start))))
say "one allocation: $used kbit/s"
compare "an allocation, kbit/s" "$used" -le 630
compare "an allocation, kbit/s" "$used" -ge 560
tell one send 0x4001 - 600 1000 4000
tell two send 0x4001 - 600 1000 4000
settled() { [ "$(drops cap_user)" -gt 50 ]; }
wait_for 5 "the user's cap to bind" settled
before=$(($(sent sink) + $(sent inside))) start=$(date +%s%N)
hear one
hear two
used=$((($(sent sink) + $(sent inside) - before) * 8 * 1000000 /
    ($(date +%s%N) - start)))
say "two allocations: $used kbit/s"
compare "a user, kbit/s" "$used" -le 1050
compare "a user, kbit/s" "$used" -ge 930
equal "cap_error_bytes" "$(metric supernode_cap_error_bytes)" 0
server_lives
