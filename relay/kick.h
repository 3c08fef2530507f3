/*
 * kick: ends what a name has, sessions and allocations, in every worker, and
 * keeps it out for some time (barred.h).
 *
 * OWNER: main.
 */
#ifndef RELAY_KICK_H
#define RELAY_KICK_H

#include <jansson.h>

#include "common/list.h"

struct control_call;

/* The verb: {"name":"alice","for_ms":3600000}; without for_ms it may come
 * back at once, with 0 one that was kept out may.  Answers once every worker
 * has: {"sessions":n,"allocations":n,"until":seconds or null}. */
void kick_verb(void *arg, struct control_call *call, const json_t *args);

/* After the workers have ended: frees what was being gathered. */
void kick_free_all(struct list *kicks);

#endif
