/*
 * explain: why packets or requests of an allocation, a user or an address
 * were dropped or refused.
 *
 * Each worker looks through its own and hands over what fits; nobody waits.
 */
#ifndef RELAY_EXPLAIN_H
#define RELAY_EXPLAIN_H

#include "common/list.h"

struct control_call;
struct server;

enum {
	EXPLAIN_ALLOCATIONS_MAX = 32, /* of a worker */
	EXPLAIN_REFUSALS_MAX = 64,
};

/* what: a number of an allocation, an address with or without port, or else
 * a user.  Answers call once every worker has. */
void
explain_begin(struct server *s, struct control_call *call, const char *what);

/* After the workers have ended: frees what was being gathered. */
void explain_free_all(struct list *explains);

#endif
