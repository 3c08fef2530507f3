#include "turn/turn.h"

#include <string.h>

#include "common/entropy.h"
#include "common/mem.h"
#include "common/pool.h"
#include "common/secret.h"
#include "common/stun/channel.h"
#include "common/table.h"
#include "policy/policy.h"
#include "relay/snapshot.h"
#include "turn/alloc.h"
#include "turn/context.h"
#include "turn/hairpin.h"
#include "turn/recent.h"
#include "turn/refusals.h"
#include "turn/relay.h"
#include "turn/reply.h"
#include "turn/request.h"
#include "turn/serve.h"
#include "turn/throttle.h"

enum {
	/* reservations nobody claimed are given back this often */
	SWEEP_MS = 1000,
	FLOWS_ROOM = 64, /* entries the table starts with */
	WORKER_SHIFT = 48,
	/* RFC 7983: what the first byte of a packet says */
	FIRST_STUN_MAX = 3,
	FIRST_CHANNEL_MIN = 0x40,
	FIRST_CHANNEL_MAX = 0x7F, /* 0x50-0x7F: RFC 5766 */
};

/* ---- shared by all workers */

struct turn_shared *
turn_shared_new(const struct snapshot *conf)
{
	struct turn_shared *s;

	if ((s = mem_try_aligned(sizeof(*s))) == NULL)
		return NULL;
	if ((s->ports = turn_ports_new(conf)) == NULL ||
	    (s->throttle = turn_throttle_new()) == NULL ||
	    (s->hairpin = turn_hairpin_new(conf->node.workers)) == NULL)
		goto fail;
	entropy_fill(s->nonce_key.bytes, sizeof(s->nonce_key.bytes));
	turn_shared_gate(
	    s, conf->relay.enabled ? TURN_GATE_OPEN : TURN_GATE_SHUT);
	return s;

fail:
	turn_shared_free(s);
	return NULL;
}

void
turn_shared_bar(struct turn_shared *s, struct barred *b)
{
	s->barred = b;
}

void
turn_shared_free(struct turn_shared *s)
{
	if (s == NULL)
		return;
	turn_ports_free(s->ports);
	turn_throttle_free(s->throttle);
	turn_hairpin_free(s->hairpin);
	secret_wipe(&s->nonce_key, sizeof(s->nonce_key));
	mem_free(s);
}

/* ---- one per worker */

static bool
is_flow(const void *item, const void *key)
{
	const struct turn_alloc *al = item;

	return turn_session_is(&al->session, key);
}

/* Ends those that test names. */
typedef bool alloc_test(struct turn_alloc *al, const struct snapshot *conf);

static void
close_where(struct turn *t, alloc_test *test, const struct snapshot *conf,
    const char *why)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE (n, tmp, &t->allocs) {
		struct turn_alloc *al = LIST_ITEM(n, struct turn_alloc, node);

		if (test(al, conf))
			turn_alloc_close(al, why);
	}
}

static bool
is_barred(struct turn_alloc *al, const struct snapshot *conf)
{
	(void)conf;
	return budget_is_barred(al->turn->budget, &al->chain);
}

static void
on_sweep(struct wheel_timer *timer, mono_ms now)
{
	struct turn *t = LIST_ITEM(timer, struct turn, sweep);

	/* the first time: made by the main thread, run by its worker's */
	if (!t->owner.bound)
		owner_bind(&t->owner);
	turn_ports_expire(t->shared->ports, now);
	if (budget_has_barred(t->budget))
		close_where(t, is_barred, t->conf, "quota used up");
	wheel_set(t->wheel, &t->sweep, now + SWEEP_MS, on_sweep);
}

static void
init(struct turn *t, const struct turn_config *config)
{
	t->net = config->net;
	t->wheel = config->wheel;
	t->stats = config->stats;
	t->budget = config->budget;
	t->shared = config->shared;
	t->audit = config->audit;
	t->conf = config->conf;
	t->policy = config->policy;
	t->worker = config->worker;
	t->alternate = config->worker; /* not all at the first one */
	t->next_id = (uint64_t)config->worker << WORKER_SHIFT;
	list_init(&t->allocs);
	entropy_fill(t->tid, sizeof(t->tid));
}

static void
watch_memory(struct turn *t)
{
	struct stats *s = t->stats;

	table_watch(t->flows, stats_memory(s, MEMORY_TABLES));
	pool_watch(t->alloc_pool, stats_memory(s, MEMORY_ALLOCATIONS));
	pool_watch(t->perm_pool, stats_memory(s, MEMORY_PERMISSIONS));
	pool_watch(t->channel_pool, stats_memory(s, MEMORY_CHANNELS));
}

struct turn *
turn_new(const struct turn_config *config)
{
	struct turn *t;

	if ((t = mem_try_aligned(sizeof(*t))) == NULL)
		return NULL;
	init(t, config);
	if ((t->flows = table_new(FLOWS_ROOM, is_flow)) == NULL ||
	    (t->recent = mem_try_aligned(sizeof(*t->recent))) == NULL ||
	    (t->refusals = turn_refusals_new()) == NULL ||
	    (t->alloc_pool = pool_new(sizeof(struct turn_alloc), 0)) == NULL ||
	    (t->perm_pool = pool_new(sizeof(struct turn_perm), 0)) == NULL ||
	    (t->channel_pool = pool_new(sizeof(struct turn_channel), 0)) ==
		NULL)
		goto fail;
	watch_memory(t);
	/* first at once: the time is not known here */
	wheel_set(t->wheel, &t->sweep, 0, on_sweep);
	turn_hairpin_join(t, config->mailbox);
	return t;

fail:
	turn_free(t);
	return NULL;
}

static bool
is_any(struct turn_alloc *al, const struct snapshot *conf)
{
	(void)al;
	(void)conf;
	return true;
}

void
turn_free(struct turn *t)
{
	if (t == NULL)
		return;
	close_where(t, is_any, t->conf, "shut down");
	turn_hairpin_leave(t);
	wheel_stop(t->wheel, &t->sweep);
	table_free(t->flows);
	turn_refusals_free(t->refusals);
	mem_free(t->recent);
	pool_free(t->alloc_pool);
	pool_free(t->perm_pool);
	pool_free(t->channel_pool);
	mem_free(t);
}

void
turn_end(struct turn *t, const char *why)
{
	OWNER_CHECK(t);
	close_where(t, is_any, t->conf, why);
}

size_t
turn_end_user(struct turn *t, const char *user, size_t len, const char *why)
{
	struct list *n, *tmp;
	size_t count = 0;

	OWNER_CHECK(t);
	LIST_EACH_SAFE (n, tmp, &t->allocs) {
		struct turn_alloc *al = LIST_ITEM(n, struct turn_alloc, node);

		if (!turn_session_is_of(&al->session, user, len))
			continue;
		turn_alloc_close(al, why);
		count++;
	}
	return count;
}

/* ---- a new configuration */

static const struct snapshot_user *
static_user(const struct turn_alloc *al, const struct snapshot *conf)
{
	const struct turn_session *s = &al->session;

	return snapshot_user(conf, s->username, s->username_len);
}

/* A TURN REST name has an expiry, a static user has none. */
static bool
is_user_gone(struct turn_alloc *al, const struct snapshot *conf)
{
	return al->session.expiry == 0 && static_user(al, conf) == NULL;
}

/* Is its client now in a network that may not? */
static bool
is_outside(struct turn_alloc *al, const struct snapshot *conf)
{
	(void)conf;
	turn_alloc_locate(al);
	return !policy_client_may(al->turn->policy, al->chain.network);
}

/* The key that was remembered may be wrong now: the next request takes the
 * long way.  TURN REST: only when no secret was replaced, or a call that
 * outlives its credential would lose its permissions. */
static void
forget_keys(struct turn *t, const struct snapshot *conf)
{
	const bool keep_rest = snapshot_has_same_secrets(t->conf, conf) &&
	    strcmp(t->conf->node.realm, conf->node.realm) == 0;
	struct list *n;

	LIST_EACH (n, &t->allocs) {
		struct turn_alloc *al = LIST_ITEM(n, struct turn_alloc, node);

		if (al->session.expiry == 0 || !keep_rest)
			turn_session_forget(&al->session);
	}
}

void
turn_apply(struct turn *t, const struct snapshot *conf,
    const struct policy *policy, mono_ms now)
{
	OWNER_CHECK(t);
	(void)now;
	close_where(t, is_user_gone, conf, "user removed");
	forget_keys(t, conf);
	t->conf = conf;
	t->policy = policy;
	t->generation++;
	close_where(t, is_outside, conf, "network does not relay");
}

/* ---- requests */

enum need { NEED_NOTHING, NEED_USER, NEED_ALLOC };

struct row {
	enum stun_method method;
	enum need need;
	int (*serve)(struct turn_request *rq);
};

static const struct row rows[] = {
	{ STUN_BINDING, NEED_NOTHING, turn_serve_binding },
	{ STUN_ALLOCATE, NEED_USER, turn_serve_allocate },
	{ STUN_REFRESH, NEED_ALLOC, turn_serve_refresh },
	{ STUN_CREATE_PERMISSION, NEED_ALLOC, turn_serve_permission },
	{ STUN_CHANNEL_BIND, NEED_ALLOC, turn_serve_channel },
};

static const struct row *
find_row(enum stun_method method)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].method == method)
			return &rows[i];
	}
	return NULL;
}

/* In the order of RFC 8489, section 6.3, and RFC 8656, section 5. */
static int
serve(struct turn_request *rq, const struct row *row)
{
	int rc;

	if (row->need >= NEED_USER && (rc = turn_request_authenticate(rq)) != 0)
		return rc;
	if ((rc = turn_request_know(rq)) != 0)
		return rc;
	if (row->need >= NEED_ALLOC && (rc = turn_request_own(rq)) != 0)
		return rc;
	return row->serve(rq);
}

static void
on_request(struct turn_request *rq)
{
	struct turn *t = rq->turn;
	const struct row *row = find_row(rq->msg.method);
	int rc;

	/* a method that is not supported is discarded (RFC 8489, section
	 * 6.3); RFC 6062 is off */
	if (row == NULL) {
		stats_dropped(t->stats, STATS_DROP_MALFORMED);
		return;
	}
	stats_count(t->stats, STATS_REQUESTS, 1);
	if (row->need > NEED_NOTHING)
		rq->alloc = turn_alloc_find(t, rq->flow);
	if ((rc = serve(rq, row)) != 0)
		turn_reply_error(rq, rc);
}

/* ---- packets */

static void
on_indication(struct turn_request *rq, struct buf *b)
{
	switch ((unsigned)rq->msg.method) {
	case STUN_BINDING: /* keeps a NAT binding alive */
		return;
	case STUN_SEND:
		turn_relay_send(rq->turn, rq->flow, &rq->msg, b, rq->now);
		return;
	}
	stats_dropped(rq->turn->stats, STATS_DROP_MALFORMED);
}

static void
on_stun(struct turn *t, const struct net_flow *from, struct buf *b, mono_ms now)
{
	struct turn_request rq;

	/* not initialised as a whole: it is large and this runs for each
	 * Send indication */
	if (stun_msg_parse(&rq.msg, b->data, b->len) != 0) {
		stats_dropped(t->stats, STATS_DROP_MALFORMED);
		return;
	}
	rq.turn = t;
	rq.flow = from;
	rq.alloc = NULL;
	rq.now = now;
	rq.is_authenticated = false;
	rq.auth_failure = STATS_AUTH_COUNT;
	rq.unknown_count = 0;
	switch (rq.msg.class) {
	case STUN_REQUEST:
		on_request(&rq);
		return;
	case STUN_INDICATION:
		on_indication(&rq, b);
		return;
	case STUN_SUCCESS:
	case STUN_ERROR:
		stats_dropped(t->stats, STATS_DROP_RESPONSE);
		return;
	}
}

void
turn_message(void *arg, const struct net_flow *from, struct buf *b, mono_ms now)
{
	struct turn *t = arg;
	const uint8_t first = b->len > 0 ? b->data[0] : UINT8_MAX;

	if (first <= FIRST_STUN_MAX)
		on_stun(t, from, b, now);
	else if (first >= FIRST_CHANNEL_MIN && first <= FIRST_CHANNEL_MAX)
		turn_relay_channel(t, from, b, now);
	else
		stats_dropped(t->stats, STATS_DROP_NOT_STUN);
}

void
turn_closed(void *arg, const struct net_flow *flow, mono_ms now)
{
	struct turn *t = arg;
	struct turn_alloc *al = turn_alloc_find(t, flow);

	(void)now;
	if (al == NULL)
		return;
	al->session.flow.conn = NULL;
	turn_alloc_close(al, "connection closed");
}

size_t
turn_room(struct turn *t, const struct net_flow *flow, enum stats_dir dir)
{
	struct turn_alloc *al = turn_alloc_find(t, flow);
	const int64_t now_us = net_now_us(t->net);

	return al == NULL
	    ? budget_room(t->budget, dir, now_us)
	    : budget_stream_room(t->budget, &al->chain, dir, now_us);
}

void
turn_charge(struct turn *t, const struct net_flow *flow, size_t wire)
{
	struct turn_alloc *al = turn_alloc_find(t, flow);

	if (al != NULL)
		budget_stream_charge(
		    t->budget, &al->chain, wire, net_now_us(t->net));
}

void
turn_turn_end(struct turn *t)
{
	turn_hairpin_flush(t);
}

void
turn_relayed(void *arg, void *owner, const struct addr *peer, struct buf *b)
{
	struct turn *t = arg;

	turn_relay_down(owner, peer, b, net_now(t->net));
}

void
turn_relayed_icmp(void *arg, void *owner, const struct net_icmp *e)
{
	struct turn *t = arg;

	turn_relay_icmp(owner, e, net_now(t->net));
}

/* ---- what an operator sees */

static void
show(const struct turn_alloc *al, turn_view_fn *fn, void *arg, mono_ms now)
{
	const struct turn_session *s = &al->session;
	char user[TURN_USER_MAX];
	struct turn_view v = { .id = al->id,
		.user = user,
		.client = s->flow.client,
		.transport = s->flow.transport,
		.permissions = turn_perm_count(&al->perms, now),
		.channels = turn_channel_count(&al->channels, now),
		.expires_ms = (int64_t)turn_alloc_left_s(al, now) * 1000,
		.age_ms = now - al->opened,
		.up_packets = al->up_packets,
		.up_bytes = al->up_bytes,
		.down_packets = al->down_packets,
		.down_bytes = al->down_bytes,
		.dropped = al->dropped,
		.drops = al->drops };
	unsigned n = 0;

	memcpy(user, s->username + s->user_at, s->user_len);
	user[s->user_len] = '\0';
	for (unsigned i = 0; i < TURN_ALLOC_LEGS; i++) {
		if (!turn_leg_is_open(&al->legs[i]))
			continue;
		v.relayed[n] = al->legs[i].at;
		turn_ports_outside(al->turn->shared->ports, &v.relayed[n++]);
	}
	fn(arg, &v);
}

void
turn_list(struct turn *t, turn_view_fn *fn, void *arg, mono_ms now)
{
	struct list *n;

	OWNER_CHECK(t);
	LIST_EACH (n, &t->allocs)
		show(LIST_ITEM(n, struct turn_alloc, node), fn, arg, now);
}

void
turn_list_refusals(struct turn *t, turn_refusal_fn *fn, void *arg)
{
	OWNER_CHECK(t);
	turn_refusals_each(t->refusals, fn, arg);
}
