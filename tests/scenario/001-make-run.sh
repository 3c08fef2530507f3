#!/usr/bin/env bash
# Goal: what `make run` starts relays at once, prints credentials that work
# for other clients, serves the page, keeps its secret to itself, ends on
# Ctrl-C with 0 and leaves nothing behind, so that the next one works; two at a
# time do too.
# Needs no root: as root the test runs it as nobody.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
need curl jq turnutils_uclient setpriv

HOME_DIR=$TMP/build
AS=()
PORT=$(free_port)
ADMIN=$(free_port "$PORT")
declare -A RUN_PID=()

# A build folder of its own, which an ordinary user may write to.
prepare()
{
	local program

	mkdir -p "$HOME_DIR/tools"
	for program in supernoded supernodectl tools/demo; do
		[ -x "$BUILD/$program" ] || fail "$program is not built"
		cp "$BUILD/$program" "$HOME_DIR/$program"
	done
	cp "$ROOT/packaging/run.sh" "$TMP/run.sh"
	if [ "$(id -u)" -eq 0 ]; then
		chown -R 65534:65534 "$TMP"
		AS=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	fi
}

run_start()
{
	local name=$1

	# a background job ignores SIGINT, which a shell cannot undo
	RUN_PORT=$PORT RUN_ADMIN_PORT=$ADMIN env --default-signal=INT \
	    "${AS[@]}" sh "$TMP/run.sh" "$HOME_DIR" >"$TMP/$name.out" 2>&1 &
	RUN_PID[$name]=$!
	started $!
	if ! until_true 60 settled "$name" || ! serves "$name"; then
		cat "$TMP/$name.out"
		fail "$name does not serve"
	fi
}

serves()
{
	grep -q '^Ctrl-C ends it' "$TMP/$1.out"
}

settled()
{
	serves "$1" || ends "${RUN_PID[$1]}"
}

run_end()
{
	local name=$1 rc=0

	kill -INT "${RUN_PID[$name]}"
	wait_for 20 "end of $name" ends "${RUN_PID[$name]}"
	wait "${RUN_PID[$name]}" || rc=$?
	equal "$name: exit code after Ctrl-C" "$rc" 0
}

lost()
{
	grep -o ' lost [0-9]*' "$TMP/$1.out" | tr -d '\n'
}

# value NAME FILTER: out of the JSON that was printed
value()
{
	sed -n '/^{$/,/^}$/p' "$TMP/$1.out" | jq -er "$2"
}

pids()
{
	pgrep -f "^$HOME_DIR/supernoded " || :
}

check_banner()
{
	local name=$1

	equal "$name: lost over UDP and TCP" "$(lost "$name")" " lost 0 lost 0"
	matches "$name: round trip told" "$(cat "$TMP/$name.out")" \
	    'round trip p50 [0-9.]+ ms, p99 [0-9.]+ ms'
	equal "$name: urls" "$(value "$name" '.iceServers[0].urls | length')" 2
}

# Another client uses what was printed, at the address that was printed.  By
# Send indications (-s): its channel numbers are those of RFC 5766, random up
# to 0x7fff, of which RFC 8656 left a quarter.
check_credentials()
{
	local name=$1 url host port out

	url=$(value "$name" '.iceServers[0].urls[0]')
	host=${url#turn:} host=${host%%\?*}
	port=${host##*:} host=${host%:*}
	out=$(timeout 60 turnutils_uclient -y -c -s -m 1 -n 5 -p "$port" \
	    -u "$(value "$name" '.iceServers[0].username')" \
	    -w "$(value "$name" '.iceServers[0].credential')" "$host" 2>&1) ||
		fail "turnutils_uclient at $url: $(tail -n 5 <<<"$out")"
	matches "turnutils_uclient at $url loses nothing" "$out" \
	    'Total lost packets 0 '
}

# The page that is told of is there, and its door lets guests in.
check_page()
{
	local name=$1 url

	url=$(sed -n 's/^Open \(http:[^ ]*\) in two tabs.*/\1/p' "$TMP/$name.out")
	equal "$name: page" "$url" "http://localhost:$PORT/call"
	matches "$name: what is there" "$(curl -fsS "$url")" '<title>Call</title>'
	matches "$name: its policy" "$(curl -fsSI "$url" | tr -d '\r')" \
	    "Content-Security-Policy: default-src 'none'"
	equal "$name: answer at /signal" "$(curl -s -o /dev/null \
	    -w '%{http_code}' "${url%/call}/signal")" 426
}

prepare
run_start first
check_page first
check_banner first
check_credentials first
equal "configuration's mode" \
    "$(stat -c %a "$HOME_DIR/run/supernoded.conf")" 600
matches "the server's process is seen" "$(pids)" '^[0-9]+$'
equal "folder's mode" "$(stat -c %a "$HOME_DIR/run")" 700

if grep -qs . /proc/net/if_inet6; then
	matches "IPv6 is served" "$(cat "$TMP/first.out")" "\\[::\\]:$PORT"
fi

# beside it: says so and takes other ports
run_start beside
check_banner beside
matches "the earlier one is told" "$(cat "$TMP/beside.out")" \
    "earlier make run is still alive: pid $(cat "$HOME_DIR/run/pid")"
matches "the taken port is told" "$(cat "$TMP/beside.out")" \
    "Port $PORT is taken"
run_end beside
run_end first
equal "processes left" "$(pids)" ""

# again, at once, on the same ports and with another secret
cp "$HOME_DIR/run/supernoded.conf" "$TMP/before"
run_start again
check_banner again
equal "ports taken" "$(grep -c 'is taken' "$TMP/again.out" || :)" 0
! grep secret "$TMP/before" |
	diff -q - <(grep secret "$HOME_DIR/run/supernoded.conf") >/dev/null ||
	fail "the secret is the old one"

# whoever kills the script does not leave a server behind
kill -KILL "${RUN_PID[again]}"
no_pids() { [ -z "$(pids)" ]; }
wait_for 10 "end of the orphan" no_pids
