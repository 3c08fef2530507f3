/*
 * table: open-addressing hash table of borrowed pointers.
 *
 * The seed is random per process, so remote input cannot choose its slot.
 * The caller hashes once (table_hash) and compares keys by callback.
 * Grows by doubling; growth that fails leaves the table as it was.
 * Deletion leaves no tombstone (backward shift).
 */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

struct addr;
struct mem_use;

/* Is item the one key describes? */
typedef bool table_eq(const void *item, const void *key);

struct table;

/* room: entries expected.  Returns NULL when memory is short. */
struct table *table_new(size_t room, table_eq *eq);
/* Frees the table, not its items. */
void table_free(struct table *t);

/* From now on use (borrowed until table_free) tells what t holds: its slots,
 * not its items. */
void table_watch(struct table *t, struct mem_use *use);

/* SipHash-1-3 under the process seed, folded to 32 bits. */
uint32_t table_hash(const void *key, size_t len);
/* The same over family, host and port only. */
uint32_t table_hash_addr(const struct addr *a);
/* SipHash-1-3 itself, under a key of the caller's. */
uint64_t table_siphash(const uint64_t key[2], const void *data, size_t len);

/* Returns the item or NULL. */
void *table_find(const struct table *t, uint32_t hash, const void *key);
/* Adds item, which must not be there yet.  Returns 0 or ENOMEM. */
MUST_CHECK int table_add(struct table *t, uint32_t hash, void *item);
/* Removes item itself (pointer compare); false when it was not there. */
bool table_remove(struct table *t, uint32_t hash, const void *item);

size_t table_count(const struct table *t);

/* Walks: start with *pos = 0, ends with NULL.  The table must not change
 * meanwhile. */
void *table_next(const struct table *t, size_t *pos);

#endif
