# shellcheck shell=bash
# check: what every shell test needs: saying, failing, waiting, a private
# folder.  Sourced; the test runs with -eu and stops at the first failure.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "$ROOT" && realpath -m "${BUILD:-build}")
TMP=$(mktemp -d "${TMPDIR:-/tmp}/supernode-test.XXXXXX")
CHECK_PIDS=()
CHECK_CLEANUP=()

say()
{
	printf '%s\n' "$*"
}

fail()
{
	printf 'FAILED: %s\n' "$*" >&2
	exit 1
}

skip()
{
	printf '%s\n' "$*"
	exit 77
}

# need PROGRAM...: skips the test where one is missing.
need()
{
	local program

	for program; do
		command -v "$program" >/dev/null ||
			skip "needs $program, which is not installed"
	done
}

# equal WHAT GOT WANTED
equal()
{
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
	say "ok: $1 = $2"
}

# compare WHAT A OP B, numbers (integers or decimals): compare loss 0 -le 1
compare()
{
	local op

	case $3 in
	-eq) op='==' ;; -ne) op='!=' ;; -lt) op='<' ;; -le) op='<=' ;;
	-gt) op='>' ;; -ge) op='>=' ;; *) fail "compare: no operator $3" ;;
	esac
	awk -v a="$2" -v b="$4" "BEGIN { exit !(a + 0 $op b + 0) }" ||
		fail "$1: not $2 $op $4"
	say "ok: $1: $2 $op $4"
}

# matches WHAT TEXT REGEX
matches()
{
	[[ $2 =~ $3 ]] || fail "$1: '$2' does not match '$3'"
	say "ok: $1"
}

# A deadline only ends what would never come: on a machine that is slow or
# busy what does come may take this many times longer.
: "${WAIT_FACTOR:=4}"

# until_true SECONDS COMMAND...: polls the command; false when time is up.
# The only place in the shell tests where time passes without an event.
until_true()
{
	local end

	end=$(($(date +%s%N) + $1 * WAIT_FACTOR * 1000000000))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt "$end" ] || return 1
		sleep 0.05	# poll interval
	done
}

# wait_for SECONDS WHAT COMMAND...: as above, but failing the test.
wait_for()
{
	local seconds=$1 what=$2

	shift 2
	until_true "$seconds" "$@" || fail "no $what within $seconds s"
}

# crowding: how many times longer than its CPU time work takes here, now.
crowding()
{
	local TIMEFORMAT='%R %U %S' i

	{ time for ((i = 0; i < 100000; i++)); do :; done; } 2>&1 |
		awk '{ f = $1 / ($2 + $3)
		    printf "%d\n", (f > 1 ? f + 0.5 : 1) }'
}

# soon WHAT MS LIMIT: what the server promises to do in LIMIT ms took MS; more
# only where there is no CPU for it.
soon()
{
	local factor=1

	[ "$2" -le "$3" ] || factor=$((1 + $(crowding)))
	[ "$factor" -le 2 ] || say "the machine is busy: $1 may take longer"
	[ "$factor" -gt 2 ] || factor=1
	compare "$1" "$2" -le $(($3 * factor))
}

# ends PID: has this process (a child of ours) ended?
ends()
{
	! kill -0 "$1" 2>/dev/null
}

# on_exit FUNCTION: called at the end, last one first, whatever happened.
on_exit()
{
	CHECK_CLEANUP=("$1" "${CHECK_CLEANUP[@]}")
}

# started PID: to be killed at the end.
started()
{
	CHECK_PIDS+=("$1")
}

check_end()
{
	local rc=$? f pid

	trap - EXIT
	set +e
	for f in "${CHECK_CLEANUP[@]}"; do
		"$f" "$rc"
	done
	for pid in "${CHECK_PIDS[@]}"; do
		kill "$pid" 2>/dev/null
	done
	for pid in "${CHECK_PIDS[@]}"; do
		until_true 5 ends "$pid" || kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$TMP"
	exit "$rc"
}
trap check_end EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP
