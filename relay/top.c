#include "relay/top.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "relay/control.h"
#include "relay/server.h"
#include "relay/worker.h"
#include "signalling/signalling.h"
#include "turn/turn.h"

enum { MARKS_MIN = 64 };

/* What moved until the first look. */
struct mark {
	uint64_t id; /* of a session, or an allocation */
	uint64_t in, out;
};

struct row {
	const char *kind; /* constant */
	char name[TURN_USER_MAX];
	struct addr client;
	uint64_t in, out; /* since the first look */
};

/* Of one worker. */
struct part {
	/* OWNER: its worker, until it is posted to main */
	struct mark *marks;
	size_t count, room;
	mono_ms looked;
	int64_t took_ms;  /* between the looks */
	struct row *rows; /* the largest first */
	size_t row_count;
	bool is_second;
	bool is_short;
};

struct top {
	/* FROZEN: after it was posted */
	struct server *server;
	size_t limit;
	/* OWNER: main */
	struct list node; /* in the server's tops */
	struct control_call *call;
	struct event *second;
	unsigned waiting;
	bool has_looked; /* once */
	/* OWNER: part[i], worker i */
	struct part part[];
};

/* What a worker is at. */
struct visit {
	const struct top *top;
	struct part *part;
};

static void
free_top(struct top *t)
{
	for (unsigned i = 0; i < t->server->worker_count; i++) {
		mem_free(t->part[i].marks);
		mem_free(t->part[i].rows);
	}
	if (t->second != NULL)
		event_free(t->second);
	list_remove(&t->node);
	mem_free(t);
}

void
top_free_all(struct list *tops)
{
	while (!list_is_empty(tops))
		free_top(LIST_ITEM(tops->next, struct top, node));
}

/* ---- in a worker: the first look */

static void
add_mark(struct part *p, const struct mark *m)
{
	const size_t room = p->room == 0 ? MARKS_MIN : 2 * p->room;
	struct mark *more;

	if (p->count == p->room) {
		if ((more = mem_try(room, sizeof(*more))) == NULL) {
			p->is_short = true;
			return;
		}
		if (p->count > 0)
			memcpy(more, p->marks, p->count * sizeof(*more));
		mem_free(p->marks);
		p->marks = more;
		p->room = room;
	}
	p->marks[p->count++] = *m;
}

static int
by_id(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* ---- the second */

static bool
is_less(const struct row *a, const struct row *b)
{
	return a->in + a->out < b->in + b->out;
}

/* Puts r among the largest, if it is one of them. */
static void
keep(const struct visit *v, const struct row *r)
{
	struct part *p = v->part;
	size_t at = p->row_count;

	if (r->in + r->out == 0)
		return;
	if (at == v->top->limit) {
		if (!is_less(&p->rows[at - 1], r))
			return;
		at--;
	} else {
		p->row_count++;
	}
	for (; at > 0 && is_less(&p->rows[at - 1], r); at--)
		p->rows[at] = p->rows[at - 1];
	p->rows[at] = *r;
}

/* What is new since the first look counts whole. */
static void
compare(const struct visit *v, const struct mark *now, struct row *r)
{
	const struct part *p = v->part;
	const struct mark *m = p->count == 0
	    ? NULL
	    : bsearch(now, p->marks, p->count, sizeof(*m), by_id);

	r->in = now->in - (m != NULL ? m->in : 0);
	r->out = now->out - (m != NULL ? m->out : 0);
	keep(v, r);
}

/* ---- either look */

static void
see_session(void *arg, const struct signalling_view *s)
{
	const struct visit *v = arg;
	const struct mark m = {
		.id = s->session, .in = s->bytes_in, .out = s->bytes_out
	};
	struct row r = { .kind = "session", .client = s->client };

	if (!v->part->is_second) {
		add_mark(v->part, &m);
		return;
	}
	strncpy(r.name, s->name, sizeof(r.name) - 1);
	compare(v, &m, &r);
}

static void
see_allocation(void *arg, const struct turn_view *a)
{
	const struct visit *v = arg;
	const struct mark m = {
		.id = a->id, .in = a->up_bytes, .out = a->down_bytes
	};
	struct row r = { .kind = "allocation", .client = a->client };

	if (!v->part->is_second) {
		add_mark(v->part, &m);
		return;
	}
	strncpy(r.name, a->user, sizeof(r.name) - 1);
	compare(v, &m, &r);
}

static void on_part(void *context, void *arg);

static void
on_look(void *context, void *arg)
{
	struct worker *w = context;
	struct top *t = arg;
	struct visit v = { .top = t, .part = &t->part[worker_index(w)] };
	const mono_ms now = worker_now(w);

	if (v.part->is_second) {
		v.part->took_ms = now - v.part->looked;
		v.part->rows = mem_try(t->limit, sizeof(struct row));
		v.part->is_short |= v.part->rows == NULL;
	}
	v.part->looked = now;
	if (!v.part->is_short && worker_signalling(w) != NULL)
		signalling_list(worker_signalling(w), see_session, &v, now);
	if (!v.part->is_short)
		turn_list(worker_turn(w), see_allocation, &v, now);
	if (!v.part->is_second && v.part->count > 0)
		qsort(v.part->marks, v.part->count, sizeof(struct mark), by_id);
	v.part->is_second = true;
	server_post(t->server, on_part, t);
}

/* ---- in the main thread */

static json_int_t
rate_of(uint64_t bytes, int64_t ms)
{
	return (json_int_t)(bytes * 8 * 1000 / (uint64_t)(ms > 0 ? ms : 1));
}

static json_t *
row_json(const struct part *p, const struct row *r)
{
	char client[ADDR_TEXT_MAX];

	/* NULL for a name that is no UTF-8: it is left out */
	return json_pack("{s:s,s:s,s:s,s:I,s:I}", "name", r->name, "kind",
	    r->kind, "client", addr_format(&r->client, client), "in_bit_s",
	    rate_of(r->in, p->took_ms), "out_bit_s",
	    rate_of(r->out, p->took_ms));
}

/* Of all parts' first rows the largest; NULL: there is none. */
static struct part *
largest(struct top *t, const size_t *taken)
{
	struct part *best = NULL;
	size_t at = 0;

	for (unsigned i = 0; i < t->server->worker_count; i++) {
		struct part *p = &t->part[i];

		if (taken[i] >= p->row_count ||
		    (best != NULL &&
			!is_less(&best->rows[at], &p->rows[taken[i]])))
			continue;
		best = p;
		at = taken[i];
	}
	return best;
}

static void
answer(struct top *t)
{
	json_t *rows = json_array();
	struct part *p;
	size_t *taken = mem_try(t->server->worker_count, sizeof(*taken));

	while (taken != NULL && json_array_size(rows) < t->limit &&
	    (p = largest(t, taken)) != NULL) {
		size_t *at = &taken[p - t->part];

		json_array_append_new(rows, row_json(p, &p->rows[*at]));
		++*at;
	}
	mem_free(taken);
	control_answer(t->call, json_pack("{s:o}", "top", rows));
}

static void
look(struct top *t)
{
	t->waiting = t->server->worker_count;
	server_post_all(t->server, on_look, t);
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

/* A worker's part is in. */
static void
on_part(void *context, void *arg)
{
	const struct timeval tv = { TOP_LOOK_MS / 1000,
		TOP_LOOK_MS % 1000 * 1000 };
	struct top *t = arg;

	(void)context;
	if (--t->waiting > 0)
		return;
	if (!t->has_looked) {
		t->has_looked = true;
		event_add(t->second, &tv);
		return;
	}
	answer(t);
	free_top(t);
}

static void
begin(struct server *s, struct control_call *call, size_t limit)
{
	struct top *t =
	    mem_try(1, sizeof(*t) + s->worker_count * sizeof(t->part[0]));

	if (t == NULL ||
	    (t->second = evtimer_new(s->base, on_second, t)) == NULL) {
		mem_free(t);
		control_refuse(call, "out of memory");
		return;
	}
	t->server = s;
	t->limit = limit;
	t->call = call;
	list_append(&s->tops, &t->node);
	look(t);
}

void
top_verb(void *arg, struct control_call *call, const json_t *args)
{
	const json_t *limit = json_object_get(args, "limit");
	json_int_t n = TOP_ROWS_DEFAULT;

	if (limit != NULL)
		n = json_integer_value(limit);
	if (n <= 0 || n > TOP_ROWS_MAX)
		control_refuse(call, "limit is a number from 1 to 100");
	else
		begin(arg, call, (size_t)n);
}
