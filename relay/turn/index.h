/*
 * index: a small hash of objects that carry a node: two heads inside the
 * index itself, 64 from memory when it has grown.  Made for the few
 * permissions and channels of one allocation.
 *
 * OWNER: worker.  An index stays where it was initialised.
 */
#ifndef RELAY_TURN_INDEX_H
#define RELAY_TURN_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct addr;

enum {
	TURN_INDEX_FEW = 2,
	TURN_INDEX_MANY = 64,
	TURN_INDEX_GROW_AT = 8, /* entries with few heads: 4 a head */
};

struct turn_node {
	struct turn_node *next;
	uint32_t hash;
};

struct turn_index {
	struct turn_node **heads; /* few, or our own memory */
	uint32_t mask;
	uint32_t count;
	struct turn_node *few[TURN_INDEX_FEW];
};

void turn_index_init(struct turn_index *x);
/* Forgets every entry, frees none of them. */
void turn_index_fini(struct turn_index *x);

/* Never fails: where memory is short the chains grow longer. */
void
turn_index_add(struct turn_index *x, struct turn_node *node, uint32_t hash);
/* node must be in x. */
void turn_index_remove(struct turn_index *x, struct turn_node *node);

/* The first node of hash, and the next one behind node; NULL at the end. */
static inline struct turn_node *
turn_index_skip(struct turn_node *node, uint32_t hash)
{
	while (node != NULL && node->hash != hash)
		node = node->next;
	return node;
}

static inline struct turn_node *
turn_index_first(const struct turn_index *x, uint32_t hash)
{
	return turn_index_skip(x->heads[hash & x->mask], hash);
}

static inline struct turn_node *
turn_index_next(const struct turn_node *node)
{
	return turn_index_skip(node->next, node->hash);
}

/* Hash of a peer's host, without its port. */
uint32_t turn_index_hash_host(const struct addr *a);

#endif
