#!/usr/bin/env bash
# runner.sh BUILD GROUP TEST...: runs each test under a time limit, keeps its
# output in BUILD/log/GROUP/, prints one line per test and appends the counts
# to BUILD/results.  A cmocka program counts as many tests as it holds, every
# other program as one.  Exit code 77 is a skip and must say why on its last
# line.  Exit code of the runner: 0 when nothing failed.
set -u
build=$1 group=$2
shift 2
: "${TEST_TIMEOUT:=300}"
export BUILD=$build
logs=$build/log/$group
mkdir -p "$logs"
logs_whole=$(cd "$logs" && pwd)
passed=0 failed=0 skipped=0

for test in "$@"; do
	name=$(basename "$test" .sh)
	log=$logs/$(echo "${test#"$build"/}" | tr / _ | sed 's/\.sh$//').log
	# a sanitizer's report fails the test, whoever's process made it
	report=$logs_whole/$name.sanitizer
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
	0)	verdict=ok
		passed=$((passed + ${ok:-1})) ;;
	77)	verdict="skip: $(tail -n 1 "$log")"
		skipped=$((skipped + 1)) ;;
	*)	verdict="FAILED (exit $rc, $log)"
		[ "$rc" = 124 ] && verdict="FAILED (over ${TEST_TIMEOUT}s, $log)"
		passed=$((passed + ${ok:-0}))
		failed=$((failed + ${bad:-1})) ;;
	esac
	printf '%-8s %-44s %6d ms  %s\n' "$group" "$name" "$ms" "$verdict"
	if [[ $verdict == FAILED* ]]; then
		tail -n 25 "$log" | sed 's/^/    | /'
	fi
done
echo "$passed $failed $skipped $group" >>"$build/results"
[ "$failed" -eq 0 ]
