/*
 * delivery: brings a message to the sessions of a name, here and at other
 * workers.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_DELIVERY_H
#define RELAY_SIGNALLING_DELIVERY_H

#include <stdbool.h>

#include "common/code.h"
#include "directory/directory.h"
#include "signalling/window.h"

struct signal_session;
struct signal_text;
struct signalling;

enum { SIGNAL_HOPS_MAX = 3 }; /* after a session that moves on */

struct signal_send {
	struct directory_name to;
	uint64_t session;         /* 0: all of the name's */
	struct signal_text *text; /* borrowed: proto_write_message's */
	struct signal_origin origin;
};

/* Sends to all that are there, and answers origin; false: nobody is, and
 * nothing was done. */
bool
signal_delivery_route(struct signalling *s, const struct signal_send *send);

/* Hands text to ss, or keeps it until ss is back.  Returns 0 (handed over),
 * EINPROGRESS (kept: owed will be answered) or ENOBUFS. */
MUST_CHECK int signal_delivery_give(struct signal_session *ss,
    struct signal_text *text, const struct signal_origin *owed);

/* Hands over again what ss has kept, in order, and answers who waits. */
void signal_delivery_replay(struct signal_session *ss);

#endif
