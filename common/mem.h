/*
 * mem: the one door to the allocator.
 *
 * Start-up uses mem_must (aborts with a message); sessions use mem_try and
 * answer 508.  Tests make the n-th allocation fail.
 */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* n objects of size bytes, zeroed.  mem_try returns NULL when short;
 * mem_must ends the program. */
void *mem_try(size_t n, size_t size);
void *mem_must(size_t n, size_t size);
/* Aligned to a cache line (64), zeroed; freed by mem_free. */
void *mem_try_aligned(size_t size);
/* Returns a copy of text; NULL when short. */
char *mem_strdup(const char *text);
void mem_free(void *p);

/* What the allocator really set apart for p; 0 for NULL. */
size_t mem_size(const void *p);

/*
 * What objects of one kind take.  SHARED: atomic, one writer: whoever owns
 * the objects; read by anybody.
 */
struct mem_use {
	_Atomic uint64_t count; /* in use */
	_Atomic uint64_t each;  /* bytes of one; 0: they differ */
	_Atomic uint64_t bytes; /* held in all, spare ones included */
};
/* Owner only; use NULL is legal.  What is less is negative. */
void mem_use_add(struct mem_use *use, int64_t count, int64_t bytes);
/* One object more (1) or less (-1) of as many bytes as p has. */
void mem_use_one(struct mem_use *use, int count, const void *p);
/* Adds from into sum, which is the caller's. */
void mem_use_sum(struct mem_use *sum, const struct mem_use *from);

/* For tests: the n-th allocation from now (0 = next) returns NULL; -1 none.
 * Returns how many allocations were asked for since the last call; counting
 * begins with the first call, which returns 0. */
long mem_fail_at(long n);

#endif
