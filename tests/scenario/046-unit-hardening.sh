#!/usr/bin/env bash
# Goal: the systemd unit is well-formed and exposes at most 1.5 of 10.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "the systemd unit of ours"
need systemd-analyze

unit=$ROOT/packaging/systemd/supernoded.service
# the score in tenths, as the last line of the table says it
score=$(systemd-analyze security --offline=true --no-pager "$unit" |
	sed -n 's/.*Overall exposure level for [^:]*: \([0-9]*\)\.\([0-9]*\).*/\1\2/p')
compare "exposure in tenths" "$score" -le 15

# the unit as installed, of what is built: every path in it exists or is made by systemd
make -s -o all -C "$ROOT" BUILD="$BUILD" DESTDIR="$TMP/root" PREFIX=/usr install \
    >"$TMP/install.log" 2>&1 || fail "make install: $(cat "$TMP/install.log")"
installed=$TMP/root/usr/lib/systemd/system/supernoded.service
program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$installed")
[ -x "$TMP/root$program" ] || fail "ExecStart=$program is not installed"
grep -q '^Type=notify$' "$installed" || fail "not Type=notify"
grep -q '^WatchdogSec=' "$installed" || fail "no watchdog"
grep -q '^LoadCredential=' "$installed" || fail "no credentials"
