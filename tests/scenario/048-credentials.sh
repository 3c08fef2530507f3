#!/usr/bin/env bash
# Goal: the configuration that is installed starts as its unit starts it: as
# a user who may read neither the secret nor the key, but systemd's copies.
# shellcheck source=tests/support/lab.sh
. "$(dirname "$0")/../support/lab.sh"
# shellcheck source=tests/support/server.sh
. "$ROOT/tests/support/server.sh"
ours_only "the installed configuration"
need setpriv openssl

make -s -o all -C "$ROOT" BUILD="$BUILD" DESTDIR="$TMP/root" PREFIX=/usr install \
    >"$TMP/install.log" 2>&1 || fail "make install: $(cat "$TMP/install.log")"
etc=$TMP/root/etc/supernode
conf=$etc/supernoded.conf
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=sn.example \
    -keyout "$etc/tls/privkey.pem" -out "$etc/tls/fullchain.pem" 2>/dev/null
mkdir "$etc/conf.d"
cat >"$etc/conf.d/tls.conf" <<-END
	listen { certificate = "tls/fullchain.pem"
	         private-key = "tls/privkey.pem" }
END
chmod -R go+rX "$TMP" "$etc"
chmod 0700 "$etc/tls"
chmod 0600 "$etc/secret"

# nobody may run it, but not read what is root's
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
check() { as_nobody "$@" "$TMP/root/usr/sbin/supernoded" -c "$conf" \
    --check-config >"$TMP/check.out" 2>&1; }
check env && fail "started without a readable secret"
grep -q 'auth.secret-file: .*secret cannot be read' "$TMP/check.out" ||
	fail "unclear refusal: $(cat "$TMP/check.out")"

# what LoadCredential=secret:... and LoadCredential=tls:... leave
mkdir "$TMP/credentials"
cp "$etc/secret" "$TMP/credentials/secret"
for file in fullchain privkey; do
	cp "$etc/tls/$file.pem" "$TMP/credentials/tls_$file.pem"
done
chown -R 65534:65534 "$TMP/credentials"
check env CREDENTIALS_DIRECTORY="$TMP/credentials" ||
	fail "refused with credentials: $(cat "$TMP/check.out")"
say "starts on systemd's copies"
