/*
 * ring: records of bytes from one thread to another, without a lock.
 *
 * One writer, one reader, a fixed number of bytes.  What was put is seen by
 * the reader when it is published, many at once: so the two share a cache
 * line once a batch and not once a record.
 */
#ifndef RELAY_TURN_RING_H
#define RELAY_TURN_RING_H

#include <stdbool.h>
#include <stddef.h>

enum { TURN_RING_ALIGN = 8 /* of a record */ };

struct turn_ring; /* SHARED: atomics */

/* bytes: a power of two, at least 1024.  NULL when memory is short. */
struct turn_ring *turn_ring_new(size_t bytes);
void turn_ring_free(struct turn_ring *r);

/* The longest record that always fits into an empty ring. */
size_t turn_ring_record_max(const struct turn_ring *r);

/* Writer: room for a record of len bytes; NULL when the ring is full. */
void *turn_ring_put(struct turn_ring *r, size_t len);
/* Writer: shows the reader what was put.  False: there is nothing new. */
bool turn_ring_publish(struct turn_ring *r);

/* Reader: how much is published now; turn_ring_take goes up to there. */
size_t turn_ring_end(struct turn_ring *r);
/* Reader: the next record in front of end, valid until the next call (the
 * writer gets its room back then); NULL when there is none. */
const void *turn_ring_take(struct turn_ring *r, size_t end);

#endif
