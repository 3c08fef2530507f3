/*
 * throttle: how many answers a source prefix (/24, /56) gets before it has
 * authenticated.  A fixed table of buckets chosen by a seeded hash: memory
 * never grows, a collision shares a budget.  SHARED: atomic.
 */
#ifndef RELAY_TURN_THROTTLE_H
#define RELAY_TURN_THROTTLE_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/mono.h"

enum {
	TURN_THROTTLE_BUCKETS = 4096,
	TURN_THROTTLE_V4BITS = 24,
	TURN_THROTTLE_V6BITS = 56,
};

struct turn_throttle;
struct turn_throttle *turn_throttle_new(void);
void turn_throttle_free(struct turn_throttle *t);

/* May one more answer go to client?  rate: answers a second, burst of the
 * same size; 0 = no limit. */
bool turn_throttle_take(struct turn_throttle *t, const struct addr *client,
    unsigned rate, mono_ms now);

#endif
