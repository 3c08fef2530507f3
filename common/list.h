/*
 * list: intrusive doubly linked list.  A node zeroed or removed is in no
 * list; a head must be initialised.
 */
#ifndef COMMON_LIST_H
#define COMMON_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *prev;
};

#define LIST_ITEM(node, type, member) \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

/* Every node of head; LIST_EACH_SAFE allows removing the current one. */
#define LIST_EACH(n, head) \
	for ((n) = (head)->next; (n) != (head); (n) = (n)->next)
#define LIST_EACH_SAFE(n, tmp, head)                               \
	for ((n) = (head)->next, (tmp) = (n)->next; (n) != (head); \
	     (n) = (tmp), (tmp) = (n)->next)

static inline void
list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool
list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool
list_is_linked(const struct list *node)
{
	return node->next != NULL;
}

static inline void
list_append(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Legal on a node that is in no list. */
static inline void
list_remove(struct list *node)
{
	if (node->next == NULL)
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = node->prev = NULL;
}

#endif
