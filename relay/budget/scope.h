/*
 * scope: who shares a limit: the users of the host, or of one network, over
 * all workers, each with an account while he holds an allocation.
 *
 * SHARED: shards, each under its own lock, held for one probe.  An account
 * lives while its count is above zero, so there are never more of them than
 * allocations; who was counted in keeps a pointer to it.
 */
#ifndef RELAY_BUDGET_SCOPE_H
#define RELAY_BUDGET_SCOPE_H

#include <stddef.h>

#include "budget/meter.h"
#include "common/code.h"
#include "relay/stats.h"

enum {
	/* demand is the mean of so many looks */
	BUDGET_LOOKS = 4,
};

struct budget_party {
	/* SHARED: lock of its shard */
	unsigned count;
	uint32_t hash;
	/* SHARED: atomic */
	_Alignas(64) budget_meter share;
	budget_meter cap[STATS_DIRS];
	_Atomic uint64_t offered; /* bytes that wanted to pass */
	_Atomic uint64_t bytes[STATS_DIRS];
	_Atomic uint64_t dropped; /* packets */
	_Atomic int state;        /* enum budget_state */
	_Atomic bool is_hungry;   /* a stream was held back */
	_Atomic bool is_new;      /* nobody has asked for his state yet */
	/* ends of splices: which one passed last; which one found no room then,
	 * and when (ns): it is next */
	_Atomic uintptr_t last[STATS_DIRS];
	_Atomic uintptr_t next[STATS_DIRS];
	_Atomic int64_t next_since[STATS_DIRS];
	/* OWNER: who looks, see share.h */
	uint64_t seen; /* of offered */
	uint64_t look[BUDGET_LOOKS];
	/* FROZEN */
	size_t len;
	char name[];
};

struct budget_scope;

/* Returns NULL when memory is short. */
struct budget_scope *budget_scope_new(void);
void budget_scope_free(struct budget_scope *s);

/* One more for user, whose account is *out.  Returns 0, 486 when that would
 * exceed max, or 508 when memory is short. */
MUST_CHECK int budget_scope_enter(struct budget_party **out,
    struct budget_scope *s, const char *user, size_t len, unsigned max);

/* Called with the shard's lock held: be short. */
typedef void budget_party_fn(void *arg, struct budget_party *p);
/* One less; the last one frees the account, after a call of last (NULL:
 * none). */
void budget_scope_leave(struct budget_scope *s, struct budget_party *p,
    budget_party_fn *last, void *arg);
/* Calls fn for each account; for user's, if there is one. */
void budget_scope_each(struct budget_scope *s, budget_party_fn *fn, void *arg);
void budget_scope_find(struct budget_scope *s, const char *user, size_t len,
    budget_party_fn *fn, void *arg);

/* Users that hold anything. */
size_t budget_scope_users(struct budget_scope *s);

#endif
