/*
 * flows: what must arrive, in which order.
 *
 * A flow is one sender's packets to one receiver.  Their lengths are the
 * sender's choice, their bytes follow from the flow and the packet's number:
 * what comes next is known to the last byte before it comes, so a packet that
 * is lost, doubled, late, cut or changed is not the one that was due.
 */
#ifndef TESTS_SUPPORT_FLOWS_H
#define TESTS_SUPPORT_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FLOWS_AHEAD = 32, /* packets of one flow under way */
	/* what a socket's buffer is charged for a packet, over its bytes */
	FLOWS_OVERHEAD = 1280,
};

struct flows;

/* For count flows; another seed, other bytes. */
struct flows *flows_new(unsigned count, uint64_t seed);
void flows_free(struct flows *f);

/* Is there room for n more packets under way? */
bool flows_may_send(const struct flows *f, unsigned flow, unsigned n);
/* Writes the flow's next payload, of len bytes. */
void flows_next(struct flows *f, unsigned flow, uint8_t *out, size_t len);
/* Takes a payload that arrived.  Returns NULL when it is the one that was
 * due, otherwise what is wrong with it, valid until the next call. */
const char *
flows_take(struct flows *f, unsigned flow, const uint8_t *data, size_t len);

/* Packets sent and not arrived, and the bytes that buffers are charged. */
uint64_t flows_under_way(const struct flows *f);
uint64_t flows_charge(const struct flows *f);
/* The first flow that has a packet under way, from flow on; count: none. */
unsigned flows_find_late(const struct flows *f, unsigned flow);
/* How many packets of it were sent so far. */
uint32_t flows_sent(const struct flows *f, unsigned flow);

#endif
