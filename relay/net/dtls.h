/*
 * dtls: DTLS 1.2 associations on the datagram listeners (RFC 7350).
 *
 * A ClientHello costs no state until its cookie (RFC 6347, section 4.2.1)
 * comes back: the HelloVerifyRequest is answered by one spare SSL object,
 * which becomes the association of the first client that proves its
 * address.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_DTLS_H
#define RELAY_NET_DTLS_H

#include <openssl/ssl.h>
#include <stddef.h>

struct buf;
struct net;
struct net_dtls;
struct net_flow;

enum {
	DTLS_MTU = 1200, /* handshake records; fits any path in use */
	DTLS_COOKIE_ROTATE_MS = 60 * 1000,
};

/* Sets what a context needs to make and check cookies. */
void net_dtls_prepare(SSL_CTX *ctx);

/* Returns NULL when memory is short. */
struct net_dtls *net_dtls_new(struct net *n);
/* After all associations are gone. */
void net_dtls_free(struct net_dtls *d);
/* The certificates changed. */
void net_dtls_apply(struct net_dtls *d);

/* Takes one record-bearing datagram that came by from (transport UDP). */
void net_dtls_feed(
    struct net_dtls *d, const struct net_flow *from, const struct buf *b);

size_t net_dtls_count(const struct net_dtls *d);

#endif
