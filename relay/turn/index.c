#include "turn/index.h"

#include <assert.h>
#include <string.h>

#include "common/addr.h"
#include "common/mem.h"
#include "common/table.h"

void
turn_index_init(struct turn_index *x)
{
	memset(x, 0, sizeof(*x));
	x->heads = x->few;
	x->mask = TURN_INDEX_FEW - 1;
}

void
turn_index_fini(struct turn_index *x)
{
	if (x->heads != x->few)
		mem_free(x->heads);
	turn_index_init(x);
}

static void
link_node(struct turn_index *x, struct turn_node *node)
{
	struct turn_node **head = &x->heads[node->hash & x->mask];

	node->next = *head;
	*head = node;
}

static void
grow(struct turn_index *x)
{
	struct turn_node **many = mem_try(TURN_INDEX_MANY, sizeof(*many));

	if (many == NULL)
		return;
	x->heads = many;
	x->mask = TURN_INDEX_MANY - 1;
	for (unsigned i = 0; i < TURN_INDEX_FEW; i++) {
		struct turn_node *node = x->few[i], *next;

		for (; node != NULL; node = next) {
			next = node->next;
			link_node(x, node);
		}
		x->few[i] = NULL;
	}
}

void
turn_index_add(struct turn_index *x, struct turn_node *node, uint32_t hash)
{
	if (x->count >= TURN_INDEX_GROW_AT && x->heads == x->few)
		grow(x);
	node->hash = hash;
	link_node(x, node);
	x->count++;
}

void
turn_index_remove(struct turn_index *x, struct turn_node *node)
{
	struct turn_node **at = &x->heads[node->hash & x->mask];

	while (*at != node) {
		assert(*at != NULL);
		at = &(*at)->next;
	}
	*at = node->next;
	node->next = NULL;
	x->count--;
}

uint32_t
turn_index_hash_host(const struct addr *a)
{
	size_t len;
	const uint8_t *host = addr_host(a, &len);

	return table_hash(host, len);
}
