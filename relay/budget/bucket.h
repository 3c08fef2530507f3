/*
 * bucket: one direction's token bucket, shared by all workers, and a
 * worker's lease from it.
 *
 * The bucket is one number: the time (ns) at which it would be full again if
 * nothing more passed.  A packet of cost c (its time at the rate) at time t
 * passes when max(full, t) + c <= t + burst.  Whatever the order in which
 * workers with different clocks arrive, what is taken with t in a window of
 * W costs at most W + burst: the first leaves full >= t + c, each advances
 * it by its cost, the last leaves it <= end of window + burst.
 *
 * A lease is taken at t and may be spent until t + slip, so a window of W
 * spends leases of W + slip: the bucket grants slip less burst than stated.
 */
#ifndef RELAY_BUDGET_BUCKET_H
#define RELAY_BUDGET_BUCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget/meter.h"

/* What one configuration makes of a bucket; a plain value. */
struct budget_rate {
	uint64_t bits;  /* a second; 0: no cap */
	int64_t burst;  /* ns at the rate, slip taken off */
	int64_t slip;   /* ns a lease may be spent after it was taken */
	uint64_t chunk; /* bytes a lease asks for; 0: just the packet */
	struct budget_pace pace; /* a byte's time, where a guess will do */
};

struct budget_bucket {
	/* SHARED: atomic */
	_Alignas(64) _Atomic int64_t full;
	_Atomic uint64_t idles; /* how often full lay in the past */
};

struct budget_lease {
	/* OWNER: worker */
	uint64_t left; /* bytes */
	int64_t taken; /* ns */
	uint64_t idles;
	bool is_spare; /* limit's: see there */
};

void
budget_rate_init(struct budget_rate *r, uint64_t bits, uint64_t burst_bytes);

/* Takes bytes at now (ns) into l, on top of nothing: what was left must
 * have been given back.  Returns false, and takes nothing, when over. */
bool budget_bucket_lease(struct budget_bucket *b, const struct budget_rate *r,
    struct budget_lease *l, uint64_t bytes, int64_t now);
/* Bytes that would pass at now. */
uint64_t budget_bucket_room(
    struct budget_bucket *b, const struct budget_rate *r, int64_t now);
/* Takes bytes, over the burst if need be. */
void budget_bucket_force(struct budget_bucket *b, const struct budget_rate *r,
    uint64_t bytes, int64_t now);
/* Gives back what is left of l where that is exact: as long as the bucket
 * never ran idle since, what was not spent might as well not have been
 * taken.  Else it is lost. */
void budget_bucket_return(struct budget_bucket *b, const struct budget_rate *r,
    struct budget_lease *l);

#endif
