/*
 * wire: the bytes of one stream socket, plain or under TLS.
 *
 * Reads and writes never wait.  How much may be read from the socket is set
 * before (allow); what it really carried is counted (in, out), for whoever
 * owns the wire to charge and to reset.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_WIRE_H
#define RELAY_NET_WIRE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

struct net_queue;

enum {
	WIRE_RECORD_MAX = 16 * 1024, /* RFC 8446, section 5.1 */
	WIRE_PIECES = 16,            /* chunks in one write */
};

/* Stays in place while it is open.  Zeroed but for fd: plain. */
struct net_wire {
	int fd;       /* ours */
	int end;      /* ESHUTDOWN, or why nothing more can be read */
	SSL *ssl;     /* ours; NULL: plain */
	size_t allow; /* bytes that may be read from the socket */
	size_t in, out;
	size_t again; /* TLS: the length of a write that must be repeated */
	bool is_dry;  /* TLS: the last read found no whole record more */
};

/* What a TLS wire stands on: one per worker.  NULL: memory is short. */
BIO_METHOD *net_wire_method_new(void);
/* Sets up ctx for wires, once, when it is made. */
void net_wire_prepare(SSL_CTX *ctx);

/* From now on w is the server's side of TLS.  Returns 0 or ENOMEM. */
MUST_CHECK int
net_wire_secure(struct net_wire *w, SSL_CTX *ctx, const BIO_METHOD *method);
/* Goes on with the handshake.  Returns 0 when it is done, EAGAIN, or
 * EPROTO. */
MUST_CHECK int net_wire_shake(struct net_wire *w);

/* Reads up to size bytes.  Returns 0, EAGAIN, ESHUTDOWN (the other side has
 * ended its sending in good order) or another errno. */
MUST_CHECK int
net_wire_read(struct net_wire *w, size_t *got, uint8_t *out, size_t size);
/* Is there something to read that the socket will not tell of? */
bool net_wire_has_more(const struct net_wire *w);

/* Writes up to max bytes from the front of q; *done: how many.  scratch has
 * WIRE_RECORD_MAX bytes.  Returns 0 when it wrote all it may, EAGAIN when the
 * rest must wait, or another errno. */
MUST_CHECK int net_wire_write(struct net_wire *w, size_t *done,
    const struct net_queue *q, size_t max, uint8_t *scratch);
/* Did the last read or handshake stop because the socket was full? */
bool net_wire_is_full(const struct net_wire *w);

/* Says that nothing more will be written; reading goes on. */
void net_wire_finish(struct net_wire *w);
/* Tells the other side of the end, when there is a way. */
void net_wire_stop(struct net_wire *w);
void net_wire_close(struct net_wire *w);

#endif
