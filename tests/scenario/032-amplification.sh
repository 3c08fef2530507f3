#!/usr/bin/env bash
# Goal: what the server answers before it knows the client is never more than
# 2.5 times the request on the wire, IP and UDP headers counted; and a source
# that only asks is not answered without end.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "coturn answers 2.7 times and more"

lab_net
lab_host server
lab_host mallory
server_start server
probe_start mallory mallory

# ratio HEADERS REQUEST...: of the answer to the request, both on the wire
ratio()
{
	local headers=$1 asked got

	shift
	ask mallory unsigned "$@"
	asked=$(field request_bytes)
	got=$(field answer_bytes)
	compare "$* ($asked -> $got bytes), ratio x100" \
	    $(((got + headers) * 100 / (asked + headers))) -le 250
}
for on in "28 $(udp4)" "48 $(udp6)"; do
	want mallory open udp "${on#* }"
	for request in binding allocate "allocate 0019=11000000" refresh \
	    createpermission channelbind "binding 7001=" \
	    "binding 7001= 7002= 7003= 7004= 7005= 7006= 7007= 7008="; do
		# shellcheck disable=SC2086
		ratio "${on%% *}" $request
	done
done

# all in all, over everything mallory can think of in one go
lab_count server in 'meta l4proto udp'
lab_count server out 'meta l4proto udp'
want mallory open udp "$(udp4)"
for _ in {1..300}; do
	ask mallory raw 000300002112a4420102030405060708090a0b0c 1
done
asked=$(lab_counted server in | cut -d' ' -f2)
answered=$(lab_counted server out | cut -d' ' -f2)
compare "bytes answered to $asked asked" "$answered" -le $((asked * 5 / 2))

# DTLS: a ClientHello is answered by a cookie, not by a certificate
want mallory open udp "$(tls4)"
random=$(printf '5a%.0s' {1..32})
body=fefd${random}00000002c02b0100
hello=010000$(printf %02x $((${#body} / 2)))00000000000000
hello+=$(printf %02x $((${#body} / 2)))$body
record=16feff0000000000000000$(printf %04x $((${#hello} / 2)))$hello
ask mallory raw "$record" 500
got=$(field len)
compare "DTLS answer ($((${#record} / 2)) -> $got bytes), ratio x100" \
    $(((got + 28) * 100 / (${#record} / 2 + 28))) -le 250
server_lives
