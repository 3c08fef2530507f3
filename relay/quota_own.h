/* quota_own: what the files of quota share. */
#ifndef RELAY_QUOTA_OWN_H
#define RELAY_QUOTA_OWN_H

#include <stdbool.h>

#include "budget/budget.h"
#include "relay/quota.h"
#include "relay/quota_users.h"

struct zone;

enum { QUOTA_REASON_MAX = 120 };

/* OPEN: below every limit of the host.  SPENT: at one of them.  FAULT: there
 * is a quota, and no ledger to keep it by. */
enum quota_state { QUOTA_OPEN, QUOTA_SPENT, QUOTA_FAULT };

struct quota {
	/* OWNER: main */
	struct budget_host *budget;  /* borrowed */
	struct consent *consent;     /* borrowed */
	const struct snapshot *conf; /* borrowed */
	uint64_t site_month; /* bytes, of the network around us; 0: none */
	struct audit *audit; /* borrowed, or NULL */
	struct quota_users *users;

	struct zone *zone;
	struct budget_calendar calendar;
	struct budget_period period[BUDGET_PERIODS]; /* those that run */
	struct budget_ledger *ledger;
	struct budget_ledger_file *file; /* NULL: could not be opened */
	int fault;                       /* errno of the disk; 0: none */
	char why[BUDGET_LEDGER_WHY_MAX]; /* of the fault */
	mono_ms retry_at;
	bool is_dirty;  /* the ledger, since it was written */
	bool is_urgent; /* an account has moved most of its reserve */
	mono_ms save_at, saved_at;
	mono_ms accounts_at;

	enum quota_state state;
	bool is_spent;                 /* a limit of the host */
	enum budget_period_kind spent; /* which one */
	uint64_t granted;              /* to the host's budget, so far */
	uint64_t leased;               /* of it, seen by the ledger */
	uint64_t charged; /* the host's count that the disk knows of */
	uint64_t counted; /* the host's, since the start */
	struct quota_wire seen;
	double rate; /* bytes a second, of late */
	double pace; /* the same, since the last tick */
	mono_ms rate_at, ticked_at;
	uint64_t rate_from;
	struct quota_clock last;
	unsigned round; /* of looking at accounts */

	/* for metrics */
	uint64_t writes, failures;
	unsigned recovered; /* records of the charge that did not add up */
};

/* Limit of the host in a period, 0: none. */
uint64_t quota_limit(const struct quota *q, enum budget_period_kind kind);
bool quota_has_host_limit(const struct quota *q);
/* Is anything limited at all: host, networks, users? */
bool quota_has_any_limit(const struct quota *q);
/* Networks, or users? */
bool quota_has_account_limit(const struct quota *q);
uint64_t quota_user_limit(const struct quota *q, enum budget_period_kind kind);
uint64_t quota_network_limit(
    const struct quota *q, const char *name, enum budget_period_kind kind);

/* What may be charged and not have moved. */
uint64_t quota_reserve(const struct quota *q);
/* The ledger's file: opens it; charges ahead, grants, and writes all that is
 * due; an orderly end.  A failure shows in q->fault. */
void quota_disk_open(struct quota *q, const struct quota_clock *clock);
void quota_disk_write(struct quota *q, const struct quota_clock *clock);
void quota_disk_end(struct quota *q, const struct quota_clock *clock);

/* Takes what users and networks moved, and lets what is used up show. */
void quota_accounts_tick(struct quota *q, const struct quota_clock *clock);
/* Warns where the host's use passes 80 and 95 %. */
void quota_warn_host(struct quota *q, const struct quota_clock *clock);
/* Tells the audit log that use has reached so many percent. */
void quota_note(
    const struct quota *q, enum budget_period_kind kind, unsigned percent);
/* What a crash would cost each account; called before all is written, and
 * after. */
void quota_accounts_reserve(struct quota *q);
void quota_accounts_saved(struct quota *q);

struct budget_forecast quota_forecast(const struct quota *q,
    enum budget_period_kind kind, const struct quota_clock *clock);

/* "day", "month" */
const char *quota_period_word(enum budget_period_kind kind);
/* The month before or the one that runs, with its begin, end and host. */
json_t *quota_month_json(
    struct quota *q, bool is_before, const struct quota_clock *clock);

#endif
