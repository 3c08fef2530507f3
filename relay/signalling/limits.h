/*
 * limits: how fast a session may speak: two token buckets, messages and
 * bytes, and strikes for those who do not care.
 *
 * A full bucket holds SIGNAL_BURST_S seconds of its rate.  Pure: time comes
 * in.
 */
#ifndef RELAY_SIGNALLING_LIMITS_H
#define RELAY_SIGNALLING_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mono.h"

enum {
	SIGNAL_BURST_S = 4,
	SIGNAL_STRIKES_MAX = 20,  /* the next one closes */
	SIGNAL_STRIKE_MS = 3000,  /* so fast one is forgotten */
	SIGNAL_HOLD_MIN_MS = 250, /* over a limit: nothing is read so long */
	/* a guest has this part of what others may */
	SIGNAL_GUEST_PART = 2,
};

struct signal_rate {
	uint32_t messages; /* a second */
	uint32_t bytes;
};

struct signal_limits {
	/* what is in the buckets, in thousandths */
	int64_t messages, bytes;
	mono_ms filled; /* when; 0: both are full */
	uint32_t strikes;
	mono_ms struck; /* from when strikes are forgotten */
};

/* A message of len bytes: 0, or in how many ms it could come again (nothing
 * was taken then). */
unsigned signal_limits_take(struct signal_limits *l,
    const struct signal_rate *rate, size_t len, mono_ms now);

/* One more strike.  True: that was one too many. */
bool signal_limits_strike(struct signal_limits *l, mono_ms now);

/* l goes on as from, too: the lower of both levels, the strikes of both. */
void
signal_limits_inherit(struct signal_limits *l, const struct signal_limits *from,
    const struct signal_rate *rate, mono_ms now);

#endif
