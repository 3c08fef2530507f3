#include "budget/limit.h"

#include <errno.h>

#include "budget/scope.h"
#include "common/mem.h"

enum {
	/* what a stream may pass at once: a TLS record and its headers */
	STREAM_LEASE = 18 * 1024,
	/* less is not worth a segment of its own */
	STREAM_ROOM_MIN = 256,
	/* what a user's share may pass at once, of the burst's time: what all
	 * of them pass at once then is half of the reserve */
	SHARE_PART = 4,
	SHARE_BYTES_MIN = 1500, /* a packet */
};

int
budget_limit_init(struct budget_limit *l)
{
	l->users = budget_scope_new();
	return l->users != NULL ? 0 : ENOMEM;
}

void
budget_limit_fini(struct budget_limit *l)
{
	budget_scope_free(l->users);
	mem_free(l->demand);
	l->users = NULL;
	l->demand = NULL;
}

void
budget_limit_set(struct budget_limit *l, uint64_t bits, uint64_t burst_bytes)
{
	atomic_fetch_add(&l->edition, 1);
	atomic_store(&l->rate, bits);
	atomic_store(&l->burst, burst_bytes);
	/* until somebody has looked */
	atomic_store(&l->share, bits);
	atomic_fetch_add(&l->edition, 1);
	atomic_store(&l->due, 0);
}

void
budget_hold_init(struct budget_hold *h, struct budget_limit *l)
{
	*h = (struct budget_hold){ .limit = l };
	budget_hold_refresh(h);
}

/* Rate and burst of one edition; leases of the old one are void. */
void
budget_hold_refresh(struct budget_hold *h)
{
	const struct budget_limit *l = h->limit;
	uint64_t edition, rate, burst;

	do {
		edition = atomic_load(&l->edition);
		rate = atomic_load(&l->rate);
		burst = atomic_load(&l->burst);
	} while (edition % 2 != 0 || edition != atomic_load(&l->edition));
	budget_rate_init(&h->rate, rate, burst);
	h->edition = edition;
	h->lease[STATS_IN].left = h->lease[STATS_OUT].left = 0;
	h->share = 0;
}

/* ---- the bucket */

/* What dir's lease still holds at now; an old one goes back first. */
static struct budget_lease *
current_lease(struct budget_hold *h, enum stats_dir dir, int64_t now)
{
	struct budget_lease *l = &h->lease[dir];

	if (l->left > 0 && now > l->taken + h->rate.slip)
		budget_bucket_return(&h->limit->bucket[dir], &h->rate, l);
	return l;
}

/* Makes l hold bytes: a whole chunk if there is one, else just them. */
static bool
renew(struct budget_hold *h, enum stats_dir dir, uint64_t bytes, int64_t now)
{
	struct budget_bucket *bucket = &h->limit->bucket[dir];
	struct budget_lease *l = &h->lease[dir];

	if (l->left > 0)
		budget_bucket_return(bucket, &h->rate, l);
	if (h->rate.chunk > bytes &&
	    budget_bucket_lease(bucket, &h->rate, l, h->rate.chunk, now)) {
		l->is_spare = budget_hold_above(h, dir, now) > 0;
		return true;
	}
	return budget_bucket_lease(bucket, &h->rate, l, bytes, now);
}

bool
budget_hold_renew(
    struct budget_hold *h, enum stats_dir dir, uint64_t bytes, int64_t now)
{
	struct budget_lease *l = current_lease(h, dir, now);

	if (l->left < bytes && !renew(h, dir, bytes, now))
		return false;
	l->left -= bytes;
	return true;
}

void
budget_hold_force(
    struct budget_hold *h, enum stats_dir dir, uint64_t bytes, int64_t now)
{
	struct budget_lease *l = current_lease(h, dir, now);
	const uint64_t spent = bytes < l->left ? bytes : l->left;

	l->left -= spent;
	if (bytes > spent)
		budget_bucket_force(
		    &h->limit->bucket[dir], &h->rate, bytes - spent, now);
}

uint64_t
budget_hold_room(
    struct budget_hold *h, enum stats_dir dir, uint64_t want, int64_t now)
{
	struct budget_bucket *bucket = &h->limit->bucket[dir];
	struct budget_lease *l = current_lease(h, dir, now);
	uint64_t room;

	if (want > STREAM_LEASE)
		want = STREAM_LEASE;
	if (l->left >= STREAM_ROOM_MIN)
		return l->left;
	/* reserved, so that no two workers are shown the same room */
	if (l->left > 0)
		budget_bucket_return(bucket, &h->rate, l);
	room = budget_bucket_room(bucket, &h->rate, now);
	if (room > want)
		room = want;
	if (room < STREAM_ROOM_MIN ||
	    !budget_bucket_lease(bucket, &h->rate, l, room, now))
		return 0;
	return l->left;
}

uint64_t
budget_hold_peek(const struct budget_hold *h, enum stats_dir dir, int64_t now)
{
	return h->lease[dir].left +
	    budget_bucket_room(&h->limit->bucket[dir], &h->rate, now);
}

void
budget_hold_release(struct budget_hold *h)
{
	if (h->rate.chunk > 0)
		return;
	for (unsigned dir = 0; dir < STATS_DIRS; dir++) {
		if (h->lease[dir].left > 0)
			budget_bucket_return(
			    &h->limit->bucket[dir], &h->rate, &h->lease[dir]);
	}
}

/* ---- the share */

uint64_t
budget_hold_spare(const struct budget_hold *h, enum stats_dir dir, int64_t now)
{
	const int64_t room = budget_hold_above(h, dir, now);

	if (room <= 0)
		return 0;
	return (uint64_t)((unsigned __int128)room * h->rate.bits / 8 /
	    BUDGET_NS_PER_S);
}

const struct budget_pace *
budget_hold_pace(struct budget_hold *h)
{
	const uint64_t share =
	    atomic_load_explicit(&h->limit->share, memory_order_relaxed);
	int64_t burst;

	if (share == h->share)
		return &h->pace;
	h->share = share;
	budget_pace_init(&h->pace, share, SHARE_BYTES_MIN);
	burst = h->rate.burst / SHARE_PART;
	if (h->pace.burst < burst)
		h->pace.burst = burst;
	return &h->pace;
}
