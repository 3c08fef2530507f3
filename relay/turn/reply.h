/*
 * reply: the answer to one request.
 *
 * Over UDP, before the sender has authenticated, an answer may go to a
 * victim whose address was forged: these answers have a budget per source
 * prefix and are at most 2.5 times the request, counted on the wire.
 */
#ifndef RELAY_TURN_REPLY_H
#define RELAY_TURN_REPLY_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/cursor.h"
#include "common/stun/msg.h"

struct turn_request;

enum {
	/* Largest answer: Allocate with two addresses, token, a reason and
	 * SHA-256 is below 250 bytes, 401 with a realm of 40 below 200 */
	TURN_REPLY_MAX = 600,
	TURN_REPLY_AMPLIFY_NUM = 5, /* 5/2 = 2.5 times the request */
	TURN_REPLY_AMPLIFY_DEN = 2,
};

struct turn_reply {
	struct buf buf;
	struct pen pen; /* append attributes here */
};

/* False: there must be no answer (counted). */
MUST_CHECK bool turn_reply_begin(
    struct turn_reply *r, const struct turn_request *rq, enum stun_class class);
/* Adds integrity and fingerprint where they belong and sends; false when it
 * was dropped instead (counted). */
bool turn_reply_send(struct turn_reply *r, const struct turn_request *rq);

/* Answers code (300-699) with what belongs to it.  The one place that
 * answers errors. */
void turn_reply_error(const struct turn_request *rq, int code);

#endif
