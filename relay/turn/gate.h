/*
 * gate: may a client have an allocation at all (RFC 8656, section 7.2; the
 * other supernode it is sent to: RFC 8489, section 10).
 *
 * The main thread sets the gate, workers look at it with each Allocate.
 */
#ifndef RELAY_TURN_GATE_H
#define RELAY_TURN_GATE_H

#include "common/code.h"
#include "turn/turn.h"

struct turn_request;

/* Of whom rq->id says it is.  Returns 0, 403, 508, or 300 and rq->alternate,
 * which is of the family of rq's client: relay.alternates in turn. */
MUST_CHECK int turn_gate_admit(struct turn_request *rq);

bool turn_gate_is_shut(const struct turn *t);

#endif
