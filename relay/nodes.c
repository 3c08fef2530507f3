#include "relay/nodes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/mono.h"
#include "relay/barred.h"
#include "relay/control.h"
#include "relay/server.h"
#include "relay/worker.h"
#include "signalling/signalling.h"
#include "turn/turn.h"

/* What one worker found. */
struct part {
	/* OWNER: its worker, until it is posted to main */
	json_t *sessions; /* an array */
	json_t *allocations;
	size_t seen; /* sessions, those that are not in the array too */
};

struct gather {
	/* FROZEN: after it was posted */
	struct server *server;
	size_t limit;
	char *name; /* only what this one has; NULL: all sessions */
	/* OWNER: main */
	struct list node; /* in the server's gathers */
	struct control_call *call;
	unsigned waiting;
	/* OWNER: part[i], worker i */
	struct part part[];
};

/* What a worker is at. */
struct visit {
	struct gather *g;
	struct part *part;
	unsigned worker;
};

static void
free_gather(struct gather *g)
{
	for (unsigned i = 0; i < g->server->worker_count; i++) {
		json_decref(g->part[i].sessions);
		json_decref(g->part[i].allocations);
	}
	list_remove(&g->node);
	mem_free(g->name);
	mem_free(g);
}

void
nodes_free_all(struct list *gathers)
{
	while (!list_is_empty(gathers))
		free_gather(LIST_ITEM(gathers->next, struct gather, node));
}

/* ---- in a worker */

static json_t *
flow_json(uint64_t messages, uint64_t bytes)
{
	return json_pack("{s:I,s:I}", "messages", (json_int_t)messages, "bytes",
	    (json_int_t)bytes);
}

static json_t *
session_json(const struct signalling_view *v, unsigned worker)
{
	char client[ADDR_TEXT_MAX], session[17];

	snprintf(session, sizeof(session), "%016" PRIx64, v->session);
	return json_pack("{s:s,s:s,s:s,s:i,s:s,s:s,s:b,s:I,s:i,s:o,s:o}",
	    "name", v->name, "session", session, "dialect", v->dialect,
	    "worker", (int)worker, "client", addr_format(&v->client, client),
	    "transport", net_transport_name(v->transport), "detached",
	    v->is_detached, "age_ms", (json_int_t)v->age_ms, "watches",
	    (int)v->watches, "in", flow_json(v->messages_in, v->bytes_in),
	    "out", flow_json(v->messages_out, v->bytes_out));
}

static void
add_session(void *arg, const struct signalling_view *v)
{
	struct visit *visit = arg;
	const struct gather *g = visit->g;

	if (g->name != NULL && strcmp(g->name, v->name) != 0)
		return;
	visit->part->seen++;
	if (json_array_size(visit->part->sessions) < g->limit)
		json_array_append_new(
		    visit->part->sessions, session_json(v, visit->worker));
}

static void
add_allocation(void *arg, const struct turn_view *v)
{
	struct visit *visit = arg;
	char client[ADDR_TEXT_MAX];

	if (strcmp(visit->g->name, v->user) != 0)
		return;
	json_array_append_new(visit->part->allocations,
	    json_pack("{s:I,s:i,s:s,s:s,s:I,s:I,s:I}", "id", (json_int_t)v->id,
		"worker", (int)visit->worker, "client",
		addr_format(&v->client, client), "transport",
		net_transport_name(v->transport), "age_ms",
		(json_int_t)v->age_ms, "up_bytes", (json_int_t)v->up_bytes,
		"down_bytes", (json_int_t)v->down_bytes));
}

static void on_part(void *context, void *arg);

static void
on_gather(void *context, void *arg)
{
	struct worker *w = context;
	struct gather *g = arg;
	struct visit visit = { .g = g,
		.part = &g->part[worker_index(w)],
		.worker = worker_index(w) };

	visit.part->sessions = json_array();
	visit.part->allocations = json_array();
	if (worker_signalling(w) != NULL)
		signalling_list(
		    worker_signalling(w), add_session, &visit, worker_now(w));
	if (g->name != NULL)
		turn_list(
		    worker_turn(w), add_allocation, &visit, worker_now(w));
	server_post(g->server, on_part, g);
}

/* ---- in the main thread */

static json_t *
answer(struct gather *g)
{
	struct server *s = g->server;
	json_t *sessions = json_array(), *allocations = json_array();
	int64_t barred;
	size_t seen = 0;

	for (unsigned i = 0; i < s->worker_count; i++) {
		json_array_extend(sessions, g->part[i].sessions);
		json_array_extend(allocations, g->part[i].allocations);
		seen += g->part[i].seen;
	}
	while (json_array_size(sessions) > g->limit)
		json_array_remove(sessions, json_array_size(sessions) - 1);
	if (g->name == NULL) {
		json_decref(allocations);
		return json_pack("{s:I,s:b,s:o}", "total", (json_int_t)seen,
		    "truncated", json_array_size(sessions) < seen, "nodes",
		    sessions);
	}
	barred =
	    barred_until(s->barred, g->name, strlen(g->name), mono_wall_s());
	return json_pack("{s:s,s:o,s:o,s:o}", "name", g->name, "barred_until",
	    barred != 0 ? json_integer(barred) : json_null(), "sessions",
	    sessions, "allocations", allocations);
}

/* A worker's part is in; the last one lets us answer. */
static void
on_part(void *context, void *arg)
{
	struct gather *g = arg;

	(void)context;
	if (--g->waiting > 0)
		return;
	control_answer(g->call, answer(g));
	free_gather(g);
}

static void
begin(
    struct server *s, struct control_call *call, const char *name, size_t limit)
{
	struct gather *g =
	    mem_try(1, sizeof(*g) + s->worker_count * sizeof(g->part[0]));

	if (g == NULL ||
	    (name != NULL && (g->name = mem_strdup(name)) == NULL)) {
		mem_free(g);
		control_refuse(call, "out of memory");
		return;
	}
	g->server = s;
	g->limit = limit;
	g->call = call;
	g->waiting = s->worker_count;
	list_append(&s->gathers, &g->node);
	server_post_all(s, on_gather, g);
}

void
nodes_verb(void *arg, struct control_call *call, const json_t *args)
{
	const json_t *limit = json_object_get(args, "limit");
	json_int_t n = NODES_ROWS_DEFAULT;

	if (limit != NULL)
		n = json_integer_value(limit);
	if (n <= 0 || n > NODES_ROWS_MAX)
		control_refuse(call, "limit is a number from 1 to 10000");
	else
		begin(arg, call, NULL, (size_t)n);
}

void
nodes_show(void *arg, struct control_call *call, const json_t *args)
{
	const char *name = json_string_value(json_object_get(args, "name"));

	if (name == NULL || *name == '\0')
		control_refuse(call, "show takes a name");
	else
		begin(arg, call, name, NODES_ROWS_MAX);
}
