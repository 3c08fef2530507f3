/*
 * meter: a token bucket of one number, for caps and shares below the host's.
 *
 * As bucket.h, but without leases, and by multiplication: a byte's time at
 * the rate is kept in 2^-16 ns, rounded up, so that what passes falls short
 * of the rate by a nanosecond a packet at most, and never exceeds it.
 */
#ifndef RELAY_BUDGET_METER_H
#define RELAY_BUDGET_METER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	BUDGET_PACE_SHIFT = 16,
	BUDGET_PACE_PART = 64,
	BUDGET_NS_PER_S = 1000 * 1000 * 1000,
};

/* What a rate makes of a meter; a plain value. */
struct budget_pace {
	uint64_t cost; /* of a byte, 2^-16 ns; 0: no cap */
	int64_t burst; /* ns */
	uint64_t part; /* bytes, a BUDGET_PACE_PART of the burst */
};

/* ns at which it would be full again.  SHARED: atomic */
typedef _Atomic int64_t budget_meter;

static inline int64_t
budget_pace_cost(const struct budget_pace *p, uint64_t bytes)
{
	const uint64_t round_up = (1 << BUDGET_PACE_SHIFT) - 1;

	return (int64_t)((bytes * p->cost + round_up) >> BUDGET_PACE_SHIFT);
}

/* bits: a second, 0: no cap. */
static inline void
budget_pace_init(struct budget_pace *p, uint64_t bits, uint64_t burst_bytes)
{
	const uint64_t second = UINT64_C(8) * BUDGET_NS_PER_S
	    << BUDGET_PACE_SHIFT;

	*p = (struct budget_pace){ 0 };
	if (bits == 0)
		return;
	p->cost = (second + bits - 1) / bits;
	p->burst = budget_pace_cost(p, burst_bytes);
	p->part = burst_bytes / BUDGET_PACE_PART;
}

static inline int64_t
budget_meter_from(budget_meter *m, int64_t now)
{
	const int64_t full = atomic_load_explicit(m, memory_order_relaxed);

	return full > now ? full : now;
}

/* May bytes pass? */
static inline bool
budget_meter_has(
    budget_meter *m, const struct budget_pace *p, uint64_t bytes, int64_t now)
{
	return p->cost == 0 ||
	    budget_meter_from(m, now) + budget_pace_cost(p, bytes) <=
	    now + p->burst;
}

/* The same, and one of any size while nothing is owed. */
static inline bool
budget_meter_lets(
    budget_meter *m, const struct budget_pace *p, uint64_t bytes, int64_t now)
{
	return budget_meter_from(m, now) == now ||
	    budget_meter_has(m, p, bytes, now);
}

/* They do, over the burst if need be. */
static inline void
budget_meter_take(
    budget_meter *m, const struct budget_pace *p, uint64_t bytes, int64_t now)
{
	int64_t full, next;

	if (p->cost == 0)
		return;
	full = atomic_load_explicit(m, memory_order_relaxed);
	do
		next = (full > now ? full : now) + budget_pace_cost(p, bytes);
	while (!atomic_compare_exchange_weak(m, &full, next));
}

/* Bytes that may pass; SIZE_MAX without a cap. */
static inline uint64_t
budget_meter_room(budget_meter *m, const struct budget_pace *p, int64_t now)
{
	const int64_t room = now + p->burst - budget_meter_from(m, now);

	if (p->cost == 0)
		return SIZE_MAX;
	return room <= 0 ? 0 : ((uint64_t)room << BUDGET_PACE_SHIFT) / p->cost;
}

#endif
