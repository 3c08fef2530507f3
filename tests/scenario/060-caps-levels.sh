#!/usr/bin/env bash
# Goal: caps.rate holds and is used at every level, from 64 kbit/s to what this
# machine can send, with four workers and UDP, TCP and TLS clients together:
# by the kernel's own counter (nftables) no window of a second or more holds
# more than rate x time + burst, and as long as more is offered the rate is
# used within 1 %.  supernoded's own check agrees.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "caps.rate is ours"

lab_net
lab_host server
lab_host alice
lab_host bob
SRV_CAPS=$'\trate = "64kbit/s"\n\tallocations-per-user = 100'
# packets that leave together are one to the counter, with one header
SRV_LISTEN=$'\toffload = false'
WORKERS=4
server_start server
lab_count server out 'meta l4proto { udp, tcp }'

probe_start bob bob
want bob open udp "$(udp4)"
want bob bind
peer=$(field mapped)

CLIENTS=()
for transport in udp udp tcp tls; do
	id=$transport${#CLIENTS[@]}
	CLIENTS+=("$id")
	probe_start "$id" alice
	to=$(udp4)
	[ "$transport" != tls ] || to=$(tls4)
	want "$id" open "$transport" "$to"
	want "$id" rest "$TURN_SECRET" "$id"
	want "$id" allocate
	want "$id" channel 0x4001 "$peer"
done

# samples END FILE: "before after bytes", until that time (ns)
samples()
{
	local before bytes

	while before=$(date +%s%N) && [ "$before" -lt "$1" ]; do
		bytes=$(lab_counted server out | cut -d' ' -f2)
		echo "$before $(date +%s%N) $bytes"
	done >"$2"
}

# judge NAME BYTES/S BURST IN-BYTES IN-US: the worst window of all samples; and
# what was used while those in $TMP/more were taken, of the direction that had
# more.  In is told by the server, for the kernel counts what it was sent.
judge()
{
	local worst used in

	in=$(awk -v b="$4" -v us="$5" -v r="$2" \
	    'BEGIN { printf "%.1f", 1e8 * b / us / r }')
	used=$(awk -v r="$2" 'NR == 1 { t = $1; b = $3 } END {
		printf "%.1f", 1e11 * ($3 - b) / r / ($1 - t) }' "$TMP/more")
	worst=$(cat "$TMP/samples" "$TMP/more" |
		awk -v rate="$2" -v burst="$3" '
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
		printf "%d", worst
	}')
	say "$1: used $used % out, $in % in, $(wc -l <"$TMP/more") samples"
	compare "$1: bytes over the cap in the worst window" "$worst" -le 0
	# more than 100: a burst saved up before
	awk -v o="$used" -v i="$in" '
	BEGIN { u = o > i ? o : i; exit !(u >= 98.5) }' && return
	# was there more to send?
	[ "$(($(over) - DROPPED))" -lt 100 ] ||
		fail "$1: used $used % out, $in % in of the rate"
	say "$1: this machine does not offer more"
}

over()
{
	echo "$(($(drops share) + $(drops cap_in) + $(drops cap_out)))"
}

received()
{
	status .wire.in.bytes
}

# level RATE BYTES/S COUNT SIZE GAP_US: all send for 4 s, each about the rate;
# the last 2 s count
level()
{
	local start in began

	ctl caps rate "$1" >/dev/null
	DROPPED=$(over)
	for id in "${CLIENTS[@]}"; do
		tell "$id" send 0x4001 - "$3" "$4" "$5"
	done
	start=$(date +%s%N)
	samples "$((start + 1500000000))" "$TMP/samples"
	in=$(received) began=$(date +%s%N)
	samples "$((start + 3500000000))" "$TMP/more"
	in=$(($(received) - in)) began=$((($(date +%s%N) - began) / 1000))
	judge "$1" "$2" "$(($2 / 4))" "$in" "$began"
	for id in "${CLIENTS[@]}"; do
		hear "$id"
	done
}

level 64kbit/s 8000 160 200 25000
level 1Mbit/s 125000 500 1000 8000
level 10Mbit/s 1250000 4000 1200 1000

# what the peer is sent is counted and thrown away: it needs no CPU for it
lab_rules bob <<-END
table inet deaf {
	chain in {
		type filter hook input priority -200; policy accept;
		meta l4proto udp drop
	}
}
END
CLIENTS=(udp0 udp1)
level 100Mbit/s 12500000 40000 1200 100
level 1Gbit/s 125000000 120000 1200 30
say "drops: $(status '.drops | with_entries(select(.value > 0)) | tostring')"
equal "cap_error_bytes" "$(metric supernode_cap_error_bytes)" 0
server_lives
