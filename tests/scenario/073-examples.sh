#!/usr/bin/env bash
# Goal: every example configuration starts as it is, where it lies in the tree,
# with the secret that `make` puts beside it, and relays; on an account without
# privileges once that line was done which the first start there asks for.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "the configurations are ours"

lab_net
lab_host server
lab_host alice
probe_start alice alice
# the folders that they name, for this test alone
mount -t tmpfs -o mode=755 lab /var/lib
SRV_IP4=${LAB4[server]} SRV_HOST=server
SRV_SOCKET=/run/supernode/control.sock
EXAMPLES=$ROOT/conf/examples
mkdir -p "$SRV_DIR"

# relays CONFIGURATION HOW: it starts, and gives an allocation
relays()
{
	local user password

	SRV_CONF=$1
	at_server "$BUILD/supernoded" -c "$SRV_CONF" --check-config ||
		fail "$1: --check-config"
	server_launch
	SRV_PID=$!
	started "$SRV_PID"
	on_exit server_report
	wait_for 20 "$1" server_ready_or_dead
	server_lives
	# credentials as an application makes them from the shared secret
	user=$(($(date +%s) + 600)):alice
	password=$(printf %s "$user" | openssl dgst -sha1 -binary \
	    -hmac "$(cat "${1%/*}/secret")" | base64)
	want alice open udp "$(udp4)"
	want alice user "$user" "$password"
	want alice allocate
	say "ok: $1 relays at $(field relayed), $2"
	! log_says 'unknown|ignored' || fail "$1: something is ignored"
	server_stop
	equal "$1: exit code" "$SRV_RC" 0
	rm -f "$SRV_LOG_FILE"
}

count=0
for example in "$EXAMPLES"/*.conf; do
	relays "$example" "from the tree, unchanged"
	count=$((count + 1))
done
compare "examples" "$count" -ge 3

# ---- elsewhere: what is missing is said, with the command that makes it

mkdir "$TMP/elsewhere"
cp "$EXAMPLES/home.conf" "$TMP/elsewhere"
SRV_CONF=$TMP/elsewhere/home.conf
check() { "$BUILD/supernoded" -c "$SRV_CONF" --check-config; }
! check 2>"$TMP/why" || fail "a missing secret is no error"
grep "home.conf:[0-9]*: auth.secret-file: " "$TMP/why" ||
	fail "unclear refusal: $(cat "$TMP/why")"
sh -c "$(sed -n 's/.*; \((umask.*)\) makes one/\1/p' "$TMP/why")"
check

# ---- whose tree it is, but who is nobody else

SRV_AS=(setpriv --reuid 65534 --regid 65534 --clear-groups --)
if ! "${SRV_AS[@]}" true; then
	say "skipped: no other account to be had in this namespace"
	exit 0
fi
rm -rf /run/supernode /var/lib/supernode
cp -r "$EXAMPLES" "$SRV_DIR/examples"
cp "$BUILD/supernoded" "$BUILD/supernodectl" "$SRV_DIR"
chown -R 65534:65534 "$SRV_DIR/examples"
chmod -R go+rX "$TMP"
BUILD=$SRV_DIR SRV_CONF=$SRV_DIR/examples/campus.conf SRV_PID=

server_launch
rc=0
wait $! || rc=$?
compare "exit code without folders" "$rc" -ne 0
grep -o 'once, as root: .*' "$SRV_LOG_FILE" ||
	fail "it does not say what to do: $(cat "$SRV_LOG_FILE")"
mapfile -t todo < <(sed -n 's/.*once, as root: //p' "$SRV_LOG_FILE")
equal "lines of what to do" "${#todo[@]}" 1
sh -c "${todo[0]}"
rm -f "$SRV_LOG_FILE"
for example in "$SRV_DIR"/examples/*.conf; do
	relays "$example" "without privileges"
done
