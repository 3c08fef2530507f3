#!/usr/bin/env bash
# Goal: the quota of a user is his own, that of a network is everybody's in it:
# who has used his up is held, others lose nothing; neither leaving nor kill -9
# gives anything back; the report names who moved what.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "quotas are ours"

lab_net
lab_host server
lab_host alice
lab_host carol
lab_host bob
lab_host dave
SRV_CAPS=$'\tquota-day-per-user = "2MB"\n\tat-quota = "signalling"\n\ttime-zone = "UTC"'
SRV_MORE="network \"campus\" {
	prefixes = {\"${LAB4[dave]}/32\"}
	quota-day = \"1MB\"
}"
server_start server
for id in alice carol bob dave; do
	probe_start "$id" "$id"
done

# peer ID: its address as the server sees it
declare -A PEER=()
for id in bob dave; do
	want "$id" open udp "$(udp4)"
	want "$id" bind
	PEER[$id]=$(field mapped)
done

carol_joins()
{
	want carol open udp "$(udp4)"
	want carol rest "$TURN_SECRET" carol
	want carol allocate
	want carol channel 0x4001 "${PEER[bob]}"
}

# of KIND NAME FIELD
of()
{
	ctl quota --json |
		jq -r ".$1[] | select(.name == \"$2\") | .$3"
}

is_used_up()
{
	[ "$(of "$1" "$2" used_up)" = true ]
}

joins alice udp "$(udp4)"
want alice channel 0x4001 "${PEER[bob]}"
want alice channel 0x4002 "${PEER[dave]}"
carol_joins

# everybody's: 1 MB to dave, half of it on the way in
want alice send 0x4002 - 600 1000 1000
wait_for 5 "end of the network's quota" is_used_up networks campus
want dave reset
want bob reset
want alice send 0x4002 - 50 1000 1000
want alice send 0x4001 - 50 1000 1000
want bob await received 50 3000
want dave stats
equal "dave received after that" "$(field received)" 0

# his own: the rest of 2 MB
want alice send 0x4001 - 1500 1000 1000
wait_for 5 "end of alice's quota" is_used_up users alice
want bob reset
want alice send 0x4001 - 50 1000 1000
want carol send 0x4001 - 100 500 1000
want bob await received 100 3000
want bob stats
equal "bob received, all of it carol's" "$(field received)" 100
compare "packets dropped for a quota" "$(drops quota)" -ge 50
has_ended()
{
	[ "$(metric supernode_turn_allocations)" = 1 ]
}
wait_for 5 "end of alice's allocation" has_ended
log_says 'allocation closed .*user=alice .*why="quota used up"' ||
	fail "the log does not say why it ended"

# neither a new allocation nor a kill opens it; the ledger is written when an
# account has moved half of what it was charged ahead, within a second or so
saved()
{
	[ "$(jq -r -R 'fromjson? | .ledger.users[]? |
	    select(.name == "alice") | .day[2] >= 2000000' \
	    "$SRV_DIR/state/ledger" | head -n 1)" = true ]
}
alice_is_refused()
{
	want alice open udp "$(udp4)"
	want alice user "$TURN_USER" "$TURN_PASSWORD"
	refused 486 alice allocate
	want alice bind
	want alice close
}
want alice close
alice_is_refused
ctl explain "$TURN_USER"
ctl explain "$TURN_USER" | grep -q 'barred: a quota is used up' ||
	fail "explain does not say why alice is refused"
want bob reset
wait_for 15 "the ledger on disk" saved
{
	kill -KILL "$SRV_PID"
	wait "$SRV_PID" || :
} 2>/dev/null
is_free()
{
	! lab_exec server ss -Hltun "sport = :$SRV_PORT" | grep -q .
}
wait_for 5 "end of the sockets" is_free
server_launch
SRV_PID=$!
started "$SRV_PID"
wait_for 20 "server" server_ready
is_used_up users alice || fail "a kill gave alice's quota back"
is_used_up networks campus || fail "a kill gave the network's quota back"
alice_is_refused
want carol close
carol_joins
want carol send 0x4001 - 100 500 1000
want bob await received 100 3000
want bob stats
equal "bob received, all of it carol's" "$(field received)" 100

ctl quota
ctl report
equal "the report adds up" "$(ctl report --json | jq '
	([.users[].bytes] | add) + .others.bytes + .unattributed.bytes ==
	    .total.bytes and ([.users[].name] | sort) == ["alice", "carol"] and
	    .networks[0].name == "campus"')" true
server_lives
server_stop
