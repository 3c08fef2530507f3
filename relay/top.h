/*
 * top: who uses most at the moment: sessions and allocations of all workers,
 * by what they move in one second.
 *
 * Each worker looks twice, a second apart, and hands over its largest.
 */
#ifndef RELAY_TOP_H
#define RELAY_TOP_H

#include <jansson.h>

#include "common/list.h"

struct control_call;

enum { TOP_ROWS_DEFAULT = 20, TOP_ROWS_MAX = 100, TOP_LOOK_MS = 1000 };

/* The verb; args: {"limit":n}. */
void top_verb(void *arg, struct control_call *call, const json_t *args);

/* After the workers have ended: frees what was being gathered. */
void top_free_all(struct list *tops);

#endif
