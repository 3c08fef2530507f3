#!/usr/bin/env bash
# lint.sh: the rules of HACKING.md that a machine can check.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
complain() {
	echo "lint: $*"
	bad=1
}
mapfile -t c_files < <(git ls-files '*.c' '*.h')
mapfile -t sh_files < <(git ls-files '*.sh' '.ci/run')

# clang-format decides what code looks like
clang-format --dry-run -Werror "${c_files[@]}" || complain "run: make format"

# shell scripts
shellcheck -x -S warning "${sh_files[@]}" || complain "shellcheck"

# man pages
for page in docs/man/*.[1-8]; do
	out=$(mandoc -Tlint -W warning "$page" 2>&1) ||
		complain "$page: $out"
done

# a file of code is at most 600 lines; a function at most 70
for f in "${c_files[@]}"; do
	lines=$(wc -l <"$f")
	[ "$lines" -le 600 ] || complain "$f: $lines lines, a noun is missing"
done
awk '
	FNR == 1 { start = 0 }
	/^{/ { start = FNR }
	/^}/ { if (start && FNR - start > 71)
		{ printf "%s:%d: function of %d lines\n", FILENAME, start,
		  FNR - start - 1; n++ } start = 0 }
	END { exit n > 0 }
' "${c_files[@]}" || complain "functions longer than 70 lines"

# includes point downward: common knows nobody; relay folders enter each
# other by the front door; turn and signalling do not know each other
grep -nE '#include "(relay|net|turn|budget|policy)/' common/*.[ch] \
	common/*/*.[ch] && complain "common includes relay"
check_folder() {
	local dir=$1 may=$2
	grep -nE '#include "[a-z]+/[a-z_]+\.h"' relay/"$dir"/*.[ch] |
		grep -vE "\"(common|relay)/[a-z_]+\.h\"" |
		grep -vE "\"$dir/" | grep -vE "\"($may)\"" &&
		complain "relay/$dir: include that is not downward"
}
check_folder net 'none'
check_folder budget 'none'
check_folder policy 'none'
check_folder web 'net/web\.h'
check_folder directory 'none'
check_folder signalling \
	'net/net\.h|net/web\.h|directory/directory\.h|policy/policy\.h|budget/budget\.h|web/web\.h'
check_folder turn 'net/net\.h|policy/policy\.h|budget/budget\.h'
grep -nE '#include "(relay/)?(net|turn|budget|policy|directory|signalling|web)/' relay/*.[ch] |
	grep -vE '"(relay/)?(net/net|net/web|turn/turn|directory/directory|signalling/signalling|web/web|budget/budget|policy/policy)\.h"' &&
	complain "relay: front doors only"

# only a few places may make system calls for time and randomness
git ls-files -z 'common/*.c' 'relay/*.c' ':!common/mono.c' ':!common/log.c' |
	xargs -0 grep -nE '\b(gettimeofday|clock_gettime|rand|random|srand)\(' &&
	complain "time and randomness come in as arguments"

# tests wait for conditions, they do not sleep
git ls-files -z 'tests/*.c' 'tests/*.sh' 'tests/*.js' 'tests/*.mjs' \
	'tests/*.html' ':!tests/lint.sh' |
	xargs -0 grep -nE '(^|[^a-z_-])(sleep|usleep|nanosleep)( [0-9]|\()' |
	grep -v 'poll interval' && complain "a test sleeps"

# nothing is left open
git ls-files -z ':!*.md' ':!*lint.sh' ':!*corpus/*' |
	xargs -0 grep -nwE 'TODO|FIXME|XXX|HACK' &&
	complain "something is left open"

[ "$bad" -eq 0 ] && echo "lint: clean"
exit "$bad"
