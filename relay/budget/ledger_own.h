/* ledger_own: what ledger.c and ledger_json.c share. */
#ifndef RELAY_BUDGET_LEDGER_OWN_H
#define RELAY_BUDGET_LEDGER_OWN_H

#include "budget/ledger.h"

struct table;

struct budget_ledger {
	/* OWNER: main */
	int32_t id[BUDGET_PERIODS];
	int32_t before[BUDGET_PERIODS]; /* -1: none */
	bool is_to_keep;                /* the month before */
	struct budget_entry *host, *others;
	struct list users, networks;
	struct table *by_name; /* of users */
	size_t network_count;
	int64_t hour; /* since 1970, of the last one counted */
	int64_t since_hour;
	uint64_t hours[BUDGET_LEDGER_HOURS]; /* by hour % 24 */
};

/* Without periods.  NULL when memory is short. */
struct budget_ledger *budget_ledger_empty(void);

/* Moves on, or back, to the period id. */
void budget_ledger_set(struct budget_ledger *l, enum budget_period_kind kind,
    int32_t id, bool is_jump);

#endif
