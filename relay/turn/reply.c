#include "turn/reply.h"

#include <sys/socket.h>

#include "relay/snapshot.h"
#include "turn/context.h"
#include "turn/refusals.h"
#include "turn/request.h"
#include "turn/throttle.h"

enum { FINGERPRINT_LEN = 8 }; /* with its header */

/* May the source address be forged? */
static bool
is_unproved(const struct turn_request *rq)
{
	return !rq->is_authenticated && rq->flow->transport == NET_UDP;
}

/* How long the answer may become. */
static size_t
max_len(const struct turn_request *rq)
{
	const size_t ip = addr_family(&rq->flow->client) == AF_INET6
	    ? NET_WIRE_UDP6
	    : NET_WIRE_UDP4;

	if (!is_unproved(rq))
		return TURN_REPLY_MAX;
	return (rq->msg.len + ip) * TURN_REPLY_AMPLIFY_NUM /
	    TURN_REPLY_AMPLIFY_DEN -
	    ip;
}

bool
turn_reply_begin(
    struct turn_reply *r, const struct turn_request *rq, enum stun_class class)
{
	struct turn *t = rq->turn;

	if (is_unproved(rq) &&
	    !turn_throttle_take(t->shared->throttle, &rq->flow->client,
		t->conf->caps.unauthenticated, rq->now)) {
		stats_dropped(t->stats, STATS_DROP_THROTTLED);
		return false;
	}
	if (!net_buf(t->net, &r->buf, TURN_REPLY_MAX)) {
		stats_dropped(t->stats, STATS_DROP_NO_MEMORY);
		return false;
	}
	stun_msg_begin(&r->pen, r->buf.data, TURN_REPLY_MAX, rq->msg.method,
	    class, rq->msg.tid);
	return true;
}

bool
turn_reply_send(struct turn_reply *r, const struct turn_request *rq)
{
	struct turn *t = rq->turn;
	const size_t max = max_len(rq);
	size_t len;

	if (rq->is_authenticated)
		turn_auth_put_integrity(&r->pen, &rq->id);
	/* a fingerprint answers a fingerprint, where there is room */
	if (rq->msg.fingerprint != NULL &&
	    pen_len(&r->pen) + FINGERPRINT_LEN <= max)
		stun_put_fingerprint(&r->pen);
	if ((len = stun_msg_end(&r->pen)) == 0) {
		stats_dropped(t->stats, STATS_DROP_NO_MEMORY);
		return false;
	}
	if (len > max) {
		stats_dropped(t->stats, STATS_DROP_AMPLIFICATION);
		return false;
	}
	buf_put(&r->buf, len);
	net_send(t->net, rq->flow, &r->buf);
	return true;
}

/* The reason phrase is the first thing that a short answer goes without. */
static void
put_code(struct pen *p, const struct turn_request *rq, int code)
{
	const uint8_t bare[4] = { 0, 0, (uint8_t)(code / 100),
		(uint8_t)(code % 100) };

	if (is_unproved(rq)) {
		stun_put(p, STUN_ATTR_ERROR_CODE, bare, sizeof(bare));
		return;
	}
	stun_put_error(p, code);
}

/* False: realm and nonce do not fit. */
static bool
put_challenge(struct pen *p, const struct turn_request *rq)
{
	const struct pen before = *p;
	const size_t len = pen_len(p);
	const size_t max = max_len(rq);
	size_t room = max > len ? max - len : 0;

	if (rq->msg.fingerprint != NULL && room >= FINGERPRINT_LEN) {
		if (turn_auth_put_challenge(
			p, &rq->auth, room - FINGERPRINT_LEN))
			return true;
		*p = before;
	}
	return turn_auth_put_challenge(p, &rq->auth, room);
}

void
turn_reply_error(const struct turn_request *rq, int code)
{
	struct turn *t = rq->turn;
	struct turn_reply r;

	turn_refusals_add(t->refusals, rq, code);
	if (!turn_reply_begin(&r, rq, STUN_ERROR))
		return;
	put_code(&r.pen, rq, code);
	if (code == 300)
		stun_put_addr(
		    &r.pen, STUN_ATTR_ALTERNATE_SERVER, rq->alternate);
	if (code == 420)
		stun_put_unknown(&r.pen, rq->unknown, rq->unknown_count);
	if ((code == 401 || code == 438) && !put_challenge(&r.pen, rq)) {
		stats_dropped(t->stats, STATS_DROP_AMPLIFICATION);
		return;
	}
	if (turn_reply_send(&r, rq))
		stats_error(t->stats, code);
}
