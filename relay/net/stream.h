/*
 * stream: TCP and TLS connections.
 *
 * The first byte decides what a connection speaks; after a TLS handshake
 * the first decrypted byte does again.  Messages are cut out of the stream
 * (RFC 8489, section 6.2.2) and copied once into a slot.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_STREAM_H
#define RELAY_NET_STREAM_H

#include "common/code.h"
#include "net/net.h"

enum {
	STREAM_OUT_MAX = 256 * 1024, /* bytes that wait for a slow reader */
	STREAM_IN_MAX = 128 * 1024,  /* over one frame of any size */
	STREAM_SEGMENT = 1448,       /* bytes one TCP segment carries */
	STREAM_ACCEPTS = 64,         /* in one wake-up */
	STREAM_RETRY_MS = 5,         /* when the budget has no room */
};

/* Accepts on fd, which is bound to at.  Returns 0 or ENOMEM. */
MUST_CHECK int net_stream_listen(struct net *n, int fd, const struct addr *at);
/* Stops accepting. */
void net_stream_deafen(struct net *n);

#endif
