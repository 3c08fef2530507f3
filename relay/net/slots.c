#include "net/slots.h"

#include <assert.h>

#include "common/mem.h"

enum slot_state { SLOT_FREE, SLOT_HELD, SLOT_LENT, SLOT_QUEUED };

struct slot {
	uint8_t **holder; /* borrowed while held */
	enum slot_state state;
	uint16_t users; /* holder or borrower, packets queued, pins */
	bool noted;     /* in net_slots.lent */
};

/* Slots of one size, and which of them are free. */
struct shelf {
	uint8_t *mem;
	size_t bytes; /* of one slot */
	unsigned count;
	struct slot *slots;
	uint16_t *spare; /* a stack */
	unsigned spares;
};

struct net_slots {
	/* OWNER: worker */
	struct shelf small;
	struct shelf big;
	struct shelf ring;                          /* empty without io_uring */
	uint8_t *lent[SLOT_COUNT + SLOT_BIG_COUNT]; /* in this turn */
	unsigned lents;
};

/* mem is not touched: pages of slots never used stay unmapped. */
static bool
open_shelf(struct shelf *h, size_t bytes, unsigned count)
{
	h->bytes = bytes;
	h->count = count;
	if ((h->mem = mem_try(count, bytes)) == NULL ||
	    (h->slots = mem_try(count, sizeof(*h->slots))) == NULL ||
	    (h->spare = mem_try(count, sizeof(*h->spare))) == NULL)
		return false;
	while (h->spares < count) {
		h->spare[h->spares] = (uint16_t)(count - 1 - h->spares);
		h->spares++;
	}
	return true;
}

static void
close_shelf(struct shelf *h)
{
	mem_free(h->mem);
	mem_free(h->slots);
	mem_free(h->spare);
}

struct net_slots *
net_slots_new(void)
{
	struct net_slots *s = mem_try(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (!open_shelf(&s->small, SLOT_BYTES, SLOT_COUNT) ||
	    !open_shelf(&s->big, SLOT_BIG_BYTES, SLOT_BIG_COUNT))
		goto fail;
	return s;

fail:
	net_slots_free(s);
	return NULL;
}

void
net_slots_free(struct net_slots *s)
{
	if (s == NULL)
		return;
	close_shelf(&s->small);
	close_shelf(&s->big);
	close_shelf(&s->ring);
	mem_free(s);
}

static size_t
shelf_bytes(const struct shelf *h)
{
	return mem_size(h->mem) + mem_size(h->slots) + mem_size(h->spare);
}

size_t
net_slots_bytes(const struct net_slots *s)
{
	return mem_size(s) + shelf_bytes(&s->small) + shelf_bytes(&s->big) +
	    shelf_bytes(&s->ring);
}

static inline bool
is_on(const struct shelf *h, const uint8_t *base)
{
	return (uintptr_t)base - (uintptr_t)h->mem < h->bytes * h->count;
}

static inline struct shelf *
find_shelf(struct net_slots *s, const uint8_t *base)
{
	if (is_on(&s->ring, base))
		return &s->ring;
	if (is_on(&s->small, base))
		return &s->small;
	assert(is_on(&s->big, base));
	return &s->big;
}

static inline struct slot *
find_slot(const struct shelf *h, const uint8_t *base)
{
	const size_t at = (size_t)(base - h->mem);

	/* by constants: several times a packet, a division counts */
	if (h->bytes == SLOT_BYTES)
		return &h->slots[at / SLOT_BYTES];
	if (h->bytes == SLOT_RING_BYTES)
		return &h->slots[at / SLOT_RING_BYTES];
	return &h->slots[at / SLOT_BIG_BYTES];
}

static uint8_t *
take(struct net_slots *s, size_t room, enum slot_state state)
{
	struct shelf *h = room <= SLOT_ROOM ? &s->small : &s->big;
	unsigned i;

	if (room > SLOT_BIG_ROOM || h->spares == 0)
		return NULL;
	i = h->spare[--h->spares];
	h->slots[i].state = state;
	h->slots[i].users = 1;
	h->slots[i].holder = NULL;
	return h->mem + h->bytes * i;
}

bool
net_slots_take(struct net_slots *s, size_t room, uint8_t **holder)
{
	uint8_t *base = take(s, room, SLOT_HELD);

	*holder = base;
	if (base == NULL)
		return false;
	find_slot(find_shelf(s, base), base)->holder = holder;
	return true;
}

uint8_t *
net_slots_lend(struct net_slots *s, size_t room)
{
	uint8_t *base = take(s, room, SLOT_LENT);
	struct slot *slot;

	if (base == NULL)
		return NULL;
	slot = find_slot(find_shelf(s, base), base);
	if (!slot->noted) {
		slot->noted = true;
		s->lent[s->lents++] = base;
	}
	return base;
}

void
net_slots_queue(struct net_slots *s, uint8_t *base)
{
	struct slot *slot = find_slot(find_shelf(s, base), base);

	assert(slot->state != SLOT_FREE);
	/* the first takes the place of who had it */
	if (slot->state == SLOT_QUEUED) {
		slot->users++;
		return;
	}
	if (slot->holder != NULL)
		*slot->holder = NULL;
	slot->holder = NULL;
	slot->state = SLOT_QUEUED;
}

void
net_slots_pin(struct net_slots *s, uint8_t *base)
{
	struct slot *slot = find_slot(find_shelf(s, base), base);

	assert(slot->state != SLOT_FREE);
	slot->users++;
}

void
net_slots_release(struct net_slots *s, uint8_t *base)
{
	struct shelf *h = find_shelf(s, base);
	struct slot *slot = find_slot(h, base);

	assert(slot->state != SLOT_FREE);
	if (--slot->users > 0)
		return;
	slot->state = SLOT_FREE;
	slot->holder = NULL;
	h->spare[h->spares++] = (uint16_t)(slot - h->slots);
}

void
net_slots_done(struct net_slots *s, uint8_t *base)
{
	if (find_slot(find_shelf(s, base), base)->state == SLOT_LENT)
		net_slots_release(s, base);
}

void
net_slots_turn_end(struct net_slots *s)
{
	while (s->lents > 0) {
		uint8_t *base = s->lent[--s->lents];

		find_slot(find_shelf(s, base), base)->noted = false;
		net_slots_done(s, base);
	}
}

/* ---- the kernel's */

bool
net_slots_add_ring(struct net_slots *s)
{
	return open_shelf(&s->ring, SLOT_RING_BYTES, SLOT_RING_COUNT);
}

uint8_t *
net_slots_ring(const struct net_slots *s, unsigned i)
{
	return s->ring.mem + (size_t)i * SLOT_RING_BYTES;
}

bool
net_slots_give(struct net_slots *s, unsigned *i)
{
	if (s->ring.spares == 0)
		return false;
	*i = s->ring.spare[--s->ring.spares];
	return true;
}

void
net_slots_arrive(struct net_slots *s, unsigned i, uint8_t **holder)
{
	struct slot *slot = &s->ring.slots[i];

	assert(i < SLOT_RING_COUNT && slot->state == SLOT_FREE);
	slot->state = SLOT_HELD;
	slot->users = 1;
	slot->holder = holder;
	*holder = net_slots_ring(s, i);
}

size_t
net_slots_size(const struct net_slots *s, const uint8_t *base)
{
	return is_on(&s->small, base) ? SLOT_BYTES
	    : is_on(&s->ring, base)   ? SLOT_RING_BYTES
				      : SLOT_BIG_BYTES;
}

unsigned
net_slots_spare(const struct net_slots *s)
{
	return s->small.spares;
}

unsigned
net_slots_spare_big(const struct net_slots *s)
{
	return s->big.spares;
}
