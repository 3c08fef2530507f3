/*
 * pool: objects of one size, carved from slabs, up to a limit.
 *
 * OWNER: one thread.  Slabs are returned when the pool is freed.
 */
#ifndef COMMON_POOL_H
#define COMMON_POOL_H

#include <stddef.h>

struct mem_use;
struct pool;

/* size: bytes an object; max: objects in use at most, 0 = no limit but
 * memory.  Returns NULL when memory is short. */
struct pool *pool_new(size_t size, size_t max);
void pool_free(struct pool *p);

/* Returns a zeroed object, or NULL when the limit or memory is reached. */
void *pool_get(struct pool *p);
/* Takes obj back; NULL is legal. */
void pool_put(struct pool *p, void *obj);

/* From now on use (borrowed until pool_free) tells what p holds. */
void pool_watch(struct pool *p, struct mem_use *use);

size_t pool_used(const struct pool *p);

#endif
