/*
 * quota_users: what workers and the main thread tell each other about users:
 * bytes of one who has given back his last allocation, and the state in which
 * one begins who gets his first.
 *
 * SHARED: its lock, taken with the lock of a budget's shard held; nothing is
 * taken while it is.
 */
#ifndef RELAY_QUOTA_USERS_H
#define RELAY_QUOTA_USERS_H

#include <stddef.h>
#include <stdint.h>

#include "budget/budget.h"

struct quota_users;

struct quota_left {
	uint64_t bytes[STATS_DIRS];
	size_t len;
	const char *name;
};
typedef void quota_left_fn(void *arg, const struct quota_left *left);

/* NULL when memory is short. */
struct quota_users *quota_users_new(void);
void quota_users_free(struct quota_users *u);

/* Any thread: a user is gone.  Out of memory: he counts without a name. */
void
quota_users_leave(struct quota_users *u, const struct budget_account *account);
/* Any thread: how user begins. */
enum budget_state
quota_users_enter(struct quota_users *u, const char *user, size_t len);

/* Main thread: those who are gone since the last call, each once; without a
 * name (len 0) those who have none. */
void quota_users_take(struct quota_users *u, quota_left_fn *fn, void *arg);
/* Main thread.  BUDGET_OPEN is forgotten. */
void quota_users_set(struct quota_users *u, const char *user, size_t len,
    enum budget_state state);

#endif
