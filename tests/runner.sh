#!/usr/bin/env bash
# runner.sh BUILD GROUP TEST...: runs each test under a time limit, keeps its
# output in BUILD/log/GROUP/, prints one line per test and appends the counts
# to BUILD/results.  A cmocka program counts as many tests as it holds, every
# other program as one.  Exit code 77 is a skip and must say why on its last
# line.  Exit code of the runner: 0 when nothing failed.
#
# Tests wait more than they work: JOBS of them run beside each other (one more
# than there are CPUs).  A script with a line "# alone: WHY", or with a browser,
# runs after them, with nobody beside it.
set -u
build=$1 group=$2
shift 2
: "${TEST_TIMEOUT:=300}" "${JOBS:=$(($(nproc) + 1))}"
export BUILD=$build
logs=$build/log/$group
mkdir -p "$logs"
logs_whole=$(cd "$logs" && pwd)
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT

# run TEST: prints its line, and its last lines when it failed, as one.
run()
{
	local test=$1 name log report rc ms ok bad verdict count run start

	name=$(basename "$test" .sh)
	log=$logs/$(echo "${test#"$build"/}" | tr / _ | sed 's/\.sh$//').log
	# a sanitizer's report fails the test, whoever's process made it
	report=$logs_whole/$(basename "$log" .log).sanitizer
	rm -f "$report".*
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:log_path=$report
	export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:log_path=$report
	export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:log_path=$report
	run=("$test")
	[[ $test == *.sh ]] && run=(bash "$test")
	start=$(date +%s%N)
	timeout -k 10 "$TEST_TIMEOUT" "${run[@]}" >"$log" 2>&1 </dev/null
	rc=$?
	if compgen -G "$report.*" >/dev/null; then
		cat "$report".* >>"$log"
		rc="$rc, sanitizer report"
	fi
	ms=$((($(date +%s%N) - start) / 1000000))
	ok=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -n 1)
	bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -n 1)
	case $rc in
	0)	verdict=ok count="${ok:-1} 0 0" ;;
	77)	verdict="skip: $(tail -n 1 "$log")" count="0 0 1" ;;
	*)	verdict="FAILED (exit $rc, $log)"
		[ "$rc" = 124 ] && verdict="FAILED (over ${TEST_TIMEOUT}s, $log)"
		count="${ok:-0} ${bad:-1} 0" ;;
	esac
	echo "$count" >>"$counts"
	verdict=$(printf '%-8s %-44s %6d ms  %s' "$group" "$name" "$ms" "$verdict")
	if [[ $count != *" 0 "? ]]; then
		verdict+=$'\n'$(tail -n 25 "$log" | sed 's/^/    | /')
	fi
	printf '%s\n' "$verdict"
}

alone=()
for test; do
	if [[ $test == *.sh ]] &&
	    grep -qiE '^# alone: |chromium' "$test"; then
		alone+=("$test")
		continue
	fi
	while [ "$(jobs -pr | wc -l)" -ge "$JOBS" ]; do
		wait -n
	done
	run "$test" &
done
wait
for test in "${alone[@]}"; do
	run "$test"
done

# a test that left no count died with its runner
awk -v group="$group" -v all=$# '
{ p += $1; f += $2; s += $3 }
END {
	if (NR < all)
		f += all - NR
	print p + 0, f + 0, s + 0, group
	exit f > 0
}' "$counts" >>"$build/results"
