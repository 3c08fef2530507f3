#!/usr/bin/env bash
# Goal: people meet on the page that the server serves, as after `make run`:
# presence, calls with voice and video through the relay, chat, a file of
# 20 MB, three at once, a reload and a restart of the server during a call;
# what is changed on its way is noticed.  Screenshots: BUILD/shots.
# shellcheck source=tests/support/browser.sh
. "$(dirname "$0")/../support/browser.sh"
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "signalling"
browser_begin

SRV_LISTEN='	udp = {"0.0.0.0:3478", "[::]:3478"}
	tcp = {"0.0.0.0:3478", "[::]:3478"}'
SRV_AUTH='	anonymous = true'
SRV_MORE='signalling { page = true }'

lab_net
lab_host server
browser_in server
server_start server

# What the browser's driver calls to end and to start the server.
restarter()
{
	cat >"$TMP/restart" <<-END
	#!/usr/bin/env bash
	if [ "\$1" = stop ]; then
	    kill -TERM "\$(cat "$TMP/pid")"
	    tail -f /dev/null --pid="\$(cat "$TMP/pid")"
	else
	    nsenter --net=/run/netns/server -- "$BUILD/supernoded" \
	        -c "$SRV_CONF" >>"$SRV_LOG_FILE" 2>&1 </dev/null &
	    echo \$! >"$TMP/pid"
	fi
	END
	chmod +x "$TMP/restart"
	echo "$SRV_PID" >"$TMP/pid"
}

RC=0
restarter
head -c 20000000 /dev/urandom >"$TMP/file.bin"
SHA256=$(sha256sum <"$TMP/file.bin" | cut -d' ' -f1)
mkdir -p "$BUILD/shots"
PAGE=http://localhost:3478/call FILE=$TMP/file.bin RESTART=$TMP/restart \
    SHOTS=$BUILD/shots CHROMIUM=$TMP/chromium.server SHA256=$SHA256 \
    browser_run call.mjs || RC=$?
# it is another process by now
SRV_PID=$(cat "$TMP/pid")
equal "exit code of the page's test" "$RC" 0
server_lives
