#!/usr/bin/env bash
# fuzz.sh BUILD SECONDS BIN...: runs each fuzzer for SECONDS on a scratch
# corpus under BUILD that begins as a copy of tests/fuzz/corpus/<name>.  One
# line each; exit code 1 when one of them found something.
set -u
build=$1 seconds=$2
shift 2
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}
failed=0

for bin in "$@"; do
	name=$(basename "$bin")
	name=${name#fuzz_}
	work=$build/fuzz/$name
	log=$work/log
	rm -rf "$work"
	mkdir -p "$work/corpus" "$work/found"
	cp -R "tests/fuzz/corpus/$name/." "$work/corpus" 2>/dev/null
	"$bin" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
		-rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$work/found/" "$work/corpus" \
		>"$log" 2>&1 </dev/null
	rc=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	verdict=ok
	if [ "$rc" -ne 0 ] || [ -n "$(ls -A "$work/found")" ]; then
		verdict="FAILED (exit $rc, input in $work/found, $log)"
		failed=1
	elif [ "${runs:-0}" -eq 0 ]; then
		verdict="FAILED (ran nothing, $log)"
		failed=1
	fi
	printf 'fuzz     %-20s %4d s %12s runs  %s\n' \
		"$name" "$seconds" "${runs:-0}" "$verdict"
	[ "$verdict" = ok ] || tail -n 25 "$log" | sed 's/^/    | /'
done
exit "$failed"
