/*
 * stream: TCP and TLS connections.
 *
 * The first byte decides what a connection speaks; after a PROXY header and
 * after a TLS handshake the next first byte does again.  Messages are cut out
 * of the stream (RFC 8489, section 6.2.2) and copied once into a slot.
 *
 *	RAW -PROXY header-> RAW -0x16-> TLS -shaken hands-> FIRST
 *	RAW -else-> FIRST -STUN-> FRAMES
 *	FIRST -HTTP-> answered and closed
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
	/* either way, before the client authenticated: no request and no
	 * answer is larger, and everybody may hold that much of our memory */
	STREAM_NEW_MAX = 8 * 1024,
	STREAM_PIECE_MAX = 16 * 1024, /* read or written at once */
	STREAM_PIECE_MIN = 512,
	STREAM_SEGMENT = 1448, /* bytes one TCP segment carries */
	STREAM_RETRY_MS = 5,   /* when the budget has no room */
};

/* Takes fd, a new connection that has its place under the limits.  Returns 0,
 * or ENOMEM and fd is still the caller's. */
MUST_CHECK int net_stream_open(
    struct net *n, int fd, const struct addr *client, const struct addr *local);

#endif
