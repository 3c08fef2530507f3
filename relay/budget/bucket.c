#include "budget/bucket.h"

enum {
	NS_PER_S = 1000 * 1000 * 1000,
	SLIP_NS = 2 * 1000 * 1000,
	/* leases begin where half a millisecond holds two packets; below,
	 * each packet is taken for itself: 48 Mbit/s = 4000 packets/s */
	LEASE_BYTES_MIN = 3000,
	LEASES_PER_S = 2000,
	/* below 1 Gbit/s a nanosecond holds less than 1/8 byte, the least by
	 * which rate x 1 s can miss a whole byte: rounding the burst up then
	 * lets no byte more pass */
	ROUND_UP_BELOW = 1000 * 1000 * 1000,
};

typedef unsigned __int128 wide;

/* Time of bytes at the rate, rounded up. */
static int64_t
cost_of(const struct budget_rate *r, uint64_t bytes)
{
	const wide bit_ns = (wide)bytes * 8 * NS_PER_S;

	/* the short division does for all but absurd sizes */
	if (bit_ns >> 63 == 0)
		return (int64_t)(((uint64_t)bit_ns + r->bits - 1) / r->bits);
	return (int64_t)((bit_ns + r->bits - 1) / r->bits);
}

void
budget_rate_init(struct budget_rate *r, uint64_t bits, uint64_t burst_bytes)
{
	*r = (struct budget_rate){ .bits = bits };
	budget_pace_init(&r->pace, bits, 0);
	if (bits == 0)
		return;
	r->burst = cost_of(r, burst_bytes);
	if (bits >= ROUND_UP_BELOW)
		r->burst = (int64_t)((wide)burst_bytes * 8 * NS_PER_S / bits);
	if (bits / 8 / LEASES_PER_S < LEASE_BYTES_MIN || r->burst < 4 * SLIP_NS)
		return;
	r->chunk = bits / 8 / LEASES_PER_S;
	r->slip = SLIP_NS;
	r->burst -= SLIP_NS;
}

/* full at now, told to others when it lay in the past: before full itself
 * is written, so that who sees the new full sees the count. */
static int64_t
settle(struct budget_bucket *b, int64_t full, int64_t now)
{
	if (full >= now)
		return full;
	atomic_fetch_add(&b->idles, 1);
	return now;
}

bool
budget_bucket_lease(struct budget_bucket *b, const struct budget_rate *r,
    struct budget_lease *l, uint64_t bytes, int64_t now)
{
	const int64_t cost = cost_of(r, bytes);
	int64_t full = atomic_load(&b->full);
	int64_t next;
	uint64_t idles;

	do {
		next = (full > now ? full : now) + cost;
		if (next > now + r->burst)
			return false;
		settle(b, full, now);
		idles = atomic_load(&b->idles);
	} while (!atomic_compare_exchange_weak(&b->full, &full, next));
	*l = (struct budget_lease){ bytes, now, idles, false };
	return true;
}

uint64_t
budget_bucket_room(
    struct budget_bucket *b, const struct budget_rate *r, int64_t now)
{
	const int64_t full = atomic_load(&b->full);
	const int64_t room = now + r->burst - (full > now ? full : now);

	if (room <= 0)
		return 0;
	return (uint64_t)((wide)room * r->bits / 8 / NS_PER_S);
}

void
budget_bucket_force(struct budget_bucket *b, const struct budget_rate *r,
    uint64_t bytes, int64_t now)
{
	const int64_t cost = cost_of(r, bytes);
	int64_t full = atomic_load(&b->full);
	int64_t from;

	do
		from = settle(b, full, now);
	while (!atomic_compare_exchange_weak(&b->full, &full, from + cost));
}

void
budget_bucket_return(struct budget_bucket *b, const struct budget_rate *r,
    struct budget_lease *l)
{
	/* rounded down: never gives back more than was taken */
	const int64_t cost = (int64_t)((wide)l->left * 8 * NS_PER_S / r->bits);
	int64_t full = atomic_load(&b->full);

	l->left = 0;
	if (cost == 0)
		return;
	do {
		if (atomic_load(&b->idles) != l->idles)
			return;
	} while (!atomic_compare_exchange_weak(&b->full, &full, full - cost));
}
