#!/usr/bin/env bash
# Goal: caps.rate is hard: an independent counter (nftables, on the interface of
# the server) never sees more than rate x time + burst leave in any window of
# a second or more, while several times as much is offered, and the rate is
# used, not wasted.  What was dropped is counted by reason.
# alone: measures a rate
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "caps.rate is ours"

RATE=250000	# bytes a second: 2 Mbit/s
BURST=62500	# 250 ms of it
lab_net
lab_host server
lab_host alice
lab_host bob
SRV_CAPS=$'\trate = "2Mbit/s"\n\tburst = "250ms"'
server_start server
probe_start alice alice
probe_start bob bob
joins alice udp "$(udp4)"
want bob open udp "$(udp4)"
want bob bind
peer=$(field mapped)
want alice channel 0x4001 "$peer"
want bob reset
lab_count server out 'meta l4proto { udp, tcp }'

# 8 Mbit/s for 6 s
tell alice send 0x4001 - 6000 1000 1000
times=() after=() bytes=()
end=$(($(date +%s%N) + 5000000000))
while [ "$(date +%s%N)" -lt "$end" ]; do
	times+=("$(date +%s%N)")
	bytes+=("$(lab_counted server out | cut -d' ' -f2)")
	after+=("$(date +%s%N)")
done
hear alice
# some windows; a busy machine takes its time for each
compare "samples" "${#bytes[@]}" -ge 5

# the widest reading of each window: from before its first sample was asked
# for until its last was there
worst=$(for i in "${!bytes[@]}"; do
	echo "${times[$i]} ${after[$i]} ${bytes[$i]}"
done | awk -v rate="$RATE" -v burst="$BURST" '
	{ t[NR] = $1 / 1e9; u[NR] = $2 / 1e9; b[NR] = $3 }
	END {
		worst = -1e18
		for (i = 1; i <= NR; i++) for (j = i + 1; j <= NR; j++) {
			if (t[j] - t[i] < 1)
				continue
			over = b[j] - b[i] - rate * (u[j] - t[i]) - burst
			if (over > worst)
				worst = over
		}
		printf "%d\n", worst
	}')
compare "bytes over the cap in the worst window" "$worst" -le 0
total=$((bytes[-1] - bytes[0]))
span=$(((times[-1] - times[0]) / 1000000))
say "sent $total bytes in $span ms"
compare "share of the rate that was used, %" \
    $((total * 100 * 1000 / span / RATE)) -ge 85
ask bob stats
compare "packets that got through" "$(field received)" -gt 800
compare "packets dropped at the cap" \
    "$(($(drops cap_in) + $(drops cap_out) + $(drops share)))" -gt 1000
server_lives
