#include "relay/memory.h"

#include <jansson.h>
#include <stddef.h>

/* jemalloc's, where the program is linked with it. */
extern int mallctl(const char *name, void *old, size_t *old_len, void *value,
    size_t value_len) __attribute__((weak));

static const char *const labels[MEMORY_COUNT] = {
#define MEMORY_ROW(id, label) [MEMORY_##id] = label,
	MEMORY_KINDS(MEMORY_ROW)
};

static const struct {
	const char *key;
	const char *name; /* of mallctl */
	size_t offset;
} figures[] = {
#define FIGURE(key)                                                    \
	{                                                              \
#key, "stats." #key, offsetof(struct memory_heap, key) \
	}
	FIGURE(allocated),
	FIGURE(active),
	FIGURE(resident),
	FIGURE(mapped),
	FIGURE(retained),
};

enum { FIGURES = sizeof(figures) / sizeof(figures[0]) };

static uint64_t *
figure(struct memory_heap *h, size_t i)
{
	return (uint64_t *)(void *)((char *)h + figures[i].offset);
}

void
memory_heap_read(struct memory_heap *out)
{
	uint64_t epoch = 1; /* any: jemalloc gathers its figures anew */
	size_t n;

	*out = (struct memory_heap){ .is_known = false };
	if (mallctl == NULL ||
	    mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch)) != 0)
		return;
	for (size_t i = 0; i < FIGURES; i++) {
		size_t value;

		n = sizeof(value);
		if (mallctl(figures[i].name, &value, &n, NULL, 0) != 0)
			return;
		*figure(out, i) = value;
	}
	out->is_known = true;
}

void
memory_sum(struct memory *sum, const struct memory *from)
{
	for (int i = 0; i < MEMORY_COUNT; i++)
		mem_use_sum(&sum->use[i], &from->use[i]);
}

/* ---- as JSON */

static json_t *
heap_json(const struct memory_heap *heap)
{
	json_t *all;

	if (!heap->is_known)
		return json_null();
	all = json_object();
	for (size_t i = 0; i < FIGURES; i++)
		json_object_set_new(all, figures[i].key,
		    json_integer(
			(json_int_t)*figure((struct memory_heap *)heap, i)));
	return all;
}

static json_t *
use_json(const struct mem_use *u)
{
	return json_pack("{s:I,s:I,s:I}", "count", (json_int_t)u->count,
	    "bytes_each", (json_int_t)u->each, "bytes", (json_int_t)u->bytes);
}

json_t *
memory_json(const struct memory *sum, const struct memory_heap *heap)
{
	json_t *objects = json_object();
	uint64_t bytes = 0;

	for (int i = 0; i < MEMORY_COUNT; i++) {
		bytes += sum->use[i].bytes;
		json_object_set_new(objects, labels[i], use_json(&sum->use[i]));
	}
	return json_pack("{s:o,s:o,s:o}", "heap", heap_json(heap), "objects",
	    objects, "other",
	    heap->is_known && heap->allocated >= bytes
		? json_integer((json_int_t)(heap->allocated - bytes))
		: json_null());
}
