/*
 * mem: the one door to the allocator.
 *
 * Start-up uses mem_must (aborts with a message); sessions use mem_try and
 * answer 508.  Tests make the n-th allocation fail.
 */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include <stddef.h>

/* n objects of size bytes, zeroed.  mem_try returns NULL when short;
 * mem_must ends the program. */
void *mem_try(size_t n, size_t size);
void *mem_must(size_t n, size_t size);
/* Aligned to a cache line (64), zeroed; freed by mem_free. */
void *mem_try_aligned(size_t size);
/* Returns a copy of text; NULL when short. */
char *mem_strdup(const char *text);
void mem_free(void *p);

/* For tests: the n-th allocation from now (0 = next) returns NULL; -1 none.
 * Returns how many allocations were asked for since the last call; counting
 * begins with the first call, which returns 0. */
long mem_fail_at(long n);

#endif
