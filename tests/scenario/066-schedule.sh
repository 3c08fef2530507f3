#!/usr/bin/env bash
# Goal: a window of a schedule opens and closes by the local clock, by itself:
# relaying ends within a second, a rate holds, and status says whose word it is
# and until when.  The clock is moved by the zone: its minutes begin when the
# test wants.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "schedules are ours"

lab_net
lab_host server
lab_host alice
lab_host bob

# zone SECONDS: a zone whose next minute begins in so many seconds, as $ZONE;
# $MINUTE is the minute that begins then, $NEXT the one behind it
zone()
{
	local now at ahead

	now=$(date +%s)
	at=$((now + $1))
	ahead=$(((60 - at % 60) % 60))
	ZONE=AAA-0:00:$(printf %02d "$ahead")
	MINUTE=$(date -u -d "@$((at + ahead))" +%H:%M)
	NEXT=$(date -u -d "@$((at + ahead + 60))" +%H:%M)
	# 24:00 where a window ends with the day
	[ "$NEXT" != 00:00 ] || NEXT=24:00
}

windows()
{
	SRV_CAPS=$'\trate = "10Mbit/s"\n\ttime-zone = "'$ZONE'"'
	SRV_MORE=$1
}

word()
{
	status "$1"
}

is_off()
{
	[ "$(status .schedule.open[0])" = exam ]
}

is_on()
{
	[ "$(status '.schedule.open | length')" -eq 0 ]
}

zone 4
windows $'schedule "exam" { from = "'$MINUTE$'" to = "'$NEXT$'" relay = false }'
server_start server
probe_start alice alice
probe_start bob bob
equal "closed before its minute" "$(status '.schedule.open | length')" 0
joins alice udp "$(udp4)"
joins bob udp "$(udp4)"
calls alice bob 20
wait_for 8 "the window" is_off
wait_for 2 "end of all allocations" has_allocations 0
matches "the log says who" "$(cat "$SRV_LOG_FILE")" \
    'consent: changed relay=off by=schedule why="schedule exam until '
want alice close
want alice open udp "$(udp4)"
want alice bind
refused 403 alice allocate

# the same window, at its end
zone 4
windows $'schedule "exam" { from = "00:00" to = "'$MINUTE$'" relay = false }'
[ "$MINUTE" != 00:00 ] || windows ""
server_config
server_reload
wait_for 8 "the end of the window" is_on
relays_again()
{
	ask alice allocate
	[[ $REPLY == ok* ]]
}
wait_for 2 "relaying" relays_again

# a rate, and who says so
windows $'schedule "night" { days = "mon-sun" from = "00:00" to = "24:00" rate = "1Mbit/s" }'
server_config
server_reload
is_slow()
{
	log_says 'relay=on by=- why="" rate=1Mbit/s by=schedule why="schedule night'
}
wait_for 5 "the window's rate" is_slow
equal "it is open" "$(status .schedule.open[0])" night
ctl status

# bad input: refused with file, line and reason, and the old one stays
bad()
{
	windows "$2"
	server_config
	if REPLY=$(ctl reload 2>&1); then
		fail "$1 was taken: $REPLY"
	fi
	matches "$1: $REPLY" "$REPLY" "$3"
}
bad "a window that never opens" \
    $'schedule "x" { from = "10:00" to = "10:00" relay = false }' \
    'supernoded.conf:[0-9]+.*never opens|supernoded.conf:[0-9]+'
bad "days that do not exist" \
    $'schedule "x" { days = "mon-noday" from = "10:00" to = "11:00" relay = false }' \
    'supernoded.conf:[0-9]+.*days'
ZONE=Europe/Nowhere
bad "an unknown zone" "" 'supernoded.conf:[0-9]+.*time-zone'
equal "it is still open" "$(status .schedule.open[0])" night
server_lives
