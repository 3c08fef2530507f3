/*
 * quota: holds the host, its networks and its users to what they may move in
 * a day and a month.
 *
 * The main thread looks every QUOTA_TICK_MS at what moved, charges ahead in
 * the ledger and grants the host's budget no more than what is charged on
 * disk.  What is used up shows in consent; so does a ledger that cannot be
 * read or written while there is a quota: then nothing is relayed beyond
 * what was granted.
 *
 * OWNER: main.  Time comes in as an argument.
 */
#ifndef RELAY_QUOTA_H
#define RELAY_QUOTA_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "budget/budget.h"
#include "common/code.h"
#include "common/mono.h"

struct audit;
struct budget_host;
struct consent;
struct quota;
struct snapshot;

enum {
	QUOTA_TICK_MS = 50,
	QUOTA_TICK_SOON_MS = 10,
	QUOTA_WHY_MAX = 512,
	QUOTA_USERS_SHOWN = 100,
};

struct quota_clock {
	mono_ms now;
	int64_t wall_s;
	int64_t boot_s; /* see mono_boot_s */
};

/* Bytes of the host since it started, headers included. */
struct quota_wire {
	uint64_t in, out;
};

/* Before there is a worker.  Borrows all but clock.  NULL when memory is
 * short. */
struct quota *quota_new(struct budget_host *budget, struct consent *consent,
    const struct snapshot *conf, const struct quota_clock *clock);
/* A new configuration, borrowed until the next. */
void quota_configure(struct quota *q, const struct snapshot *conf,
    const struct quota_clock *clock);
/* What the network around this host allows in a month, bytes; 0: no word.
 * The stricter of it and caps.quota-month holds. */
void
quota_site(struct quota *q, uint64_t month, const struct quota_clock *clock);
/* Where warnings are noted besides the log; borrowed. */
void quota_audit(struct quota *q, struct audit *audit);

void quota_tick(struct quota *q, const struct quota_wire *wire,
    const struct quota_clock *clock);
/* When the next tick is due: soon where this one's traffic would use much of
 * the reserve until then. */
unsigned quota_tick_ms(const struct quota *q);
/* The orderly end, after a last tick: workers have ended, their budgets are
 * freed.  NULL is legal. */
void quota_end(struct quota *q, const struct quota_clock *clock);
/* NULL is legal. */
void quota_free(struct quota *q);

/* What a user may by his own quota, allocations or none. */
enum budget_state
quota_user_state(struct quota *q, const char *name, size_t len);
/* For `supernodectl quota`. */
json_t *quota_json(struct quota *q, const struct quota_clock *clock);
/* A few words of it, for status. */
json_t *quota_brief(struct quota *q);
/* For `supernodectl report`: month "2026-11", NULL: the one that runs.
 * Returns NULL with a sentence in why. */
json_t *quota_report(struct quota *q, const char *month,
    const struct quota_clock *clock, char why[QUOTA_WHY_MAX]);
void quota_metrics(const struct quota *q, FILE *out);

#endif
