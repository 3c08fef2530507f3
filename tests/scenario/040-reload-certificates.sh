#!/usr/bin/env bash
# Goal: SIGHUP takes a new certificate and key for TLS and DTLS; connections
# that are there keep running, and a broken file leaves the old one in use.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "reload by SIGHUP"

lab_net
lab_host server
lab_host alice
lab_host bob
server_start server
probe_start alice alice
probe_start bob bob
probe_start visitor alice

fingerprint()
{
	openssl x509 -in "$SRV_CERT" -noout -fingerprint -sha256 |
		sed 's/.*=//; s/://g' | cut -c1-16 | tr A-F a-f
}
# shows TRANSPORT FINGERPRINT: does a new connection show it?
shows()
{
	want visitor open "$1" "$(tls4)"
	[ "$(field certificate)" = "$2" ]
}
old=$(fingerprint)
wait_for 1 "the first certificate on TLS" shows tls "$old"
wait_for 1 "the first certificate on DTLS" shows dtls "$old"
joins alice tls "$(tls4)"
joins bob dtls "$(tls4)"
calls alice bob 50

server_certificate
new=$(fingerprint)
[ "$new" != "$old" ] || fail "the new certificate is the old one"
server_reload
wait_for 5 "the new certificate on TLS" shows tls "$new"
wait_for 5 "the new certificate on DTLS" shows dtls "$new"
say "ok: certificate $old became $new"
calls alice bob 50

echo "no certificate" >"$SRV_CERT"
server_reload
wait_for 5 "complaint" log_says 'cert\.pem'
wait_for 1 "the certificate still in use" shows tls "$new"
calls alice bob 50
server_lives
