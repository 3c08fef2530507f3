#include "turn/ring.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mem.h"

enum {
	BYTES_MIN = 1024,
	HEAD = TURN_RING_ALIGN, /* in front of each record: its length */
	SKIP = UINT32_MAX,      /* as a length: go on at the beginning */
};

/* Positions only grow; they are taken modulo the size.  A record lies in one
 * piece. */
struct turn_ring {
	/* FROZEN: after turn_ring_new */
	uint8_t *mem;
	size_t size;
	/* OWNER: the writer */
	_Alignas(64) size_t put; /* where the next record goes */
	size_t freed;            /* as the writer last saw it */
	/* SHARED: atomic, written by the writer */
	_Alignas(64) _Atomic size_t published;
	/* OWNER: the reader */
	_Alignas(64) size_t taken;
	/* SHARED: atomic, written by the reader */
	_Alignas(64) _Atomic size_t free;
};

_Static_assert(offsetof(struct turn_ring, put) == 64 &&
	offsetof(struct turn_ring, published) == 2 * 64 &&
	offsetof(struct turn_ring, taken) == 3 * 64 &&
	offsetof(struct turn_ring, free) == 4 * 64 &&
	sizeof(struct turn_ring) == 5 * 64,
    "each end has a line of its own, and one that it shows the other");

struct turn_ring *
turn_ring_new(size_t bytes)
{
	struct turn_ring *r;

	assert(bytes >= BYTES_MIN && (bytes & (bytes - 1)) == 0);
	if ((r = mem_try_aligned(sizeof(*r))) == NULL)
		return NULL;
	r->size = bytes;
	/* pages that are never used cost nothing */
	if ((r->mem = mem_try(1, bytes)) == NULL) {
		mem_free(r);
		return NULL;
	}
	return r;
}

void
turn_ring_free(struct turn_ring *r)
{
	if (r == NULL)
		return;
	mem_free(r->mem);
	mem_free(r);
}

size_t
turn_ring_record_max(const struct turn_ring *r)
{
	/* half may be lost to the end of the memory */
	return r->size / 2 - HEAD;
}

static size_t
whole(size_t len)
{
	const size_t mask = TURN_RING_ALIGN - 1;

	return HEAD + ((len + mask) & ~mask);
}

static uint32_t *
head_at(const struct turn_ring *r, size_t at)
{
	return (uint32_t *)(void *)(r->mem + (at & (r->size - 1)));
}

static bool
has_room(struct turn_ring *r, size_t need)
{
	if (r->put + need - r->freed <= r->size)
		return true;
	r->freed = atomic_load_explicit(&r->free, memory_order_acquire);
	return r->put + need - r->freed <= r->size;
}

void *
turn_ring_put(struct turn_ring *r, size_t len)
{
	const size_t need = whole(len);
	const size_t end = r->size - (r->put & (r->size - 1));
	const size_t skip = need > end ? end : 0;
	uint32_t *head;

	if (len > turn_ring_record_max(r) || !has_room(r, skip + need))
		return NULL;
	if (skip > 0)
		*head_at(r, r->put) = SKIP;
	head = head_at(r, r->put + skip);
	*head = (uint32_t)len;
	r->put += skip + need;
	return (uint8_t *)head + HEAD;
}

bool
turn_ring_publish(struct turn_ring *r)
{
	if (atomic_load_explicit(&r->published, memory_order_relaxed) == r->put)
		return false;
	atomic_store_explicit(&r->published, r->put, memory_order_release);
	return true;
}

size_t
turn_ring_end(struct turn_ring *r)
{
	return atomic_load_explicit(&r->published, memory_order_acquire);
}

const void *
turn_ring_take(struct turn_ring *r, size_t end)
{
	uint32_t *head;

	/* what was handed out before is done with */
	atomic_store_explicit(&r->free, r->taken, memory_order_release);
	if (r->taken == end)
		return NULL;
	head = head_at(r, r->taken);
	if (*head == SKIP) {
		r->taken += r->size - (r->taken & (r->size - 1));
		head = head_at(r, r->taken);
	}
	r->taken += whole(*head);
	return (const uint8_t *)head + HEAD;
}
