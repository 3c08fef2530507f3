/* Users and networks: what they moved, and what they may still. */
#include <string.h>

#include "common/log.h"
#include "common/units.h"
#include "relay/quota_own.h"
#include "relay/snapshot.h"

enum {
	WARN_FIRST = 80, /* % */
	WARN_LAST = 95,
	SPENT = 100,
	/* what a crash costs an account with a quota */
	RESERVE_MIN = 64 * 1024,
	RESERVE_SHARE = 64, /* of its limit */
};

const char *
quota_period_word(enum budget_period_kind kind)
{
	return kind == BUDGET_DAY ? "day" : "month";
}

uint64_t
quota_user_limit(const struct quota *q, enum budget_period_kind kind)
{
	return kind == BUDGET_DAY ? q->conf->caps.user_quota_day
				  : q->conf->caps.user_quota_month;
}

uint64_t
quota_network_limit(
    const struct quota *q, const char *name, enum budget_period_kind kind)
{
	const struct snapshot *conf = q->conf;

	for (size_t i = 0; i < conf->network_count; i++)
		if (strcmp(conf->networks[i].name, name) == 0)
			return kind == BUDGET_DAY
			    ? conf->networks[i].quota_day
			    : conf->networks[i].quota_month;
	return 0;
}

/* ---- what they moved */

/* total: since the start, of this account.  It may fall behind for a moment:
 * a user who left counts when that was told. */
static void
take_total(struct quota *q, struct budget_entry *e,
    const uint64_t total[STATS_DIRS], const struct quota_clock *clock)
{
	uint64_t more[STATS_DIRS] = { 0 };
	struct budget_count c;

	for (int d = 0; d < STATS_DIRS; d++) {
		if (total[d] <= e->taken[d])
			continue;
		more[d] = total[d] - e->taken[d];
		e->taken[d] = total[d];
	}
	c = (struct budget_count){ .in = more[STATS_IN],
		.out = more[STATS_OUT],
		.counted = more[STATS_IN] + more[STATS_OUT] };
	if (c.counted == 0)
		return;
	budget_ledger_add(q->ledger, e, &c, clock->wall_s);
	q->is_dirty = true;
}

struct round {
	struct quota *q;
	const struct quota_clock *clock;
	uint64_t others[STATS_DIRS]; /* of users that hold allocations */
};

static void
on_left(void *arg, const struct quota_left *left)
{
	struct round *r = arg;
	struct budget_entry *e =
	    budget_ledger_user(r->q->ledger, left->name, left->len);

	for (int d = 0; d < STATS_DIRS; d++)
		e->left[d] += left->bytes[d];
	take_total(r->q, e, e->left, r->clock);
}

static void
on_user(void *arg, const struct budget_account *a)
{
	struct round *r = arg;
	struct budget_entry *e =
	    budget_ledger_user(r->q->ledger, a->name, a->len);
	uint64_t total[STATS_DIRS];

	if (e == budget_ledger_others(r->q->ledger)) {
		for (int d = 0; d < STATS_DIRS; d++)
			r->others[d] += a->bytes[d];
		return;
	}
	e->round = r->q->round;
	for (int d = 0; d < STATS_DIRS; d++)
		total[d] = e->left[d] + a->bytes[d];
	take_total(r->q, e, total, r->clock);
}

static void
on_network(void *arg, const struct budget_account *a)
{
	struct round *r = arg;
	char name[BUDGET_LEDGER_NAME_MAX + 1];

	if (a->len == 0 || a->len > BUDGET_LEDGER_NAME_MAX)
		return;
	memcpy(name, a->name, a->len);
	name[a->len] = '\0';
	take_total(r->q, budget_ledger_network(r->q->ledger, name), a->bytes,
	    r->clock);
}

static void
take_accounts(struct quota *q, const struct quota_clock *clock)
{
	struct round r = { .q = q, .clock = clock };
	struct budget_entry *others = budget_ledger_others(q->ledger);
	struct budget_entry *e = NULL;

	q->round++;
	quota_users_take(q->users, on_left, &r);
	budget_host_users(q->budget, on_user, &r);
	for (int d = 0; d < STATS_DIRS; d++)
		r.others[d] += others->left[d];
	take_total(q, others, r.others, clock);
	budget_host_networks(q->budget, on_network, &r);
	/* one that is still there would be counted again from the start */
	while ((e = budget_ledger_next_user(q->ledger, e)) != NULL)
		e->is_spared = e->state != BUDGET_OPEN || e->round == q->round;
}

/* ---- what they may still */

/* 100: used up. */
static unsigned
percent(uint64_t used, uint64_t limit)
{
	if (limit == 0)
		return 0;
	if (used >= limit)
		return SPENT;
	return (unsigned)((double)used * 100 / (double)limit);
}

/* The step that use has reached and was not told of yet; 0: none. */
static unsigned
step(uint8_t *warned, unsigned now)
{
	const unsigned at = now >= SPENT ? SPENT
	    : now >= WARN_LAST           ? WARN_LAST
	    : now >= WARN_FIRST          ? WARN_FIRST
					 : 0;

	if (at <= *warned) {
		if (at < *warned && now < WARN_FIRST)
			*warned = 0; /* the limit was raised */
		return 0;
	}
	*warned = (uint8_t)at;
	return at;
}

static enum budget_state
state_of(const struct quota *q, bool is_spent)
{
	if (!is_spent)
		return BUDGET_OPEN;
	return q->conf->caps.at_quota == SNAPSHOT_TRICKLE ? BUDGET_TRICKLE
							  : BUDGET_BARRED;
}

static void
set_user(struct quota *q, struct budget_entry *e, enum budget_state state)
{
	if ((enum budget_state)e->state != state)
		quota_users_set(q->users, e->name, e->len, state);
	else if (state == BUDGET_OPEN || e->round != q->round)
		return;
	/* again, each time: one who came meanwhile may have asked before */
	e->state = (int)state;
	budget_host_set_user(q->budget, e->name, e->len, state);
}

static void
set_network(struct quota *q, struct budget_entry *e, enum budget_state state)
{
	if ((enum budget_state)e->state == state)
		return;
	e->state = (int)state;
	budget_host_set_network(q->budget, e->name, state);
}

static void
warn_network(const struct quota *q, struct budget_entry *e,
    enum budget_period_kind kind, uint64_t limit)
{
	const unsigned at = step(
	    &e->warned[kind], percent(budget_count_used(&e->now[kind]), limit));

	(void)q;
	if (at != 0)
		log_warn("quota: network used %u%% network=%s quota-%s=%llu",
		    at, e->name, quota_period_word(kind),
		    (unsigned long long)limit);
}

static bool
is_spent(
    const struct budget_entry *e, enum budget_period_kind kind, uint64_t limit)
{
	return limit != 0 && budget_count_used(&e->now[kind]) >= limit;
}

static void
limit_networks(struct quota *q)
{
	struct budget_entry *e = NULL;

	while ((e = budget_ledger_next_network(q->ledger, e)) != NULL) {
		bool spent = false;

		for (int k = 0; k < BUDGET_PERIODS; k++) {
			const enum budget_period_kind kind =
			    (enum budget_period_kind)k;
			const uint64_t limit =
			    quota_network_limit(q, e->name, kind);

			warn_network(q, e, kind, limit);
			spent = spent || is_spent(e, kind, limit);
		}
		set_network(q, e, state_of(q, spent));
	}
}

enum budget_state
quota_user_state(struct quota *q, const char *name, size_t len)
{
	struct budget_entry *e = NULL;

	while ((e = budget_ledger_next_user(q->ledger, e)) != NULL)
		if (e->len == len && memcmp(e->name, name, len) == 0)
			return (enum budget_state)e->state;
	return BUDGET_OPEN;
}

static void
limit_user(struct quota *q, struct budget_entry *e)
{
	bool spent = false;

	for (int k = 0; k < BUDGET_PERIODS; k++) {
		const enum budget_period_kind kind = (enum budget_period_kind)k;

		spent = spent || is_spent(e, kind, quota_user_limit(q, kind));
	}
	if (spent && e->state == BUDGET_OPEN)
		log_limited(
		    LOG_LEVEL_INFO, "quota: user used it up user=%s", e->name);
	set_user(q, e, state_of(q, spent));
}

static void
limit_users(struct quota *q)
{
	struct budget_entry *e = NULL;

	while ((e = budget_ledger_next_user(q->ledger, e)) != NULL)
		limit_user(q, e);
}

/* ---- what a crash would cost them */

static uint64_t
limit_of(const struct quota *q, const struct budget_entry *e, bool is_user,
    enum budget_period_kind kind)
{
	return is_user ? quota_user_limit(q, kind)
		       : quota_network_limit(q, e->name, kind);
}

/* An account that moves is charged a share of its limit ahead, or twice what
 * it moved since it was charged last. */
static void
reserve(const struct quota *q, struct budget_entry *e, bool is_user)
{
	const uint64_t used = budget_count_used(&e->now[BUDGET_MONTH]);
	const uint64_t day = limit_of(q, e, is_user, BUDGET_DAY);
	const uint64_t month = limit_of(q, e, is_user, BUDGET_MONTH);
	const uint64_t least = day != 0 ? day : month;
	const uint64_t moved = used > e->saved ? used - e->saved : 0;

	e->reserve = 0;
	if (least == 0 || moved == 0)
		return;
	e->reserve = least / RESERVE_SHARE;
	if (e->reserve < RESERVE_MIN)
		e->reserve = RESERVE_MIN;
	if (e->reserve < 2 * moved)
		e->reserve = 2 * moved;
	if (e->reserve > BUDGET_LEDGER_RESERVE)
		e->reserve = BUDGET_LEDGER_RESERVE;
}

/* Has e moved half of what it was charged ahead? */
static bool
is_behind(const struct quota *q, const struct budget_entry *e, bool is_user)
{
	const uint64_t used = budget_count_used(&e->now[BUDGET_MONTH]);

	if (limit_of(q, e, is_user, BUDGET_DAY) == 0 &&
	    limit_of(q, e, is_user, BUDGET_MONTH) == 0)
		return false;
	return used > e->saved && used - e->saved >= e->reserve / 2;
}

static void
each(struct quota *q,
    void (*fn)(struct quota *q, struct budget_entry *e, bool is_user))
{
	struct budget_entry *e = NULL;

	while ((e = budget_ledger_next_network(q->ledger, e)) != NULL)
		fn(q, e, false);
	while ((e = budget_ledger_next_user(q->ledger, e)) != NULL)
		fn(q, e, true);
}

static void
reserve_one(struct quota *q, struct budget_entry *e, bool is_user)
{
	reserve(q, e, is_user);
}

static void
saved_one(struct quota *q, struct budget_entry *e, bool is_user)
{
	(void)q;
	(void)is_user;
	e->saved = budget_count_used(&e->now[BUDGET_MONTH]);
}

static void
hurry_one(struct quota *q, struct budget_entry *e, bool is_user)
{
	q->is_urgent = q->is_urgent || is_behind(q, e, is_user);
}

void
quota_accounts_reserve(struct quota *q)
{
	each(q, reserve_one);
}

void
quota_accounts_saved(struct quota *q)
{
	each(q, saved_one);
}

void
quota_accounts_tick(struct quota *q, const struct quota_clock *clock)
{
	take_accounts(q, clock);
	limit_networks(q);
	limit_users(q);
	each(q, hurry_one);
}

/* ---- the host */

struct budget_forecast
quota_forecast(const struct quota *q, enum budget_period_kind kind,
    const struct quota_clock *clock)
{
	struct budget_course c = { .limit = quota_limit(q, kind),
		.used = budget_count_used(
		    &budget_ledger_host(q->ledger)->now[kind]),
		.period = q->period[kind],
		.now = clock->wall_s };

	c.recent =
	    budget_ledger_last_day(q->ledger, clock->wall_s, &c.recent_s);
	return budget_forecast(&c);
}

static void
warn_host(const struct quota *q, enum budget_period_kind kind, unsigned at,
    const struct quota_clock *clock)
{
	const struct budget_forecast f = quota_forecast(q, kind, clock);
	char text[BUDGET_FORECAST_MAX], limit[UNITS_TEXT_MAX];

	units_format_size(quota_limit(q, kind), limit);
	if (at >= SPENT)
		log_warn("quota: used up quota-%s=%s", quota_period_word(kind),
		    limit);
	else
		log_warn("quota: used %u%% quota-%s=%s forecast=\"%s\"", at,
		    quota_period_word(kind), limit,
		    budget_forecast_text(&f, &q->calendar, kind, text));
}

void
quota_warn_host(struct quota *q, const struct quota_clock *clock)
{
	struct budget_entry *host = budget_ledger_host(q->ledger);

	for (int k = 0; k < BUDGET_PERIODS; k++) {
		const enum budget_period_kind kind = (enum budget_period_kind)k;
		const unsigned at = step(&host->warned[k],
		    percent(budget_count_used(&host->now[k]),
			quota_limit(q, kind)));

		if (at == 0)
			continue;
		warn_host(q, kind, at, clock);
		if (q->audit != NULL)
			quota_note(q, kind, at);
	}
}
