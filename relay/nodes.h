/*
 * nodes: what `supernodectl nodes`, `show` and `top` tell: the sessions of
 * all workers, and what one name has.
 *
 * Each worker writes down its own and hands it over by mailbox; nobody waits.
 */
#ifndef RELAY_NODES_H
#define RELAY_NODES_H

#include <jansson.h>

#include "common/list.h"

struct control_call;

enum { NODES_ROWS_DEFAULT = 1000, NODES_ROWS_MAX = 10000 };

/* The verbs; args of nodes: {"limit":n}, of show: {"name":"..."}. */
void nodes_verb(void *arg, struct control_call *call, const json_t *args);
void nodes_show(void *arg, struct control_call *call, const json_t *args);

/* After the workers have ended: frees what was being gathered. */
void nodes_free_all(struct list *gathers);

#endif
