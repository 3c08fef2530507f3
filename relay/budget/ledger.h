/*
 * ledger: what the host, each network and each user moved this day and this
 * month, and the ones before.
 *
 * Counts only rise.  A period never goes back over an exhausted quota: where
 * the clock jumps ahead into another period, what was used goes with it as
 * `carried`; where it jumps back, the counts of both periods become one.
 * Users are at most BUDGET_LEDGER_USERS_MAX: the one that has not moved
 * anything for longest is folded into `others` to make room.
 *
 * OWNER: main.  Pure: ledger_file keeps it on disk.
 */
#ifndef RELAY_BUDGET_LEDGER_H
#define RELAY_BUDGET_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget/period.h"
#include "common/code.h"
#include "common/list.h"

struct json_t; /* jansson's */

enum {
	BUDGET_LEDGER_USERS_MAX = 4096,
	BUDGET_LEDGER_NETWORKS_MAX = 256,
	BUDGET_LEDGER_NAME_MAX = 512, /* bytes of a user's or network's name */
	BUDGET_LEDGER_HOURS = 24,
};

struct budget_count {
	uint64_t in, out; /* bytes that moved */
	uint64_t counted; /* of them, what counts to the quota */
	uint64_t carried; /* held against the quota without having been seen
			   * to move in this period: what a crash left
			   * reserved, or a jump of the clock brought along */
};

/* OWNER: main */
struct budget_entry {
	struct list node; /* users: the one that moved last is last */
	struct budget_count now[BUDGET_PERIODS];
	struct budget_count before[BUDGET_PERIODS]; /* the period before */
	uint64_t reserve; /* held against it after a crash, as on file */
	bool is_spared;   /* not to be folded */
	/* for whoever counts, not on file */
	uint64_t left[2], taken[2]; /* bytes in and out */
	uint64_t saved;             /* used in the month, as on file */
	unsigned round;             /* in which it was last seen */
	uint8_t warned[BUDGET_PERIODS];
	int state;
	uint32_t hash;
	size_t len;
	char name[];
};

struct budget_ledger;

/* Empty, of the periods that hold the UTC second now.  NULL when memory is
 * short. */
struct budget_ledger *
budget_ledger_new(const struct budget_calendar *c, int64_t now);
void budget_ledger_free(struct budget_ledger *l);

/*
 * Moves on to the periods that hold now.  is_jump: the clock did not get
 * there by the time that passed.  Returns whether the month before is over
 * and has to be kept (budget_ledger_month, then budget_ledger_kept).
 */
bool budget_ledger_turn(struct budget_ledger *l,
    const struct budget_calendar *c, int64_t now, bool is_jump);
bool budget_ledger_is_to_keep(const struct budget_ledger *l);
/* The month before is kept elsewhere: users of it alone go, but for spared
 * ones. */
void budget_ledger_kept(struct budget_ledger *l);

struct budget_entry *budget_ledger_host(struct budget_ledger *l);
/* All users that have no account of their own. */
struct budget_entry *budget_ledger_others(struct budget_ledger *l);
/* Makes an account where there is none; `others` when that is not possible.
 * A pointer stays valid until the next of these, turn or kept. */
struct budget_entry *
budget_ledger_network(struct budget_ledger *l, const char *name);
struct budget_entry *
budget_ledger_user(struct budget_ledger *l, const char *name, size_t len);
size_t budget_ledger_users(const struct budget_ledger *l);
/* Walk: start with NULL, ends with NULL. */
struct budget_entry *
budget_ledger_next_network(struct budget_ledger *l, struct budget_entry *a);
struct budget_entry *
budget_ledger_next_user(struct budget_ledger *l, struct budget_entry *a);

/* a moved more.  now: UTC second, for the host's last hours. */
void budget_ledger_add(struct budget_ledger *l, struct budget_entry *a,
    const struct budget_count *more, int64_t now);
/* So much of what the host counted did not move after all. */
void budget_ledger_give_back(struct budget_ledger *l, uint64_t bytes);
/* counted + carried */
uint64_t budget_count_used(const struct budget_count *c);
/* What the host counted in the last 24 hours, and how many seconds of them
 * were seen. */
uint64_t budget_ledger_last_day(
    const struct budget_ledger *l, int64_t now, int64_t *seconds);

int32_t
budget_ledger_id(const struct budget_ledger *l, enum budget_period_kind kind);
/* Of the month before; -1 when there is none. */
int32_t budget_ledger_before(const struct budget_ledger *l);

/*
 * The month, or the month before, as an object {"month","total",
 * "networks":[],"users":[],"others","unattributed"}: users and networks with
 * most bytes first.  Users, others and unattributed add up to total.
 * NULL when memory is short.
 */
struct json_t *
budget_ledger_month(const struct budget_ledger *l, bool is_before);

/* All of it, and back: NULL when memory is short; EINVAL when o is none of
 * ours (*out is not set). */
struct json_t *budget_ledger_save(const struct budget_ledger *l);
MUST_CHECK int
budget_ledger_load(struct budget_ledger **out, const struct json_t *o);

#endif
