/*
 * streams: what the streams of one worker share: the memory they read into,
 * chunks for what waits, and the list of those that write at the end of the
 * turn.
 *
 * Bytes are read into a big packet slot, one stream behind the other; packets
 * cut out of it go on from where they lie, and the slot is free when the last
 * of them has left.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_STREAMS_H
#define RELAY_NET_STREAMS_H

#include <event2/event_struct.h>
#include <openssl/bio.h>

#include "common/code.h"
#include "common/list.h"
#include "net/core.h"
#include "net/wire.h"

struct net_bank;
struct net_stream;

enum {
	/*
	 * Steps of TLS handshakes in one turn.  One that signs takes 0.1 ms
	 * (ECDSA) to 0.7 ms (RSA, 2048 bit): when all come back at once, those
	 * who are in wait 6 ms for the next few, not for all.
	 */
	STREAMS_SHAKES_MAX = 8,
	/* nobody is accepted while so many wait for theirs */
	STREAMS_WAITING_MAX = 256,
};

struct net_streams {
	struct net *net; /* borrowed */
	struct net_bank *bank;
	BIO_METHOD *method;
	struct list dirty;   /* struct net_stream: they have output */
	struct list soon;    /* struct net_stream: they go on reading */
	struct list waiting; /* struct net_stream: for their handshake */
	unsigned waiting_count;
	unsigned shakes; /* in this turn */
	bool is_admitting;
	struct event kick; /* keeps libevent from waiting for nothing */
	uint8_t *slot;     /* read into; NULL: none yet */
	uint8_t *holder;   /* the same, until a packet of it is queued */
	size_t used;       /* of slot */
	uint8_t scratch[WIRE_RECORD_MAX];
};

/* Returns NULL when memory is short. */
struct net_streams *net_streams_new(struct net *n);
/* All streams are freed by now. */
void net_streams_free(struct net_streams *st);

/* Room for at least need bytes, good until the end of the turn.  Returns
 * its size, or 0: no memory. */
size_t net_streams_room(struct net_streams *st, size_t need, uint8_t **out);
/* The first len bytes of that room are taken. */
void net_streams_take(struct net_streams *st, size_t len);

/* Has the stream that node (its soon) is of go on reading, by itself. */
void net_streams_soon(struct net_streams *st, struct list *node);
/* Is there one that the loop must not wait for? */
bool net_streams_has_soon(const struct net_streams *st);

/* May s go on with its handshake now?  False: it does so by itself when it
 * is its turn; first come, first served. */
bool net_streams_admit(struct net_streams *st, struct net_stream *s);
/* s waits no more. */
void net_streams_leave(struct net_streams *st, struct net_stream *s);
/* Do too many wait? */
bool net_streams_is_crowded(const struct net_streams *st);

/* Lets those read that are to, admits some, lets all write what waits. */
void net_streams_turn_end(struct net_streams *st);

#endif
