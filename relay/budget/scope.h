/*
 * scope: how many allocations each user holds, over all workers.
 *
 * SHARED: 64 shards, each under its own lock, held for one probe.  An entry
 * lives while its count is above zero, so there are never more entries than
 * allocations.
 */
#ifndef RELAY_BUDGET_SCOPE_H
#define RELAY_BUDGET_SCOPE_H

#include <stddef.h>

#include "common/code.h"

struct budget_scope;

/* Returns NULL when memory is short. */
struct budget_scope *budget_scope_new(void);
void budget_scope_free(struct budget_scope *s);

/* One more for user.  Returns 0, 486 when that would exceed max, or 508
 * when memory is short. */
MUST_CHECK int budget_scope_enter(
    struct budget_scope *s, const char *user, size_t len, unsigned max);
/* One less; enter must have returned 0. */
void budget_scope_leave(struct budget_scope *s, const char *user, size_t len);

/* Users that hold anything. */
size_t budget_scope_users(struct budget_scope *s);

#endif
