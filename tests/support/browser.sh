# shellcheck shell=bash
# browser: what the tests need that drive Chromium from node.  Sourced before
# lab.sh, whose namespaces have no way out: sourcing it fetches the packages
# of tests/browser/package-lock.json into BUILD, once.
#
#	browser_begin            after lab.sh: skips the test where something
#	                         is missing; sets MODULES
#	browser_run SCRIPT...    node tests/browser/SCRIPT, which finds packages
#	                         by createRequire($MODULES + "/")
#	browser_in HOST          makes $TMP/chromium.HOST, a Chromium that runs
#	                         in that lab host
#	browser_trusts FILE      browsers of this test trust that certificate

browser_fetch()
(
	local from to lock

	from=$(cd "$(dirname "${BASH_SOURCE[0]}")/../browser" && pwd)
	to=$(realpath -m "${BUILD:-build}/browser")
	lock=$from/package-lock.json
	mkdir -p "$to"
	exec 9>"$to/lock"
	flock 9
	! cmp -s "$lock" "$to/fetched" || return 0
	cp "$from/package.json" "$lock" "$from/.npmrc" "$to"
	(cd "$to" && npm ci --no-audit --no-fund --ignore-scripts) \
	    >"$to/log" 2>&1 || return 0
	cp "$lock" "$to/fetched"
)
[ -n "${LAB_INSIDE-}" ] || ! command -v npm >/dev/null || browser_fetch

browser_begin()
{
	need chromium node npm
	MODULES=$BUILD/browser
	export MODULES
	if ! cmp -s "$ROOT/tests/browser/package-lock.json" \
	    "$MODULES/fetched"; then
		tail -n 5 "$MODULES/log"
		skip "needs the packages of tests/browser/package-lock.json"
	fi
	# profiles, the certificate store: all of this test's own
	export HOME=$TMP TMP
}

browser_run()
{
	local script=$1

	shift
	node "$ROOT/tests/browser/$script" "$@"
}

browser_in()
{
	cat >"$TMP/chromium.$1" <<-END
	#!/bin/sh
	exec nsenter --net=/run/netns/$1 -- chromium "\$@"
	END
	chmod +x "$TMP/chromium.$1"
}

browser_trusts()
{
	need certutil
	mkdir -p "$HOME/.pki/nssdb"
	certutil -N --empty-password -d "sql:$HOME/.pki/nssdb"
	certutil -A -d "sql:$HOME/.pki/nssdb" -n server -t C,, -i "$1"
}
