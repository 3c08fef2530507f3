#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "net/dtls.h"
#include "net/wire.h"
#include "relay/snapshot.h"

struct net_tls {
	/* SHARED: atomic */
	_Atomic unsigned users;
	/* FROZEN: after net_tls_load */
	SSL_CTX *stream;
	SSL_CTX *datagram;
};

/* RFC 7443; and what browsers ask for on a shared port */
static const unsigned char offered[] = "\x09stun.turn"
				       "\x12stun.nat-discovery"
				       "\x08http/1.1";

/* A client whose protocols are all unknown here is served all the same. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	unsigned char *got;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&got, out_len, offered, sizeof(offered) - 1,
		in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = got;
	return SSL_TLSEXT_ERR_OK;
}

/* Nothing is kept per client but the connection itself: no session cache,
 * no tickets, no idle buffers. */
static SSL_CTX *
make_context(const SSL_METHOD *method, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	if (SSL_CTX_set_min_proto_version(ctx, version) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* Writes a sentence about file and OpenSSL's last error. */
static int
refuse(char *why, size_t why_size, const char *key, const char *file)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(why, why_size, "%s %s: %s", key, file,
	    reason != NULL ? reason : "cannot be read");
	ERR_clear_error();
	return EINVAL;
}

static int
load_files(
    SSL_CTX *ctx, const struct snapshot *conf, char *why, size_t why_size)
{
	const char *cert = conf->listen.certificate;
	const char *key = conf->listen.private_key;

	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return refuse(why, why_size, "listen.certificate", cert);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		return refuse(why, why_size, "listen.private-key", key);
	return 0;
}

int
net_tls_load(struct net_tls **out, const struct snapshot *conf, char *why,
    size_t why_size)
{
	struct net_tls *t;

	if (conf->listen.certificate == NULL ||
	    conf->listen.certificate[0] == '\0') {
		*out = NULL;
		return 0;
	}
	snprintf(why, why_size, "listen.certificate: %s", strerror(ENOMEM));
	if ((t = mem_try(1, sizeof(*t))) == NULL)
		return EINVAL;
	atomic_init(&t->users, 1);
	t->stream = make_context(TLS_server_method(), TLS1_2_VERSION);
	t->datagram = make_context(DTLS_server_method(), DTLS1_2_VERSION);
	if (t->stream == NULL || t->datagram == NULL ||
	    load_files(t->stream, conf, why, why_size) != 0 ||
	    load_files(t->datagram, conf, why, why_size) != 0)
		goto fail;
	net_dtls_prepare(t->datagram);
	net_wire_prepare(t->stream);
	*out = t;
	return 0;

fail:
	net_tls_put(t);
	return EINVAL;
}

struct net_tls *
net_tls_get(struct net_tls *t)
{
	if (t != NULL)
		atomic_fetch_add(&t->users, 1);
	return t;
}

void
net_tls_put(struct net_tls *t)
{
	if (t == NULL || atomic_fetch_sub(&t->users, 1) != 1)
		return;
	SSL_CTX_free(t->stream);
	SSL_CTX_free(t->datagram);
	mem_free(t);
}

SSL_CTX *
net_tls_stream(const struct net_tls *t)
{
	return t->stream;
}

SSL_CTX *
net_tls_datagram(const struct net_tls *t)
{
	return t->datagram;
}
