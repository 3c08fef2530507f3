/*
 * request: one request while it is being answered.
 */
#ifndef RELAY_TURN_REQUEST_H
#define RELAY_TURN_REQUEST_H

#include "common/mono.h"
#include "common/stun/msg.h"
#include "turn/auth.h"

struct turn;
struct turn_alloc;

struct turn_request {
	struct turn *turn; /* borrowed, as all here */
	const struct net_flow *flow;
	struct turn_alloc *alloc; /* of flow, or NULL */
	mono_ms now;
	const struct addr *alternate; /* set with 300 */
	bool is_authenticated;
	struct turn_identity id; /* set when it is */
	struct turn_auth_input auth;
	enum stats_auth auth_failure; /* STATS_AUTH_COUNT: none */
	unsigned unknown_count;
	uint16_t unknown[STUN_UNKNOWN_MAX];
	struct stun_msg msg;
};

/* Proves who sent rq.  Returns 0, 400, 401 or 438. */
MUST_CHECK int turn_request_authenticate(struct turn_request *rq);

/* Returns 0, or 420 and fills rq->unknown. */
MUST_CHECK int turn_request_know(struct turn_request *rq);

/* May rq use its allocation?  Returns 0, 437 (there is none) or 441
 * (another user's). */
MUST_CHECK int turn_request_own(const struct turn_request *rq);

#endif
