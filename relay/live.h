/*
 * live: caps.* keys that the operator changes while running, on top of the
 * configuration's files and until they are loaded again.
 *
 * OWNER: main.  A change is checked like a reload, with everything else as it
 * runs, and applied to running allocations as a whole or not at all.
 */
#ifndef RELAY_LIVE_H
#define RELAY_LIVE_H

#include <jansson.h>
#include <stdbool.h>

#include "common/code.h"
#include "relay/control.h"

struct live;
struct server;

enum {
	LIVE_VALUE_MAX = 64, /* bytes, with the NUL */
	LIVE_TEXT_MAX = 4096,
};

struct live_order {
	const char *key; /* of caps; borrowed */
	const char *value;
	struct control_caller who;
};

/* Returns 0 and the changed keys in text, a line each; EINVAL, EBUSY (a
 * reload is under way) or ENOMEM, nothing has changed, and the reason is in
 * text.  Logs either way. */
MUST_CHECK int live_change(
    struct server *s, const struct live_order *order, char text[LIVE_TEXT_MAX]);

/* After live_change: has every worker taken it, answers call.  Takes call and
 * answer. */
void live_answer(struct server *s, struct control_call *call, json_t *answer);
/* Every worker has taken what was under way. */
void live_applied(struct server *s);

/* Was that key of caps changed? */
bool live_has(const struct server *s, const char *key);

/* The files were loaded again: what was changed is forgotten. */
void live_forget(struct server *s);

/* {"rate":"5Mbit/s"}: what does not stand in the files.  A new object. */
json_t *live_json(const struct server *s);
/* All keys of caps as they run, as texts.  A new object. */
json_t *live_limits_json(const struct server *s);

#endif
