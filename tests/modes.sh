#!/usr/bin/env bash
# modes.sh BUILD TEST...: the tests that move packets, in modes of the packet
# path (support/mode.sh) that together with the plain run put every two
# mechanisms into all four combinations.  The tests wait more than they work:
# the modes run beside each other, each test in its own namespaces.
set -u
export BUILD=$1
shift
: "${SIFT_SECONDS:=3}"
export SIFT_SECONDS
modes=$(
	# shellcheck source=tests/support/check.sh
	. "$(dirname "$0")/support/check.sh"
	# shellcheck source=tests/support/mode.sh
	. "$ROOT/tests/support/mode.sh"
	plain=
	for key in "${MODE_KEYS[@]}"; do
		echo "only-${key#*.}"
		[[ $(mode_default "$key") =~ ^(true|)$ ]] || plain=no
	done
	# where the plain run does not have them all on
	[ -z "$plain" ] || echo on
)
[ -n "$modes" ] || exit 1
fail=0
mkdir -p "$BUILD/log"
declare -A pids=()

for mode in $modes; do
	JOBS=1 MODE=$mode bash "$(dirname "$0")/runner.sh" "$BUILD" "mode-$mode" \
	    "$@" >"$BUILD/log/mode-$mode.out" 2>&1 &
	pids[$mode]=$!
done
for mode in $modes; do
	wait "${pids[$mode]}" || fail=1
	cat "$BUILD/log/mode-$mode.out"
done
exit "$fail"
