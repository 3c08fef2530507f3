#!/usr/bin/env bash
# Goal: pages behind symmetric NATs reach each other through the relay by
# themselves, and so does one whose firewall lets out nothing but TCP to port
# 443: the page, signalling and TURN all come through that port, over TLS.
# shellcheck source=tests/support/browser.sh
. "$(dirname "$0")/../support/browser.sh"
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "signalling"
browser_begin

SRV_AUTH='	anonymous = true'
SRV_MORE='signalling { page = true }'

lab_net
lab_host server
lab_nat nat1 symmetric
lab_nat nat2 symmetric
lab_firewall campus only-443
lab_host alice nat1
lab_host bob nat2
lab_host carol campus
# IPv6 has no NAT: two firewalls alone let themselves be passed
for host in alice bob carol; do
	ip -n "$host" -6 addr flush dev eth0 scope global
done
server_start server
browser_trusts "$SRV_CERT"
browser_in alice
browser_in bob
browser_in carol
PAGE=https://$SRV_IP4/call CHROMIUM_ALICE=$TMP/chromium.alice \
    CHROMIUM_BOB=$TMP/chromium.bob CHROMIUM_CAROL=$TMP/chromium.carol \
    browser_run nat.mjs || fail "the page: see above"
server_lives
