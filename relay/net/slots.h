/*
 * slots: memory of packets.
 *
 * Dense slots of 2 KiB for what travels, and a few big buffers for the rare
 * datagram of up to 64 KiB.  All is allocated at start-up; pages of big
 * buffers that are never used cost nothing.  Taken last in, first out: the
 * slot used next is the one still in the cache.
 *
 * Where io_uring receives (net/uring), there are big slots that the kernel
 * fills by itself: it has them whenever nobody here does.
 *
 *	free -take-> held -queue-> queued -release-> free
 *	free -lend-> lent -queue-> queued; lent -turn_end-> free
 *	free -give-> the kernel's -arrive-> held; when free: give again
 *
 * A slot with several packets is queued once for each and free when all are
 * released; pinned, it also stays while somebody walks through it.  A packet
 * is known by any address inside its slot.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_SLOTS_H
#define RELAY_NET_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/code.h"

enum {
	SLOT_BYTES = 2048,
	SLOT_TAIL = 8, /* room for padding behind what was received */
	SLOT_ROOM = SLOT_BYTES - BUF_HEADROOM - SLOT_TAIL,
	/* BUF_HEADROOM + the largest STUN message + SLOT_TAIL, rounded up */
	SLOT_BIG_BYTES = 66 * 1024,
	SLOT_BIG_ROOM = SLOT_BIG_BYTES - BUF_HEADROOM - SLOT_TAIL,
	/* the receive batch + a full send queue + answers being written */
	SLOT_COUNT = 1024,
	SLOT_BIG_COUNT = 96,
	/*
	 * The kernel's: what it writes in front, the largest datagram and
	 * SLOT_TAIL.  An odd number of cache lines, so that they do not all
	 * begin in the same few sets of the cache.
	 */
	SLOT_RING_BYTES = 1027 * 64,
	SLOT_RING_COUNT = 256, /* power of two */
};

struct net_slots;

/* Returns NULL when memory is short. */
struct net_slots *net_slots_new(void);
void net_slots_free(struct net_slots *s);

/*
 * Takes a slot for room bytes into *holder; when the packet in it is queued
 * to be sent, *holder becomes NULL.  False (and NULL) when none is free.
 */
bool net_slots_take(struct net_slots *s, size_t room, uint8_t **holder);
/* Lends a slot until the end of the turn; NULL when none is free. */
uint8_t *net_slots_lend(struct net_slots *s, size_t room);
/* The packet at base waits to be sent from now on. */
void net_slots_queue(struct net_slots *s, uint8_t *base);
/* One more user of a slot; net_slots_release is its end. */
void net_slots_pin(struct net_slots *s, uint8_t *base);
/* Frees a slot that is queued, held or lent, when nobody else uses it. */
void net_slots_release(struct net_slots *s, uint8_t *base);
/* Frees base if it was lent (its packet was copied); leaves a held one. */
void net_slots_done(struct net_slots *s, uint8_t *base);
/* Takes back what was lent and not sent. */
void net_slots_turn_end(struct net_slots *s);

/* Adds the slots that the kernel fills.  False: no memory. */
MUST_CHECK bool net_slots_add_ring(struct net_slots *s);
uint8_t *net_slots_ring(const struct net_slots *s, unsigned i);
/* Gives a free one of them away: *i.  False: none is free. */
bool net_slots_give(struct net_slots *s, unsigned *i);
/* The i-th came back full; as net_slots_take, it is held by *holder. */
void net_slots_arrive(struct net_slots *s, unsigned i, uint8_t **holder);

size_t net_slots_size(const struct net_slots *s, const uint8_t *base);
/* What all of it takes. */
size_t net_slots_bytes(const struct net_slots *s);
/* How many are free. */
unsigned net_slots_spare(const struct net_slots *s);
unsigned net_slots_spare_big(const struct net_slots *s);

#endif
