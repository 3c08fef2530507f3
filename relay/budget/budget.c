#include "budget/budget.h"

#include "budget/easy.h"
#include "budget/own.h"
#include "budget/share.h"
#include "common/mem.h"

enum {
	PACKET = 1500,
	/* 20 us, as snapshot_check_burst asks for */
	LEAST_BURSTS_PER_S = 50000,
	BURSTS_PER_S = 4, /* of a rate that comes without one: 250 ms */
};

static const enum stats_drop over_cap[STATS_DIRS] = {
	[STATS_IN] = STATS_DROP_CAP_IN,
	[STATS_OUT] = STATS_DROP_CAP_OUT,
};

/* ---- the host, main thread */

struct budget_host *
budget_host_new(const struct snapshot *conf)
{
	struct budget_host *h;

	if ((h = mem_try_aligned(sizeof(*h))) == NULL)
		return NULL;
	if (budget_limit_init(&h->limit) != 0)
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
	budget_limit_fini(&h->limit);
	budget_network_free_all(h);
	mem_free(h);
}

static uint64_t burst_at(const struct budget_host *h, uint64_t bits);

void
budget_host_apply(struct budget_host *h, const struct snapshot *conf)
{
	budget_host_apply_at(h, conf, conf->caps.rate);
}

void
budget_host_apply_at(
    struct budget_host *h, const struct snapshot *conf, uint64_t bits)
{
	atomic_store(&h->allocations_max, conf->caps.allocations);
	atomic_store(&h->per_user_max, conf->caps.allocations_per_user);
	atomic_store(&h->user_rate, conf->caps.rate_per_user);
	atomic_store(&h->user_burst, conf->caps.burst_per_user);
	atomic_store(&h->alloc_rate, conf->caps.rate_per_allocation);
	atomic_store(&h->alloc_burst, conf->caps.burst_per_allocation);
	atomic_store(&h->trickle, conf->caps.trickle);
	h->conf_rate = conf->caps.rate;
	h->conf_burst = conf->caps.burst;
	budget_network_apply(h, conf);
	budget_limit_set(&h->limit, bits,
	    bits == h->conf_rate || bits != 0 ? burst_at(h, bits) : 0);
}

static uint64_t
least_burst(uint64_t bits)
{
	const uint64_t least = bits / 8 / LEAST_BURSTS_PER_S;

	return least > PACKET ? least : PACKET;
}

/* The burst of the configuration has a time at its rate, which stays. */
static uint64_t
burst_at(const struct budget_host *h, uint64_t bits)
{
	uint64_t burst = bits / 8 / BURSTS_PER_S;

	if (bits == h->conf_rate)
		return h->conf_burst;
	if (h->conf_rate != 0)
		burst = (uint64_t)((unsigned __int128)h->conf_burst * bits /
		    h->conf_rate);
	return burst > least_burst(bits) ? burst : least_burst(bits);
}

uint64_t
budget_trickle_burst(uint64_t bits)
{
	return bits / 8 / BURSTS_PER_S + PACKET;
}

void
budget_host_set_rate(struct budget_host *h, uint64_t bits)
{
	if (bits != atomic_load(&h->limit.rate))
		budget_limit_set(
		    &h->limit, bits, bits != 0 ? burst_at(h, bits) : 0);
}

void
budget_host_quota(struct budget_host *h, bool on)
{
	if (on == atomic_load(&h->has_quota))
		return;
	atomic_store(&h->granted, 0);
	atomic_store(&h->has_quota, on);
	budget_limit_set(&h->limit, atomic_load(&h->limit.rate),
	    atomic_load(&h->limit.burst));
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
budget_host_watch(struct budget_host *h, const struct budget_watch *watch)
{
	h->watch = *watch;
}

void
budget_host_check(struct budget_host *h, const uint64_t bytes[STATS_DIRS],
    int64_t from_us, int64_t to_us)
{
	const struct budget_sample s = { from_us, to_us,
		{ bytes[STATS_IN], bytes[STATS_OUT] } };

	budget_check_feed(&h->check, &s, atomic_load(&h->limit.rate),
	    atomic_load(&h->limit.burst));
	atomic_store(&h->error_bytes, h->check.error_bytes);
}

/* ---- the host, any thread */

void
budget_host_usage(
    struct budget_host *h, struct budget_usage *out, int64_t now_us)
{
	struct budget_limit *l = &h->limit;
	struct budget_rate rate;

	*out = (struct budget_usage){
		.rate = atomic_load(&l->rate),
		.burst = atomic_load(&l->burst),
		.users = (unsigned)budget_scope_users(l->users),
		.active = atomic_load(&l->active),
		.held = atomic_load(&l->held),
		.error_bytes = atomic_load(&h->error_bytes),
		.has_quota = atomic_load(&h->has_quota),
		.granted = atomic_load(&h->granted),
	};
	if (out->rate == 0)
		return;
	if (atomic_load(&l->binds))
		out->share = atomic_load(&l->share);
	budget_rate_init(&rate, out->rate, out->burst);
	for (unsigned dir = 0; dir < STATS_DIRS; dir++)
		out->room[dir] =
		    budget_bucket_room(&l->bucket[dir], &rate, now_us * 1000);
}

struct listing {
	struct budget_host *host;
	budget_account_fn *fn;
	void *arg;
};

static void
show(void *arg, struct budget_party *p)
{
	const struct listing *to = arg;
	const struct budget_limit *l = &to->host->limit;
	struct budget_account a;

	budget_account_of(&a, p);
	a.rate = atomic_load(&to->host->user_rate);
	if (a.state == BUDGET_TRICKLE)
		a.rate = atomic_load(&to->host->trickle);
	if (atomic_load(&l->rate) != 0 && atomic_load(&l->binds))
		a.share = atomic_load(&l->share);
	to->fn(to->arg, &a);
}

void
budget_host_users(struct budget_host *h, budget_account_fn *fn, void *arg)
{
	struct listing to = { h, fn, arg };

	budget_scope_each(h->limit.users, show, &to);
}

/* ---- a worker */

struct budget *
budget_new(struct budget_host *host, struct stats *stats)
{
	struct budget *b;

	if ((b = mem_try_aligned(sizeof(*b))) == NULL)
		return NULL;
	b->host = host;
	b->stats = stats;
	budget_hold_init(&b->hold, &host->limit);
	budget_refresh(b);
	return b;
}

void
budget_free(struct budget *b)
{
	if (b != NULL && b->has_quota && b->grant > 0)
		atomic_fetch_add(&b->host->granted, b->grant);
	mem_free(b);
}

/* Counts to the network what was not yet. */
static void
tell_network(struct budget_stake *stake)
{
	for (unsigned dir = 0; dir < STATS_DIRS; dir++) {
		atomic_fetch_add(
		    &stake->network->bytes[dir], stake->bytes[dir]);
		stake->bytes[dir] = 0;
	}
	stake->is_dirty = false;
}

void
budget_apply(struct budget *b, const struct snapshot *conf)
{
	for (unsigned i = 0; i < b->dirty_count; i++)
		tell_network(&b->stakes[b->dirty[i]]);
	b->networks = (unsigned)conf->network_count;
	for (unsigned i = 0; i < b->networks; i++) {
		struct budget_stake *stake = &b->stakes[i];

		*stake = (struct budget_stake){ .network = budget_network_find(
						    b->host,
						    conf->networks[i].name) };
		if (stake->network == NULL)
			continue; /* nothing is relayed for it */
		stake->counts = atomic_load(&stake->network->counts);
		budget_hold_init(&stake->hold, &stake->network->limit);
	}
	b->dirty_count = 0;
}

void
budget_refresh(struct budget *b)
{
	struct budget_host *h = b->host;
	const bool has_quota = atomic_load(&h->has_quota);

	budget_easy_settle(b);
	budget_hold_refresh(&b->hold);
	b->edition = b->hold.edition;
	budget_pace_init(
	    &b->user, atomic_load(&h->user_rate), atomic_load(&h->user_burst));
	budget_pace_init(&b->alloc, atomic_load(&h->alloc_rate),
	    atomic_load(&h->alloc_burst));
	budget_pace_init(&b->trickle, atomic_load(&h->trickle),
	    budget_trickle_burst(atomic_load(&h->trickle)));
	if (has_quota != b->has_quota)
		b->grant = 0;
	b->has_quota = has_quota;
	b->has_states = b->has_states || atomic_load(&h->has_states);
	b->has_meters = b->user.cost != 0 || b->alloc.cost != 0;
	b->is_plain = !b->has_states && !atomic_load(&h->has_networks);
	b->is_free = b->is_plain && !b->has_meters && !has_quota &&
	    b->hold.rate.bits == 0;
}

static bool
is_capped(struct budget *b)
{
	budget_catch_up(b);
	return b->hold.rate.bits != 0;
}

/* ---- the grant */

/* Leases a chunk, or what is left of one. */
static void
lease_grant(struct budget *b)
{
	_Atomic int64_t *granted = &b->host->granted;
	int64_t left = atomic_load(granted), part;

	do {
		if (left <= 0)
			return;
		part = left < BUDGET_GRANT_CHUNK ? left : BUDGET_GRANT_CHUNK;
	} while (!atomic_compare_exchange_weak(granted, &left, left - part));
	b->grant += part;
}

bool
budget_has_grant(struct budget *b, size_t need)
{
	if (b->grant < (int64_t)need)
		lease_grant(b);
	return b->grant >= (int64_t)need;
}

static void
count(struct budget *b, enum stats_dir dir, enum stats_kind kind, size_t wire)
{
	stats_wire(b->stats, dir, kind, wire);
	if (!b->has_quota)
		return;
	/* without a grant it is owed */
	if (!budget_has_grant(b, wire)) {
		atomic_fetch_sub(&b->host->granted, (int64_t)wire - b->grant);
		b->grant = (int64_t)wire;
	}
	b->grant -= (int64_t)wire;
}

/* ---- packets */

/* What was paid for in advance needs nothing. */
static bool
is_paid(struct budget *b, enum stats_dir dir, size_t wire)
{
	if (dir != STATS_OUT || b->paid < wire)
		return false;
	b->paid -= wire;
	return true;
}

bool
budget_take(struct budget *b, enum stats_dir dir, enum stats_kind kind,
    size_t wire, int64_t now_us)
{
	if (is_capped(b) && !is_paid(b, dir, wire) &&
	    !budget_hold_take(&b->hold, dir, wire, now_us * 1000)) {
		stats_dropped(b->stats, over_cap[dir]);
		return false;
	}
	if (dir == STATS_IN) {
		b->taken = wire;
		b->taken_kind = kind;
	}
	count(b, dir, kind, wire);
	return true;
}

void
budget_untake(struct budget *b)
{
	const uint64_t wire = b->taken;

	if (wire == 0)
		return;
	stats_add(&b->stats->wire_bytes[STATS_IN][b->taken_kind], -wire);
	stats_add(
	    &b->stats->wire_packets[STATS_IN][b->taken_kind], -(uint64_t)1);
	if (b->hold.rate.bits != 0)
		budget_hold_undo(&b->hold, STATS_IN, wire);
	if (b->has_quota)
		b->grant += (int64_t)wire;
	b->taken = 0;
}

/* ---- streams */

size_t
budget_room(struct budget *b, enum stats_dir dir, int64_t now_us)
{
	if (!is_capped(b))
		return SIZE_MAX;
	return budget_hold_room(&b->hold, dir, SIZE_MAX, now_us * 1000);
}

void
budget_charge(struct budget *b, enum stats_dir dir, enum stats_kind kind,
    size_t wire, int64_t now_us)
{
	size_t paid = 0;

	if (is_capped(b)) {
		if (dir == STATS_OUT)
			paid = b->paid < wire ? b->paid : wire;
		b->paid -= paid;
		budget_hold_force(&b->hold, dir, wire - paid, now_us * 1000);
	}
	count(b, dir, kind, wire);
}

/* ---- the end of a turn */

static void
end_networks(struct budget *b, int64_t now)
{
	for (unsigned i = 0; i < b->dirty_count; i++) {
		struct budget_stake *stake = &b->stakes[b->dirty[i]];

		tell_network(stake);
		if (!budget_hold_is_capped(&stake->hold))
			continue;
		budget_hold_release(&stake->hold);
		budget_share_look(stake->hold.limit, now);
	}
	b->dirty_count = 0;
}

void
budget_turn_end(struct budget *b, int64_t now_us)
{
	if (b->paid > 0)
		budget_hold_undo(&b->hold, STATS_OUT, b->paid);
	b->paid = 0;
	budget_easy_settle(b);
	end_networks(b, now_us * 1000);
	if (!is_capped(b))
		return;
	budget_hold_release(&b->hold);
	budget_share_look(b->hold.limit, now_us * 1000);
}
