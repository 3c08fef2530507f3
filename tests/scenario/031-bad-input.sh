#!/usr/bin/env bash
# Goal: bad input of every kind is answered as the RFC says or dropped and
# counted by reason; clients that talk meanwhile lose nothing, the server lives
# and does not grow.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
lab_net
lab_host server
lab_host alice
lab_host bob
lab_host mallory
SRV_CAPS=$'\tconnections = 64'
server_start server
probe_start alice alice
probe_start bob bob
probe_start mallory mallory
joins alice udp "$(udp4)"
joins bob tcp "$(udp4)"
calls alice bob 20

rss()
{
	awk '/^VmRSS/ { print $2 }' "/proc/$SRV_PID/status"
}
before=$(rss)

# alice and bob talk all the time while mallory tries: 20 s at most
want alice reset
want bob reset
tell alice send 0x4001 - 2000 172 5000
tell bob send 0x4001 - 2000 172 5000

TID=0102030405060708090a0b0c
COOKIE=2112a442
long=$(printf 'aa%.0s' {1..60000})

# dropped HEX WHAT: over UDP nothing may come back
dropped()
{
	want mallory open udp "$(udp4)"
	ask mallory raw "$1" 100
	# coturn answers some of it
	[[ $REPLY == "error code=408"* ]] || [ "$SERVER" = coturn ] ||
		fail "$2 was answered: $REPLY"
	say "ok: dropped: $2"
}
dropped 0001 "two bytes"
dropped "00010000$COOKIE" "half a header"
dropped "00010008$COOKIE$TID" "length beyond the datagram"
dropped "00010004${COOKIE}${TID}" "attribute header missing"
dropped "00010008$COOKIE${TID}802200ff00000000" "attribute over the end"
dropped "00010003$COOKIE${TID}000000" "length not a multiple of 4"
dropped "00010000$COOKIE${TID}0000" "bytes behind the message"
dropped "00010008$COOKIE${TID}8028000412345678" "wrong FINGERPRINT"
dropped "0001ea60$COOKIE$TID$long" "60000 bytes of one attribute"
dropped "0101000c${COOKIE}${TID}002000080001000000000000" "a response"
dropped "40010004deadbeef" "ChannelData on nothing"
dropped "4001ffffdead" "ChannelData shorter than it says"
dropped "7fff0004deadbeef" "channel number out of range"
dropped "16fefd0000" "half a DTLS record"
dropped "ff00ff00ff00ff00" "no protocol at all"
dropped "00110000$COOKIE$TID" "a Binding indication"

# closed TRANSPORT ADDRESS HEX WHAT: a stream that lost its framing ends
closed()
{
	want mallory open "$1" "$2"
	ask mallory raw "$3" 1
	ask mallory closed "$PATIENCE"
	[[ $REPLY == ok* || $REPLY == "error code=499"* ]] ||
	    [ "$SERVER" = coturn ] ||
		fail "$4 keeps its connection: $REPLY"
	say "ok: closed: $4"
}
PATIENCE=15000
[ "$SERVER" = supernode ] || PATIENCE=100
garbage=$(printf 'ff%.0s' {1..400})
for on in "tcp $(udp4)" "tls $(tls4)"; do
	# shellcheck disable=SC2086
	closed $on "$garbage" "garbage on ${on% *}"
	# shellcheck disable=SC2086
	closed $on "00010003$COOKIE${TID}00000000" "bad STUN length on ${on% *}"
	# shellcheck disable=SC2086
	closed $on "000100000000000000000000000000000000000000000000" \
	    "STUN without its cookie on ${on% *}"
done
closed tcp "$(tls4)" "16030100ff${garbage}" "a broken ClientHello"
closed tcp "$(tls4)" "$garbage" "garbage for a handshake"

# answered CODE REQUEST...: coturn takes some of it for good
answered()
{
	if [ "$SERVER" = supernode ]; then
		refused "$@"
	else
		shift
		ask "$@"
	fi
}

# requests without what they must have, answered as the RFCs say
joins mallory udp "$(udp4)"
answered 400 mallory request channelbind
answered 400 mallory request createpermission
answered 400 mallory request channelbind 000c=40010000
answered 400 mallory request createpermission 0012=00
answered 437 mallory request allocate 0019=11000000
answered 420 mallory request refresh 7001=00000000
want mallory open udp "$(udp4)"
answered 400 mallory request allocate
answered 442 mallory request allocate 0019=06000000
answered 440 mallory request allocate 0019=11000000 0017=03000000
answered 437 mallory request refresh 000d=00000258
answered 437 mallory request createpermission "0012=0001000021120000"
answered 401 mallory unsigned allocate 0019=11000000
answered 420 mallory unsigned binding 7001=00000000
want mallory user mallory wrong
answered 401 mallory allocate
say "ok: incomplete requests get the codes of RFC 8489 and 8656"

if [ "$SERVER" = supernode ]; then
	# slow-loris: a byte now and then, never whole
	probe_start loris mallory
	want loris open tcp "$(udp4)"
	tell loris trickle "00010000${COOKIE}0102030405" 1000 40000

	# more connections than there may be; each holds what it got
	for i in {1..100}; do
		probe_start "flood$i" mallory
		tell "flood$i" open tcp "$(udp4)"
	done
	held=0
	for i in {1..100}; do
		hear "flood$i"
		ask "flood$i" closed 20
		[[ $REPLY == "error code=408"* ]] && held=$((held + 1))
	done
	compare "connections held of 100" "$held" -le 64
	PROBE_TIMEOUT=70 hear loris
	matches "half a message, a byte a second: the connection was closed" \
	    "$REPLY " '^error code=499 '
fi

hear alice
hear bob
ask alice await received 2000 20000
equal "alice received meanwhile" "$(field received)" 2000
ask bob await received 2000 20000
equal "bob received meanwhile" "$(field received)" 2000
server_lives
[ "$SERVER" = supernode ] || exit 0
after=$(rss)
compare "growth, kB" $((after - before)) -le 16384
for reason in not_stun malformed no_allocation response stream_broken \
    tls_failed conn_limit; do
	compare "counted as $reason" "$(drops "$reason")" -ge 1
done
