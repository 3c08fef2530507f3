#!/usr/bin/env bash
# Goal: who has a token of an issuer gets in under its name, no other token
# does; a token that names a key needs its proof; ready, /ice and the TURN REST
# service hand out credentials that the relay takes, for no longer than the
# token lives; another key of the issuer is read when it is first seen.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "tokens are ours"
need node jq curl

ip link set lo up
tokens=$ROOT/tests/scenario/080-tokens.mjs
node "$tokens" keys "$TMP"
SRV_AUTH="	issuer \"login\" { jwks = \"$TMP/login.jwks\"
		issuer = \"https://login.example.test\"
		audience = \"supernode\" }"
SRV_MORE='signalling { origins = {"https://app.example"}
	rest-keys = {"application"} messages = 1000
	sessions-per-address = 1000 }'
server_start
PORT=$SRV_PORT node "$tokens" run "$TMP" >"$TMP/out" 2>&1 || {
	cat "$TMP/out"
	fail "tokens"
}
grep -v '^credential' "$TMP/out"

probe_start alice
count=0
while read -r _ user password; do
	want alice open udp "$(udp4)"
	want alice user "$user" "$password"
	want alice allocate
	want alice refresh 0
	say "ok: the relay takes $user"
	count=$((count + 1))
done < <(grep '^credential' "$TMP/out")
equal "credentials" "$count" 3

# the file is broken now: a reload goes on with the keys there are
ctl reload >/dev/null
status=$(ctl status --json)
equal "status shows the issuer" "$(jq -r .issuers[0].name <<<"$status")" login
matches "and what is wrong with it" "$(jq -r .issuers[0].fault <<<"$status")" \
    "no JWKS"
equal "an alarm" "$(metric supernode_issuers_failing)" 1
compare "refused tokens" \
    "$(metric 'supernode_auth_failures_total{reason="token"}')" -gt 15
! grep -q 'application' "$SRV_LOG_FILE" || fail "a key is in the log"
server_lives
