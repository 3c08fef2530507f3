/*
 * limit: a hard cap that users share fairly: the host's, or a network's.
 *
 * struct budget_limit is SHARED.  struct budget_hold is a worker's hold on
 * it: the rate as last read, and what is leased.
 *
 * Fairness: each user has a share, a meter at a rate that share.c finds.
 * What is within it passes as long as there is room at all; the rest only
 * while the bucket is above its reserve, half of the burst.  So idle share is
 * lent, and a user below his share finds room always.  A lease for many
 * packets that was taken from above the reserve is for anybody.
 */
#ifndef RELAY_BUDGET_LIMIT_H
#define RELAY_BUDGET_LIMIT_H

#include "budget/bucket.h"
#include "budget/meter.h"
#include "common/code.h"
#include "relay/stats.h"

struct budget_party;
struct budget_scope;

struct budget_limit {
	struct budget_bucket bucket[STATS_DIRS];

	/* SHARED: atomic, written by the main thread; edition is odd while
	 * rate and burst do not belong together */
	_Alignas(64) _Atomic uint64_t edition;
	_Atomic uint64_t rate;
	_Atomic uint64_t burst;

	/* SHARED: atomic, written by who looks: see share.h */
	_Alignas(64) _Atomic uint64_t share; /* bit/s */
	_Atomic int64_t due;                 /* ns: the next look */
	_Atomic bool is_looked_at;
	_Atomic bool binds;
	_Atomic unsigned active; /* users with traffic */
	_Atomic unsigned held;   /* of them above the share */
	int64_t looked;
	unsigned looks;
	uint64_t *demand; /* ours */
	size_t room;      /* of demand */

	struct budget_scope *users; /* ours; SHARED: its locks */
};

struct budget_hold {
	/* OWNER: worker */
	struct budget_limit *limit; /* borrowed */
	uint64_t edition;
	struct budget_rate rate;
	struct budget_lease lease[STATS_DIRS];
	uint64_t share;          /* as pace was made from */
	struct budget_pace pace; /* of a user's share */
};

/* Returns 0 or ENOMEM.  fini is legal on a zeroed one. */
MUST_CHECK int budget_limit_init(struct budget_limit *l);
void budget_limit_fini(struct budget_limit *l);
/* Main thread.  bits 0: no cap. */
void
budget_limit_set(struct budget_limit *l, uint64_t bits, uint64_t burst_bytes);

void budget_hold_init(struct budget_hold *h, struct budget_limit *l);
/* Reads what has changed. */
void budget_hold_refresh(struct budget_hold *h);

/* Is there a cap?  A load of a line that only the main thread writes. */
static inline bool
budget_hold_is_capped(struct budget_hold *h)
{
	if (atomic_load_explicit(&h->limit->edition, memory_order_relaxed) !=
	    h->edition)
		budget_hold_refresh(h);
	return h->rate.bits != 0;
}

/* The slow way of budget_hold_take: what the lease does not hold. */
bool budget_hold_renew(
    struct budget_hold *h, enum stats_dir dir, uint64_t bytes, int64_t now);

/* Below the limit is capped.  Takes bytes of dir; false: over the cap. */
static inline bool
budget_hold_take(
    struct budget_hold *h, enum stats_dir dir, uint64_t bytes, int64_t now)
{
	struct budget_lease *l = &h->lease[dir];

	if (l->left < bytes || now > l->taken + h->rate.slip)
		return budget_hold_renew(h, dir, bytes, now);
	l->left -= bytes;
	return true;
}

/* Takes bytes, over the burst if need be. */
void budget_hold_force(
    struct budget_hold *h, enum stats_dir dir, uint64_t bytes, int64_t now);

/* What was taken at now does not pass after all. */
static inline void
budget_hold_undo(struct budget_hold *h, enum stats_dir dir, uint64_t bytes)
{
	h->lease[dir].left += bytes;
}

/* Bytes of a stream, at most as many as it wants, that may pass now,
 * reserved for this worker until the end of the turn. */
uint64_t budget_hold_room(
    struct budget_hold *h, enum stats_dir dir, uint64_t want, int64_t now);
/* The same without reserving them: others may be told of the same. */
uint64_t
budget_hold_peek(const struct budget_hold *h, enum stats_dir dir, int64_t now);
/* The end of a turn: what is left of a reservation goes back, but for leases
 * that are for many packets. */
void budget_hold_release(struct budget_hold *h);

/* The time that dir's bucket is above its reserve, ns; below zero: under. */
static inline int64_t
budget_hold_above(const struct budget_hold *h, enum stats_dir dir, int64_t now)
{
	const int64_t full = atomic_load_explicit(
	    &h->limit->bucket[dir].full, memory_order_relaxed);

	return h->rate.burst / 2 - (full > now ? full - now : 0);
}

/* Are bytes of dir, and one more nanosecond, above the reserve? */
static inline bool
budget_hold_has_spare(const struct budget_hold *h, enum stats_dir dir,
    uint64_t bytes, int64_t now)
{
	return budget_hold_above(h, dir, now) >
	    budget_pace_cost(&h->rate.pace, bytes);
}

/* May bytes of dir be taken out of a lease that is for anybody? */
static inline bool
budget_hold_is_spare(const struct budget_hold *h, enum stats_dir dir,
    uint64_t bytes, int64_t now)
{
	const struct budget_lease *l = &h->lease[dir];

	return l->is_spare && l->left >= bytes &&
	    now <= l->taken + h->rate.slip;
}

/* Bytes of dir above the reserve. */
uint64_t
budget_hold_spare(const struct budget_hold *h, enum stats_dir dir, int64_t now);
/* The meters of users' shares go by this. */
const struct budget_pace *budget_hold_pace(struct budget_hold *h);

#endif
