/*
 * waiting: messages for names that are not there, for a short while: at the
 * worker that the name hashes to, in memory, bounded by number, bytes and
 * time.  Then the sender hears that the peer is offline.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_WAITING_H
#define RELAY_SIGNALLING_WAITING_H

#include <stddef.h>

#include "common/code.h"

struct signal_estate;
struct signal_send;
struct signalling;

enum {
	/* of one worker, beside signalling.waiting for each name */
	SIGNAL_WAITING_NAMES = 16 * 1024,
	SIGNAL_WAITING_BYTES = 32 * 1024 * 1024,
};

/* Sets s->waiting.  Returns 0 or ENOMEM. */
MUST_CHECK int signal_waiting_init(struct signalling *s);
void signal_waiting_fini(struct signalling *s);

/* Nobody is there for send: it waits, or is answered.  Returns 0, or ENOENT:
 * it does not wait, and is still to be answered. */
MUST_CHECK int
signal_waiting_keep(struct signalling *s, const struct signal_send *send);
/* e's name is there: what waits for it comes. */
void signal_waiting_call(struct signalling *s, const struct signal_estate *e);

#endif
