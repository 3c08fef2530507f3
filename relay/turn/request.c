#include "turn/request.h"

#include "turn/alloc.h"
#include "turn/context.h"
#include "turn/want.h"

/*
 * A credential that has expired opens nothing and keeps nothing alive, but
 * does not end what runs: permissions and channels of a running call are
 * served, and so is the Refresh that ends it.
 */
static bool
is_too_late(const struct turn_request *rq, const struct turn_session *s)
{
	uint32_t lifetime;

	if (s->expiry == 0 || rq->auth.wall_s < s->expiry ||
	    rq->msg.method != STUN_REFRESH)
		return false;
	return turn_want_lifetime(&lifetime, &rq->msg, true) != 0 ||
	    lifetime != 0;
}

int
turn_request_authenticate(struct turn_request *rq)
{
	struct turn_session *s = rq->alloc ? &rq->alloc->session : NULL;
	struct turn *t = rq->turn;
	enum stats_auth why;
	int rc;

	rq->auth = (struct turn_auth_input){ .msg = &rq->msg,
		.client = &rq->flow->client,
		.conf = t->conf,
		.nonce_key = &t->shared->nonce_key,
		.mono_s = rq->now / 1000,
		.wall_s = mono_wall_s() };
	if (s != NULL && rq->msg.method != STUN_ALLOCATE &&
	    !is_too_late(rq, s)) {
		rq->auth.wall_s = 0; /* expiry is not asked here */
		if (turn_session_auth(&rq->id, s, &rq->auth)) {
			rq->is_authenticated = true;
			return 0;
		}
	}
	if ((rc = turn_auth_check(&rq->id, &why, &rq->auth)) != 0) {
		stats_add(&t->stats->auth[why], 1);
		rq->auth_failure = why;
		return rc;
	}
	rq->is_authenticated = true;
	if (s != NULL && turn_session_belongs(s, &rq->id))
		turn_session_remember(s, &rq->id);
	return 0;
}

int
turn_request_know(struct turn_request *rq)
{
	rq->unknown_count = stun_msg_unknown(&rq->msg, rq->unknown);
	return rq->unknown_count == 0 ? 0 : 420;
}

int
turn_request_own(const struct turn_request *rq)
{
	if (rq->alloc == NULL)
		return 437;
	return turn_session_belongs(&rq->alloc->session, &rq->id) ? 0 : 441;
}
