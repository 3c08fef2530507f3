/*
 * rate: how fast counters grew over the last seconds.
 *
 * OWNER: main.  Fed once a second with the running totals.
 */
#ifndef RELAY_RATE_H
#define RELAY_RATE_H

#include <stdint.h>

#include "common/mono.h"
#include "relay/stats.h"

enum { RATE_WINDOW = 5 /* samples back, about seconds */ };

struct rate_totals {
	uint64_t bytes[STATS_DIRS]; /* on the wire */
	uint64_t packets[STATS_DIRS];
	uint64_t relayed_packets;
};

struct rate {
	struct rate_totals sample[RATE_WINDOW + 1];
	mono_ms at[RATE_WINDOW + 1];
	unsigned count; /* samples held */
	unsigned next;
};

/* Per second over window_ms; all zero before the second sample. */
struct rate_view {
	int64_t window_ms;
	struct rate_totals per_second;
};

void rate_feed(struct rate *r, const struct stats *sum, mono_ms now);
struct rate_view rate_view(const struct rate *r);

#endif
