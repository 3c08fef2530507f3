#!/usr/bin/env bash
# Goal: keys that come from an https:// URL are fetched when the server starts
# and when a token names one that is not known, but not for every such token;
# they are used while the issuer is away, over a restart, too; an issuer whose
# certificate is not trusted is none.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "tokens are ours"
need node openssl jq

ip link set lo up
script=$ROOT/tests/scenario/081-issuer-away.mjs
node "$script" keys "$TMP"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj /CN=issuer.test -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
    -keyout "$TMP/tls.key" -out "$TMP/tls.pem" 2>/dev/null
port=$(free_port)
url=https://localhost:$port/keys
echo 0 >"$TMP/asked"

issuer_start() {
	node "$script" serve "$TMP" "$port" &
	ISSUER_PID=$!
	started "$ISSUER_PID"
	wait_for 10 "issuer" curl -fs --cacert "$TMP/tls.pem" "$url" -o /dev/null
	echo 0 >"$TMP/asked"
}
issuer_stop() {
	kill "$ISSUER_PID"
	wait "$ISSUER_PID" 2>/dev/null || true
}
hello() { PORT=$SRV_PORT node "$script" hello "$TMP" "$1"; }
gets_in() { [ "$(hello "$1")" = alice ]; }
issuer() { ctl status --json | jq -r ".issuers[0].$1"; }
has_keys() { [ "$(issuer keys)" = 1 ]; }
has_fault() { [[ $(issuer fault) == *"$1"* ]]; }

SRV_AUTH="	issuer \"oidc\" { jwks = \"$url\"
		issuer = \"https://login.example.test\"
		audience = \"supernode\" }"
SRV_MORE='signalling { }'
SRV_AS=(env "SSL_CERT_FILE=$TMP/tls.pem")

say "--- fetched at the start"
issuer_start
server_start
wait_for 10 "keys" has_keys
equal "a token of its key" "$(hello a)" alice
equal "one of another" "$(hello b)" auth-failed

say "--- another key: fetched for the first token of it, not for every one"
node "$script" publish "$TMP" b
wait_for 40 "the new key" gets_in b
equal "the old one" "$(hello a)" auth-failed
before=$(cat "$TMP/asked") start=$SECONDS
for _ in 1 2 3 4 5 6; do
	equal "a token of a key that nobody has" "$(hello c)" auth-failed
done
compare "asked for it, of six" "$(($(cat "$TMP/asked") - before))" -le \
    $((1 + (SECONDS - start + 9) / 10))

say "--- it is away, also when we start again"
issuer_stop
equal "a token" "$(hello b)" alice
server_stop
server_launch
SRV_PID=$!
started "$SRV_PID"
wait_for 20 "server" server_ready_or_dead
equal "a token after the restart" "$(hello b)" alice
wait_for 20 "fault" has_fault onnect
equal "and again" "$(hello b)" alice
matches "the log says so" "$(grep 'issuers: keys not read' "$SRV_LOG_FILE")" \
    "issuer=oidc from=https://localhost"

say "--- it is back, with a third key"
node "$script" publish "$TMP" c
issuer_start
wait_for 60 "the third key" gets_in c
server_stop

say "--- who is not trusted is not asked"
rm -f "$SRV_DIR"/state/jwks-*.json
SRV_AS=()
server_launch
SRV_PID=$!
started "$SRV_PID"
wait_for 20 "server" server_ready_or_dead
wait_for 20 "fault" has_fault ertificate
equal "a token" "$(hello c)" auth-failed
server_lives
