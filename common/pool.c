#include "common/pool.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/mem.h"

/* Under AddressSanitizer an object that was put back is poison. */
#ifdef SANITIZED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, len)   ((void)(at), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#endif

enum {
	/* the first slab; then each is as large as all before it, so that a
	 * worker with few sessions holds little, up to the largest */
	POOL_SLAB_FIRST = 8 * 1024,
	POOL_SLAB_BYTES = 64 * 1024,
	POOL_SLAB_MIN = 8, /* objects, however large they are */
	POOL_LINE = 64,    /* objects of a line or more start one */
	POOL_ALIGN = 16,
};

/* Fills a cache line, so that the first object is aligned. */
struct slab {
	struct slab *next;
	size_t objects;
} __attribute__((aligned(POOL_LINE)));

/* An object that is not in use. */
struct spare {
	struct spare *next;
};

struct pool {
	/* OWNER: the thread that uses it */
	size_t size;         /* as asked for, but no less than a spare */
	size_t stride;       /* from object to object */
	size_t per_slab;     /* objects of the next slab */
	size_t per_slab_max; /* objects */
	size_t max;          /* objects, 0 = no limit */
	size_t used;         /* objects */
	struct spare *spare; /* put back before */
	uint8_t *fresh;      /* rest of the newest slab, never used yet */
	size_t fresh_left;   /* objects */
	struct slab *slabs;
	size_t bytes;        /* of p and its slabs */
	struct mem_use *use; /* borrowed; NULL: nobody watches */
};

static size_t
round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static size_t
objects_in(const struct pool *p, size_t slab_bytes)
{
	size_t n = (slab_bytes - sizeof(struct slab)) / p->stride;

	if (n < POOL_SLAB_MIN)
		n = POOL_SLAB_MIN;
	return p->max != 0 && n > p->max ? p->max : n;
}

struct pool *
pool_new(size_t size, size_t max)
{
	struct pool *p;

	assert(size > 0 && size <= SIZE_MAX / 64);
	if ((p = mem_try(1, sizeof(*p))) == NULL)
		return NULL;
	p->size = size > sizeof(struct spare) ? size : sizeof(struct spare);
	p->stride = round_up(size, size < POOL_LINE ? POOL_ALIGN : POOL_LINE);
	p->max = max;
	p->per_slab = objects_in(p, POOL_SLAB_FIRST);
	p->per_slab_max = objects_in(p, POOL_SLAB_BYTES);
	p->bytes = mem_size(p);
	return p;
}

void
pool_watch(struct pool *p, struct mem_use *use)
{
	assert(p->use == NULL);
	p->use = use;
	mem_use_add(use, (int64_t)p->used, (int64_t)p->bytes);
	atomic_store_explicit(&use->each, p->stride, memory_order_relaxed);
}

void
pool_free(struct pool *p)
{
	struct slab *s;

	if (p == NULL)
		return;
	mem_use_add(p->use, -(int64_t)p->used, -(int64_t)p->bytes);
	while ((s = p->slabs) != NULL) {
		p->slabs = s->next;
		ASAN_UNPOISON_MEMORY_REGION(
		    s, sizeof(*s) + s->objects * p->stride);
		mem_free(s);
	}
	mem_free(p);
}

/* As many again as there are, within bounds. */
static void
set_next_size(struct pool *p)
{
	if (p->slabs->next != NULL)
		p->per_slab *= 2;
	if (p->per_slab > p->per_slab_max)
		p->per_slab = p->per_slab_max;
}

/* False when memory is short. */
static bool
add_slab(struct pool *p)
{
	struct slab *s;

	s = mem_try_aligned(sizeof(*s) + p->per_slab * p->stride);
	if (s == NULL)
		return false;
	s->next = p->slabs;
	s->objects = p->per_slab;
	p->slabs = s;
	p->bytes += mem_size(s);
	mem_use_add(p->use, 0, (int64_t)mem_size(s));
	p->fresh = (uint8_t *)(s + 1);
	p->fresh_left = p->per_slab;
	ASAN_POISON_MEMORY_REGION(p->fresh, s->objects * p->stride);
	set_next_size(p);
	return true;
}

/* Takes the object that was put back last: it is still in the cache. */
static void *
take_spare(struct pool *p)
{
	struct spare *obj = p->spare;

	ASAN_UNPOISON_MEMORY_REGION(obj, p->size);
	p->spare = obj->next;
	return memset(obj, 0, p->size);
}

/* Comes zeroed from its slab. */
static void *
take_fresh(struct pool *p)
{
	uint8_t *obj = p->fresh;

	p->fresh += p->stride;
	p->fresh_left--;
	ASAN_UNPOISON_MEMORY_REGION(obj, p->size);
	return obj;
}

void *
pool_get(struct pool *p)
{
	if (p->max != 0 && p->used >= p->max)
		return NULL;
	if (p->spare == NULL && p->fresh_left == 0 && !add_slab(p))
		return NULL;
	p->used++;
	mem_use_add(p->use, 1, 0);
	return p->spare != NULL ? take_spare(p) : take_fresh(p);
}

void
pool_put(struct pool *p, void *obj)
{
	struct spare *s = obj;

	if (obj == NULL)
		return;
	assert(p->used > 0);
	s->next = p->spare;
	p->spare = s;
	p->used--;
	mem_use_add(p->use, -1, 0);
	ASAN_POISON_MEMORY_REGION(obj, p->stride);
}

size_t
pool_used(const struct pool *p)
{
	return p->used;
}
