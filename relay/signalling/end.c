#include "signalling/end.h"

#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "common/table.h"
#include "policy/policy.h"
#include "signalling/end_report.h"
#include "signalling/parcel.h"
#include "signalling/splice.h"

static struct wheel *
wheel_of(const struct signal_end *e)
{
	return e->s->config.wheel;
}

static void
count(const struct signal_end *e, enum stats_counter c, int64_t n)
{
	stats_count(e->s->config.stats, c, n);
}

struct signal_end *
signal_end_find(const struct signal_streams *st, uint64_t number)
{
	return table_find(
	    st->ends, table_hash(&number, sizeof(number)), &number);
}

/* ---- beginning */

void
signal_end_locate(struct signal_end *e)
{
	const struct policy *policy = e->s->config.policy;

	/* until it is known by these numbers, the other end has none */
	e->chain.peer_network = 0;
	if (policy != NULL)
		e->chain.network = policy_network(policy, &e->client);
	e->place.network = e->chain.network;
}

bool
signal_end_may(const struct signal_end *e)
{
	const struct policy *policy = e->s->config.policy;

	return policy == NULL || policy_client_may(policy, e->chain.network);
}

static int
enrol(struct signal_end *e)
{
	struct signal_streams *st = e->s->streams;
	const uint64_t number = e->place.number;

	if (table_add(st->ends, table_hash(&number, sizeof(number)), e) != 0)
		return ENOMEM;
	list_append(&st->all, &e->node);
	return 0;
}

int
signal_end_open(struct signal_end **out, struct signalling *s,
    const struct signal_ticket_grant *grant, const struct net_flow *flow,
    uint64_t number)
{
	const size_t name_len = strlen(grant->name);
	struct signal_end *e = mem_try(1, sizeof(*e) + name_len + 1);
	int rc = ENOMEM;

	if (e == NULL)
		return ENOMEM;
	e->s = s;
	e->place = (struct signal_place){ .worker = s->config.worker,
		.number = number };
	e->pair = grant->pair;
	e->client = flow->client;
	e->transport = flow->transport;
	e->opened = signalling_now(s);
	memcpy(e->name, grant->name, name_len);
	e->hello = signal_parcel_new(SIGNAL_PARCEL_HELLO, 0);
	e->bye = signal_parcel_new(SIGNAL_PARCEL_BYE, 0);
	if (e->hello == NULL || e->bye == NULL)
		goto fail;
	signal_end_locate(e);
	if (!signal_end_may(e)) {
		rc = 403;
		goto fail;
	}
	if ((rc = budget_admit(
		 s->config.budget, &e->chain, e->name, name_len)) != 0)
		goto fail;
	if (budget_splice_is_barred(s->config.budget, &e->chain)) {
		rc = 486;
		goto fail;
	}
	if ((rc = enrol(e)) != 0)
		goto fail;
	mem_use_one(stats_memory(s->config.stats, MEMORY_STREAMS), 1, e);
	count(e, STATS_STREAM_ENDS, 1);
	*out = e;
	return 0;

fail:
	budget_release(s->config.budget, &e->chain);
	signal_parcel_free(e->hello);
	signal_parcel_free(e->bye);
	mem_free(e);
	return rc;
}

static void on_timer(struct wheel_timer *t, mono_ms now);

static void
arm(struct signal_end *e, mono_ms due)
{
	wheel_set(wheel_of(e), &e->timer, due, on_timer);
}

/* From now on it may send, and be sent to. */
static void
start(struct signal_end *e, const struct signal_place *other)
{
	e->state = SIGNAL_END_JOINED;
	e->other = *other;
	e->chain.peer_network = (uint16_t)other->network;
	arm(e, signalling_now(e->s) + SIGNAL_STREAM_PING_MS);
	signal_splice_credited(e, (size_t)signal_splice_credit(e));
}

void
signal_end_begin(struct signal_end *e, struct net_web *w,
    const struct signal_ticket_grant *grant)
{
	struct signal_parcel *hello = e->hello;

	e->web = w;
	e->is_held = true;
	net_web_hold(w, true);
	signal_end_report_open(e);
	if (grant->other.number == 0) {
		arm(e, grant->expires + SIGNAL_END_SLACK_MS);
		return;
	}
	hello->to = grant->other;
	hello->from = e->place;
	hello->client = e->client;
	hello->network = e->chain.network;
	e->hello = NULL;
	start(e, &grant->other);
	signal_parcel_send(e->s->streams, hello);
}

void
signal_end_join(struct signal_end *e, const struct signal_parcel *p)
{
	const struct policy *policy = e->s->config.policy;

	if (e->state != SIGNAL_END_WAITING)
		return;
	start(e, &p->from);
	count(e, STATS_STREAMS_TOTAL, 1);
	/* relay.members-only */
	if (policy != NULL &&
	    !policy_pair_may(
		policy, e->chain.network, &p->client, p->network)) {
		stats_dropped(e->s->config.stats, STATS_DROP_NETWORK);
		signal_end_close(
		    e, PROTO_CLOSE_POLICY, "no end is in a network of ours");
	}
}

/* ---- ending */

void
signal_end_free(struct signal_end *e)
{
	list_remove(&e->node);
	wheel_stop(wheel_of(e), &e->timer);
	signal_parcel_free(e->hello);
	signal_parcel_free(e->bye);
	mem_use_one(stats_memory(e->s->config.stats, MEMORY_STREAMS), -1, e);
	mem_free(e);
}

static void
on_buried(struct wheel_timer *t, mono_ms now)
{
	(void)now;
	signal_end_free(LIST_ITEM(t, struct signal_end, timer));
}

static void
say_bye(struct signal_end *e, unsigned code)
{
	struct signal_parcel *bye = e->bye;

	if (e->other.number == 0)
		return;
	bye->to = e->other;
	bye->amount = code;
	e->other.number = 0;
	e->bye = NULL;
	signal_parcel_send(e->s->streams, bye);
}

/* Its WebSocket is gone, by code.  Whoever calls us may still look at it. */
static void
finish(struct signal_end *e, unsigned code, const char *why)
{
	struct signal_streams *st = e->s->streams;
	const uint64_t number = e->place.number;

	if (e->state == SIGNAL_END_WAITING)
		signal_ticket_leave(e->s->shared->tickets, e->pair);
	e->state = SIGNAL_END_GONE;
	e->web = NULL;
	table_remove(st->ends, table_hash(&number, sizeof(number)), e);
	list_remove(&e->node);
	list_append(&st->dead, &e->node);
	signal_queue_drain(&e->queue);
	say_bye(e, code);
	signal_end_report_close(e, why);
	count(e, STATS_STREAM_ENDS, -1);
	budget_release(e->s->config.budget, &e->chain);
	wheel_set(wheel_of(e), &e->timer, signalling_now(e->s), on_buried);
}

void
signal_end_close(struct signal_end *e, unsigned code, const char *why)
{
	if (e->state == SIGNAL_END_GONE)
		return;
	if (e->web != NULL)
		net_web_close(e->web, code, why);
	finish(e, code, why);
}

static size_t
waiting(const struct signal_end *e)
{
	return e->queue.cost + net_web_waiting(e->web);
}

void
signal_end_settle(struct signal_end *e)
{
	const mono_ms now = signalling_now(e->s);
	size_t left;

	if (e->state != SIGNAL_END_LEAVING)
		return;
	if ((left = waiting(e)) < e->waited) {
		e->waited = left;
		e->moved = now;
	}
	if (left > 0 && now - e->moved < SIGNAL_STREAM_LINGER_MS) {
		arm(e, now + SIGNAL_END_POLL_MS);
		return;
	}
	if (left > 0)
		stats_dropped(e->s->config.stats, STATS_DROP_SPLICE_STUCK);
	signal_end_close(e, e->code, e->why);
}

void
signal_end_leave(struct signal_end *e, unsigned code, const char *why)
{
	if (e->state == SIGNAL_END_LEAVING || e->state == SIGNAL_END_GONE)
		return;
	e->state = SIGNAL_END_LEAVING;
	e->code = code;
	e->why = why;
	e->waited = waiting(e);
	e->moved = signalling_now(e->s);
	net_web_hold(e->web, true);
	signal_end_settle(e);
}

void
signal_end_lose(struct signal_end *e, unsigned code)
{
	e->other.number = 0;
	/* 1000, or a close frame without a code */
	if (code == PROTO_CLOSE_NORMAL || code == 1005)
		signal_end_leave(e, PROTO_CLOSE_NORMAL, "the other end closed");
	else
		signal_end_leave(e, PROTO_CLOSE_DRAIN, "the other end is gone");
}

/* ---- is it there? */

void
signal_end_hear(struct signal_end *e)
{
	e->missed = 0;
}

/* Of one whose sending is held back an answer could not be read. */
static void
ask(struct signal_end *e, mono_ms now)
{
	const unsigned max =
	    waiting(e) > 0 ? SIGNAL_STREAM_STUCK_MAX : SIGNAL_STREAM_MISSED_MAX;

	if (e->missed >= max) {
		stats_dropped(e->s->config.stats, STATS_DROP_SPLICE_STUCK);
		signal_end_close(e, PROTO_CLOSE_DRAIN, "nobody answers");
		return;
	}
	if (!e->is_held) {
		e->missed++;
		net_web_ping(e->web, NULL, 0);
	}
	arm(e, now + SIGNAL_STREAM_PING_MS);
}

static void
on_timer(struct wheel_timer *t, mono_ms now)
{
	struct signal_end *e = LIST_ITEM(t, struct signal_end, timer);

	switch (e->state) {
	case SIGNAL_END_WAITING:
		stats_dropped(e->s->config.stats, STATS_DROP_SPLICE_ALONE);
		signal_end_close(
		    e, PROTO_CLOSE_TRY_LATER, "the other end did not come");
		return;
	case SIGNAL_END_JOINED:
		ask(e, now);
		return;
	case SIGNAL_END_LEAVING:
		signal_end_settle(e);
		return;
	case SIGNAL_END_GONE:
		return;
	}
}

/* ---- what net tells */

static void
on_message(void *owner, const struct net_web_data *d)
{
	signal_splice_take(owner, d);
}

static void
on_pong(void *owner, const uint8_t *data, size_t len)
{
	(void)data;
	(void)len;
	signal_end_hear(owner);
}

static void
on_drained(void *owner)
{
	signal_end_hear(owner);
	signal_splice_pump(owner);
}

static void
on_closed(void *owner, unsigned code)
{
	finish(owner, code, "closed by its client");
}

const struct net_web_ops signal_end_ops = {
	.message = on_message,
	.pong = on_pong,
	.drained = on_drained,
	.closed = on_closed,
};
