/* cert: a self-signed certificate in two temporary files, and OpenSSL
 * clients driven together with a bed. */
#ifndef TESTS_UNIT_NET_CERT_H
#define TESTS_UNIT_NET_CERT_H

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "tests/unit/net/bed.h"

struct cert {
	char crt[64];
	char key[64];
};

static inline FILE *
cert_file(char path[64])
{
	strcpy(path, "/tmp/net-test-XXXXXX");
	return fdopen(mkstemp(path), "w");
}

static inline void
cert_make(struct cert *c)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	FILE *f;

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
	    (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	f = cert_file(c->crt);
	PEM_write_X509(f, x);
	fclose(f);
	f = cert_file(c->key);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(key);
}

static inline void
cert_remove(const struct cert *c)
{
	unlink(c->crt);
	unlink(c->key);
}

/* A bed on transport with a certificate, not started. */
static inline struct bed *
cert_prepare(struct cert *c, enum net_transport transport)
{
	struct bed *bed = bed_prepare(transport, "127.0.0.1:0");
	char why[256];

	cert_make(c);
	bed->conf.listen.certificate = c->crt;
	bed->conf.listen.private_key = c->key;
	assert_int_equal(
	    net_tls_load(&bed->tls, &bed->conf, why, sizeof(why)), 0);
	assert_non_null(bed->tls);
	return bed;
}

static inline struct bed *
cert_bed(struct cert *c, enum net_transport transport)
{
	return bed_start(cert_prepare(c, transport));
}

/* A client on fd; becomes non-blocking. */
static inline SSL *
cert_client(SSL_CTX *ctx, int fd, bool datagram)
{
	SSL *ssl = SSL_new(ctx);

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (datagram) {
		BIO *bio = BIO_new_dgram(fd, BIO_NOCLOSE);
		struct sockaddr_storage to;
		socklen_t len = sizeof(to);

		getpeername(fd, (struct sockaddr *)&to, &len);
		BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &to);
		SSL_set_bio(ssl, bio, bio);
	} else {
		SSL_set_fd(ssl, fd);
	}
	SSL_set_connect_state(ssl);
	return ssl;
}

static inline bool
cert_shake(struct bed *bed, SSL *ssl)
{
	const mono_ms end = mono_now() + BED_DEADLINE_MS;
	int rc = -1;

	while (mono_now() < end && (rc = SSL_do_handshake(ssl)) != 1) {
		if (SSL_get_error(ssl, rc) != SSL_ERROR_WANT_READ)
			break;
		bed_turn(bed);
	}
	ERR_clear_error();
	return rc == 1;
}

/* Reads at least one byte before the deadline; <= 0: closed. */
static inline int
cert_read(struct bed *bed, SSL *ssl, void *out, int size)
{
	const mono_ms end = mono_now() + BED_DEADLINE_MS;
	int rc = -1;

	while (mono_now() < end && (rc = SSL_read(ssl, out, size)) <= 0) {
		if (SSL_get_error(ssl, rc) != SSL_ERROR_WANT_READ)
			break;
		bed_turn(bed);
	}
	ERR_clear_error();
	return rc;
}

#endif
