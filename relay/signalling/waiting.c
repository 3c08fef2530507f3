#include "signalling/waiting.h"

#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "common/table.h"
#include "relay/snapshot.h"
#include "signalling/ask.h"
#include "signalling/delivery.h"
#include "signalling/session.h"
#include "signalling/text.h"

struct signal_waiting {
	/* OWNER: worker */
	struct table *queues; /* by name */
	size_t bytes;         /* in all */
};

/* For one name. */
struct queue {
	struct signalling *s;
	struct wheel_timer timer; /* of the first */
	struct list parcels;
	unsigned count;
	size_t bytes;
	size_t len;
	char name[];
};

/* A message, first as mail to the worker where it waits. */
struct parcel {
	struct signal_mail mail; /* first */
	struct list node;
	mono_ms due;
	struct signal_text *text; /* one count */
	struct signal_origin origin;
	size_t len;
	char name[];
};

/* Somebody came. */
struct call {
	struct signal_mail mail; /* first */
	size_t len;
	char name[];
};

/* ---- queues */

static bool
is_named(const void *item, const void *key)
{
	const struct queue *q = item;
	const struct directory_name *name = key;

	return q->len == name->len && memcmp(q->name, name->at, q->len) == 0;
}

static struct queue *
find(struct signal_waiting *w, const struct directory_name *name)
{
	return table_find(w->queues, table_hash(name->at, name->len), name);
}

static struct queue *
add_queue(struct signalling *s, const struct directory_name *name)
{
	struct signal_waiting *w = s->waiting;
	struct queue *q;

	if (table_count(w->queues) >= SIGNAL_WAITING_NAMES ||
	    (q = mem_try(1, sizeof(*q) + name->len)) == NULL)
		return NULL;
	q->s = s;
	q->len = name->len;
	memcpy(q->name, name->at, name->len);
	list_init(&q->parcels);
	if (table_add(w->queues, table_hash(q->name, q->len), q) == 0)
		return q;
	mem_free(q);
	return NULL;
}

static void
drop_parcel(struct signal_mail *m)
{
	struct parcel *p = (struct parcel *)m;

	signal_text_put(p->text);
	mem_free(p);
}

static struct parcel *
first(const struct queue *q)
{
	return LIST_ITEM(q->parcels.next, struct parcel, node);
}

static void
take_out(struct queue *q, struct parcel *p)
{
	const size_t size = signal_text_len(p->text);

	list_remove(&p->node);
	q->count--;
	q->bytes -= size;
	q->s->waiting->bytes -= size;
	stats_count(q->s->config.stats, STATS_SIGNAL_WAITING, -1);
}

static void
free_queue(struct queue *q)
{
	struct signalling *s = q->s;

	wheel_stop(s->config.wheel, &q->timer);
	while (!list_is_empty(&q->parcels)) {
		struct parcel *p = first(q);

		take_out(q, p);
		drop_parcel(&p->mail);
	}
	table_remove(s->waiting->queues, table_hash(q->name, q->len), q);
	mem_free(q);
}

/* ---- time is up */

static void
refuse(struct signalling *s, struct parcel *p)
{
	signal_ask_answer(s, &p->origin, false);
	drop_parcel(&p->mail);
}

static void
on_due(struct wheel_timer *t, mono_ms now)
{
	struct queue *q = LIST_ITEM(t, struct queue, timer);

	while (!list_is_empty(&q->parcels) && first(q)->due <= now) {
		struct parcel *p = first(q);

		take_out(q, p);
		refuse(q->s, p);
	}
	if (list_is_empty(&q->parcels))
		free_queue(q);
	else
		wheel_set(q->s->config.wheel, &q->timer, first(q)->due, on_due);
}

/* ---- at the worker where it waits */

static bool
has_room(const struct queue *q, size_t size)
{
	const struct snapshot *conf = q->s->conf;

	return q->count < conf->signalling.waiting &&
	    q->bytes + size <= conf->signalling.waiting_bytes &&
	    q->s->waiting->bytes + size <= SIGNAL_WAITING_BYTES;
}

/* Puts p behind the others for its name; false: there is no room. */
static bool
put(struct signalling *s, struct parcel *p)
{
	const struct directory_name name = {
		.space = DIRECTORY_NODES, .at = p->name, .len = p->len
	};
	const size_t size = signal_text_len(p->text);
	struct queue *q = find(s->waiting, &name);

	if (q == NULL && (q = add_queue(s, &name)) == NULL)
		return false;
	if (!has_room(q, size)) {
		if (q->count == 0)
			free_queue(q);
		return false;
	}
	p->due = signalling_now(s) + (mono_ms)s->conf->signalling.wait_ms;
	list_append(&q->parcels, &p->node);
	q->count++;
	q->bytes += size;
	s->waiting->bytes += size;
	stats_count(s->config.stats, STATS_SIGNAL_WAITING, 1);
	if (!wheel_is_set(&q->timer))
		wheel_set(s->config.wheel, &q->timer, p->due, on_due);
	return true;
}

/* Routes p to who is there; false: nobody is. */
static bool
route(struct signalling *s, const struct parcel *p)
{
	const struct signal_send send = {
		.to = { DIRECTORY_NODES, p->name, p->len },
		.text = p->text,
		.origin = p->origin,
	};

	return signal_delivery_route(s, &send);
}

/* Who came between the sender's look and ours has no call to come. */
static void
open_parcel(struct signalling *s, struct signal_mail *m)
{
	struct parcel *p = (struct parcel *)m;

	if (route(s, p))
		drop_parcel(m);
	else if (!put(s, p))
		refuse(s, p);
}

static void
flush(struct signalling *s, struct queue *q)
{
	while (!list_is_empty(&q->parcels)) {
		struct parcel *p = first(q);

		if (!route(s, p))
			return; /* gone again: they go on waiting */
		take_out(q, p);
		drop_parcel(&p->mail);
	}
	free_queue(q);
}

static void
drop_call(struct signal_mail *m)
{
	mem_free(m);
}

static void
open_call(struct signalling *s, struct signal_mail *m)
{
	struct call *c = (struct call *)m;
	const struct directory_name name = {
		.space = DIRECTORY_NODES, .at = c->name, .len = c->len
	};
	struct queue *q = find(s->waiting, &name);

	if (q != NULL)
		flush(s, q);
	mem_free(c);
}

/* ---- for others */

static unsigned
home_of(const struct signalling *s, const char *name, size_t len)
{
	return table_hash(name, len) % s->shared->workers;
}

int
signal_waiting_keep(struct signalling *s, const struct signal_send *send)
{
	struct parcel *p;

	if (s->conf->signalling.wait_ms == 0 ||
	    s->conf->signalling.waiting == 0 ||
	    (p = mem_try(1, sizeof(*p) + send->to.len)) == NULL)
		return ENOENT;
	*p = (struct parcel){ .mail = { .size = signal_text_len(send->text),
				  .open = open_parcel,
				  .drop = drop_parcel },
		.text = signal_text_get(send->text),
		.origin = send->origin,
		.len = send->to.len };
	memcpy(p->name, send->to.at, p->len);
	if (signal_mail_send(s, home_of(s, p->name, p->len), &p->mail) == 0)
		return 0;
	drop_parcel(&p->mail);
	return ENOENT;
}

void
signal_waiting_call(struct signalling *s, const struct signal_estate *e)
{
	const size_t len = strlen(e->name);
	struct call *c = mem_try(1, sizeof(*c) + len);

	/* without memory they wait in vain, and their senders hear it */
	if (c == NULL)
		return;
	*c = (struct call){ .mail = { .open = open_call, .drop = drop_call },
		.len = len };
	memcpy(c->name, e->name, len);
	if (signal_mail_send(s, home_of(s, c->name, len), &c->mail) != 0)
		mem_free(c);
}

int
signal_waiting_init(struct signalling *s)
{
	if ((s->waiting = mem_try(1, sizeof(*s->waiting))) == NULL)
		return ENOMEM;
	s->waiting->queues = table_new(0, is_named);
	return s->waiting->queues != NULL ? 0 : ENOMEM;
}

void
signal_waiting_fini(struct signalling *s)
{
	struct queue *q;
	size_t pos = 0;

	if (s->waiting == NULL)
		return;
	while (s->waiting->queues != NULL &&
	    (q = table_next(s->waiting->queues, &pos)) != NULL) {
		free_queue(q); /* the table changes: from the start again */
		pos = 0;
	}
	table_free(s->waiting->queues);
	mem_free(s->waiting);
	s->waiting = NULL;
}
