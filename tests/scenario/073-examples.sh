#!/usr/bin/env bash
# Goal: every example configuration starts as it is, with the secret that
# `make install` makes beside it, and relays.
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
mkdir -p "$SRV_DIR"
openssl rand -base64 33 >"$SRV_DIR/secret"

count=0
for example in "$ROOT"/conf/examples/*.conf; do
	name=$(basename "$example" .conf)
	SRV_CONF=$SRV_DIR/$name.conf
	cp "$example" "$SRV_CONF"
	at_server "$BUILD/supernoded" -c "$SRV_CONF" --check-config ||
		fail "$name: --check-config"
	server_launch
	SRV_PID=$!
	started "$SRV_PID"
	on_exit server_report
	wait_for 20 "$name" server_ready_or_dead
	server_lives
	# credentials as an application makes them from the shared secret
	user=$(($(date +%s) + 600)):alice
	password=$(printf %s "$user" | openssl dgst -sha1 -binary \
	    -hmac "$(cat "$SRV_DIR/secret")" | base64)
	want alice open udp "$(udp4)"
	want alice user "$user" "$password"
	want alice allocate
	say "ok: $name relays at $(field relayed)"
	! log_says 'unknown|ignored' || fail "$name: something is ignored"
	server_stop
	equal "$name: exit code" "$SRV_RC" 0
	rm -f "$SRV_LOG_FILE"
	count=$((count + 1))
done
compare "examples" "$count" -ge 3
