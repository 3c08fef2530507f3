/*
 * wheel: a hierarchical timer wheel of 4 levels x 256 slots, 16 ms a tick.
 * Set, move and stop cost O(1); a timer never fires early and at most one
 * tick late.
 *
 * OWNER: whoever owns the wheel; the timers are embedded in their objects.
 */
#ifndef COMMON_WHEEL_H
#define COMMON_WHEEL_H

#include <stdbool.h>

#include "common/list.h"
#include "common/mono.h"

enum { WHEEL_TICK_MS = 16, WHEEL_SLOTS = 256, WHEEL_LEVELS = 4 };

struct wheel_timer;
typedef void wheel_fn(struct wheel_timer *t, mono_ms now);

struct wheel_timer {
	struct list node;
	mono_ms due;
	wheel_fn *fn;
};

struct wheel;

/* Returns NULL when memory is short. */
struct wheel *wheel_new(mono_ms now);
/* Stops every timer without calling it.  wheel_free(NULL) is legal. */
void wheel_free(struct wheel *w);

/* Arms t (or moves it) to call fn at due.  t must be zeroed before its
 * first use and stay in place while armed. */
void
wheel_set(struct wheel *w, struct wheel_timer *t, mono_ms due, wheel_fn *fn);
/* Legal on a timer that is not armed. */
void wheel_stop(struct wheel *w, struct wheel_timer *t);
bool wheel_is_set(const struct wheel_timer *t);

/* Calls all that is due.  A callback may set and stop any timer and free
 * its own object. */
void wheel_advance(struct wheel *w, mono_ms now);

/* Milliseconds until the wheel wants wheel_advance again (it may wake for a
 * cascade without calling anybody), MONO_NEVER_MS when it is empty. */
int wheel_next_ms(const struct wheel *w, mono_ms now);

#endif
