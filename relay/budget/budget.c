#include "budget/budget.h"

#include "budget/bucket.h"
#include "budget/scope.h"
#include "common/mem.h"
#include "relay/snapshot.h"

enum {
	STUN_CAPACITY = 508,
	/* what a stream may pass at once: a TLS record and its headers */
	STREAM_LEASE = 18 * 1024,
	/* less is not worth a segment of its own */
	STREAM_ROOM_MIN = 256,
	/* burst of a rate that comes without one */
	BURST_MS = 250,
	MS = 1000, /* in a second */
	BITS = 8,  /* in a byte */
};

struct budget_host {
	struct budget_bucket bucket[STATS_DIRS];

	/* SHARED: atomic, written by the main thread; edition is odd while
	 * rate and burst do not belong together */
	_Alignas(64) _Atomic uint64_t edition;
	_Atomic uint64_t rate;
	_Atomic uint64_t burst;
	_Atomic unsigned allocations_max;
	_Atomic unsigned per_user_max;

	_Alignas(64) _Atomic unsigned allocations;
	struct budget_scope *users; /* SHARED: its locks */
};

struct budget {
	/* OWNER: worker */
	struct budget_host *host; /* borrowed */
	struct stats *stats;      /* borrowed */
	uint64_t edition;         /* of rate */
	struct budget_rate rate;
	struct budget_lease lease[STATS_DIRS];
};

static const enum stats_drop over_cap[STATS_DIRS] = {
	[STATS_IN] = STATS_DROP_CAP_IN,
	[STATS_OUT] = STATS_DROP_CAP_OUT,
};

struct budget_host *
budget_host_new(const struct snapshot *conf)
{
	struct budget_host *h;

	if ((h = mem_try_aligned(sizeof(*h))) == NULL)
		return NULL;
	if ((h->users = budget_scope_new()) == NULL)
		goto fail;
	budget_host_apply(h, conf);
	return h;

fail:
	budget_host_free(h);
	return NULL;
}

void
budget_host_free(struct budget_host *h)
{
	if (h == NULL)
		return;
	budget_scope_free(h->users);
	mem_free(h);
}

void
budget_host_apply(struct budget_host *h, const struct snapshot *conf)
{
	atomic_store(&h->allocations_max, conf->caps.allocations);
	atomic_store(&h->per_user_max, conf->caps.allocations_per_user);
	atomic_fetch_add(&h->edition, 1);
	atomic_store(&h->rate, conf->caps.rate);
	atomic_store(&h->burst, conf->caps.burst);
	atomic_fetch_add(&h->edition, 1);
}

void
budget_host_set_rate(struct budget_host *h, uint64_t bits)
{
	if (atomic_load(&h->rate) == bits)
		return;
	atomic_fetch_add(&h->edition, 1);
	atomic_store(&h->rate, bits);
	/* an unlimited caps.rate has none */
	if (atomic_load(&h->burst) == 0)
		atomic_store(&h->burst, bits / BITS * BURST_MS / MS);
	atomic_fetch_add(&h->edition, 1);
}

/* Reads rate and burst of one edition; leases of the old one are void. */
static void
read_edition(struct budget *b)
{
	const struct budget_host *h = b->host;
	uint64_t edition, rate, burst;

	do {
		edition = atomic_load(&h->edition);
		rate = atomic_load(&h->rate);
		burst = atomic_load(&h->burst);
	} while (edition % 2 != 0 || edition != atomic_load(&h->edition));
	budget_rate_init(&b->rate, rate, burst);
	b->edition = edition;
	b->lease[STATS_IN].left = b->lease[STATS_OUT].left = 0;
}

/* Is there a cap?  A load of a line that only a reload writes. */
static bool
is_capped(struct budget *b)
{
	if (atomic_load_explicit(&b->host->edition, memory_order_relaxed) !=
	    b->edition)
		read_edition(b);
	return b->rate.bits != 0;
}

struct budget *
budget_new(struct budget_host *host, struct stats *stats)
{
	struct budget *b;

	if ((b = mem_try_aligned(sizeof(*b))) == NULL)
		return NULL;
	b->host = host;
	b->stats = stats;
	read_edition(b);
	return b;
}

void
budget_free(struct budget *b)
{
	mem_free(b);
}

/* What dir's lease still holds at now; an old one goes back first. */
static struct budget_lease *
current_lease(struct budget *b, enum stats_dir dir, int64_t now)
{
	struct budget_lease *l = &b->lease[dir];

	if (l->left > 0 && now > l->taken + b->rate.slip)
		budget_bucket_return(&b->host->bucket[dir], &b->rate, l);
	return l;
}

/* Makes l hold wire bytes: a whole chunk if there is one, else just them. */
static bool
renew(struct budget *b, enum stats_dir dir, uint64_t wire, int64_t now)
{
	struct budget_bucket *bucket = &b->host->bucket[dir];
	struct budget_lease *l = &b->lease[dir];

	if (l->left > 0)
		budget_bucket_return(bucket, &b->rate, l);
	if (b->rate.chunk > wire &&
	    budget_bucket_lease(bucket, &b->rate, l, b->rate.chunk, now))
		return true;
	return budget_bucket_lease(bucket, &b->rate, l, wire, now);
}

bool
budget_take(struct budget *b, enum stats_dir dir, enum stats_kind kind,
    size_t wire, int64_t now_us)
{
	const int64_t now = now_us * 1000;
	struct budget_lease *l;

	if (is_capped(b)) {
		l = current_lease(b, dir, now);
		if (l->left < wire && !renew(b, dir, wire, now)) {
			stats_dropped(b->stats, over_cap[dir]);
			return false;
		}
		l->left -= wire;
	}
	stats_wire(b->stats, dir, kind, wire);
	return true;
}

size_t
budget_room(struct budget *b, enum stats_dir dir, int64_t now_us)
{
	const int64_t now = now_us * 1000;
	struct budget_lease *l;
	uint64_t room;

	if (!is_capped(b))
		return SIZE_MAX;
	l = current_lease(b, dir, now);
	if (l->left >= STREAM_ROOM_MIN)
		return l->left;
	/* reserved, so that no two workers are shown the same room */
	if (l->left > 0)
		budget_bucket_return(&b->host->bucket[dir], &b->rate, l);
	room = budget_bucket_room(&b->host->bucket[dir], &b->rate, now);
	if (room > STREAM_LEASE)
		room = STREAM_LEASE;
	if (room < STREAM_ROOM_MIN ||
	    !budget_bucket_lease(&b->host->bucket[dir], &b->rate, l, room, now))
		return 0;
	return l->left;
}

void
budget_charge(struct budget *b, enum stats_dir dir, enum stats_kind kind,
    size_t wire, int64_t now_us)
{
	const int64_t now = now_us * 1000;
	struct budget_lease *l;
	uint64_t spent;

	stats_wire(b->stats, dir, kind, wire);
	if (!is_capped(b))
		return;
	l = current_lease(b, dir, now);
	spent = wire < l->left ? wire : l->left;
	l->left -= spent;
	if (wire > spent)
		budget_bucket_force(
		    &b->host->bucket[dir], &b->rate, wire - spent, now);
}

/* One more allocation on this host, unless it is full. */
static bool
count_up(struct budget_host *h)
{
	unsigned n = atomic_load(&h->allocations);

	do {
		if (n >= atomic_load(&h->allocations_max))
			return false;
	} while (!atomic_compare_exchange_weak(&h->allocations, &n, n + 1));
	return true;
}

int
budget_admit(struct budget *b, const char *user, size_t len)
{
	struct budget_host *h = b->host;
	int rc;

	if (!count_up(h))
		return STUN_CAPACITY;
	rc = budget_scope_enter(
	    h->users, user, len, atomic_load(&h->per_user_max));
	if (rc != 0)
		atomic_fetch_sub(&h->allocations, 1);
	return rc;
}

void
budget_release(struct budget *b, const char *user, size_t len)
{
	budget_scope_leave(b->host->users, user, len);
	atomic_fetch_sub(&b->host->allocations, 1);
}
