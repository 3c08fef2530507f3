/* The quota's side of the ledger on disk: charging ahead, writing all of it,
 * and what becomes of a disk that fails. */
#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "relay/quota_own.h"
#include "relay/snapshot.h"

enum {
	RETRY_MS = 1000,
	SAVE_MS = 10 * 1000, /* where there are quotas */
	SAVE_RARELY_MS = 60 * 1000,
	SAVE_URGENT_MS = 1000,
	/* the reserve: of the rate of late, and within these */
	RESERVE_S = 2,
	RESERVE_MIN = 256 * 1024,
	RESERVE_FLOOR_MAX = 32 * 1024 * 1024,
	RESERVE_UNLIMITED = 1024 * 1024, /* nobody waits for it */
	RESERVE_SHARE = 64,              /* of the least limit */
	RESERVE_FLOOR_SHARE = 1024,      /* and where nothing moves */
};

static uint64_t
used_of(const struct quota *q, enum budget_period_kind kind)
{
	return budget_count_used(&budget_ledger_host(q->ledger)->now[kind]);
}

/* Bytes until the first limit; UINT64_MAX without one. */
static uint64_t
left_of(const struct quota *q, enum budget_period_kind *first)
{
	uint64_t least = UINT64_MAX;

	for (int k = 0; k < BUDGET_PERIODS; k++) {
		const enum budget_period_kind kind = (enum budget_period_kind)k;
		const uint64_t limit = quota_limit(q, kind);
		const uint64_t used = used_of(q, kind);
		const uint64_t left = used < limit ? limit - used : 0;

		if (limit == 0 || left >= least)
			continue;
		least = left;
		*first = kind;
	}
	return least;
}

/* ---- the reserve */

static uint64_t
clamp(uint64_t n, uint64_t least, uint64_t most)
{
	if (n > most)
		n = most;
	return n < least ? least : n;
}

static uint64_t
least_limit(const struct quota *q)
{
	const uint64_t day = quota_limit(q, BUDGET_DAY);
	const uint64_t month = quota_limit(q, BUDGET_MONTH);

	if (day == 0 || (month != 0 && month < day))
		return month;
	return day;
}

/* Half of it has to last until the next one is on disk. */
uint64_t
quota_reserve(const struct quota *q)
{
	const uint64_t limit = least_limit(q);
	const uint64_t cap = q->conf->caps.rate;
	uint64_t most = BUDGET_LEDGER_RESERVE, floor = RESERVE_UNLIMITED;

	if (limit != 0) {
		most = clamp(limit / RESERVE_SHARE, RESERVE_MIN, most);
		floor = clamp(limit / RESERVE_FLOOR_SHARE, RESERVE_MIN,
		    RESERVE_FLOOR_MAX);
	}
	/* both directions, half a second; and what may come at once, of which
	 * half has to last while the other is charged */
	if (cap != 0)
		floor = clamp(cap / 8, RESERVE_MIN, floor);
	if (cap != 0 && limit != 0)
		floor = clamp(4 * q->conf->caps.burst, floor, most);
	return clamp((uint64_t)(q->rate * RESERVE_S), floor, most);
}

/* ---- the ledger's file */

static void
note_fault(struct quota *q, int rc, const struct quota_clock *clock)
{
	q->failures++;
	q->retry_at = clock->now + RETRY_MS;
	if (q->fault == rc)
		return;
	q->fault = rc;
	if (quota_has_any_limit(q))
		log_error("quota: ledger failed, nothing is relayed beyond "
			  "what it holds: %s",
		    q->why);
	else
		log_warn(
		    "quota: ledger failed, months are not kept: %s", q->why);
}

static void
note_works(struct quota *q)
{
	if (q->fault != 0)
		log_warn("quota: ledger works again path=%s/ledger",
		    q->conf->node.state);
	q->fault = 0;
	q->why[0] = '\0';
}

static void
note_failed_write(struct quota *q, int rc, const struct quota_clock *clock)
{
	snprintf(q->why, sizeof(q->why), "%s/ledger: cannot be written: %s",
	    q->conf->node.state, code_text(rc));
	note_fault(q, rc, clock);
}

static void
tell_found(struct quota *q, const struct budget_ledger_found *found)
{
	q->recovered += found->bad;
	if (found->bad > 0)
		log_error("quota: ledger.charge was damaged records=%u "
			  "charged=%llu kept=%s/ledger.charge.damaged",
		    found->bad, (unsigned long long)found->carried,
		    q->conf->node.state);
	else if (found->is_unclean)
		log_warn("quota: ledger was not closed charged=%llu",
		    (unsigned long long)found->carried);
}

void
quota_disk_open(struct quota *q, const struct quota_clock *clock)
{
	struct budget_ledger_found found;
	int rc;

	rc = budget_ledger_file_open(
	    &q->file, &found, q->conf->node.state, q->why);
	if (rc != 0) {
		q->file = NULL;
		note_fault(q, rc, clock);
		return;
	}
	if (found.ledger != NULL) {
		budget_ledger_free(q->ledger);
		q->ledger = found.ledger;
	}
	tell_found(q, &found);
	note_works(q);
	q->is_dirty = true;
	q->save_at = clock->now; /* both halves are there from now on */
	q->charged = 0;
}

static int
save(struct quota *q, const struct quota_clock *clock)
{
	int rc;

	quota_accounts_reserve(q);
	if ((rc = budget_ledger_file_save(q->file, q->ledger)) != 0)
		return rc;
	q->writes++;
	q->is_dirty = q->is_urgent = false;
	q->save_at =
	    clock->now + (quota_has_any_limit(q) ? SAVE_MS : SAVE_RARELY_MS);
	q->saved_at = clock->now;
	quota_accounts_saved(q);
	return 0;
}

/* The month that is over becomes a file; until it has, the ledger holds it. */
static int
keep_month(struct quota *q, const struct quota_clock *clock)
{
	json_t *month = quota_month_json(q, true, clock);
	const int rc = month == NULL
	    ? ENOMEM
	    : budget_ledger_file_keep(
		  q->file, budget_ledger_before(q->ledger), month);

	json_decref(month);
	if (rc != 0)
		return rc;
	budget_ledger_kept(q->ledger);
	return save(q, clock);
}

/* ---- charging ahead */

static int
charge(struct quota *q, uint64_t ahead)
{
	const int rc = budget_ledger_file_charge(q->file, q->ledger, ahead);

	if (rc != 0)
		return rc;
	q->writes++;
	q->charged = q->counted + ahead;
	return 0;
}

/* Grants what is charged, and not more than is left. */
static int
top_up(struct quota *q, uint64_t left)
{
	const int64_t pool = budget_host_granted(q->budget);
	const uint64_t want = quota_reserve(q);
	const uint64_t ahead = left < want ? left : want;
	int rc;

	if (pool >= (int64_t)(want / 2) || pool >= (int64_t)ahead)
		return 0;
	if ((rc = charge(q, ahead)) != 0)
		return rc;
	budget_host_grant(q->budget, (int64_t)ahead - pool);
	q->granted += (uint64_t)((int64_t)ahead - pool);
	return 0;
}

/* Nothing is granted: the disk just stays ahead of what moves. */
static int
stay_ahead(struct quota *q)
{
	const uint64_t want = quota_reserve(q);

	if (q->counted + want / 2 <= q->charged ||
	    (q->counted == 0 && q->charged != 0))
		return 0;
	return charge(q, want);
}

static int
charge_ahead(struct quota *q)
{
	enum budget_period_kind first = BUDGET_MONTH;
	const uint64_t left = left_of(q, &first);
	const bool was_spent = q->is_spent;

	if (!quota_has_host_limit(q))
		return stay_ahead(q);
	q->is_spent = left == 0;
	q->spent = first;
	if (!q->is_spent)
		return top_up(q, left);
	if (!was_spent) /* first the word, then a trickle */
		return 0;
	if (q->conf->caps.at_quota == SNAPSHOT_TRICKLE)
		return top_up(q, UINT64_MAX);
	return stay_ahead(q);
}

/* ---- for others */

static bool
is_save_due(const struct quota *q, const struct quota_clock *clock)
{
	return (q->is_dirty && clock->now >= q->save_at) ||
	    (q->is_urgent && clock->now >= q->saved_at + SAVE_URGENT_MS);
}

/* After a fault all of it has to be written before anything is granted. */
static int
write_files(struct quota *q, const struct quota_clock *clock)
{
	int rc = 0;

	if (q->fault != 0)
		rc = save(q, clock);
	if (rc == 0)
		rc = charge_ahead(q);
	if (rc != 0)
		return rc;
	if (budget_ledger_is_to_keep(q->ledger))
		return keep_month(q, clock);
	return is_save_due(q, clock) ? save(q, clock) : 0;
}

void
quota_disk_write(struct quota *q, const struct quota_clock *clock)
{
	int rc;

	if (q->fault != 0 && clock->now < q->retry_at)
		return;
	if ((rc = write_files(q, clock)) != 0)
		note_failed_write(q, rc, clock);
	else
		note_works(q);
}

/* What workers had leased and did not use. */
static void
give_back(struct quota *q)
{
	const int64_t unused = budget_host_granted(q->budget) +
	    (int64_t)q->leased - (int64_t)q->granted;

	if (quota_has_host_limit(q) && unused > 0)
		budget_ledger_give_back(q->ledger, (uint64_t)unused);
}

void
quota_disk_end(struct quota *q, const struct quota_clock *clock)
{
	int rc = 0;

	give_back(q);
	if (budget_ledger_is_to_keep(q->ledger))
		rc = keep_month(q, clock);
	if (rc == 0)
		rc = budget_ledger_file_end(q->file, q->ledger);
	if (rc != 0)
		note_failed_write(q, rc, clock);
}
