/*
 * opt_out: the operator's switch: `relay off` stays off, over restarts too,
 * until someone says `relay on`.
 *
 * What stands in node.state is the word (switch.h); a damaged one is a no.
 * OWNER: main.
 */
#ifndef RELAY_OPT_OUT_H
#define RELAY_OPT_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/code.h"
#include "relay/control.h"
#include "relay/switch.h"

struct opt_out;
struct server;

enum { OPT_OUT_DEADLINE_MAX_MS = 7 * 24 * 3600 * 1000 };

struct opt_out_order {
	bool relay;
	uint64_t deadline_ms; /* off: what is there may stay so long */
	const char *reason;   /* borrowed; "" when none was given */
	struct control_caller who;
};

struct opt_out_view {
	struct switch_word word;
	int64_t left_ms;   /* until allocations end; -1: nothing waits */
	const char *alarm; /* "" when the file says what holds */
};

/* Reads the switch and says its word in s->consent.  Returns 0 or ENOMEM. */
MUST_CHECK int opt_out_open(struct server *s);
/* NULL is legal. */
void opt_out_free(struct opt_out *o);

/*
 * Takes the operator's word.  Off holds whatever the disk does; when it could
 * not be stored that is an alarm in the view.  On holds only once it is
 * stored: returns 0 or an errno, and relaying stays off.
 */
MUST_CHECK int opt_out_set(struct server *s, const struct opt_out_order *order);

void opt_out_view(const struct server *s, struct opt_out_view *v);

#endif
