#include "relay/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/mem.h"

enum { MAILBOX_ROOM_MAX = 1 << 20 };

/*
 * A cell whose turn equals a position is free for the writer of that
 * position; one more means written, for the reader.  The reader hands it to
 * the next round by adding the size of the ring.
 */
struct cell {
	_Atomic size_t turn; /* SHARED: atomic */
	mailbox_fn *fn;      /* whose turn it is */
	void *arg;
};

struct mailbox {
	/* FROZEN: after mailbox_new */
	struct cell *cells;
	size_t mask;
	int fd;
	/* OWNER: the reader */
	size_t head;
	/* SHARED: atomic */
	_Alignas(64) _Atomic size_t tail; /* next position to write */
	_Atomic bool rung;                /* the eventfd is, or will be, set */
};

struct mailbox *
mailbox_new(size_t room)
{
	struct mailbox *mb;
	size_t size = 2;

	assert(room <= MAILBOX_ROOM_MAX);
	while (size < room)
		size *= 2;
	if ((mb = mem_try_aligned(sizeof(*mb))) == NULL)
		return NULL;
	mb->mask = size - 1;
	if ((mb->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
		goto fail;
	if ((mb->cells = mem_try(size, sizeof(*mb->cells))) == NULL)
		goto fail;
	for (size_t i = 0; i < size; i++)
		atomic_init(&mb->cells[i].turn, i);
	return mb;

fail:
	mailbox_free(mb);
	return NULL;
}

void
mailbox_free(struct mailbox *mb)
{
	if (mb == NULL)
		return;
	if (mb->fd >= 0)
		close(mb->fd);
	mem_free(mb->cells);
	mem_free(mb);
}

int
mailbox_fd(const struct mailbox *mb)
{
	return mb->fd;
}

/* Wakes the reader, unless somebody did since it last woke. */
static void
ring(struct mailbox *mb)
{
	const uint64_t one = 1;
	ssize_t n;

	if (atomic_exchange(&mb->rung, true))
		return;
	n = write(mb->fd, &one, sizeof(one));
	assert(n == (ssize_t)sizeof(one) || errno == EAGAIN);
}

int
mailbox_post(struct mailbox *mb, mailbox_fn *fn, void *arg)
{
	size_t at = atomic_load_explicit(&mb->tail, memory_order_relaxed);
	struct cell *c;
	size_t turn;

	for (;;) {
		c = &mb->cells[at & mb->mask];
		turn = atomic_load_explicit(&c->turn, memory_order_acquire);
		if ((intptr_t)(turn - at) < 0)
			return EAGAIN; /* still the last round's */
		if (turn != at) {      /* another writer was faster */
			at = atomic_load_explicit(
			    &mb->tail, memory_order_relaxed);
			continue;
		}
		if (atomic_compare_exchange_weak_explicit(&mb->tail, &at,
			at + 1, memory_order_relaxed, memory_order_relaxed))
			break;
	}
	c->fn = fn;
	c->arg = arg;
	atomic_store_explicit(&c->turn, at + 1, memory_order_release);
	ring(mb);
	return 0;
}

/*
 * rung is cleared before the tail is read: whoever writes behind that tail,
 * or has taken a cell before it without filling it yet, rings afterwards.
 */
void
mailbox_drain(struct mailbox *mb, void *context)
{
	uint64_t count;
	size_t end;

	while (read(mb->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	atomic_exchange(&mb->rung, false);
	end = atomic_load_explicit(&mb->tail, memory_order_relaxed);
	while (mb->head != end) {
		struct cell *c = &mb->cells[mb->head & mb->mask];
		mailbox_fn *fn;
		void *arg;

		if (atomic_load_explicit(&c->turn, memory_order_acquire) !=
		    mb->head + 1)
			break;
		fn = c->fn;
		arg = c->arg;
		atomic_store_explicit(
		    &c->turn, mb->head + mb->mask + 1, memory_order_release);
		mb->head++;
		fn(context, arg);
	}
}
