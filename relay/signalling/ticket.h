/*
 * ticket: what opens one end of a stream, once: 128 random bits in base64url.
 * Two make a pair; each is for one side.
 *
 * They are shared by all workers, since nobody knows to which one a
 * WebSocket will come.  SHARED: lock tickets.
 */
#ifndef RELAY_SIGNALLING_TICKET_H
#define RELAY_SIGNALLING_TICKET_H

#include <stddef.h>
#include <stdint.h>

#include "common/code.h"
#include "common/mono.h"

struct signal_tickets;

enum {
	SIGNAL_TICKET_LEN = 16,
	SIGNAL_TICKET_TEXT = 22, /* without the NUL */
	SIGNAL_TICKET_MS = 30 * 1000,
	/* so long it is known that it was used, or came too late; shorter, if
	 * its pair has to make room */
	SIGNAL_TICKET_KEPT_MS = 2 * SIGNAL_TICKET_MS,
	SIGNAL_TICKET_PAIRS_MAX = 8192,
	/* asked for by one session, and not taken by both sides yet */
	SIGNAL_TICKET_OPEN_MAX = 16,
	SIGNAL_TICKET_NAME_MAX = 255,
};

/* Where an end is; number 0: nowhere yet. */
struct signal_place {
	unsigned worker;
	uint64_t number;  /* unique in the worker */
	unsigned network; /* of its client; 0: none */
};

/* Whose side it is; the first one asked for the stream. */
struct signal_party {
	const char *name; /* terminated, borrowed */
	uint64_t session;
};

struct signal_ticket_pair {
	char of[2][SIGNAL_TICKET_TEXT + 1];
};

/* What using one gives. */
struct signal_ticket_grant {
	uint64_t pair;
	unsigned side;
	char name[SIGNAL_TICKET_NAME_MAX + 1]; /* who the ticket was for */
	struct signal_place other;
	mono_ms expires; /* the other side's ticket */
};

/* Returns NULL when memory is short. */
struct signal_tickets *signal_tickets_new(void);
void signal_tickets_free(struct signal_tickets *t);

/* Returns 0; EDQUOT (the asking session has too many), ENOSPC (all have) or
 * ENOMEM. */
MUST_CHECK int
signal_ticket_issue(struct signal_ticket_pair *out, struct signal_tickets *t,
    const struct signal_party parties[2], mono_ms now);

/* The end at place has come with text.  Returns 0; ENOENT (no such ticket) or
 * ESTALE (used, too late, or the other side came and went). */
MUST_CHECK int
signal_ticket_use(struct signal_ticket_grant *out, struct signal_tickets *t,
    const char *text, const struct signal_place *place, mono_ms now);

/* The side that came has gone before its partner was there. */
void signal_ticket_leave(struct signal_tickets *t, uint64_t pair);

/* Pairs that are known, for tests. */
size_t signal_tickets_count(struct signal_tickets *t);

#endif
