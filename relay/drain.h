/*
 * drain: the way down without cutting calls: nobody new is taken, who is here
 * stays until the deadline, and the process ends by itself when none is left.
 *
 * OWNER: main.
 */
#ifndef RELAY_DRAIN_H
#define RELAY_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/code.h"
#include "relay/control.h"

struct drain;
struct server;

enum {
	DRAIN_DEADLINE_MS = 5 * 60 * 1000, /* unless another is asked for */
	DRAIN_DEADLINE_MAX_MS = 7 * 24 * 3600 * 1000,
	DRAIN_LOOK_MS = 250, /* how often the allocations are counted */
	/* told to the service manager each second */
	DRAIN_EXTEND_US = 15 * 1000 * 1000,
};

struct drain_view {
	uint64_t allocations;
	int64_t left_ms;
	int64_t ends_s; /* wall clock */
	long uid;       /* of who asked for it */
};

/* Begins one, or gives the one under way another deadline.  Returns 0 or
 * ENOMEM. */
MUST_CHECK int drain_begin(
    struct server *s, uint64_t deadline_ms, const struct control_caller *who);
/* False: there is none. */
bool drain_cancel(struct server *s, const struct control_caller *who);
/* NULL is legal. */
void drain_free(struct drain *d);

/* False, and *v is left alone, when there is none. */
bool drain_view(const struct server *s, struct drain_view *v);

#endif
