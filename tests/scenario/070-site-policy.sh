#!/usr/bin/env bash
# Goal: a network says in DNS and in a file whether supernodes in it may
# relay, how fast and how much a month; the stricter of it and the
# configuration holds; who does not answer keeps the last word, also over a
# restart; a host that never heard it waits for it, but not for ever.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "the word of a network is obeyed by ours"
need dnsmasq jq

SITE=example.edu
lab_net
lab_host server
lab_host alice
lab_host dns
DNS_PID=

# dns [TXT-RECORD...]: publishes them, or that there is none
dns()
{
	local args=() record

	for record; do
		args+=(--txt-record="_supernode.$SITE,$record")
	done
	dns_dies
	# not by lab_exec: its pid is needed
	nsenter --net=/run/netns/dns -- dnsmasq --keep-in-foreground --no-resolv --no-hosts \
	    --conf-file=/dev/null --pid-file= --user=root --local-ttl=1 \
	    --local="/$SITE/" --listen-address="${LAB4[dns]}" \
	    --bind-interfaces "${args[@]}" 2>"$TMP/dns" &
	DNS_PID=$!
	started "$DNS_PID"
	wait_for 5 "DNS server" dns_listens
}
dns_listens()
{
	lab_exec dns ss -Hlun "sport = :53" | grep -q .
}
dns_dies()
{
	[ -z "$DNS_PID" ] || { kill "$DNS_PID"; wait "$DNS_PID" || :; }
	DNS_PID=
}

# policy FILTER: a value of `policy --json`
policy()
{
	ctl policy --json | jq -r "$1"
}
is()
{
	[ "$(policy "$1")" = "$2" ]
}
# says FILTER VALUE: once the network has been asked
says()
{
	ctl policy refresh >/dev/null
	wait_for 5 "$1 = $2" is "$1" "$2"
	say "ok: $1 = $2"
}

dns 'v=supernode1; rate=20Mbit/s; month=100GB; contact=noc@example.edu' \
    'v=spf1 -all'
# read by server.sh
# shellcheck disable=SC2034
SRV_CAPS='	rate = "40Mbit/s"'
POLICY="policy { sites = {\"$SITE\"} resolver = \"${LAB4[dns]}\""
SRV_MORE="$POLICY }"
server_start server
probe_start alice alice

# ---- what was published holds from the start

says .effect.rate 20Mbit/s
text=$(ctl policy)
matches "what was found" "$text" "$SITE +DNS +at most 20Mbit/s, 100GB a month"
matches "whom to ask" "$text" "noc@example.edu"
matches "the month, in quota" "$(ctl quota)" '100( |\.0* )?GB'
matches "the effect" "$text" "effect: relays, at most 20Mbit/s \\($SITE"
joins alice udp "$(udp4)"

# ---- looser than the configuration; several records; one in many strings,
# longer than a datagram may be

dns 'v=supernode1; rate=100Mbit/s'
says .effect.rate 40Mbit/s
matches "by whom" "$(policy .effect.rate_reason)" '^caps\.rate|onfiguration'
long=$(printf 'a%.0s' {1..240})
dns 'v=supernode1; rate=9Mbit/s' \
    "v=supernode1; x=$long,; y=$long,; z=$long; ra,te=3Mbit/s"
says .effect.rate 3Mbit/s

# ---- no

dns 'v=supernode1; relay=no'
says .effect.relay false
wait_for 2 "end of all allocations" has_allocations 0
want alice open udp "$(udp4)"
want alice user "$TURN_USER" "$TURN_PASSWORD"
want alice bind
refused 403 alice allocate
matches "who says so" "$(ctl policy)" "nothing is relayed \\($SITE allows no"

# ---- nobody answers: the last word stays, also for the next process

dns_dies
silent()
{
	is '.sites[0].failures > 0' true
}
ctl policy refresh >/dev/null
wait_for 20 "failure" silent
equal "the word stays" "$(policy .effect.relay)" false
server_stop
server_launch
SRV_PID=$!
started "$SRV_PID"
wait_for 20 "server" server_ready_or_dead
want alice open udp "$(udp4)"
want alice user "$TURN_USER" "$TURN_PASSWORD"
refused 403 alice allocate
equal "over a restart" "$(policy '.sites[0].relay')" false

# ---- withdrawn; not understood

dns
says '.sites[0].found' false
want alice allocate
dns 'v=supernode1; relay=perhaps'
says .effect.relay false
matches "why" "$(ctl policy)" "strict, for +relay=perhaps: must be yes or no"
matches "status tells, too" "$(ctl status)" "$SITE read strictly: relay=perhaps"
equal "and the metrics" "$(metric supernode_policy_faulty)" 1
dns
says .effect.relay true

# ---- a file, and both; a reload forgets nothing

echo 'v=supernode1; rate=2Mbit/s' >"$TMP/site.txt"
SRV_MORE="$POLICY file = \"$TMP/site.txt\" }"
server_config
server_reload
wait_for 5 "the file's word" is .effect.rate 2Mbit/s
dns 'v=supernode1; rate=1Mbit/s'
says .effect.rate 1Mbit/s
dns_dies
server_reload
wait_for 5 "reload" log_says 'reload: applied'
equal "after a reload" "$(policy .effect.rate)" 1Mbit/s
rm "$TMP/site.txt"
dns
says .effect.rate 40Mbit/s

# ---- never heard: waits, then the configuration alone holds

server_stop
dns_dies
rm "$SRV_DIR/state/site.json"
server_launch
SRV_PID=$!
started "$SRV_PID"
wait_for 20 "server" server_ready_or_dead
equal "while it is asked" "$(policy .effect.relay)" false
matches "why" "$(policy .effect.relay_reason)" "$SITE is asked"
wait_for 15 "an end of waiting" is .effect.relay true
log_says "site: not heard, the configuration alone holds site=$SITE" ||
	fail "nothing in the log"
server_lives
