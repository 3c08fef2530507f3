#!/usr/bin/env bash
# all.sh BUILD: every test there is, in the order in which failures tell most.
# Its last line reads "N passed, N failed, N skipped".
set -u
build=$1
jobs=$(nproc)
results=$build/results
mkdir -p "$build"
find "$build" -name results -type f -delete
fail=0

# A step that has no counts of its own counts as one test.
step() {
	local name=$1 log=$build/log/$1.log start=$SECONDS
	shift
	mkdir -p "$build/log"
	if "$@" >"$log" 2>&1; then
		echo "1 0 0 $name" >>"$results"
		printf '%-8s %-44s %6d s   ok\n' step "$name" $((SECONDS - start))
	else
		echo "0 1 0 $name" >>"$results"
		printf '%-8s %-44s %6d s   FAILED (%s)\n' step "$name" \
		    $((SECONDS - start)) "$log"
		tail -n 25 "$log" | sed 's/^/    | /'
		fail=1
	fi
}

mk() { make --no-print-directory -j"$jobs" BUILD="$build" "$@"; }
group() { mk "$@" || fail=1; }

step lint mk lint
step build-gcc mk all tools
step build-clang make --no-print-directory -j"$jobs" BUILD="$build/clang" \
    CC=clang all tools
group check
group check-asan
group check-tsan
group scenario
group interop
group modes

# what a build must not do: leave files that git does not know
untracked=$(git status --porcelain --untracked-files=normal 2>/dev/null |
    grep '^??')
if [ -n "${CI:-}" ]; then
	step no-untracked-files test -z "$untracked"
fi

total=$(find "$build" -name results -type f -exec cat {} + |
    awk '{ p += $1; f += $2; s += $3 }
	END { printf "%d passed, %d failed, %d skipped\n", p, f, s }')
# a group that died before it could count is a failure as well
if [ "$fail" -ne 0 ] && [[ $total == *", 0 failed,"* ]]; then
	total=${total/, 0 failed,/, 1 failed,}
fi
echo "$total"
[[ $total == *", 0 failed,"* ]]
