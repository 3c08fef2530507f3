/*
 * window: what a session was sent and may not have got yet, and what it will
 * be sent once it is back: the latest messages, numbered.
 *
 * Numbers begin at 1 and never jump.  Holds texts, bounded by number and
 * bytes; its memory is given back when it is empty.  Pure.
 */
#ifndef RELAY_SIGNALLING_WINDOW_H
#define RELAY_SIGNALLING_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

struct signal_text;

enum {
	SIGNAL_WINDOW_MESSAGES = 256,
	SIGNAL_WINDOW_BYTES = 256 * 1024,
};

/* Who waits to hear that it was delivered. */
struct signal_origin {
	uint64_t session; /* of the sender; 0: nobody waits */
	uint64_t ask;     /* of several receivers; 0: the only one */
	int64_t id;       /* -1: none */
	uint32_t worker;  /* of the sender */
};

struct signal_window_item {
	struct signal_text *text;   /* ours */
	struct signal_origin *owed; /* ours; NULL: nobody waits */
};

struct signal_window {
	struct signal_window_item *items; /* a ring; NULL: empty */
	uint32_t head, count, room;       /* room: a power of two */
	uint32_t handed; /* of count: were given to a connection */
	size_t bytes;
	uint64_t gone; /* the last number that is not kept any more */
};

void signal_window_fini(struct signal_window *w);

/* The number of the latest. */
static inline uint64_t
signal_window_last(const struct signal_window *w)
{
	return w->gone + w->count;
}
/* Is there no place for a text of len bytes? */
bool signal_window_is_full(const struct signal_window *w, size_t len);
/* Adds text (takes one count when it succeeds); owed is copied, or NULL.
 * Returns 0 or ENOMEM. */
MUST_CHECK int signal_window_add(struct signal_window *w,
    struct signal_text *text, const struct signal_origin *owed);
/* Item i, the oldest is 0. */
struct signal_window_item *
signal_window_at(const struct signal_window *w, uint32_t i);
/* Forgets the oldest. */
void signal_window_shift(struct signal_window *w);
/* Numbers up to seq, but none that was not handed, have arrived. */
void signal_window_ack(struct signal_window *w, uint64_t seq);
/* The next number is used, and not kept; all before it are forgotten. */
void signal_window_skip(struct signal_window *w);
/* Item i goes to a connection: who waited is the caller's to tell. */
struct signal_origin *signal_window_settle(struct signal_window *w, uint32_t i);

#endif
