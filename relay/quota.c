#include "relay/quota.h"

#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/units.h"
#include "common/zone.h"
#include "relay/consent.h"
#include "relay/quota_own.h"
#include "relay/snapshot.h"

enum {
	/* what a clock may be set by without having jumped */
	JUMP_S = 600,
	ACCOUNTS_MS = 200,
	RATE_MS = 500,
	/* so small that nothing passes: `off` */
	RATE_OFF = 1,
};

/* ---- limits */

uint64_t
quota_limit(const struct quota *q, enum budget_period_kind kind)
{
	const uint64_t month = q->conf->caps.quota_month;

	if (kind == BUDGET_DAY)
		return q->conf->caps.quota_day;
	if (q->site_month == 0 || (month != 0 && month < q->site_month))
		return month;
	return q->site_month;
}

bool
quota_has_host_limit(const struct quota *q)
{
	return quota_limit(q, BUDGET_DAY) != 0 ||
	    quota_limit(q, BUDGET_MONTH) != 0;
}

static bool
has_network_limit(const struct quota *q)
{
	for (size_t i = 0; i < q->conf->network_count; i++)
		if (q->conf->networks[i].quota_day != 0 ||
		    q->conf->networks[i].quota_month != 0)
			return true;
	return false;
}

bool
quota_has_account_limit(const struct quota *q)
{
	return q->conf->caps.user_quota_day != 0 ||
	    q->conf->caps.user_quota_month != 0 || has_network_limit(q);
}

bool
quota_has_any_limit(const struct quota *q)
{
	return quota_has_host_limit(q) || quota_has_account_limit(q);
}

/* ---- what moved */

static void
turn_period(struct quota *q, const struct quota_clock *clock)
{
	const int64_t wall = clock->wall_s - q->last.wall_s;
	const int64_t boot = clock->boot_s - q->last.boot_s;
	const bool is_jump = wall - boot > JUMP_S || boot - wall > JUMP_S;

	if (is_jump)
		log_warn("quota: the clock jumped by=%llds",
		    (long long)(wall - boot));
	q->last = *clock;
	for (int k = 0; k < BUDGET_PERIODS; k++) {
		const enum budget_period_kind kind = (enum budget_period_kind)k;

		if (clock->wall_s >= q->period[k].begin &&
		    clock->wall_s < q->period[k].end &&
		    q->period[k].id == budget_ledger_id(q->ledger, kind))
			continue;
		q->period[k] =
		    budget_period_at(&q->calendar, kind, clock->wall_s);
		q->is_urgent = true;
	}
	budget_ledger_turn(q->ledger, &q->calendar, clock->wall_s, is_jump);
}

/* What was leased counts as moved. */
static uint64_t
counted_now(struct quota *q, const struct quota_wire *more)
{
	const int64_t pool = budget_host_granted(q->budget);
	uint64_t leased;

	if (!quota_has_host_limit(q))
		return more->in + more->out;
	leased = (uint64_t)((int64_t)q->granted - pool);
	if ((int64_t)(leased - q->leased) <= 0)
		return 0; /* a worker gave some back */
	leased -= q->leased;
	q->leased += leased;
	return leased;
}

/* Up at once, or a burst would outrun its reserve; down slowly. */
static void
feed_rate(struct quota *q, uint64_t counted, const struct quota_clock *clock)
{
	const int64_t since_tick = clock->now - q->ticked_at;
	const int64_t ms = clock->now - q->rate_at;

	q->counted += counted;
	q->pace =
	    (double)counted * 1000 / (double)(since_tick > 0 ? since_tick : 1);
	q->ticked_at = clock->now;
	if (q->pace > q->rate)
		q->rate = q->pace;
	if (ms < RATE_MS)
		return;
	q->rate = (q->rate * 7 +
		      (double)(q->counted - q->rate_from) * 1000 / (double)ms) /
	    8;
	q->rate_from = q->counted;
	q->rate_at = clock->now;
}

static void
collect(struct quota *q, const struct quota_wire *wire,
    const struct quota_clock *clock)
{
	const struct quota_wire more = { wire->in - q->seen.in,
		wire->out - q->seen.out };
	const struct budget_count c = {
		.in = more.in, .out = more.out, .counted = counted_now(q, &more)
	};

	q->seen = *wire;
	feed_rate(q, c.counted, clock);
	if (c.in + c.out + c.counted == 0)
		return;
	budget_ledger_add(
	    q->ledger, budget_ledger_host(q->ledger), &c, clock->wall_s);
	q->is_dirty = true;
}

/* ---- what we say */

static void
say_spent(const struct quota *q, struct consent_say *say)
{
	char text[UNITS_TEXT_MAX], until[DATE_TEXT_MAX];

	snprintf(say->reason, sizeof(say->reason),
	    "quota-%s of %s is used up until %s", quota_period_word(q->spent),
	    units_format_size(quota_limit(q, q->spent), text),
	    zone_format(q->zone, q->period[q->spent].end, until));
	switch (q->conf->caps.at_quota) {
	case SNAPSHOT_TRICKLE:
		say->rate = q->conf->caps.trickle;
		break;
	case SNAPSHOT_SIGNALLING:
		say->relay = false;
		break;
	case SNAPSHOT_OFF:
		say->relay = false;
		say->rate = RATE_OFF;
		break;
	}
}

static void
say(const struct quota *q)
{
	struct consent_say say = { .relay = true };

	if (q->state == QUOTA_FAULT) {
		say.relay = false;
		snprintf(say.reason, sizeof(say.reason), "%.*s",
		    (int)sizeof(say.reason) - 1, q->why);
	} else if (q->state == QUOTA_SPENT) {
		say_spent(q, &say);
	}
	consent_set(q->consent, CONSENT_QUOTA, &say);
}

/* A fault of the disk: what was granted may still move. */
static void
note_state(struct quota *q)
{
	const bool is_granted = q->file != NULL && quota_has_host_limit(q) &&
	    budget_host_granted(q->budget) > 0;

	if (q->fault != 0 && quota_has_any_limit(q) && !is_granted)
		q->state = QUOTA_FAULT;
	else
		q->state = q->is_spent ? QUOTA_SPENT : QUOTA_OPEN;
}

/* ---- for others */

void
quota_tick(struct quota *q, const struct quota_wire *wire,
    const struct quota_clock *clock)
{
	if (q->file == NULL && clock->now >= q->retry_at)
		quota_disk_open(q, clock);
	if (q->file != NULL) {
		turn_period(q, clock);
		if (clock->now >= q->accounts_at) {
			quota_accounts_tick(q, clock);
			q->accounts_at = clock->now + ACCOUNTS_MS;
		}
		collect(q, wire, clock);
		quota_disk_write(q, clock);
		quota_warn_host(q, clock);
	}
	note_state(q);
	say(q);
}

unsigned
quota_tick_ms(const struct quota *q)
{
	const double until_then = q->pace * QUOTA_TICK_MS / 1000;

	return quota_has_host_limit(q) &&
		until_then > (double)quota_reserve(q) / 8
	    ? QUOTA_TICK_SOON_MS
	    : QUOTA_TICK_MS;
}

static bool
set_zone(struct quota *q, const struct snapshot *conf)
{
	struct zone *zone = NULL;
	const char *why;

	if (zone_load(&zone, conf->caps.time_zone, &why) != 0) {
		log_error(
		    "quota: caps.time-zone %s: %s", conf->caps.time_zone, why);
		return q->zone != NULL;
	}
	zone_free(q->zone);
	q->zone = zone;
	return true;
}

static void
set_calendar(struct quota *q, const struct snapshot *conf,
    const struct quota_clock *clock)
{
	q->calendar = (struct budget_calendar){ .zone = q->zone,
		.month_day = conf->caps.month_day,
		.minute = conf->caps.day_minute };
	for (int k = 0; k < BUDGET_PERIODS; k++)
		q->period[k] = budget_period_at(
		    &q->calendar, (enum budget_period_kind)k, clock->wall_s);
}

/* A quota that comes or goes: the grant begins anew. */
static void
set_gate(struct quota *q)
{
	q->granted = q->leased = 0;
	q->charged = 0;
	budget_host_quota(q->budget, quota_has_host_limit(q));
}

void
quota_configure(struct quota *q, const struct snapshot *conf,
    const struct quota_clock *clock)
{
	const bool had_limit = quota_has_host_limit(q);

	q->conf = conf;
	set_zone(q, conf);
	set_calendar(q, conf, clock);
	if (had_limit != quota_has_host_limit(q))
		set_gate(q);
	for (int k = 0; k < BUDGET_PERIODS; k++)
		budget_ledger_host(q->ledger)->warned[k] = 0;
	q->save_at = q->accounts_at = q->retry_at = clock->now;
}

void
quota_site(struct quota *q, uint64_t month, const struct quota_clock *clock)
{
	const bool had_limit = quota_has_host_limit(q);

	if (month == q->site_month)
		return;
	q->site_month = month;
	if (had_limit != quota_has_host_limit(q))
		set_gate(q);
	budget_ledger_host(q->ledger)->warned[BUDGET_MONTH] = 0;
	q->save_at = q->accounts_at = q->retry_at = clock->now;
}

static enum budget_state
on_enter(void *arg, const char *user, size_t len)
{
	return quota_users_enter(arg, user, len);
}

static void
on_leave(void *arg, const struct budget_account *account)
{
	quota_users_leave(arg, account);
}

struct quota *
quota_new(struct budget_host *budget, struct consent *consent,
    const struct snapshot *conf, const struct quota_clock *clock)
{
	struct budget_watch watch = { .enter = on_enter, .leave = on_leave };
	struct quota *q;

	if ((q = mem_try(1, sizeof(*q))) == NULL)
		return NULL;
	q->budget = budget;
	q->consent = consent;
	q->conf = conf;
	q->last = *clock;
	q->rate_at = clock->now;
	if ((q->users = quota_users_new()) == NULL || !set_zone(q, conf))
		goto fail;
	set_calendar(q, conf, clock);
	q->ledger = budget_ledger_new(&q->calendar, clock->wall_s);
	if (q->ledger == NULL)
		goto fail;
	watch.arg = q->users;
	budget_host_watch(budget, &watch);
	set_gate(q);
	quota_tick(q, &q->seen, clock);
	return q;

fail:
	quota_free(q);
	return NULL;
}

void
quota_audit(struct quota *q, struct audit *audit)
{
	q->audit = audit;
}

void
quota_end(struct quota *q, const struct quota_clock *clock)
{
	if (q == NULL || q->file == NULL)
		return;
	turn_period(q, clock);
	quota_accounts_tick(q, clock);
	collect(q, &q->seen, clock);
	quota_disk_end(q, clock);
}

void
quota_free(struct quota *q)
{
	if (q == NULL)
		return;
	budget_ledger_file_close(q->file);
	budget_ledger_free(q->ledger);
	quota_users_free(q->users);
	zone_free(q->zone);
	mem_free(q);
}
