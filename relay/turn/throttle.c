#include "turn/throttle.h"

#include <stdatomic.h>

#include "common/mem.h"
#include "common/table.h"

enum {
	NS_PER_MS = 1000 * 1000,
	NS_PER_S = 1000 * 1000 * 1000,
};

/*
 * GCRA: a bucket holds the time at which it would be full again, which each
 * answer moves on by 1/rate; the burst is how far that may lie ahead (1 s).
 * SHARED: atomic
 */
struct turn_throttle {
	_Atomic int64_t full_ns[TURN_THROTTLE_BUCKETS];
};

struct turn_throttle *
turn_throttle_new(void)
{
	return mem_try_aligned(sizeof(struct turn_throttle));
}

void
turn_throttle_free(struct turn_throttle *t)
{
	mem_free(t);
}

static _Atomic int64_t *
find_bucket(struct turn_throttle *t, const struct addr *client)
{
	struct addr prefix;

	addr_mask(&prefix, client, TURN_THROTTLE_V4BITS, TURN_THROTTLE_V6BITS);
	return &t->full_ns[table_hash_addr(&prefix) % TURN_THROTTLE_BUCKETS];
}

bool
turn_throttle_take(struct turn_throttle *t, const struct addr *client,
    unsigned rate, mono_ms now)
{
	const int64_t now_ns = now * NS_PER_MS;
	_Atomic int64_t *bucket;
	int64_t old, next;

	if (rate == 0)
		return true;
	bucket = find_bucket(t, client);
	old = atomic_load_explicit(bucket, memory_order_relaxed);
	do {
		next = (old > now_ns ? old : now_ns) + NS_PER_S / (int64_t)rate;
		if (next - now_ns > NS_PER_S)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
	    bucket, &old, next, memory_order_relaxed, memory_order_relaxed));
	return true;
}
