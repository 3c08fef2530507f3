#include "signalling/text.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "common/mem.h"

struct signal_text {
	_Atomic unsigned count; /* SHARED: atomic */
	/* FROZEN: after it was made */
	size_t len;
	char at[];
};

struct signal_text *
signal_text_make(size_t room, char **at)
{
	struct signal_text *t = mem_try(1, sizeof(*t) + room);

	if (t == NULL)
		return NULL;
	atomic_init(&t->count, 1);
	t->len = room;
	*at = t->at;
	return t;
}

void
signal_text_cut(struct signal_text *t, size_t len)
{
	assert(len <= t->len);
	t->len = len;
}

struct signal_text *
signal_text_new(const void *data, size_t len)
{
	struct signal_text *t;
	char *at;

	if ((t = signal_text_make(len, &at)) != NULL)
		memcpy(at, data, len);
	return t;
}

struct signal_text *
signal_text_get(struct signal_text *t)
{
	atomic_fetch_add_explicit(&t->count, 1, memory_order_relaxed);
	return t;
}

void
signal_text_put(struct signal_text *t)
{
	if (t == NULL)
		return;
	/* the last one must see all that others have done with it */
	if (atomic_fetch_sub_explicit(&t->count, 1, memory_order_acq_rel) == 1)
		mem_free(t);
}

const char *
signal_text_data(const struct signal_text *t)
{
	return t->at;
}

size_t
signal_text_len(const struct signal_text *t)
{
	return t->len;
}
