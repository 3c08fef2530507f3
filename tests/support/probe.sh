# shellcheck shell=bash
# probe: test clients (build/tools/probe) driven from a shell test.  Sourced
# after lab.sh or check.sh.
#
#	probe_start ID [HOST]      one client, in a lab host's namespace
#	ask ID COMMAND...          its answer line, whatever it is, is $REPLY
#	want ID COMMAND...         the answer must be "ok"
#	refused CODE ID COMMAND... the answer must be that error
#	field KEY                  a value of the last answer

declare -A PROBE_IN=() PROBE_OUT=()
: "${PROBE_TIMEOUT:=120}"

probe_start()
{
	local id=$1 host=${2-} in out
	local run=("$BUILD/tools/probe")

	[ -x "${run[0]}" ] || fail "${run[0]} is not built: make tools"
	[ -z "$host" ] || run=(lab_exec "$host" "${run[@]}")
	mkfifo "$TMP/$id.in" "$TMP/$id.out"
	"${run[@]}" <"$TMP/$id.in" >"$TMP/$id.out" &
	started $!
	# read and write: opening must not wait for the other end
	exec {in}>"$TMP/$id.in" {out}<>"$TMP/$id.out"
	PROBE_IN[$id]=$in
	PROBE_OUT[$id]=$out
}

# tell ID COMMAND...: without waiting; hear ID takes the answer later.
tell()
{
	local id=$1

	shift
	echo "$*" >&"${PROBE_IN[$id]}"
}

hear()
{
	IFS= read -r -t "$PROBE_TIMEOUT" REPLY <&"${PROBE_OUT[$1]}" ||
		fail "probe $1 gives no answer"
}

ask()
{
	tell "$@"
	hear "$1"
}

want()
{
	ask "$@"
	[[ $REPLY == ok* ]] || fail "$*: $REPLY"
}

refused()
{
	local code=$1

	shift
	ask "$@"
	[[ "$REPLY " == "error code=$code "* ]] ||
		fail "$*: wanted error $code, got: $REPLY"
}

field()
{
	local pair

	for pair in $REPLY; do
		if [ "${pair%%=*}" = "$1" ]; then
			printf '%s\n' "${pair#*=}"
			return
		fi
	done
	fail "no $1 in: $REPLY"
}

# calls A B [COUNT SIZE]: two clients with allocations talk both ways over
# channels and every packet must arrive.  Sets nothing; says the counts.
calls()
{
	local a=$1 b=$2 count=${3:-200} size=${4:-172}

	want "$a" channel 0x4001 "${RELAYED[$b]}"
	want "$b" channel 0x4001 "${RELAYED[$a]}"
	want "$a" reset
	want "$b" reset
	tell "$a" send 0x4001 - "$count" "$size" 2000
	tell "$b" send 0x4001 - "$count" "$size" 2000
	hear "$a"
	hear "$b"
	ask "$a" await received "$count" 20000
	equal "$a received from $b" "$(field received)" "$count"
	ask "$b" await received "$count" 20000
	equal "$b received from $a" "$(field received)" "$count"
}

declare -A RELAYED=()

# joins ID TRANSPORT SERVER [ALLOCATE...]: connects, authenticates, allocates.
# The kernel may draw a port again whose allocation an earlier client of the
# test left behind: that is 437, and another port is tried (RFC 8656, 7.4).
joins()
{
	local id=$1 transport=$2 server=$3 try

	shift 3
	for try in 1 2 3; do
		want "$id" open "$transport" "$server"
		want "$id" user "$TURN_USER" "$TURN_PASSWORD"
		ask "$id" allocate "$@"
		[[ $REPLY == "error code=437 "* ]] || break
		say "$id: the port has an allocation, try $try"
	done
	[[ $REPLY == ok* ]] || fail "$id allocate $*: $REPLY"
	RELAYED[$id]=$(field relayed)
	say "$id: allocated over $transport: ${RELAYED[$id]}"
}
