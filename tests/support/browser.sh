# shellcheck shell=bash
# browser: what the tests need that drive Chromium from node.  Sourced after
# lab.sh or check.sh.
#
#	browser_modules          the packages of tests/browser/package-lock.json
#	                         in $MODULES, fetched once per BUILD
#	browser_run SCRIPT...    node tests/browser/SCRIPT, which finds packages
#	                         by createRequire($MODULES + "/")
#	browser_in HOST          makes $TMP/chromium.HOST, a Chromium that runs
#	                         in that lab host
#	browser_trusts FILE      browsers of this test trust that certificate

MODULES=$BUILD/browser
export MODULES
# profiles, the certificate store: all of the test's own
export HOME=$TMP

browser_fetch()
(
	local lock=$ROOT/tests/browser/package-lock.json

	flock 9
	! cmp -s "$lock" "$MODULES/fetched" || return 0
	cp "$ROOT/tests/browser/package.json" "$lock" "$MODULES"
	cp "$ROOT/tests/browser/.npmrc" "$MODULES"
	npm ci --prefix "$MODULES" --no-audit --no-fund --ignore-scripts \
	    >"$MODULES/log" 2>&1 || return 1
	cp "$lock" "$MODULES/fetched"
) 9>"$MODULES/lock"

browser_modules()
{
	need chromium node npm
	mkdir -p "$MODULES"
	if ! browser_fetch; then
		tail -n 5 "$MODULES/log"
		skip "needs the packages of tests/browser/package-lock.json"
	fi
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
