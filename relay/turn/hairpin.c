#include "turn/hairpin.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "budget/budget.h"
#include "common/mem.h"
#include "relay/mailbox.h"
#include "relay/snapshot.h"
#include "turn/alloc.h"
#include "turn/context.h"
#include "turn/ports.h"
#include "turn/relay.h"
#include "turn/ring.h"

enum {
	/* the longest UDP payload: 65535 less the headers it counts */
	PAYLOAD_MAX_V4 = NET_DATAGRAM_MAX - NET_WIRE_UDP4,
	PAYLOAD_MAX_V6 = NET_DATAGRAM_MAX - 8,
};

/* A packet on its way to another worker, its bytes behind it. */
struct record {
	const struct turn_port *to;
	uint32_t mark; /* of to, when it was sent */
	uint32_t len;
	struct addr from; /* of the family of to */
};

/* From one worker to another. */
struct lane {
	/* FROZEN: after turn_hairpin_new */
	struct turn_hairpin *hairpin;
	struct turn_ring *ring; /* ours */
	unsigned to;
	/* OWNER: the sender */
	_Alignas(64) bool is_dirty; /* in seat.dirty */
	/* SHARED: atomic */
	_Alignas(64) _Atomic bool is_rung; /* a message is on its way */
};

_Static_assert(sizeof(struct lane) == 3 * 64 &&
	offsetof(struct lane, is_dirty) == 64 &&
	offsetof(struct lane, is_rung) == 2 * 64,
    "nobody's line but the one that both ends ring by, once a batch");

/* What belongs to one worker. */
struct seat {
	/* SHARED: atomic */
	_Alignas(64) _Atomic(struct mailbox *) mailbox; /* borrowed */
	/* OWNER: worker */
	_Alignas(64) struct turn *turn; /* borrowed */
	unsigned dirty_count;
	uint16_t dirty[SNAPSHOT_WORKERS_MAX]; /* written to in this turn */
};

_Static_assert(
    offsetof(struct seat, turn) == 64 && sizeof(struct seat) % 64 == 0,
    "what a worker writes is no other's line");

struct turn_hairpin {
	/* FROZEN: after turn_hairpin_new */
	unsigned workers;
	struct seat *seats;
	struct lane *lanes; /* by sender, then by receiver */
};

/* ---- start and end */

/* Bytes of each ring: a power of two. */
static size_t
ring_size(unsigned workers)
{
	const size_t pairs = (size_t)workers * (workers - 1);
	size_t size = TURN_HAIRPIN_RING_MAX;

	while (
	    size > TURN_HAIRPIN_RING_MIN && size * pairs > TURN_HAIRPIN_MEMORY)
		size /= 2;
	return size;
}

static struct lane *
find_lane(const struct turn_hairpin *h, unsigned from, unsigned to)
{
	return &h->lanes[(size_t)from * h->workers + to];
}

static bool
open_lane(struct turn_hairpin *h, unsigned from, unsigned to)
{
	struct lane *lane = find_lane(h, from, to);

	lane->hairpin = h;
	lane->to = to;
	lane->ring = turn_ring_new(ring_size(h->workers));
	return lane->ring != NULL;
}

struct turn_hairpin *
turn_hairpin_new(unsigned workers)
{
	struct turn_hairpin *h = mem_try(1, sizeof(*h));
	const unsigned n = workers > 0 ? workers : 1;

	if (h == NULL)
		return NULL;
	h->workers = n;
	h->seats = mem_try_aligned(n * sizeof(*h->seats));
	h->lanes = mem_try_aligned((size_t)n * n * sizeof(*h->lanes));
	if (h->seats == NULL || h->lanes == NULL)
		goto fail;
	for (unsigned i = 0; i < n * n; i++)
		if (i / n != i % n && !open_lane(h, i / n, i % n))
			goto fail;
	return h;

fail:
	turn_hairpin_free(h);
	return NULL;
}

void
turn_hairpin_free(struct turn_hairpin *h)
{
	if (h == NULL)
		return;
	for (unsigned i = 0; h->lanes != NULL && i < h->workers * h->workers;
	     i++)
		turn_ring_free(h->lanes[i].ring);
	mem_free(h->lanes);
	mem_free(h->seats);
	mem_free(h);
}

void
turn_hairpin_join(struct turn *t, struct mailbox *mailbox)
{
	struct turn_hairpin *h = t->shared->hairpin;

	assert(t->worker < h->workers);
	h->seats[t->worker].turn = t;
	atomic_store_explicit(
	    &h->seats[t->worker].mailbox, mailbox, memory_order_release);
}

void
turn_hairpin_leave(struct turn *t)
{
	struct seat *seat = &t->shared->hairpin->seats[t->worker];

	/* one that never joined leaves nothing */
	if (seat->turn != t)
		return;
	seat->turn = NULL;
	atomic_store_explicit(&seat->mailbox, NULL, memory_order_release);
}

/* ---- accounting, as net does it for what travels */

/* May a datagram of len bytes pass, between us and a, at now_us? */
static bool
is_admitted(struct turn *t, enum stats_dir dir, const struct addr *a,
    size_t len, int64_t now_us)
{
	const size_t wire =
	    len + (addr_family(a) == AF_INET6 ? NET_WIRE_UDP6 : NET_WIRE_UDP4);

	return budget_take(t->budget, dir, STATS_PEER, wire, now_us);
}

static size_t
payload_max(const struct addr *a)
{
	return addr_family(a) == AF_INET6 ? PAYLOAD_MAX_V6 : PAYLOAD_MAX_V4;
}

/* ---- arriving */

/* An empty packet with room for a Data indication around len bytes. */
static bool
lend(struct turn *t, struct buf *b, size_t len)
{
	if (net_buf(t->net, b, len + STUN_PADDING))
		return true;
	stats_dropped(t->stats, STATS_DROP_NO_MEMORY);
	return false;
}

/*
 * From another worker.  scratch is lent memory that the last one left (base
 * NULL: none); what is not let in leaves it for the next, so that many of
 * those do not hold all memory until the end of the turn.
 */
static void
take_in(struct turn *t, const struct record *r, struct buf *scratch)
{
	struct turn_leg *leg;
	struct buf b;

	if (!is_admitted(t, STATS_IN, &r->from, r->len, net_now_us(t->net)))
		return;
	leg = turn_port_leg(r->to, r->mark);
	if (leg == NULL) {
		stats_dropped(t->stats, STATS_DROP_NO_ALLOCATION);
		return;
	}
	if ((scratch->base == NULL ||
		buf_tailroom(scratch) < r->len + STUN_PADDING) &&
	    !lend(t, scratch, r->len)) {
		scratch->base = NULL;
		return;
	}
	b = *scratch;
	memcpy(buf_put(&b, r->len), r + 1, r->len);
	if (turn_relay_down(leg, &r->from, &b, net_now(t->net)))
		scratch->base = NULL;
}

static void
on_mail(void *context, void *arg)
{
	struct lane *lane = arg;
	struct turn *t = lane->hairpin->seats[lane->to].turn;
	struct buf scratch = { .base = NULL };
	const struct record *r;
	size_t end;

	(void)context;
	if (t == NULL)
		return;
	/* first: whoever publishes behind end rings again */
	atomic_exchange(&lane->is_rung, false);
	end = turn_ring_end(lane->ring);
	while ((r = turn_ring_take(lane->ring, end)) != NULL)
		take_in(t, r, &scratch);
}

/* ---- leaving */

/* Shows the receiver what is in lane.  False: its mailbox is full. */
static bool
announce(struct lane *lane)
{
	struct mailbox *mailbox = atomic_load_explicit(
	    &lane->hairpin->seats[lane->to].mailbox, memory_order_acquire);

	turn_ring_publish(lane->ring);
	if (mailbox == NULL) /* it has ended */
		return true;
	if (atomic_exchange(&lane->is_rung, true))
		return true;
	if (mailbox_post(mailbox, on_mail, lane) == 0)
		return true;
	atomic_store(&lane->is_rung, false);
	return false;
}

void
turn_hairpin_flush(struct turn *t)
{
	struct turn_hairpin *h = t->shared->hairpin;
	struct seat *seat = &h->seats[t->worker];
	unsigned kept = 0;

	for (unsigned i = 0; i < seat->dirty_count; i++) {
		struct lane *lane = find_lane(h, t->worker, seat->dirty[i]);

		if (announce(lane))
			lane->is_dirty = false;
		else
			seat->dirty[kept++] = seat->dirty[i];
	}
	seat->dirty_count = kept;
}

/* Room for len bytes in lane; a full one is emptied if its reader can. */
static struct record *
put(struct turn *t, struct lane *lane, size_t len)
{
	struct seat *seat = &lane->hairpin->seats[t->worker];
	struct record *r = turn_ring_put(lane->ring, sizeof(*r) + len);

	if (r == NULL) {
		announce(lane);
		stats_dropped(t->stats, STATS_DROP_HAIRPIN_FULL);
		return NULL;
	}
	if (!lane->is_dirty) {
		lane->is_dirty = true;
		seat->dirty[seat->dirty_count++] = (uint16_t)lane->to;
	}
	return r;
}

/* To another worker; returns as turn_hairpin_send. */
static bool
pass(struct turn_leg *leg, const struct turn_port *port, uint32_t mark,
    const struct buf *b)
{
	struct turn *t = leg->alloc->turn;
	struct lane *lane =
	    find_lane(t->shared->hairpin, t->worker, turn_port_worker(mark));
	struct record *r;

	/* of the smallest rings: a large datagram goes by the kernel */
	if (sizeof(*r) + b->len > turn_ring_record_max(lane->ring))
		return false;
	if (!is_admitted(t, STATS_OUT, &leg->at, b->len, net_now_us(t->net)))
		return true;
	stats_count(t->stats, STATS_HAIRPIN_PACKETS, 1);
	if ((r = put(t, lane, b->len)) == NULL)
		return true;
	*r = (struct record){ port, mark, b->len, leg->at };
	memcpy(r + 1, b->data, b->len);
	return true;
}

bool
turn_hairpin_send(
    struct turn_leg *leg, const struct turn_port *port, struct buf *b)
{
	struct turn *t = leg->alloc->turn;
	const uint32_t mark = turn_port_mark(port);
	int64_t now_us;

	/* it is of leg's family: so is every peer that leg sends to */
	if (mark == 0 || b->len > payload_max(&leg->at))
		return false;
	if (turn_port_worker(mark) != t->worker)
		return pass(leg, port, mark, b);
	now_us = net_now_us(t->net);
	if (!is_admitted(t, STATS_OUT, &leg->at, b->len, now_us))
		return true;
	stats_count(t->stats, STATS_HAIRPIN_PACKETS, 1);
	if (is_admitted(t, STATS_IN, &leg->at, b->len, now_us))
		turn_relay_down(
		    turn_port_leg(port, mark), &leg->at, b, now_us / 1000);
	return true;
}
