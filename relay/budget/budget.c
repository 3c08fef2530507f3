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
	PACKET = 1500,
	/* 20 us, as snapshot_check_burst asks for */
	LEAST_BURSTS_PER_S = 50000,
};

struct budget_host {
	struct budget_bucket bucket[STATS_DIRS];

	/* SHARED: atomic, written by the main thread; edition is odd while
	 * rate and burst do not belong together */
	_Alignas(64) _Atomic uint64_t edition;
	_Atomic uint64_t rate;
	_Atomic uint64_t burst;
	_Atomic bool has_quota;
	_Atomic unsigned allocations_max;
	_Atomic unsigned per_user_max;

	_Alignas(64) _Atomic int64_t granted;
	/* OWNER: main */
	uint64_t conf_rate, conf_burst;

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
	bool has_quota;
	int64_t grant; /* bytes leased from host->granted */
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

static void
publish(struct budget_host *h, uint64_t rate, uint64_t burst)
{
	atomic_fetch_add(&h->edition, 1);
	atomic_store(&h->rate, rate);
	atomic_store(&h->burst, burst);
	atomic_fetch_add(&h->edition, 1);
}

void
budget_host_apply(struct budget_host *h, const struct snapshot *conf)
{
	atomic_store(&h->allocations_max, conf->caps.allocations);
	atomic_store(&h->per_user_max, conf->caps.allocations_per_user);
	h->conf_rate = conf->caps.rate;
	h->conf_burst = conf->caps.burst;
	publish(h, h->conf_rate, h->conf_burst);
}

/* The burst of the configuration has a time at its rate, which stays. */
static uint64_t
burst_at(const struct budget_host *h, uint64_t bits)
{
	const uint64_t of = h->conf_rate != 0 ? h->conf_rate : 4;
	const uint64_t bytes = h->conf_rate != 0 ? h->conf_burst : 0;
	uint64_t burst;

	if (bits == h->conf_rate)
		return h->conf_burst;
	/* without one, a quarter of a second */
	burst = bytes != 0 ? (uint64_t)((unsigned __int128)bytes * bits / of)
			   : bits / 8 / of;
	if (burst < bits / 8 / LEAST_BURSTS_PER_S)
		burst = bits / 8 / LEAST_BURSTS_PER_S;
	return burst > PACKET ? burst : PACKET;
}

void
budget_host_set_rate(struct budget_host *h, uint64_t bits)
{
	if (bits != atomic_load(&h->rate))
		publish(h, bits, bits != 0 ? burst_at(h, bits) : 0);
}

void
budget_host_quota(struct budget_host *h, bool on)
{
	if (on == atomic_load(&h->has_quota))
		return;
	atomic_store(&h->granted, 0);
	atomic_store(&h->has_quota, on);
	publish(h, atomic_load(&h->rate), atomic_load(&h->burst));
}

void
budget_host_grant(struct budget_host *h, int64_t bytes)
{
	atomic_fetch_add(&h->granted, bytes);
}

int64_t
budget_host_granted(const struct budget_host *h)
{
	return atomic_load(&h->granted);
}

void
budget_host_usage(
    struct budget_host *h, struct budget_usage *out, int64_t now_us)
{
	struct budget_rate rate;

	*out = (struct budget_usage){
		.rate = atomic_load(&h->rate),
		.burst = atomic_load(&h->burst),
		.users = (unsigned)budget_scope_users(h->users),
		.has_quota = atomic_load(&h->has_quota),
		.granted = atomic_load(&h->granted),
	};
	if (out->rate == 0)
		return;
	budget_rate_init(&rate, out->rate, out->burst);
	for (unsigned dir = 0; dir < STATS_DIRS; dir++)
		out->room[dir] =
		    budget_bucket_room(&h->bucket[dir], &rate, now_us * 1000);
}

/* Reads rate and burst of one edition; leases of the old one are void. */
static void
read_edition(struct budget *b)
{
	const struct budget_host *h = b->host;
	uint64_t edition, rate, burst;
	bool has_quota;

	do {
		edition = atomic_load(&h->edition);
		rate = atomic_load(&h->rate);
		burst = atomic_load(&h->burst);
		has_quota = atomic_load(&h->has_quota);
	} while (edition % 2 != 0 || edition != atomic_load(&h->edition));
	budget_rate_init(&b->rate, rate, burst);
	b->edition = edition;
	b->lease[STATS_IN].left = b->lease[STATS_OUT].left = 0;
	if (has_quota != b->has_quota)
		b->grant = 0;
	b->has_quota = has_quota;
}

/* Is there a cap?  A load of a line that only the main thread writes. */
static bool
is_capped(struct budget *b)
{
	if (atomic_load_explicit(&b->host->edition, memory_order_relaxed) !=
	    b->edition)
		read_edition(b);
	return b->rate.bits != 0;
}

/* Takes wire bytes from the grant, into debt if there is none. */
static void
spend_grant(struct budget *b, int64_t wire)
{
	_Atomic int64_t *granted = &b->host->granted;
	int64_t left;

	if (b->grant < wire) {
		left = atomic_load(granted);
		while (left > 0 &&
		    !atomic_compare_exchange_weak(granted, &left,
			left > BUDGET_GRANT_CHUNK ? left - BUDGET_GRANT_CHUNK
						  : 0))
			;
		if (left > 0)
			b->grant += left > BUDGET_GRANT_CHUNK
			    ? BUDGET_GRANT_CHUNK
			    : left;
	}
	b->grant -= wire;
	if (b->grant < 0) {
		atomic_fetch_add(granted, b->grant);
		b->grant = 0;
	}
}

static void
count(struct budget *b, enum stats_dir dir, enum stats_kind kind, size_t wire)
{
	stats_wire(b->stats, dir, kind, wire);
	if (b->has_quota)
		spend_grant(b, (int64_t)wire);
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
	if (b != NULL && b->grant > 0 && atomic_load(&b->host->has_quota))
		atomic_fetch_add(&b->host->granted, b->grant);
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
	count(b, dir, kind, wire);
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

	count(b, dir, kind, wire);
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
