#include "relay/listing.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "common/mem.h"
#include "relay/control.h"
#include "relay/server.h"
#include "relay/worker.h"
#include "turn/turn.h"

enum { CHUNK_BYTES = 64 * 1024 };

/* One allocation; its user's name stands behind it. */
struct row {
	struct turn_view view; /* user is not set */
	size_t user_len;
	char user[];
};

struct chunk {
	struct chunk *next;
	size_t used;
	_Alignas(max_align_t) unsigned char bytes[CHUNK_BYTES];
};

/* What one worker found. */
struct part {
	/* OWNER: its worker, until it is posted to main */
	struct listing *listing;
	struct chunk *first, *last;
	size_t rows;  /* held */
	size_t total; /* seen */
	bool is_short;
};

struct listing {
	/* FROZEN: after it was posted */
	struct server *server;
	size_t limit;
	/* OWNER: main */
	struct list node; /* in the server's listings */
	struct control_call *call;
	unsigned waiting;
	/* OWNER: part[i], worker i */
	struct part part[];
};

static void
free_listing(struct listing *l, unsigned parts)
{
	for (unsigned i = 0; i < parts; i++) {
		struct chunk *c, *next;

		for (c = l->part[i].first; c != NULL; c = next) {
			next = c->next;
			mem_free(c);
		}
	}
	list_remove(&l->node);
	mem_free(l);
}

void
listing_free_all(struct list *listings)
{
	while (!list_is_empty(listings)) {
		struct listing *l =
		    LIST_ITEM(listings->next, struct listing, node);

		free_listing(l, l->server->worker_count);
	}
}

/* ---- in a worker */

static void *
room_for(struct part *p, size_t size)
{
	struct chunk *c = p->last;
	void *at;

	size =
	    (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (c == NULL || CHUNK_BYTES - c->used < size) {
		if ((c = mem_try(1, sizeof(*c))) == NULL)
			return NULL;
		if (p->last == NULL)
			p->first = c;
		else
			p->last->next = c;
		p->last = c;
	}
	at = c->bytes + c->used;
	c->used += size;
	return at;
}

static void
copy_view(void *arg, const struct turn_view *v)
{
	struct part *p = arg;
	const size_t len = strnlen(v->user, TURN_USER_MAX);
	struct row *r;

	p->total++;
	if (p->rows == p->listing->limit || p->is_short)
		return;
	if ((r = room_for(p, sizeof(*r) + len)) == NULL) {
		p->is_short = true;
		return;
	}
	r->view = *v;
	r->view.user = NULL;
	r->user_len = len;
	memcpy(r->user, v->user, len);
	p->rows++;
}

static void on_part(void *context, void *arg);

static void
on_gather(void *context, void *arg)
{
	struct worker *w = context;
	struct listing *l = arg;
	struct part *p = &l->part[worker_index(w)];

	p->listing = l;
	turn_list(worker_turn(w), copy_view, p, worker_now(w));
	server_post(l->server, on_part, l);
}

/* ---- in the main thread */

static json_t *
relayed_json(const struct turn_view *v)
{
	char text[ADDR_TEXT_MAX];
	json_t *all = json_array();

	for (int i = 0; i < 2; i++)
		if (!addr_is_none(&v->relayed[i]))
			json_array_append_new(all,
			    json_string(addr_format(&v->relayed[i], text)));
	return all;
}

static json_t *
flow_json(uint64_t packets, uint64_t bytes)
{
	return json_pack("{s:I,s:I}", "packets", (json_int_t)packets, "bytes",
	    (json_int_t)bytes);
}

/* A name that is no UTF-8 still shows, as what it has in ASCII. */
static json_t *
user_json(const struct row *r)
{
	char plain[TURN_USER_MAX];
	json_t *user = json_stringn(r->user, r->user_len);

	if (user != NULL)
		return user;
	for (size_t i = 0; i < r->user_len; i++)
		plain[i] = (unsigned char)r->user[i] < 0x80 ? r->user[i] : '?';
	return json_stringn(plain, r->user_len);
}

static json_t *
row_json(const struct row *r, unsigned worker)
{
	const struct turn_view *v = &r->view;
	char client[ADDR_TEXT_MAX];

	return json_pack(
	    "{s:I,s:i,s:o,s:s,s:s,s:o,s:i,s:i,s:I,s:I,s:o,s:o,s:I}", "id",
	    (json_int_t)v->id, "worker", (int)worker, "user", user_json(r),
	    "client", addr_format(&v->client, client), "transport",
	    net_transport_name(v->transport), "relayed", relayed_json(v),
	    "permissions", (int)v->permissions, "channels", (int)v->channels,
	    "age_ms", (json_int_t)v->age_ms, "expires_ms",
	    (json_int_t)v->expires_ms, "up",
	    flow_json(v->up_packets, v->up_bytes), "down",
	    flow_json(v->down_packets, v->down_bytes), "dropped",
	    (json_int_t)v->dropped);
}

/* Appends p's rows, at most *left. */
static void
add_part(json_t *rows, const struct part *p, unsigned worker, size_t *left)
{
	for (struct chunk *c = p->first; c != NULL; c = c->next) {
		for (size_t at = 0; at<c->used && * left> 0; --*left) {
			const struct row *r = (const void *)(c->bytes + at);
			const size_t size = sizeof(*r) + r->user_len;

			json_array_append_new(rows, row_json(r, worker));
			at += (size + _Alignof(max_align_t) - 1) &
			    ~(_Alignof(max_align_t) - 1);
		}
	}
}

/* A worker's part is in; the last one lets us answer. */
static void
on_part(void *context, void *arg)
{
	struct server *s = context;
	struct listing *l = arg;
	size_t total = 0, left = l->limit;
	json_t *rows;

	if (--l->waiting > 0)
		return;
	rows = json_array();
	for (unsigned i = 0; i < s->worker_count; i++) {
		add_part(rows, &l->part[i], i, &left);
		total += l->part[i].total;
	}
	control_answer(l->call,
	    json_pack("{s:I,s:b,s:o}", "total", (json_int_t)total, "truncated",
		json_array_size(rows) < total, "allocations", rows));
	free_listing(l, s->worker_count);
}

void
listing_begin(struct server *s, struct control_call *call, size_t limit)
{
	struct listing *l;

	l = mem_try(1, sizeof(*l) + s->worker_count * sizeof(l->part[0]));
	if (l == NULL) {
		control_refuse(call, "out of memory");
		return;
	}
	l->server = s;
	l->limit = limit;
	l->call = call;
	l->waiting = s->worker_count;
	list_append(&s->listings, &l->node);
	server_post_all(s, on_gather, l);
}
