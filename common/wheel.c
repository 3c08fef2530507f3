#include "common/wheel.h"

#include <stdint.h>

#include "common/mem.h"

/*
 * A timer stands in level n when it is 256^n up to 256^(n+1) ticks ahead,
 * in the slot that its tick's n-th byte names.  When the current tick comes
 * to a multiple of 256^n, that level's slot is spread over those below.
 */
enum { SLOT_BITS = 8, SLOT_MASK = WHEEL_SLOTS - 1, WORDS = WHEEL_SLOTS / 64 };

static const int64_t far_ticks = ((int64_t)1 << SLOT_BITS * WHEEL_LEVELS) - 1;

struct wheel {
	int64_t tick;       /* all up to here has been called */
	int64_t goal;       /* = tick but during wheel_advance */
	struct list firing; /* being called now */
	uint64_t used[WHEEL_LEVELS][WORDS]; /* a bit for each slot in use */
	struct list slots[WHEEL_LEVELS * WHEEL_SLOTS];
};

struct wheel *
wheel_new(mono_ms now)
{
	struct wheel *w = mem_try(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->tick = w->goal = now / WHEEL_TICK_MS;
	list_init(&w->firing);
	for (int i = 0; i < WHEEL_LEVELS * WHEEL_SLOTS; i++)
		list_init(&w->slots[i]);
	return w;
}

void
wheel_free(struct wheel *w)
{
	if (w == NULL)
		return;
	for (int i = 0; i < WHEEL_LEVELS * WHEEL_SLOTS; i++) {
		while (!list_is_empty(&w->slots[i]))
			list_remove(w->slots[i].next);
	}
	mem_free(w);
}

bool
wheel_is_set(const struct wheel_timer *t)
{
	return list_is_linked(&t->node);
}

/* ---- slots */

static unsigned
slot_of(int64_t tick, unsigned level)
{
	return (unsigned)(tick >> SLOT_BITS * level) & SLOT_MASK;
}

static void
clear_used(struct wheel *w, size_t slot)
{
	const size_t in_level = slot % WHEEL_SLOTS;

	w->used[slot / WHEEL_SLOTS][in_level / 64] &=
	    ~((uint64_t)1 << in_level % 64);
}

/* First tick that does not begin before due. */
static int64_t
tick_of(mono_ms due)
{
	return due / WHEEL_TICK_MS + (due % WHEEL_TICK_MS > 0);
}

/* Links t where it belongs when it is to be called at tick at, which is not
 * before the current one. */
static void
place(struct wheel *w, struct wheel_timer *t, int64_t at)
{
	int64_t ahead = at - w->tick;
	unsigned level = 0, slot;

	/* farther than the wheel turns: it is placed again on the way */
	if (ahead > far_ticks) {
		ahead = far_ticks;
		at = w->tick + far_ticks;
	}
	while (ahead >> SLOT_BITS * (level + 1) != 0)
		level++;
	slot = slot_of(at, level);
	list_append(&w->slots[level * WHEEL_SLOTS + slot], &t->node);
	w->used[level][slot / 64] |= (uint64_t)1 << slot % 64;
}

void
wheel_stop(struct wheel *w, struct wheel_timer *t)
{
	struct list *next = t->node.next;
	const uintptr_t off = (uintptr_t)next - (uintptr_t)w->slots;
	const bool alone = next != NULL && next == t->node.prev;

	list_remove(&t->node);
	/* alone: next was the head, of a slot or of w->firing */
	if (alone && off < sizeof(w->slots))
		clear_used(w, off / sizeof(w->slots[0]));
}

void
wheel_set(struct wheel *w, struct wheel_timer *t, mono_ms due, wheel_fn *fn)
{
	int64_t at = tick_of(due);

	wheel_stop(w, t);
	t->due = due;
	t->fn = fn;
	/* what is set by a callback waits for the next tick after now: a
	 * timer that sets itself must not be called for each tick missed */
	if (at <= w->goal)
		at = w->goal + 1;
	place(w, t, at);
}

/* ---- turning */

/* Moves the nodes of slot to the end of to. */
static void
empty_slot(struct wheel *w, size_t slot, struct list *to)
{
	struct list *from = &w->slots[slot];

	while (!list_is_empty(from)) {
		struct list *n = from->next;

		list_remove(n);
		list_append(to, n);
	}
	clear_used(w, slot);
}

/* Slots from current to the next one in use, 1 to 256; 0: none is. */
static unsigned
find_used(const uint64_t used[WORDS], unsigned current)
{
	const unsigned from = (current + 1) & SLOT_MASK;
	uint64_t bits = used[from / 64] & UINT64_MAX << from % 64;

	for (unsigned i = 0; i <= WORDS; i++) {
		const unsigned word = (from / 64 + i) % WORDS;

		if (i > 0)
			bits = used[word];
		if (bits != 0) {
			const unsigned slot =
			    word * 64 + (unsigned)__builtin_ctzll(bits);
			return ((slot - from) & SLOT_MASK) + 1;
		}
	}
	return 0;
}

/* The next tick at which a slot is to be called or spread; INT64_MAX. */
static int64_t
find_next(const struct wheel *w)
{
	int64_t next = INT64_MAX;

	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		const unsigned shift = SLOT_BITS * level;
		const unsigned d =
		    find_used(w->used[level], slot_of(w->tick, level));
		const int64_t at = ((w->tick >> shift) + d) << shift;

		if (d > 0 && at < next)
			next = at;
	}
	return next;
}

/* Spreads the slots that begin at the current tick, highest level first. */
static void
cascade(struct wheel *w)
{
	struct list moved;

	list_init(&moved);
	for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--) {
		if ((w->tick & (((int64_t)1 << SLOT_BITS * level) - 1)) != 0)
			continue;
		empty_slot(
		    w, level * WHEEL_SLOTS + slot_of(w->tick, level), &moved);
		while (!list_is_empty(&moved)) {
			struct wheel_timer *t =
			    LIST_ITEM(moved.next, struct wheel_timer, node);
			int64_t at = tick_of(t->due);

			list_remove(&t->node);
			place(w, t, at > w->tick ? at : w->tick);
		}
	}
}

/* Calls the slot of the current tick. */
static void
fire(struct wheel *w, mono_ms now)
{
	empty_slot(w, slot_of(w->tick, 0), &w->firing);
	while (!list_is_empty(&w->firing)) {
		struct wheel_timer *t =
		    LIST_ITEM(w->firing.next, struct wheel_timer, node);

		list_remove(&t->node);
		t->fn(t, now);
	}
}

void
wheel_advance(struct wheel *w, mono_ms now)
{
	const int64_t goal = now / WHEEL_TICK_MS;
	int64_t next;

	if (goal <= w->tick)
		return;
	w->goal = goal;
	while ((next = find_next(w)) <= goal) {
		w->tick = next;
		cascade(w);
		fire(w, now);
	}
	w->tick = goal;
}

int
wheel_next_ms(const struct wheel *w, mono_ms now)
{
	const int64_t next = find_next(w);
	int64_t wait;

	if (next == INT64_MAX)
		return MONO_NEVER_MS;
	wait = next * WHEEL_TICK_MS - now;
	if (wait < 0)
		return 0;
	return wait < MONO_NEVER_MS ? (int)wait : MONO_NEVER_MS - 1;
}
