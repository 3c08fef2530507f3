#!/usr/bin/env bash
# Goal: the audit log tells who was relayed for and how much, goes on over
# kill -9, rotation and logrotate, is verified without a server, and any
# changed, missing or moved line in it is found; subjects can be hidden; a
# full disk stops relaying where that is asked for.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
# shellcheck source=tests/support/probe.sh
. "$ROOT/tests/support/probe.sh"
ours_only "the audit log is ours"
need jq

lab_net
lab_host server
lab_host alice
lab_host bob
DIR=$TMP/audit
LOG=$DIR/audit.log
HEAD=$SRV_DIR/state/audit.head
mkdir -p "$DIR" "$SRV_DIR"
# read by server.sh
# shellcheck disable=SC2034
SRV_NODE='	workers = 2'

# configure [LINES]: an audit section
configure()
{
	SRV_MORE="audit { file = \"$LOG\" ${*} }"
	server_config
}
SRV_MORE="audit { file = \"$LOG\" }"
server_start server
probe_start alice alice
probe_start bob bob

# events NAME [FILE...]: how many lines of it
events()
{
	local name=$1

	shift
	cat "${@:-$LOG}" | jq -s "map(select(.event == \"$name\")) | length"
}
holds()
{
	[ "$(events "$1")" -eq "$2" ]
}
# verify FILE...: must be good under the server's own key
verify()
{
	ctl audit verify --key "$KEY" "$@" >"$TMP/verified" 2>&1 ||
		fail "verify $*: $(cat "$TMP/verified")"
	say "ok: $(head -n 1 "$TMP/verified")"
}

# ---- what stands in it

KEY=$(ctl audit key)
matches "the key" "$KEY" '^[0-9a-f]{64}$'
equal "mode of the secret one" \
    "$(stat -c %a "$SRV_DIR/state/audit.key")" 600
joins alice udp "$(udp4)"
joins bob tcp "$(udp4)"
calls alice bob 50 172
want alice refresh 0
want bob close
wait_for 5 "two closed ones" holds closed 2
jq -se --arg user "$TURN_USER" --arg host "${LAB4[alice]}" \
    --arg relayed "${RELAYED[alice]}" '
	map(select(.user == $user and (.client | startswith($host)))) as $mine |
	($mine | map(.event)) == ["opened", "closed"] and
	$mine[0].relayed == [$relayed] and
	$mine[1].up_bytes == 50 * 172 and $mine[1].down_packets == 50 and
	$mine[1].why == "deleted by its client"' "$LOG" >/dev/null ||
	fail "the log does not tell of alice: $(cat "$LOG")"
say "ok: who, whence, how much and why it ended"
ctl relay off >/dev/null
ctl relay on >/dev/null
wait_for 5 "both switches" holds relay 2
equal "who switched" "$(jq -c 'select(.event == "relay") | [.relay, .uid]' \
    "$LOG" | tr '\n' ' ')" '[false,0] [true,0] '
verify "$LOG"

# ---- kill -9, again and again

for round in 1 2 3; do
	joins alice udp "$(udp4)"
	wait_for 5 "it in the log" holds opened $((2 + round))
	{ kill -KILL "$SRV_PID"; wait "$SRV_PID"; } 2>/dev/null || :
	server_launch
	SRV_PID=$!
	started "$SRV_PID"
	wait_for 20 "server" server_ready_or_dead
done
wait_for 5 "every start" holds start 4
verify "$LOG"
equal "one log" "$(events open)" 1
equal "gaps" "$(events gap)" 0

# ---- what a reload changed; rotation by size, by logrotate

configure 'rotate = "4KiB"'
server_reload
wait_for 5 "the reload in the log" holds reload 1
matches "and what it changed" "$(grep '"reload"' "$LOG")" 'audit\.rotate'
for _ in 1 2 3 4 5 6 7 8; do
	joins alice udp "$(udp4)"
done
rotated()
{
	compgen -G "$LOG.[0-9]*" >/dev/null
}
wait_for 5 "rotated file" rotated
mv "$LOG" "$DIR/by-logrotate"
server_reload
wait_for 5 "new file" test -s "$LOG"
server_stop
equal "exit code" "$SRV_RC" 0
verify --head "$HEAD" "$LOG" "$DIR/by-logrotate" "$LOG".[0-9]*
matches "all of it is signed" "$(cat "$TMP/verified")" 'good: [0-9]+ lines'
[[ $(cat "$TMP/verified") != *"not signed"* ]] || fail "$(cat "$TMP/verified")"

# ---- tampering

# found WHAT PLACE: the copy in $TMP/copy is faulty, and where
found()
{
	local rc=0 out

	out=$(ctl audit verify --key "$KEY" --head "$HEAD" "$TMP/copy") || rc=$?
	equal "$1: exit code" "$rc" 1
	matches "$1: where" "$out" "$TMP/copy$2"
}
WHOLE=$TMP/whole
cat "$LOG".[0-9]* "$DIR/by-logrotate" "$LOG" >"$WHOLE"
cp "$WHOLE" "$TMP/copy"
verify --head "$HEAD" "$TMP/copy"
sed '3s/"user":"alice"/"user":"alicf"/' "$WHOLE" >"$TMP/copy"
found "a changed line" ":3: line changed"
sed 5d "$WHOLE" >"$TMP/copy"
found "a missing line" ":5: lines missing"
sed '4{h;d};5G' "$WHOLE" >"$TMP/copy"
found "two swapped lines" ":4: lines missing"
matches "both places" "$(ctl audit verify "$TMP/copy")" ':5: line added or out'
sed 6p "$WHOLE" >"$TMP/copy"
found "a line twice" ":7: line added or out of order"
sed 1d "$WHOLE" >"$TMP/copy"
found "no beginning" ":1: lines missing"
sed '$d' "$WHOLE" | sed '$d' >"$TMP/copy"
found "no end" ": lines missing at the end"
truncate -s -10 "$TMP/copy"
found "a torn end" ":[0-9]+: line cut off"
rc=0
ctl audit verify --key "${KEY/[0-9]/f}" "$WHOLE" >/dev/null || rc=$?
equal "another key" "$rc" 1
rc=0
ctl audit verify "$TMP/none" 2>/dev/null || rc=$?
equal "a file that is not there" "$rc" 3
equal "as JSON" "$(ctl audit verify --json "$WHOLE" | jq .good)" true

# ---- subjects

rm -f "$LOG"* "$DIR/by-logrotate"
configure 'subjects = hashed'
server_launch
SRV_PID=$!
started "$SRV_PID"
wait_for 20 "server" server_ready_or_dead
joins alice udp "$(udp4)"
joins bob udp "$(udp4)"
wait_for 5 "both" holds opened 2
equal "one user, one pseudonym" \
    "$(jq -r 'select(.event == "opened").user' "$LOG" | sort -u | wc -l)" 1
equal "two hosts, two pseudonyms" \
    "$(jq -r 'select(.event == "opened").client' "$LOG" | sort -u | wc -l)" 2
! grep -Eq "$TURN_USER|${LAB4[alice]}:" "$LOG" || fail "a subject shows"
configure 'subjects = none'
server_reload
wait_for 5 "reload" holds reload 1
want alice refresh 0
want bob refresh 0
wait_for 5 "both ends" holds closed 2
equal "not at all" "$(jq -c 'select(.event == "closed") |
    [has("user"), has("client"), has("relayed")]' "$LOG" | sort -u)" \
    '[false,false,false]'

# ---- a full disk

mount -t tmpfs -o size=64k small "$DIR"
configure 'on-failure = "stop-relaying"'
server_reload
wait_for 5 "log on the small disk" test -s "$LOG"
joins alice udp "$(udp4)"
head -c 60k /dev/zero >"$DIR/fill" 2>/dev/null || :
while head -c 1k /dev/zero >>"$DIR/fill" 2>/dev/null; do :; done
failing()
{
	# every attempt is a line that does not fit
	ask bob open udp "$(udp4)"
	ask bob user "$TURN_USER" "$TURN_PASSWORD"
	ask bob allocate
	ctl audit --json | jq -e '.failing != ""'
}
wait_for 10 "alarm" failing
wait_for 5 "end of all relaying" has_allocations 0
want bob open udp "$(udp4)"
want bob user "$TURN_USER" "$TURN_PASSWORD"
refused 403 bob allocate
matches "audit says so" "$(ctl audit)" 'FAILING, nothing is relayed'
compare "lines lost" "$(ctl audit --json | jq .lost)" -ge 1
compare "as the metrics tell" "$(metric supernode_audit_lost_total)" -ge 1
rm "$DIR/fill"
works_again()
{
	ask bob allocate
	[[ $REPLY == ok* ]]
}
wait_for 5 "relaying" works_again
wait_for 5 "what was lost, told" holds lost 1
server_stop
verify "$LOG"
umount -l "$DIR"
