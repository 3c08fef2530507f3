#include "turn/alloc.h"

#include <string.h>

#include "budget/budget.h"
#include "common/pool.h"
#include "common/table.h"
#include "policy/policy.h"
#include "turn/context.h"
#include "turn/recent.h"
#include "turn/report.h"
#include "turn/request.h"
#include "turn/want.h"

enum { MS = 1000 }; /* a second */

struct turn_alloc *
turn_alloc_find(struct turn *t, const struct net_flow *flow)
{
	const uint32_t tag = turn_recent_tag(flow);
	struct turn_alloc *al = turn_recent_find(t->recent, flow, tag);

	if (al != NULL)
		return al;
	al = table_find(t->flows, turn_session_hash(flow), flow);
	if (al != NULL)
		turn_recent_note(t->recent, al, tag);
	return al;
}

static bool
is_stream(const struct turn_alloc *al)
{
	return al->session.flow.conn != NULL;
}

/* ---- opening */

static void arm(struct turn_alloc *al, mono_ms now);

static int
open_leg(struct turn_alloc *al, int family, const struct turn_want *want,
    mono_ms now)
{
	const struct turn_leg_want leg = {
		.family = family, .ports = want->ports, .token = al->token
	};
	struct turn_leg *to = &al->legs[family == AF_INET6];
	int rc;

	if ((rc = turn_leg_open(to, al->turn, &leg, now)) != 0)
		return rc;
	if (want->ports == TURN_PORTS_PAIR)
		al->has_token = true;
	return 0;
}

/* Only the reservation knows which family it is of. */
static int
open_reserved(struct turn_alloc *al, const uint8_t *token, mono_ms now)
{
	struct turn *t = al->turn;
	struct addr at;

	if (turn_ports_redeem(&at, t->shared->ports, token, now) != 0 ||
	    turn_leg_adopt(&al->legs[addr_family(&at) == AF_INET6], t, &at) !=
		0)
		return 508;
	return 0;
}

/* One of two is enough; the client is told which one is missing and why. */
static int
open_both(struct turn_alloc *al, const struct turn_want *want, mono_ms now)
{
	const int rc4 = open_leg(al, AF_INET, want, now);
	const int rc6 = open_leg(al, AF_INET6, want, now);

	if (rc4 != 0 && rc6 != 0)
		return rc4;
	al->missing = (int16_t)(rc4 != 0 ? rc4 : rc6);
	return 0;
}

static int
open_legs(struct turn_alloc *al, const struct turn_want *want, mono_ms now)
{
	if (want->token != NULL)
		return open_reserved(al, want->token, now);
	if (want->v4 && want->v6)
		return open_both(al, want, now);
	return open_leg(al, want->v6 ? AF_INET6 : AF_INET, want, now);
}

void
turn_alloc_locate(struct turn_alloc *al)
{
	al->chain.network =
	    policy_network(al->turn->policy, &al->session.flow.client);
	al->perms.client = al->chain.network;
}

static void
init(struct turn_alloc *al, const struct turn_request *rq,
    const struct turn_want *want)
{
	al->turn = rq->turn;
	al->id = ++rq->turn->next_id;
	al->opened = rq->now;
	memcpy(al->tid, rq->msg.tid, STUN_TID_LEN);
	turn_perm_init(&al->perms, rq->turn);
	turn_channel_init(&al->channels, rq->turn);
	for (unsigned i = 0; i < TURN_ALLOC_LEGS; i++) {
		al->legs[i].alloc = al;
		al->legs[i].expires = rq->now + (mono_ms)want->lifetime_s * MS;
	}
}

/* From here on the allocation can be found. */
static void
publish(struct turn_alloc *al, mono_ms now)
{
	struct turn *t = al->turn;

	list_append(&t->allocs, &al->node);
	arm(al, now);
	if (is_stream(al))
		net_keep(t->net, &al->session.flow, true);
	stats_count(t->stats, STATS_ALLOCATIONS_TOTAL, 1);
	stats_count(t->stats, STATS_ALLOCATIONS, 1);
	turn_report_open(al);
}

int
turn_alloc_open(struct turn_alloc **out, const struct turn_request *rq,
    const struct turn_want *want)
{
	struct turn *t = rq->turn;
	struct turn_alloc *al;
	int rc;

	OWNER_CHECK(t);
	if ((al = pool_get(t->alloc_pool)) == NULL)
		return 508;
	init(al, rq, want);
	if ((rc = turn_session_init(&al->session, rq->flow, &rq->id)) != 0)
		goto fail;
	turn_alloc_locate(al);
	if (!policy_client_may(t->policy, al->chain.network)) {
		rc = 403;
		goto fail;
	}
	if ((rc = budget_admit(
		 t->budget, &al->chain, rq->id.user, rq->id.user_len)) != 0)
		goto fail;
	if ((rc = open_legs(al, want, rq->now)) != 0)
		goto fail;
	if (table_add(t->flows, turn_session_hash(rq->flow), al) != 0) {
		rc = 508;
		goto fail;
	}
	publish(al, rq->now);
	*out = al;
	return 0;

fail:
	turn_alloc_close(al, "refused");
	return rc;
}

/* ---- ending */

/* The counterpart of publish. */
static void
withdraw(struct turn_alloc *al, const char *why)
{
	struct turn *t = al->turn;

	list_remove(&al->node);
	turn_recent_forget(t->recent, al);
	table_remove(t->flows, turn_session_hash(&al->session.flow), al);
	wheel_stop(t->wheel, &al->timer);
	if (is_stream(al))
		net_keep(t->net, &al->session.flow, false);
	stats_count(t->stats, STATS_ALLOCATIONS, -1);
	turn_report_close(al, why);
}

void
turn_alloc_close(struct turn_alloc *al, const char *why)
{
	struct turn *t;

	if (al == NULL)
		return;
	t = al->turn;
	if (list_is_linked(&al->node))
		withdraw(al, why);
	turn_channel_fini(&al->channels);
	turn_perm_fini(&al->perms);
	for (unsigned i = 0; i < TURN_ALLOC_LEGS; i++)
		turn_leg_close(&al->legs[i], t);
	budget_release(t->budget, &al->chain);
	turn_session_fini(&al->session);
	pool_put(t->alloc_pool, al);
}

/* ---- lifetime */

static bool
has_leg(const struct turn_alloc *al)
{
	return turn_leg_is_open(&al->legs[0]) || turn_leg_is_open(&al->legs[1]);
}

/* What hangs on one address goes with it and leaves the other alone (RFC
 * 8656, section 8). */
static void
close_leg(struct turn_alloc *al, unsigned i)
{
	const int family = i == 0 ? AF_INET : AF_INET6;

	turn_channel_drop(&al->channels, family);
	turn_perm_drop(&al->perms, family);
	turn_leg_close(&al->legs[i], al->turn);
}

static void
on_timer(struct wheel_timer *timer, mono_ms now)
{
	struct turn_alloc *al = LIST_ITEM(timer, struct turn_alloc, timer);

	for (unsigned i = 0; i < TURN_ALLOC_LEGS; i++) {
		if (turn_leg_is_open(&al->legs[i]) &&
		    now >= al->legs[i].expires)
			close_leg(al, i);
	}
	if (!has_leg(al)) {
		turn_alloc_close(al, "expired");
		return;
	}
	turn_channel_sweep(&al->channels, now);
	turn_perm_sweep(&al->perms, now);
	arm(al, now);
}

/* One timer: the next sweep, or the end of a leg before that. */
static void
arm(struct turn_alloc *al, mono_ms now)
{
	mono_ms due = now + TURN_ALLOC_SWEEP_MS;

	for (unsigned i = 0; i < TURN_ALLOC_LEGS; i++) {
		if (turn_leg_is_open(&al->legs[i]) && al->legs[i].expires < due)
			due = al->legs[i].expires;
	}
	wheel_set(al->turn->wheel, &al->timer, due, on_timer);
}

int
turn_alloc_refresh(
    struct turn_alloc *al, int family, uint32_t lifetime_s, mono_ms now)
{
	if (family != 0 && turn_alloc_leg(al, family) == NULL)
		return 443;
	for (unsigned i = 0; i < TURN_ALLOC_LEGS; i++) {
		if (family != 0 && i != (family == AF_INET6))
			continue;
		al->legs[i].expires = now + (mono_ms)lifetime_s * MS;
		if (lifetime_s == 0)
			close_leg(al, i);
	}
	if (!has_leg(al)) {
		turn_alloc_close(al, "deleted by its client");
		return 0;
	}
	arm(al, now);
	return 0;
}

uint32_t
turn_alloc_left_s(const struct turn_alloc *al, mono_ms now)
{
	mono_ms end = now;

	for (unsigned i = 0; i < TURN_ALLOC_LEGS; i++) {
		if (turn_leg_is_open(&al->legs[i]) && al->legs[i].expires > end)
			end = al->legs[i].expires;
	}
	return (uint32_t)((end - now + MS - 1) / MS);
}
