#include "net/streams.h"

#include "common/mem.h"
#include "net/out.h"
#include "net/queue.h"
#include "net/slots.h"
#include "net/stream.h"

enum { ALIGN = 64 }; /* each stream begins a cache line */

/* Only ends the wait. */
static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

struct net_streams *
net_streams_new(struct net *n)
{
	struct net_streams *st = mem_try(1, sizeof(*st));

	if (st == NULL)
		return NULL;
	st->net = n;
	list_init(&st->dirty);
	list_init(&st->soon);
	list_init(&st->waiting);
	event_assign(&st->kick, n->base, -1, 0, on_kick, NULL);
	st->bank =
	    net_queue_bank_new(stats_memory(n->stats, MEMORY_CONNECTIONS));
	st->method = net_wire_method_new();
	if (st->bank == NULL || st->method == NULL)
		goto fail;
	return st;

fail:
	net_streams_free(st);
	return NULL;
}

/* ---- where bytes are read into */

static void
give_slot(struct net_streams *st)
{
	struct net_slots *slots = st->net->slots;

	if (st->slot == NULL)
		return;
	net_slots_release(slots, st->slot); /* our pin */
	if (st->holder != NULL)
		net_slots_release(slots, st->holder);
	st->slot = st->holder = NULL;
}

static bool
take_slot(struct net_streams *st)
{
	struct net_slots *slots = st->net->slots;

	if (!net_slots_take(slots, SLOT_BIG_ROOM, &st->holder)) {
		/* what waits to be sent gives its memory back */
		net_out_flush(st->net->out);
		if (!net_slots_take(slots, SLOT_BIG_ROOM, &st->holder))
			return false;
	}
	st->slot = st->holder;
	st->used = BUF_HEADROOM;
	/* the first packet in it may be sent while others are still here */
	net_slots_pin(slots, st->slot);
	return true;
}

size_t
net_streams_room(struct net_streams *st, size_t need, uint8_t **out)
{
	const size_t end = SLOT_BIG_BYTES - SLOT_TAIL;

	if (st->slot != NULL && end - st->used < need)
		give_slot(st);
	if (st->slot == NULL && !take_slot(st))
		return 0;
	*out = st->slot + st->used;
	return end - st->used;
}

void
net_streams_take(struct net_streams *st, size_t len)
{
	const size_t end = SLOT_BIG_BYTES - SLOT_TAIL;

	st->used = (st->used + len + ALIGN - 1) / ALIGN * ALIGN;
	if (st->used > end)
		st->used = end;
}

/* ---- handshakes: those who are in go first */

bool
net_streams_admit(struct net_streams *st, struct net_stream *s)
{
	if (s->is_waiting)
		return false;
	if (st->is_admitting ||
	    (list_is_empty(&st->waiting) && st->shakes < STREAMS_SHAKES_MAX)) {
		st->shakes++;
		return true;
	}
	s->is_waiting = true;
	st->waiting_count++;
	list_append(&st->waiting, &s->soon);
	return false;
}

void
net_streams_leave(struct net_streams *st, struct net_stream *s)
{
	if (s->is_waiting)
		st->waiting_count--;
	s->is_waiting = false;
	list_remove(&s->soon);
}

bool
net_streams_is_crowded(const struct net_streams *st)
{
	return st->waiting_count >= STREAMS_WAITING_MAX;
}

/* ---- the end of the turn */

void
net_streams_soon(struct net_streams *st, struct list *node)
{
	if (!list_is_linked(node))
		list_append(&st->soon, node);
}

bool
net_streams_has_soon(const struct net_streams *st)
{
	return !list_is_empty(&st->soon) || !list_is_empty(&st->waiting);
}

/* Each once: what is added meanwhile has its turn in the next. */
static void
go_on(struct net_streams *st)
{
	struct list now;

	list_init(&now);
	while (!list_is_empty(&st->soon)) {
		struct list *node = st->soon.next;

		list_remove(node);
		list_append(&now, node);
	}
	while (!list_is_empty(&now)) {
		struct net_stream *s =
		    LIST_ITEM(now.next, struct net_stream, soon);

		list_remove(&s->soon);
		net_stream_go_on(s);
	}
}

/* As many as this turn has left. */
static void
admit(struct net_streams *st)
{
	st->is_admitting = true;
	while (
	    st->shakes < STREAMS_SHAKES_MAX && !list_is_empty(&st->waiting)) {
		struct net_stream *s =
		    LIST_ITEM(st->waiting.next, struct net_stream, soon);

		net_streams_leave(st, s);
		net_stream_go_on(s);
	}
	st->is_admitting = false;
	st->shakes = 0;
}

void
net_streams_turn_end(struct net_streams *st)
{
	go_on(st);
	admit(st);
	while (!list_is_empty(&st->dirty)) {
		struct net_stream *s =
		    LIST_ITEM(st->dirty.next, struct net_stream, node);

		list_remove(&s->node);
		net_stream_flush(s);
	}
	give_slot(st);
	if (net_streams_has_soon(st))
		event_active(&st->kick, EV_TIMEOUT, 0);
}

void
net_streams_free(struct net_streams *st)
{
	if (st == NULL)
		return;
	give_slot(st);
	event_del(&st->kick);
	net_queue_bank_free(st->bank);
	BIO_meth_free(st->method);
	mem_free(st);
}
