#!/bin/sh
# run.sh BUILD: `make run`: starts a supernode of one's own, shows it relaying,
# prints credentials for it and serves until Ctrl-C.
#
# Everything it writes lies in BUILD/run, readable by its owner only.  Needs
# no root.  RUN_PORT and RUN_ADMIN_PORT replace 3478 and 9641.
set -eu
umask 077
build=$(cd "$1" && pwd)
demo=$build/tools/demo
supernoded=$build/supernoded
rate=100Mbit/s
pid=""
tail_pid=""

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf 'make run: %s\n' "$*" >&2
	exit 1
}

# Is the process that a pid file names one of ours?
is_alive()
{
	earlier=$(cat "$1" 2>/dev/null) && [ -n "$earlier" ] &&
		[ "$(cat "/proc/$earlier/comm" 2>/dev/null)" = supernoded ]
}

# A folder that no living supernode of an earlier run uses.
choose_folder()
{
	run=$build/run
	n=1
	while is_alive "$run/pid"; do
		say "A supernode of an earlier make run is still alive:" \
		    "pid $earlier, folder $run."
		say "It is left alone; 'kill $earlier' ends it." \
		    "This one is started beside it."
		n=$((n + 1))
		run=$build/run/$n
	done
	mkdir -p "$run"
	chmod 700 "$run"
	mkdir -p "$run/state" "$run/socket"
	socket=$run/socket/control.sock
	log=$run/log
}

# choose_port WHERE WANTED WHAT
choose_port()
{
	port=$("$demo" port "$1" "$2")
	[ "$port" = "$2" ] || say "Port $2 is taken by another program:" \
	    "$3 is on port $port this time." >&2
	echo "$port"
}

write_config()
{
	od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$run/secret"
	udp="\"0.0.0.0:$listen\""
	# a kernel without IPv6 has no such file or an empty one
	! grep -qs . /proc/net/if_inet6 || udp="$udp, \"[::]:$listen\""
	cat >"$run/supernoded.conf" <<-END
	# Written by make run for this machine alone, with a secret of its own.
	# conf/supernoded.conf explains every key.
	node {
		name = "localhost"
		realm = "localhost"
		state = "$run/state"
		run = "$run/socket"
	}
	listen {
		udp = {$udp}
		tcp = {$udp}
	}
	auth {
		secret = {"$(cat "$run/secret")"}
		anonymous = true
	}
	signalling {
		page = true
	}
	caps {
		rate = "$rate"
	}
	admin {
		listen = "127.0.0.1:$admin"
	}
	END
	chmod 600 "$run/supernoded.conf" "$run/secret"
}

status()
{
	"$build/supernodectl" -s "$socket" status
}

# Ends the server and waits for it; its own exit code when that is not 0.
finish()
{
	rc=$?
	trap - EXIT
	trap '' INT TERM HUP
	if [ -n "$pid" ]; then
		kill -TERM "$pid" 2>/dev/null || :
		wait "$pid" || rc=$?
		rm -f "$run/pid" "$run/secret"
	fi
	# it follows the log, so it goes last
	[ -z "$tail_pid" ] || kill "$tail_pid" 2>/dev/null || :
	[ "$rc" -eq 0 ] || exit "$rc"
	say "Ended."
	exit 0
}

start()
{
	# should this script be killed, the server goes with it
	death=
	! command -v setpriv >/dev/null || death="setpriv --pdeathsig TERM"
	: >"$log"
	# shellcheck disable=SC2086 # one word or three
	$death "$supernoded" -c "$run/supernoded.conf" 2>>"$log" &
	pid=$!
	tries=0
	until status >/dev/null 2>&1; do
		tries=$((tries + 1))
		if ! kill -0 "$pid" 2>/dev/null || [ "$tries" -gt 200 ]; then
			cat "$log" >&2
			die "the server did not start"
		fi
		sleep 0.05
	done
	echo "$pid" >"$run/pid"
}

[ -x "$demo" ] || die "$demo is not built: make tools"
choose_folder
listen=$(choose_port any "${RUN_PORT:-3478}" "the relay")
admin=$(choose_port loopback "${RUN_ADMIN_PORT:-9641}" "the admin listener")
write_config
trap finish EXIT
trap 'exit 0' INT TERM HUP
start

say "$("$supernoded" --version) relays (pid $pid, at most $rate each way)."
say ""
say "Two clients with credentials of their own met on it:"
"$demo" relay "127.0.0.1:$listen" "$run/secret"
say ""
say "Listening on   UDP and TCP: $(echo "$udp" | tr -d '"')"
say "Health         http://127.0.0.1:$admin/health   metrics: /metrics"
say "Look inside    $build/supernodectl -s $socket status"
say "Configuration  $run/supernoded.conf   log: $log"
say ""
say "For RTCPeerConnection, valid for 24 hours:"
"$demo" ice "$listen" "$run/secret"
say ""
say "Open http://localhost:$listen/call in two tabs, and let one call the other."
say ""
say "Ctrl-C ends it."
tail -n 0 -f --pid="$pid" "$log" >&2 &
tail_pid=$!
rc=0
wait "$pid" || rc=$?
rm -f "$run/pid" "$run/secret"
pid=""
[ "$rc" -eq 0 ] || die "the server ended by itself (exit code $rc), see $log"
say "The server was told to end."
