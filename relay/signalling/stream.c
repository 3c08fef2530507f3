#include "signalling/stream.h"

#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "common/table.h"
#include "policy/policy.h"
#include "signalling/door.h"
#include "signalling/end.h"
#include "signalling/parcel.h"

enum {
	SWEEP_MS = 1000,
	/* ids of allocations have the worker there, too */
	WORKER_SHIFT = 48,
	/* no allocation's id has it */
	STREAM_SHIFT = 47,
};

/* ---- ending some */

typedef bool pick_fn(const struct signal_end *e, const void *arg);

static struct signal_end *
find_where(struct signal_streams *st, pick_fn *pick, const void *arg)
{
	struct list *n;

	LIST_EACH (n, &st->all) {
		struct signal_end *e = LIST_ITEM(n, struct signal_end, node);

		if (pick(e, arg))
			return e;
	}
	return NULL;
}

/* Each one that ends may take others along, so there is no going on. */
static size_t
end_where(struct signal_streams *st, pick_fn *pick, const void *arg,
    unsigned code, const char *why)
{
	struct signal_end *e;
	size_t count = 0;

	while ((e = find_where(st, pick, arg)) != NULL) {
		signal_end_close(e, code, why);
		count++;
	}
	return count;
}

static bool
is_any(const struct signal_end *e, const void *arg)
{
	(void)e;
	(void)arg;
	return true;
}

static bool
is_of(const struct signal_end *e, const void *name)
{
	return strcmp(e->name, name) == 0;
}

static bool
is_barred(const struct signal_end *e, const void *arg)
{
	(void)arg;
	return budget_splice_is_barred(e->s->config.budget, &e->chain);
}

static bool
may_not(const struct signal_end *e, const void *arg)
{
	(void)arg;
	return !signal_end_may(e);
}

size_t
signal_stream_kick(struct signalling *s, const char *name, size_t len)
{
	char text[SIGNAL_TICKET_NAME_MAX + 1];

	if (len >= sizeof(text))
		return 0;
	memcpy(text, name, len);
	text[len] = '\0';
	return end_where(s->streams, is_of, text, PROTO_CLOSE_POLICY, "kicked");
}

size_t
signal_stream_end_all(struct signalling *s, unsigned code, const char *why)
{
	return end_where(s->streams, is_any, NULL, code, why);
}

void
signal_stream_apply(struct signalling *s)
{
	struct list *n;

	LIST_EACH (n, &s->streams->all)
		signal_end_locate(LIST_ITEM(n, struct signal_end, node));
	end_where(s->streams, may_not, NULL, PROTO_CLOSE_POLICY,
	    "not relayed any more");
}

/* ---- life */

static bool
is_end(const void *item, const void *key)
{
	const struct signal_end *e = item;

	return memcmp(&e->place.number, key, sizeof(e->place.number)) == 0;
}

/* Quotas end what they have barred. */
static void
on_sweep(struct wheel_timer *t, mono_ms now)
{
	struct signal_streams *st = LIST_ITEM(t, struct signal_streams, sweep);
	const size_t count =
	    end_where(st, is_barred, NULL, PROTO_CLOSE_QUOTA, "no quota left");

	for (size_t i = 0; i < count; i++)
		stats_dropped(st->s->config.stats, STATS_DROP_QUOTA);
	if (!list_is_empty(&st->all))
		wheel_set(
		    st->s->config.wheel, &st->sweep, now + SWEEP_MS, on_sweep);
}

struct signal_streams *
signal_streams_new(struct signalling *s)
{
	struct signal_streams *st = mem_try(1, sizeof(*st));

	if (st == NULL)
		return NULL;
	st->s = s;
	st->last = (uint64_t)s->config.worker << WORKER_SHIFT |
	    UINT64_C(1) << STREAM_SHIFT;
	list_init(&st->all);
	list_init(&st->dead);
	if ((st->ends = table_new(16, is_end)) != NULL)
		return st;
	mem_free(st);
	return NULL;
}

void
signal_streams_free(struct signal_streams *st)
{
	if (st == NULL)
		return;
	end_where(st, is_any, NULL, PROTO_CLOSE_DRAIN, "going down");
	while (!list_is_empty(&st->dead))
		signal_end_free(
		    LIST_ITEM(st->dead.next, struct signal_end, node));
	signal_queue_drain(&st->unsent);
	wheel_stop(st->s->config.wheel, &st->retry);
	wheel_stop(st->s->config.wheel, &st->sweep);
	table_free(st->ends);
	mem_free(st);
}

/* ---- asking for one */

static enum proto_code
gate_code(enum signalling_gate gate)
{
	switch (gate) {
	case SIGNALLING_GATE_QUOTA:
		return PROTO_QUOTA_EXHAUSTED;
	case SIGNALLING_GATE_DRAIN:
		return PROTO_DRAINING;
	case SIGNALLING_GATE_OPEN:
	case SIGNALLING_GATE_OFF:
		break;
	}
	return PROTO_RELAY_OFF;
}

static enum signalling_gate
gate_of(const struct signalling *s)
{
	if (s->is_draining)
		return SIGNALLING_GATE_DRAIN;
	return (enum signalling_gate)atomic_load(&s->shared->gate);
}

bool
signal_stream_begin(struct signalling *s, const struct signal_party *asker,
    const struct signal_party *partner, struct signal_ticket_pair *out,
    enum proto_code *why)
{
	const struct signal_party parties[2] = { *asker, *partner };
	int rc;

	if (gate_of(s) != SIGNALLING_GATE_OPEN) {
		*why = gate_code(gate_of(s));
		return false;
	}
	rc = signal_ticket_issue(
	    out, s->shared->tickets, parties, signalling_now(s));
	if (rc != 0)
		*why = rc == ENOMEM ? PROTO_INTERNAL : PROTO_RATE_LIMITED;
	return rc == 0;
}

/* ---- its WebSockets */

static void
answer(
    struct net_web *w, unsigned status, const char *headers, const char *text)
{
	net_web_answer(w, status, "text/plain; charset=utf-8", headers, text,
	    strlen(text));
}

/* May there be a new one now?  Else r is answered. */
static bool
may_open(struct signalling *s, struct net_web *w, const struct net_request *r)
{
	const enum signalling_gate gate = gate_of(s);

	if (!r->is_upgrade)
		answer(w, 426, "Upgrade: websocket\r\n", "a WebSocket only\n");
	else if (gate == SIGNALLING_GATE_OFF)
		answer(w, 403, NULL, "relaying is off\n");
	else if (gate != SIGNALLING_GATE_OPEN)
		answer(w, 503, "Retry-After: 30\r\n", "nothing new for now\n");
	else
		return true;
	return false;
}

static void
refuse(struct net_web *w, int code)
{
	if (code == 403)
		answer(w, 403, NULL, "not relayed from there\n");
	else if (code == 486)
		answer(w, 429, "Retry-After: 30\r\n",
		    "no quota left, or too many\n");
	else
		answer(w, 503, "Retry-After: 5\r\n", "no room\n");
}

/* Who has come with it finds nobody, for we have no room. */
static void
call_off(struct signalling *s, const struct signal_ticket_grant *grant)
{
	struct signal_parcel *bye;

	signal_ticket_leave(s->shared->tickets, grant->pair);
	if (grant->other.number == 0 ||
	    (bye = signal_parcel_new(SIGNAL_PARCEL_BYE, 0)) == NULL)
		return;
	bye->to = grant->other;
	bye->amount = PROTO_CLOSE_TRY_LATER;
	signal_parcel_send(s->streams, bye);
}

static void
open_end(struct signalling *s, struct net_web *w, const struct net_request *r,
    const struct signal_ticket_grant *grant, uint64_t number)
{
	static const char protocol[] = "supernode.v1";
	struct signal_streams *st = s->streams;
	struct net_web_accept accept = {
		/* browsers fail without one they asked for */
		.subprotocol = signal_door_offers(r->protocols, protocol)
		    ? protocol
		    : NULL,
		.ops = &signal_end_ops,
		.message_max = SIGNAL_STREAM_MESSAGE_MAX,
		.out_max = SIGNAL_STREAM_OUT,
		.parts = SIGNAL_STREAM_PIECE,
	};
	struct signal_end *e;
	int rc;

	if ((rc = signal_end_open(&e, s, grant, r->flow, number)) != 0) {
		call_off(s, grant);
		refuse(w, rc);
		return;
	}
	accept.owner = e;
	if (net_web_accept(w, &accept) != 0) {
		call_off(s, grant);
		signal_end_close(e, PROTO_CLOSE_TRY_LATER, "no room");
		refuse(w, ENOMEM);
		return;
	}
	signal_end_begin(e, w, grant);
	if (!wheel_is_set(&st->sweep))
		wheel_set(s->config.wheel, &st->sweep,
		    signalling_now(s) + SWEEP_MS, on_sweep);
}

void
signal_stream_request(
    struct signalling *s, struct net_web *w, const struct net_request *r)
{
	static const char below[] = "/stream/";
	const char *ticket = r->path + sizeof(below) - 1;
	struct signal_ticket_grant grant;
	struct signal_place place = { .worker = s->config.worker };
	int rc;

	if (!may_open(s, w, r))
		return;
	place.number = ++s->streams->last;
	if (s->config.policy != NULL)
		place.network =
		    policy_network(s->config.policy, &r->flow->client);
	rc = signal_ticket_use(
	    &grant, s->shared->tickets, ticket, &place, signalling_now(s));
	if (rc == 0) {
		open_end(s, w, r, &grant, place.number);
		return;
	}
	stats_dropped(s->config.stats, STATS_DROP_TICKET);
	if (rc == ESTALE)
		answer(w, 410, NULL, "used, or too late\n");
	else
		answer(w, 404, NULL, "no such ticket\n");
}

/* ---- accounting */

bool
signal_stream_room(struct signalling *s, const struct net_flow *flow,
    enum stats_dir dir, size_t *room)
{
	struct signal_end *e = net_web_owner(flow, &signal_end_ops);

	if (e == NULL)
		return false;
	*room = budget_splice_room(
	    s->config.budget, &e->chain, dir, net_now_us(s->config.net));
	return true;
}

void
signal_stream_charge(struct signalling *s, const struct net_flow *flow,
    enum stats_dir dir, size_t wire)
{
	struct signal_end *e = net_web_owner(flow, &signal_end_ops);

	if (e != NULL)
		budget_splice_charge(s->config.budget, &e->chain, dir, wire,
		    net_now_us(s->config.net));
}
