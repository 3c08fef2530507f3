#include "signalling/window.h"

#include <assert.h>
#include <errno.h>

#include "common/mem.h"
#include "signalling/text.h"

enum { ROOM_MIN = 4 };

struct signal_window_item *
signal_window_at(const struct signal_window *w, uint32_t i)
{
	assert(i < w->count);
	return &w->items[(w->head + i) & (w->room - 1)];
}

static void
free_ring(struct signal_window *w)
{
	mem_free(w->items);
	w->items = NULL;
	w->head = w->room = 0;
}

void
signal_window_shift(struct signal_window *w)
{
	struct signal_window_item *item = signal_window_at(w, 0);

	w->bytes -= signal_text_len(item->text);
	signal_text_put(item->text);
	mem_free(item->owed);
	w->head = (w->head + 1) & (w->room - 1);
	w->gone++;
	w->count--;
	if (w->handed > 0)
		w->handed--;
	if (w->count == 0)
		free_ring(w);
}

void
signal_window_fini(struct signal_window *w)
{
	while (w->count > 0)
		signal_window_shift(w);
}

bool
signal_window_is_full(const struct signal_window *w, size_t len)
{
	return w->count >= SIGNAL_WINDOW_MESSAGES ||
	    (w->count > 0 && w->bytes + len > SIGNAL_WINDOW_BYTES);
}

static bool
grow(struct signal_window *w)
{
	const uint32_t room = w->room == 0 ? ROOM_MIN : w->room * 2;
	struct signal_window_item *items = mem_try(room, sizeof(*items));

	if (items == NULL)
		return false;
	for (uint32_t i = 0; i < w->count; i++)
		items[i] = *signal_window_at(w, i);
	mem_free(w->items);
	w->items = items;
	w->head = 0;
	w->room = room;
	return true;
}

int
signal_window_add(struct signal_window *w, struct signal_text *text,
    const struct signal_origin *owed)
{
	struct signal_origin *copy = NULL;

	if (w->count == w->room && !grow(w))
		return ENOMEM;
	if (owed != NULL) {
		if ((copy = mem_try(1, sizeof(*copy))) == NULL) {
			if (w->count == 0)
				free_ring(w);
			return ENOMEM;
		}
		*copy = *owed;
	}
	w->count++;
	*signal_window_at(w, w->count - 1) =
	    (struct signal_window_item){ .text = signal_text_get(text),
		    .owed = copy };
	w->bytes += signal_text_len(text);
	return 0;
}

void
signal_window_ack(struct signal_window *w, uint64_t seq)
{
	while (w->handed > 0 && w->gone < seq)
		signal_window_shift(w);
}

void
signal_window_skip(struct signal_window *w)
{
	signal_window_fini(w);
	w->gone++;
}

struct signal_origin *
signal_window_settle(struct signal_window *w, uint32_t i)
{
	struct signal_window_item *item = signal_window_at(w, i);
	struct signal_origin *owed = item->owed;

	item->owed = NULL;
	if (w->handed <= i)
		w->handed = i + 1;
	return owed;
}
