#!/usr/bin/env bash
# Goal: connections that use up the descriptors are refused and counted; the
# control socket and the metrics answer meanwhile, nothing spins, and all
# descriptors come back.  Bad HTTP on the admin listener disturbs nobody.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "descriptors kept for the main thread"
need curl jq ss

ulimit -n 256
WORKERS=2
SRV_CAPS=$'\tconnections = 2000\n\tconnections-per-prefix = 2000'
# shellcheck disable=SC2119
server_start

fds()
{
	find "/proc/$SRV_PID/fd" -mindepth 1 | wc -l
}

# CPU time used so far, in ticks of 10 ms
ticks()
{
	sed 's/.*) //' "/proc/$SRV_PID/stat" | awk '{ print $12 + $13 }'
}

# flood NAME: opens 180 connections and holds them
flood()
{
	(
		for _ in {1..180}; do
			exec {fd}<>"/dev/tcp/$SRV_IP4/$SRV_PORT"
		done
		: >"$TMP/$1"
		exec tail -f /dev/null
	) &
	started $!
	wait_for 10 "flood" test -e "$TMP/$1"
}

before=$(fds)
flood one
flood two

# 192 of 256 are for clients; a server without any left would not answer
refused()
{
	[ "$(drops conn_limit)" -ge 150 ]
}
# sooner than the floods' connections end for their silence
timeout 8 "$BUILD/supernodectl" -s "$SRV_SOCKET" status >/dev/null ||
	fail "the control socket does not answer"
wait_for 5 "refusal" refused
compare "descriptors in use" "$(fds)" -le 200
busy=$(ticks)
for _ in {1..20}; do
	health=$(curl -fsS "http://127.0.0.1:$SRV_ADMIN_PORT/health")
done
equal "/health meanwhile" "$health" ok
compare "ticks of CPU" $(($(ticks) - busy)) -le 100

# Bad HTTP, while connections come and go
trap "" PIPE
bad()
{
	exec {fd}<>"/dev/tcp/127.0.0.1/$SRV_ADMIN_PORT"
	printf "%b" "$1" >&"$fd" || true
	timeout 0.02 cat <&"$fd" >/dev/null || true
	exec {fd}>&-
}
long=$(printf 'a%.0s' {1..20000})
(
	for _ in {1..2000}; do
		: <>"/dev/tcp/$SRV_IP4/$SRV_PORT" || true
	done
) 2>/dev/null &
comes=$!
started "$comes"
for _ in {1..30}; do
	bad 'POST /metrics HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n'
	bad "GET $long"
	bad 'GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n'
	bad '\377\376\r\n\r\n'
done 2>/dev/null
wait "$comes" || true
server_lives

for pid in "${CHECK_PIDS[@]}"; do
	[ "$pid" = "$SRV_PID" ] || kill "$pid" 2>/dev/null || true
done
all_back()
{
	[ "$(fds)" -le "$before" ]
}
wait_for 15 "descriptors back" all_back
equal "connections" "$(status .connections)" 0
server_stop
equal "exit code" "$SRV_RC" 0
