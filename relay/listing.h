/*
 * listing: gathers the allocations of all workers for one control call.
 *
 * Each worker copies its own into memory of its own and hands it over by
 * mailbox; nobody waits.
 */
#ifndef RELAY_LISTING_H
#define RELAY_LISTING_H

#include <stddef.h>

#include "common/list.h"

struct control_call;
struct server;

enum { LISTING_ROWS_DEFAULT = 10000 };

/* Answers call once every worker has: {"allocations":[...],"total":n,
 * "truncated":bool}, at most limit rows. */
void listing_begin(struct server *s, struct control_call *call, size_t limit);

/* After the workers have ended: frees what was being gathered. */
void listing_free_all(struct list *listings);

#endif
