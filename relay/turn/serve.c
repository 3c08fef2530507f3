#include "turn/serve.h"

#include <string.h>

#include "common/log.h"
#include "common/stun/attr.h"
#include "common/stun/channel.h"
#include "turn/alloc.h"
#include "turn/context.h"
#include "turn/gate.h"
#include "turn/peer.h"
#include "turn/reply.h"
#include "turn/request.h"
#include "turn/want.h"

int
turn_serve_binding(struct turn_request *rq)
{
	struct turn_reply r;

	if (!turn_reply_begin(&r, rq, STUN_SUCCESS))
		return 0;
	stun_put_xor_addr(&r.pen, STUN_ATTR_XOR_MAPPED_ADDRESS,
	    &rq->flow->client, rq->msg.tid);
	if (turn_reply_send(&r, rq))
		stats_count(rq->turn->stats, STATS_BINDINGS, 1);
	return 0;
}

/* ---- Allocate */

static void
put_relayed(struct turn_reply *r, const struct turn_request *rq)
{
	for (unsigned i = 0; i < TURN_ALLOC_LEGS; i++) {
		struct addr shown = rq->alloc->legs[i].at;

		if (!turn_leg_is_open(&rq->alloc->legs[i]))
			continue;
		turn_ports_outside(rq->turn->shared->ports, &shown);
		stun_put_xor_addr(&r->pen, STUN_ATTR_XOR_RELAYED_ADDRESS,
		    &shown, rq->msg.tid);
	}
}

/* Answers for rq->alloc; a retransmission gets the same once more. */
static void
reply_allocated(const struct turn_request *rq)
{
	const struct turn_alloc *al = rq->alloc;
	struct turn_reply r;

	if (!turn_reply_begin(&r, rq, STUN_SUCCESS))
		return;
	put_relayed(&r, rq);
	stun_put_u32(
	    &r.pen, STUN_ATTR_LIFETIME, turn_alloc_left_s(al, rq->now));
	if (al->has_token)
		stun_put(&r.pen, STUN_ATTR_RESERVATION_TOKEN, al->token,
		    sizeof(al->token));
	stun_put_xor_addr(&r.pen, STUN_ATTR_XOR_MAPPED_ADDRESS,
	    &rq->flow->client, rq->msg.tid);
	if (al->missing != 0)
		stun_put_address_error(&r.pen,
		    turn_leg_is_open(&al->legs[0]) ? STUN_FAMILY_IPV6
						   : STUN_FAMILY_IPV4,
		    al->missing);
	turn_reply_send(&r, rq);
}

static bool
is_retransmission(const struct turn_request *rq)
{
	return memcmp(rq->alloc->tid, rq->msg.tid, STUN_TID_LEN) == 0 &&
	    turn_session_belongs(&rq->alloc->session, &rq->id);
}

int
turn_serve_allocate(struct turn_request *rq)
{
	struct turn_want want;
	int rc;

	if (rq->alloc != NULL) {
		if (!is_retransmission(rq))
			return 437;
		reply_allocated(rq);
		return 0;
	}
	if ((rc = turn_gate_admit(rq)) != 0 ||
	    (rc = turn_want_read(&want, &rq->msg)) != 0 ||
	    (rc = turn_alloc_open(&rq->alloc, rq, &want)) != 0)
		return rc;
	reply_allocated(rq);
	return 0;
}

/* ---- Refresh */

/* REQUESTED-ADDRESS-FAMILY of a Refresh: AF_INET, AF_INET6, or 0 for all. */
static int
read_family(int *out, const struct stun_msg *m)
{
	const struct stun_attr *a =
	    stun_msg_find(m, STUN_ATTR_REQUESTED_ADDRESS_FAMILY);
	uint8_t family;

	*out = 0;
	if (a == NULL)
		return 0;
	if (stun_attr_family(&family, a) != 0)
		return 400;
	if (family != STUN_FAMILY_IPV4 && family != STUN_FAMILY_IPV6)
		return 443;
	*out = family == STUN_FAMILY_IPV4 ? AF_INET : AF_INET6;
	return 0;
}

int
turn_serve_refresh(struct turn_request *rq)
{
	struct turn_alloc *al = rq->alloc;
	struct turn_reply r;
	uint32_t lifetime;
	int family, rc;

	if ((rc = turn_want_lifetime(&lifetime, &rq->msg, true)) != 0 ||
	    (rc = read_family(&family, &rq->msg)) != 0 ||
	    (rc = turn_alloc_refresh(al, family, lifetime, rq->now)) != 0)
		return rc;
	if (lifetime == 0)
		rq->alloc = NULL; /* may be gone */
	if (!turn_reply_begin(&r, rq, STUN_SUCCESS))
		return 0;
	stun_put_u32(&r.pen, STUN_ATTR_LIFETIME, lifetime);
	turn_reply_send(&r, rq);
	return 0;
}

/* ---- permissions and channels */

static void
reply_empty(const struct turn_request *rq)
{
	struct turn_reply r;

	if (turn_reply_begin(&r, rq, STUN_SUCCESS))
		turn_reply_send(&r, rq);
}

static int
deny(const struct turn_request *rq, const struct addr *peer)
{
	char user[TURN_SESSION_LABEL_MAX];
	char client[ADDR_TEXT_MAX], denied[ADDR_TEXT_MAX];

	log_limited(LOG_LEVEL_WARN,
	    "turn: peer denied peer=%s user=%s client=%s request=%s",
	    addr_format(peer, denied),
	    turn_session_label(&rq->alloc->session, user),
	    addr_format(&rq->flow->client, client),
	    stun_method_name(rq->msg.method));
	return 403;
}

/* The permission of peer, not granted yet: 0, 403 or 508. */
static int
prepare(struct turn_perm **out, const struct turn_request *rq,
    const struct addr *peer)
{
	const int rc = turn_perm_get(out, &rq->alloc->perms, peer, rq->now);

	return rc == 403 ? deny(rq, peer) : rc;
}

static const struct stun_attr *
first_peer(const struct turn_request *rq)
{
	return stun_msg_find(&rq->msg, STUN_ATTR_XOR_PEER_ADDRESS);
}

int
turn_serve_permission(struct turn_request *rq)
{
	const struct stun_attr *a = first_peer(rq);
	struct turn_perm *perms[STUN_ATTRS_MAX];
	unsigned count = 0;
	struct addr peer;
	int rc;

	turn_perm_sweep(&rq->alloc->perms, rq->now);
	/* all of them can be had... */
	do {
		rc = turn_peer_read(&peer, rq->alloc, &rq->msg, a);
		if (rc != 0 || (rc = prepare(&perms[count], rq, &peer)) != 0)
			return rc;
		count++;
	} while ((a = stun_msg_find_next(&rq->msg, a)) != NULL);

	/* ...so they are granted */
	while (count > 0)
		turn_perm_refresh(perms[--count], rq->now);
	reply_empty(rq);
	return 0;
}

static int
read_channel(uint16_t *out, const struct stun_msg *m)
{
	const struct stun_attr *a = stun_msg_find(m, STUN_ATTR_CHANNEL_NUMBER);

	if (a == NULL || stun_attr_channel(out, a) != 0 ||
	    !stun_channel_is_valid(*out))
		return 400;
	return 0;
}

int
turn_serve_channel(struct turn_request *rq)
{
	struct turn_perm *perm;
	struct addr peer;
	uint16_t number;
	int rc;

	if ((rc = read_channel(&number, &rq->msg)) != 0 ||
	    (rc = turn_peer_read(&peer, rq->alloc, &rq->msg, first_peer(rq))) !=
		0)
		return rc;
	if (!turn_peer_is_allowed(rq->turn, &peer))
		return deny(rq, &peer);
	turn_perm_sweep(&rq->alloc->perms, rq->now);
	if ((rc = prepare(&perm, rq, &peer)) != 0 ||
	    (rc = turn_channel_bind(
		 &rq->alloc->channels, number, &peer, perm, rq->now)) != 0)
		return rc;
	turn_perm_refresh(perm, rq->now);
	reply_empty(rq);
	return 0;
}
