#include "common/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEM_ALIGN = 64 }; /* a cache line */

/* SHARED: atomic.  Off until a test calls mem_fail_at: then each allocation
 * counts fail_left down and the one that finds 0 fails. */
static _Atomic bool fail_watch;
static _Atomic long fail_start;
static _Atomic long fail_left;

static bool
must_fail(void)
{
	if (!atomic_load_explicit(&fail_watch, memory_order_relaxed))
		return false;
	return atomic_fetch_sub(&fail_left, 1) == 0;
}

void *
mem_try(size_t n, size_t size)
{
	return must_fail() ? NULL : calloc(n, size);
}

void *
mem_must(size_t n, size_t size)
{
	void *p = mem_try(n, size);

	if (p == NULL) {
		fprintf(stderr, "mem: out of memory objects=%zu size=%zu\n", n,
		    size);
		abort();
	}
	return p;
}

void *
mem_try_aligned(size_t size)
{
	size_t whole;
	void *p;

	if (must_fail() || size > SIZE_MAX - MEM_ALIGN)
		return NULL;
	whole = (size + MEM_ALIGN - 1) / MEM_ALIGN * MEM_ALIGN;
	if ((p = aligned_alloc(MEM_ALIGN, whole)) != NULL)
		memset(p, 0, whole);
	return p;
}

char *
mem_strdup(const char *text)
{
	return must_fail() ? NULL : strdup(text);
}

void
mem_free(void *p)
{
	free(p);
}

size_t
mem_size(const void *p)
{
	return malloc_usable_size((void *)(uintptr_t)p);
}

/* ---- who keeps how much */

static void
add(_Atomic uint64_t *to, uint64_t n)
{
	atomic_store_explicit(to,
	    atomic_load_explicit(to, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

void
mem_use_add(struct mem_use *use, int64_t count, int64_t bytes)
{
	if (use == NULL)
		return;
	add(&use->count, (uint64_t)count);
	add(&use->bytes, (uint64_t)bytes);
}

void
mem_use_one(struct mem_use *use, int count, const void *p)
{
	const int64_t bytes = (int64_t)mem_size(p);

	if (use == NULL)
		return;
	mem_use_add(use, count, count * bytes);
	atomic_store_explicit(
	    &use->each, (uint64_t)bytes, memory_order_relaxed);
}

void
mem_use_sum(struct mem_use *sum, const struct mem_use *from)
{
	add(&sum->count,
	    atomic_load_explicit(&from->count, memory_order_relaxed));
	add(&sum->bytes,
	    atomic_load_explicit(&from->bytes, memory_order_relaxed));
	if (atomic_load_explicit(&from->each, memory_order_relaxed) != 0)
		sum->each =
		    atomic_load_explicit(&from->each, memory_order_relaxed);
}

long
mem_fail_at(long n)
{
	long asked = atomic_load(&fail_start) - atomic_load(&fail_left);

	atomic_store(&fail_start, n);
	atomic_store(&fail_left, n);
	atomic_store(&fail_watch, true);
	return asked;
}
