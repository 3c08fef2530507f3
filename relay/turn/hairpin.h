/*
 * hairpin: from one allocation of this supernode to another, the normal case
 * when both ends are behind a NAT, without the kernel's loopback.
 *
 * The same worker: a call.  Another worker: a ring for each pair of workers,
 * filled during a loop turn, shown and announced once at its end.  A packet
 * is counted, capped and let in as if it had travelled: out of the sender's
 * budget, into the receiver's, then past the other allocation's permissions.
 * What had come by an address that was closed meanwhile is dropped.
 *
 * No lock and no allocation on the way.  OWNER: worker, but for what is said
 * to be SHARED.
 */
#ifndef RELAY_TURN_HAIRPIN_H
#define RELAY_TURN_HAIRPIN_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct mailbox;
struct turn;
struct turn_leg;
struct turn_port;

enum {
	/* of one ring: what a worker may be late by, 3100 packets of a voice
	 * call, 400 of a video */
	TURN_HAIRPIN_RING_MAX = 512 * 1024,
	TURN_HAIRPIN_RING_MIN = 16 * 1024,
	/* of all rings, unless there are so many that each is the smallest;
	 * pages that were never used cost nothing */
	TURN_HAIRPIN_MEMORY = 64 * 1024 * 1024,
};

/* The rings between workers.  SHARED: each has one writer, one reader. */
struct turn_hairpin;

/* Returns NULL when memory is short. */
struct turn_hairpin *turn_hairpin_new(unsigned workers);
void turn_hairpin_free(struct turn_hairpin *h);

/* From now on other workers may send to t's, waking it by mailbox, which is
 * borrowed until all workers have stopped; NULL: none will. */
void turn_hairpin_join(struct turn *t, struct mailbox *mailbox);
void turn_hairpin_leave(struct turn *t);

/* Takes b from leg to port if that is open.  False: b goes by the kernel and
 * is as it was. */
bool turn_hairpin_send(
    struct turn_leg *leg, const struct turn_port *port, struct buf *b);
/* The end of a loop turn: tells the other workers. */
void turn_hairpin_flush(struct turn *t);

#endif
