#include "relay/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget/budget.h"
#include "common/mem.h"
#include "common/stun/msg.h"
#include "common/units.h"
#include "net/net.h"
#include "policy/policy.h"
#include "relay/consent.h"
#include "relay/control.h"
#include "relay/quota.h"
#include "relay/server.h"
#include "relay/worker.h"
#include "turn/turn.h"

struct row {
	struct turn_view view; /* user is set when it is shown */
	char user[TURN_USER_MAX];
};

struct question {
	char user[TURN_USER_MAX]; /* as it was asked */
	uint64_t id;              /* 0: no number */
	struct addr addr;         /* none: no address */
};

/* What one worker found. */
struct part {
	/* OWNER: its worker, until it is posted to main */
	const struct question *question;
	mono_ms now;
	unsigned row_count, refusal_count;
	unsigned rows_seen, refusals_seen;
	struct row rows[EXPLAIN_ALLOCATIONS_MAX];
	struct turn_refusal refusals[EXPLAIN_REFUSALS_MAX];
};

struct explain {
	/* FROZEN: after it was posted */
	struct server *server;
	struct question question;
	/* OWNER: main */
	struct list node; /* in the server's explains */
	struct control_call *call;
	unsigned waiting;
	/* OWNER: part[i], worker i */
	struct part part[];
};

void
explain_free_all(struct list *explains)
{
	while (!list_is_empty(explains)) {
		struct explain *e =
		    LIST_ITEM(explains->next, struct explain, node);

		list_remove(&e->node);
		mem_free(e);
	}
}

/* ---- in a worker */

/* A question without port means all of a host. */
static bool
is_addr(const struct question *q, const struct addr *a)
{
	if (addr_is_none(&q->addr) || addr_is_none(a))
		return false;
	return addr_port(&q->addr) != 0 ? addr_equal(&q->addr, a)
					: addr_equal_host(&q->addr, a);
}

static bool
is_meant(const struct question *q, const struct turn_view *v)
{
	if (!addr_is_none(&q->addr))
		return is_addr(q, &v->client) || is_addr(q, &v->relayed[0]) ||
		    is_addr(q, &v->relayed[1]);
	return (q->id != 0 && v->id == q->id) || strcmp(q->user, v->user) == 0;
}

static void
on_allocation(void *arg, const struct turn_view *v)
{
	struct part *p = arg;
	struct row *r;

	if (!is_meant(p->question, v))
		return;
	if (p->rows_seen++ >= EXPLAIN_ALLOCATIONS_MAX)
		return;
	r = &p->rows[p->row_count++];
	r->view = *v;
	snprintf(r->user, sizeof(r->user), "%s", v->user);
}

/* A name that was cut is compared as far as it is known. */
static bool
is_user(const struct question *q, const struct turn_refusal *one)
{
	const size_t len = strlen(q->user);

	if (one->user_len == TURN_REFUSALS_USER_MAX)
		return len >= one->user_len &&
		    memcmp(q->user, one->user, one->user_len) == 0;
	return len == one->user_len && memcmp(q->user, one->user, len) == 0;
}

/* A TURN REST name is "expiry:user": unproved ones are held whole. */
static bool
is_rest_user(const struct question *q, const struct turn_refusal *one)
{
	const char *colon = memchr(one->user, ':', one->user_len);
	struct turn_refusal rest = *one;

	if (colon == NULL || one->is_proved)
		return false;
	rest.user_len = (uint8_t)(one->user + one->user_len - colon - 1);
	memmove(rest.user, colon + 1, rest.user_len);
	return is_user(q, &rest);
}

static void
on_refusal(void *arg, const struct turn_refusal *one)
{
	struct part *p = arg;
	const struct question *q = p->question;

	if (!addr_is_none(&q->addr) ? !addr_equal_host(&q->addr, &one->client)
				    : !is_user(q, one) && !is_rest_user(q, one))
		return;
	if (p->refusals_seen++ < EXPLAIN_REFUSALS_MAX)
		p->refusals[p->refusal_count++] = *one;
}

static void on_part(void *context, void *arg);

static void
on_gather(void *context, void *arg)
{
	struct worker *w = context;
	struct explain *e = arg;
	struct part *p = &e->part[worker_index(w)];

	p->question = &e->question;
	p->now = worker_now(w);
	turn_list(worker_turn(w), on_allocation, p, p->now);
	turn_list_refusals(worker_turn(w), on_refusal, p);
	server_post(e->server, on_part, e);
}

/* ---- in the main thread: the answer */

/* A name that is no UTF-8 still shows, as what it has in ASCII. */
static json_t *
name_json(const char *name, size_t len)
{
	char plain[TURN_USER_MAX];
	json_t *whole = json_stringn(name, len);

	if (whole != NULL)
		return whole;
	for (size_t i = 0; i < len; i++)
		plain[i] = (unsigned char)name[i] < 0x80 ? name[i] : '?';
	return json_stringn(plain, len);
}

static json_t *
drops_json(const struct turn_drops *d)
{
	json_t *all = json_array();

	for (unsigned i = 0; i < TURN_DROPS_MAX && d->count[i] > 0; i++)
		json_array_append_new(all,
		    json_pack("{s:s,s:s,s:I}", "reason",
			stats_drop_label((enum stats_drop)d->why[i]), "meaning",
			stats_drop_help((enum stats_drop)d->why[i]), "packets",
			(json_int_t)d->count[i]));
	return all;
}

static json_t *
row_json(const struct row *r, unsigned worker)
{
	const struct turn_view *v = &r->view;
	char client[ADDR_TEXT_MAX], relayed[ADDR_TEXT_MAX];
	json_t *j;

	j = json_pack("{s:I,s:i,s:o,s:s,s:s,s:s,s:f,s:I,s:I,s:I,s:o}", "id",
	    (json_int_t)v->id, "worker", (int)worker, "user",
	    name_json(r->user, strlen(r->user)), "client",
	    addr_format(&v->client, client), "transport",
	    net_transport_name(v->transport), "relayed",
	    addr_format(&v->relayed[0], relayed), "age_s",
	    (double)v->age_ms / 1000, "up_packets", (json_int_t)v->up_packets,
	    "down_packets", (json_int_t)v->down_packets, "dropped",
	    (json_int_t)v->dropped, "drops", drops_json(&v->drops));
	return j;
}

/* The last one's words: an authentication that failed says why. */
static json_t *
refusal_json(const struct turn_refusal *one, mono_ms now)
{
	char client[ADDR_TEXT_MAX];

	return json_pack("{s:f,s:s,s:o,s:b,s:s,s:i,s:s,s:s,s:I}", "age_s",
	    (double)(now - one->at) / 1000, "client",
	    addr_format(&one->client, client), "user",
	    name_json(one->user, one->user_len), "is_proved", one->is_proved,
	    "request", stun_method_name((enum stun_method)one->method), "code",
	    (int)one->code, "meaning", code_text(one->code), "reason",
	    one->reason != NULL ? one->reason : "", "times",
	    (json_int_t)one->count);
}

static json_t *
host_json(const struct server *s)
{
	const struct consent_effect *now = consent_effect(s->consent);
	char rate[UNITS_TEXT_MAX];

	return json_pack("{s:b,s:s,s:s,s:s}", "relay", now->relay,
	    "relay_reason", now->relay_reason, "rate",
	    now->rate != 0 ? units_format_rate(now->rate, rate) : "unlimited",
	    "rate_reason", now->rate_reason);
}

/* What an address is when it is a peer. */
static const char *
peer_text(const struct server *s, const struct addr *peer)
{
	switch (policy_peer(s->policy, peer, addr_port(peer) != 0, false)) {
	case POLICY_ALLOW:
		return "allowed";
	case POLICY_DENY_RANGE:
		return "denied: a special range, or relay.deny";
	case POLICY_DENY_OWN:
		return "denied: this host itself";
	}
	return "?";
}

/* What a user's account says: caps and quotas of his own. */
struct account {
	const struct question *question;
	bool is_known;
	struct budget_account found; /* but for its name */
};

static void
on_account(void *arg, const struct budget_account *a)
{
	struct account *x = arg;

	if (strlen(x->question->user) != a->len ||
	    memcmp(x->question->user, a->name, a->len) != 0)
		return;
	x->found = *a;
	x->is_known = true;
}

static json_t *
account_json(const struct server *s, const struct question *q)
{
	static const char *const states[] = { [BUDGET_OPEN] = "open",
		[BUDGET_TRICKLE] = "trickle",
		[BUDGET_BARRED] = "barred" };
	struct account x = { .question = q };
	const struct budget_account *a = &x.found;

	budget_host_users(s->budget, on_account, &x);
	if (!x.is_known)
		x.found.state =
		    quota_user_state(s->quota, q->user, strlen(q->user));
	if (!x.is_known && a->state == BUDGET_OPEN)
		return NULL;
	return json_pack("{s:i,s:s,s:I,s:I,s:I,s:I,s:I}", "allocations",
	    (int)a->allocations, "state", states[a->state], "in_bytes",
	    (json_int_t)a->bytes[STATS_IN], "out_bytes",
	    (json_int_t)a->bytes[STATS_OUT], "dropped", (json_int_t)a->dropped,
	    "rate_bit_s", (json_int_t)a->rate, "share_bit_s",
	    (json_int_t)a->share);
}

static json_t *
answer_json(const struct explain *e)
{
	const struct server *s = e->server;
	json_t *rows = json_array(), *refusals = json_array();
	json_t *answer, *account;
	bool is_cut = false;

	for (unsigned i = 0; i < s->worker_count; i++) {
		const struct part *p = &e->part[i];

		for (unsigned k = 0; k < p->row_count; k++)
			json_array_append_new(rows, row_json(&p->rows[k], i));
		for (unsigned k = 0; k < p->refusal_count; k++)
			json_array_append_new(
			    refusals, refusal_json(&p->refusals[k], p->now));
		is_cut = is_cut || p->rows_seen > p->row_count ||
		    p->refusals_seen > p->refusal_count;
	}
	answer = json_pack("{s:o,s:o,s:o,s:b,s:o}", "what",
	    name_json(e->question.user, strlen(e->question.user)),
	    "allocations", rows, "refusals", refusals, "truncated", is_cut,
	    "host", host_json(s));
	if ((account = account_json(s, &e->question)) != NULL)
		json_object_set_new(answer, "account", account);
	if (!addr_is_none(&e->question.addr))
		json_object_set_new(answer, "as_peer",
		    json_string(peer_text(s, &e->question.addr)));
	return answer;
}

/* A worker's part is in; the last one lets us answer. */
static void
on_part(void *context, void *arg)
{
	struct explain *e = arg;

	(void)context;
	if (--e->waiting > 0)
		return;
	control_answer(e->call, answer_json(e));
	list_remove(&e->node);
	mem_free(e);
}

static void
read_question(struct question *q, const char *what)
{
	char *end;

	snprintf(q->user, sizeof(q->user), "%s", what);
	if (addr_parse(&q->addr, what) != 0)
		q->addr = (struct addr){ 0 };
	errno = 0;
	q->id = strtoull(what, &end, 10);
	if (errno != 0 || *end != '\0' || what[0] < '0' || what[0] > '9')
		q->id = 0;
}

void
explain_begin(struct server *s, struct control_call *call, const char *what)
{
	struct explain *e;

	e = mem_try(1, sizeof(*e) + s->worker_count * sizeof(e->part[0]));
	if (e == NULL) {
		control_refuse(call, "out of memory");
		return;
	}
	e->server = s;
	read_question(&e->question, what);
	e->call = call;
	e->waiting = s->worker_count;
	list_append(&s->explains, &e->node);
	server_post_all(s, on_gather, e);
}
