/*
 * check: did the cap hold?  Asked of the counters, which know nothing of
 * buckets and leases.
 *
 * OWNER: main.  Fed once a second.
 */
#ifndef RELAY_BUDGET_CHECK_H
#define RELAY_BUDGET_CHECK_H

#include <stdint.h>

#include "relay/stats.h"

enum {
	BUDGET_CHECK_WINDOWS = 8,      /* looks back, about seconds */
	BUDGET_CHECK_US = 1000 * 1000, /* the least window */
};

/* What had passed at some time between from and to. */
struct budget_sample {
	int64_t from_us, to_us;
	uint64_t bytes[STATS_DIRS];
};

struct budget_check {
	struct budget_sample sample[BUDGET_CHECK_WINDOWS];
	unsigned count; /* samples held */
	unsigned next;
	uint64_t rate, burst; /* under which they were taken */
	uint64_t error_bytes;
};

/* Adds to error_bytes what passed beyond rate x time + burst in the worst
 * window that ends with s, of either direction.  rate: bit/s, 0: no cap.
 * After a new rate it begins anew. */
void budget_check_feed(struct budget_check *c, const struct budget_sample *s,
    uint64_t rate, uint64_t burst);

#endif
