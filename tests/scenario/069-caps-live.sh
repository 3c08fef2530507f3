#!/usr/bin/env bash
# Goal: `supernodectl caps KEY VALUE` holds for running allocations within a
# second, as an independent counter sees it (nftables); a change that does not
# hold together changes nothing; changes and reloads come one at a time, and a
# reload goes back to the files.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "caps are ours"

lab_net
lab_host server
lab_host alice
lab_host bob
SRV_CAPS=$'\trate = "50Mbit/s"\n\tburst = "250ms"'
server_start server
probe_start alice alice
probe_start bob bob
joins alice udp "$(udp4)"
want bob open udp "$(udp4)"
want bob bind
want alice channel 0x4001 "$(field mapped)"
lab_count server out 'meta l4proto { udp, tcp }'

sent()
{
	lab_counted server out | cut -d' ' -f2
}

sent_more()
{
	[ "$(sent)" -ge $((from + 1000000)) ]
}

# what holds, as text
limit()
{
	ctl caps --json | jq -r ".limits[\"$1\"]"
}

say "--- lower, under traffic: 8 Mbit/s offered, 1 Mbit/s allowed"
from=$(sent)
tell alice send 0x4001 - 5000 1000 1000
wait_for 3 "traffic" sent_more
out=$(ctl caps rate 1Mbit/s)
changed=$(date +%s%N)
matches "it says what changed" "$out" "caps.rate: 50Mbit/s -> 1Mbit/s"
matches "and what that does to the burst" "$out" "caps.burst: "
matches "and for how long" "$out" "until the next reload"
matches "and how to keep it" "$out" "caps \{ rate = \"1Mbit/s\" \}"
equal "effective" "$(status .caps.effective_rate)" 1Mbit/s
equal "metric" "$(metric supernode_budget_rate_bytes_per_second)" 125000
second_later()
{
	[ "$(date +%s%N)" -ge $((changed + 1000000000)) ]
}
wait_for 2 "a second later" second_later
from=$(sent) start=$(date +%s%N)
two_later()
{
	[ "$(date +%s%N)" -ge $((start + 1500000000)) ]
}
asked=$(date +%s%N)
wait_for 3 "window" two_later
bytes=$(($(sent) - from))
span=$((($(date +%s%N) - asked) / 1000000))
say "sent $bytes bytes in $span ms"
# burst: 250 ms of the new rate; a tenth for the time that reading takes
compare "bytes in that window" "$bytes" -le $((span * 125 * 11 / 10 + 31250))
compare "and the rate is used" "$bytes" -ge $((span * 125 / 2))
matches "caps shows who is held back" "$(ctl caps)" \
    "rate +1.00 Mbit/s each way, burst 31.2 kB, by configuration: caps.rate"
matches "and that it is not in the files" "$(ctl caps)" \
    "rate +1Mbit/s +until a reload"
compare "drops at the cap" "$(ctl caps --json | jq '.dropped | add')" -gt 100
matches "and why" "$(ctl caps)" "dropped +[0-9 ]+ packets, "
equal "headroom" "$(ctl caps --json |
    jq '.headroom.out_bit_s + .use.out_bit_s >= 1000000')" true
hear alice
log_says "caps: changed key=rate value=\"1Mbit/s\" uid=$(id -u) pid=" ||
	fail "the log does not say who"

say "--- what does not hold together changes nothing"
before=$(ctl caps --json | jq -S '.limits, .live, .effective')
for bad in "rate 0" "rate 1" "rate 1bit/s" "rate fast" "burst 0" "burst 1ms" \
    "allocations 0" "allocations -1" "month-starts 32" "at-quota never" \
    "no-such-key 1" "enabled false" "relay.enabled false" "rate" "rate 1 2" \
    "trickle 1bit/s" "time-zone Mars/Olympus"; do
	rc=0
	# shellcheck disable=SC2086
	ctl caps $bad >"$TMP/out" 2>&1 || rc=$?
	compare "refused: caps $bad" "$rc" -ne 0
done
for bad in '1"Mbit/s' '1Mbit/s\' '${HOME}' $'1Mbit/s\n' $'\xff'; do
	rc=0
	ctl caps rate "$bad" >"$TMP/out" 2>&1 || rc=$?
	compare "refused: caps rate $bad" "$rc" -ne 0
done
equal "nothing changed" \
    "$(ctl caps --json | jq -S '.limits, .live, .effective')" "$before"
matches "the reason" "$(ctl caps burst 1ms 2>&1)" "caps.burst: "
cp "$SRV_CONF" "$TMP/conf"
sed -i 's/50Mbit/40Mbit/; s/name = .*/name = "other.test"/' "$SRV_CONF"
matches "edited files are another matter" "$(ctl caps rate 2Mbit/s 2>&1)" \
    "reload first: node.name"
echo "nonsense" >"$SRV_CONF"
matches "broken files too" "$(ctl caps rate 2Mbit/s 2>&1)" "do not load"
cp "$TMP/conf" "$SRV_CONF"
equal "nothing changed" \
    "$(ctl caps --json | jq -S '.limits, .live, .effective')" "$before"

say "--- another key beside it, applied to what runs"
ctl caps caps.allocations 1 >/dev/null
equal "both are live" "$(ctl caps --json | jq -c .live)" \
    '{"rate":"1Mbit/s","allocations":"1"}'
want bob user "$TURN_USER" "$TURN_PASSWORD"
refused 508 bob allocate
want alice refresh 600
ctl caps allocations 10000 >/dev/null
matches "the same again is no change" "$(ctl caps rate 1Mbit/s)" \
    "nothing changed"

say "--- one at a time, whoever asks"
pids=()
for i in $(seq 14); do # CONTROL_CONNECTIONS_MAX is 16
	# refused while another is under way, and asked again
	until_true 20 ctl caps rate "$((i % 9 + 1))Mbit/s" &
	pids+=($!)
	[ $((i % 5)) -ne 0 ] || server_reload
done
for pid in "${pids[@]}"; do
	wait "$pid" || fail "a change was refused for 20 s"
done
say "ok: each was made in the end"
settled()
{
	ctl caps rate 7Mbit/s && ctl reload
}
wait_for 5 "calm" settled
settled_reload()
{
	[ "$(limit rate)" = 50Mbit/s ]
}
settled_window()
{
	[ "$(status .caps.effective_rate)" = 20Mbit/s ]
}
wait_for 5 "the files' word" settled_reload
equal "nothing is live" "$(ctl caps --json | jq -c .live)" '{}'
equal "effective" "$(status .caps.effective_rate)" 50Mbit/s
log_says "caps: what was changed while running is forgotten" ||
	fail "the log does not say that it is gone"

say "--- in an open window of the schedule"
was=${SRV_MORE-}
SRV_MORE="$was
schedule \"always\" { days = \"mon-sun\" from = \"00:00\" to = \"24:00\"
    rate = \"20Mbit/s\" }"
server_config
ctl reload >/dev/null
wait_for 5 "the window" settled_window
ctl caps rate 3Mbit/s >/dev/null
equal "a live rate holds" "$(status .caps.effective_rate)" 3Mbit/s
ctl caps rate 30Mbit/s >/dev/null
equal "the stricter holds" "$(status .caps.effective_rate)" 20Mbit/s
ctl caps rate 3Mbit/s >/dev/null
ctl reload >/dev/null
wait_for 5 "the window again" settled_window
SRV_MORE=$was
server_config
ctl reload >/dev/null
wait_for 5 "the files' word" settled_reload

say "--- unlimited and back"
ctl caps rate unlimited >/dev/null
equal "effective" "$(status .caps.effective_rate)" unlimited
ctl caps rate 5Mbit/s >/dev/null
equal "effective" "$(status .caps.effective_rate)" 5Mbit/s
joins bob udp "$(udp4)"
want alice refresh 0
joins alice udp "$(udp4)"
calls alice bob 50
server_stop
equal "exit code" "$SRV_RC" 0
