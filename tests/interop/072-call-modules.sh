#!/usr/bin/env bash
# Goal: the page's modules that need no browser do what their headers say:
# SHA-256, fingerprints, signatures and codes, names, and the supernode.v1
# client with its resumes and deadlines.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
need node

mkdir "$TMP/web"
cp "$ROOT"/relay/web/*.js "$TMP/web"
echo '{ "type": "module" }' >"$TMP/web/package.json"
WEB=$TMP/web node --test "$ROOT/tests/browser/modules.mjs" >"$TMP/out" 2>&1 || {
	grep -v duration_ms "$TMP/out" || :
	fail "see above"
}
compare "tests that passed" \
    "$(sed -n 's/^# pass //p' "$TMP/out")" -ge 15
