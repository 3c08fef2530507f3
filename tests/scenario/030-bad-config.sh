#!/usr/bin/env bash
# Goal: a faulty configuration starts nothing and names file, line and key;
# a good one passes --check-config and is shown, secrets masked, by --dump-config.
# shellcheck source=tests/support/check.sh
. "$(dirname "$0")/../support/check.sh"
[ "${SERVER:-supernode}" = supernode ] || skip "configuration is ours"

DAEMON=$BUILD/supernoded
[ -x "$DAEMON" ] || fail "$DAEMON is not built: make all"
CONF=$TMP/supernoded.conf

# good [SED-EXPRESSION]: a configuration that works, changed; one key a line
good()
{
	sed -e "${1-}" <<-END >"$CONF"
	node {
		name = "sn1.example.test"
		realm = "example.test"
		workers = 1
		state = "$TMP"
		run = "$TMP/run"
	}
	listen {
		udp = {"127.0.0.1:0"}
		tcp = {"127.0.0.1:0"}
		tls = {}
		dtls = {}
	}
	relay {
		addresses = {"127.0.0.1"}
		ports = "50000-50999"
		allow = {"127.0.0.0/8"}
		deny = {"10.0.0.0/8"}
	}
	auth {
		secret = {"very-secret-north"}
		user "alice" { password = "very-secret-horse" }
	}
	caps {
		rate = "50Mbit/s"
		burst = "250ms"
	}
	admin { listen = "127.0.0.1:0" }
	END
}

# bad WHAT SED-EXPRESSION KEY [LINE-TEXT]: both ways refuse it and name the
# file, the line that holds LINE-TEXT (where given) and the key
bad()
{
	local what=$1 key=$3 text=${4-} line='' out rc way

	good "$2"
	if [ -n "$text" ]; then
		line=$(grep -nF -- "$text" "$CONF" | head -n 1 | cut -d: -f1)
		[ -n "$line" ] || fail "$what: the test has no line '$text'"
	fi
	for way in --check-config ""; do
		rc=0
		# shellcheck disable=SC2086
		out=$(timeout 10 "$DAEMON" $way -c "$CONF" 2>&1) || rc=$?
		# EX_CONFIG of sysexits
		[ "$rc" -eq 78 ] || fail "$what: exit $rc ${way}: $out"
		[[ $out == *"$CONF"* ]] || fail "$what: no file in: $out"
		[[ $out == *"$key"* ]] || fail "$what: no $key in: $out"
		[ -z "$line" ] || [[ $out == *":$line"* ]] ||
			fail "$what: line $line is not in: $out"
		[ ! -e "$TMP/run/control.sock" ] ||
			fail "$what: a control socket was made"
	done
	say "ok: $what: $out"
}

good
"$DAEMON" --check-config -c "$CONF" || fail "the good one is refused"
dump=$("$DAEMON" --dump-config -c "$CONF")
matches "the dump has the rate" "$dump" '50Mbit/s'
[[ $dump != *very-secret* ]] || fail "a secret is shown: $dump"

bad "unknown key" 's/burst = .*/bursts = "1s"/' bursts 'bursts ='
bad "unknown section" 's/^caps {/hats {/' hats 'hats {'
bad "no unit" 's/50Mbit.s/50/' rate 'rate = "50"'
bad "unknown unit" 's/50Mbit.s/50Mbit/' rate 'rate = "50Mbit"'
bad "negative rate" 's/"50Mbit.s/"-50Mbit\/s/' rate 'rate = "-50'
bad "rate is a time" 's/50Mbit.s/50ms/' rate 'rate = "50ms"'
bad "no rate stated" '/rate = /d' rate
bad "bad CIDR" 's|10.0.0.0/8|10.0.0.0/33|' deny '10.0.0.0/33'
bad "host bits in a CIDR" 's|10.0.0.0/8|10.0.0.1/8|' deny '10.0.0.1/8'
bad "a name is no CIDR" 's|127.0.0.0/8|localhost|' allow 'localhost'
bad "bad listen address" 's/udp = .*/udp = {"300.0.0.1:3478"}/' udp \
    '300.0.0.1'
bad "bad port" 's/tcp = .*/tcp = {"127.0.0.1:99999"}/' tcp '99999'
bad "ports upside down" 's/50000-50999/50999-50000/' ports '50999-50000'
bad "ports beyond the last" 's/50000-50999/50000-70000/' ports '50000-70000'
bad "TLS without a certificate" 's/tls = {}/tls = {"127.0.0.1:0"}/' \
    certificate
bad "certificate that is not there" \
    "s|tls = {}|tls = {\"127.0.0.1:0\"} certificate = \"$TMP/none.pem\" private-key = \"$TMP/none.pem\"|" \
    none.pem
bad "no credential at all" '/secret = /d; /user "alice"/d' auth
bad "user without password" 's/password = "very-secret-horse"//' password
bad "secret file that is not there" \
    's|secret = .*|secret-file = "/nonexistent/secret"|' secret-file
bad "negative workers" 's/workers = 1/workers = -1/' workers 'workers = -1'
bad "text for a number" 's/workers = 1/workers = many/' workers \
    'workers = many'
bad "missing brace" '/^caps {/d' supernoded.conf
bad "not a configuration" 's/^node {/\x01\x02\x7f{{{/' supernoded.conf

rc=0
out=$("$DAEMON" -c "$TMP/none.conf" 2>&1) || rc=$?
[ "$rc" -ne 0 ] || fail "a missing file was accepted"
matches "a missing file is named" "$out" 'none.conf'
rc=0
out=$("$DAEMON" --no-such-option 2>&1) || rc=$?
[ "$rc" -ne 0 ] || fail "an unknown option was accepted"
