#include "net/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/mem.h"

struct net_chunk {
	struct net_chunk *next;
	uint8_t bytes[QUEUE_CHUNK - sizeof(struct net_chunk *)];
};

enum { ROOM = sizeof(((struct net_chunk *)NULL)->bytes) };

struct net_bank {
	/* OWNER: worker */
	struct net_chunk *spare; /* a stack */
	size_t spares;
	struct mem_use *use; /* borrowed */
};

/* ---- the bank */

struct net_bank *
net_queue_bank_new(struct mem_use *use)
{
	struct net_bank *bank = mem_try(1, sizeof(*bank));

	if (bank != NULL)
		bank->use = use;
	return bank;
}

static void
push(struct net_bank *bank, struct net_chunk *c)
{
	c->next = bank->spare;
	bank->spare = c;
	bank->spares++;
}

static struct net_chunk *
pop(struct net_bank *bank)
{
	struct net_chunk *c = bank->spare;

	bank->spare = c->next;
	bank->spares--;
	c->next = NULL;
	return c;
}

/* Frees spare chunks down to keep. */
static void
shrink(struct net_bank *bank, size_t keep)
{
	while (bank->spares > keep) {
		struct net_chunk *c = pop(bank);

		mem_use_add(bank->use, 0, -(int64_t)mem_size(c));
		mem_free(c);
	}
}

/* Has at least count chunks ready.  False: no memory. */
static bool
stock(struct net_bank *bank, size_t count)
{
	while (bank->spares < count) {
		struct net_chunk *c = mem_try(1, sizeof(*c));

		if (c == NULL)
			return false;
		mem_use_add(bank->use, 0, (int64_t)mem_size(c));
		push(bank, c);
	}
	return true;
}

void
net_queue_bank_free(struct net_bank *bank)
{
	if (bank == NULL)
		return;
	shrink(bank, 0);
	mem_free(bank);
}

/* ---- a queue */

static size_t
count_chunks(const struct net_queue *q, size_t len)
{
	const size_t room = q->last != NULL ? ROOM - (size_t)q->fill : 0;

	return len <= room ? 0 : (len - room + ROOM - 1) / ROOM;
}

static void
append_chunk(struct net_queue *q, struct net_chunk *c)
{
	if (q->last != NULL)
		q->last->next = c;
	else
		q->first = c;
	q->last = c;
	q->fill = 0;
}

/* The next bytes to be used, at most len; *n: how many. */
static uint8_t *
claim(struct net_queue *q, struct net_bank *bank, size_t len, size_t *n)
{
	uint8_t *at;

	if (q->last == NULL || q->fill == ROOM)
		append_chunk(q, pop(bank));
	*n = ROOM - (size_t)q->fill;
	if (*n > len)
		*n = len;
	at = q->last->bytes + q->fill;
	q->fill = (uint16_t)(q->fill + *n);
	q->len += *n;
	return at;
}

int
net_queue_expect(const struct net_queue *q, struct net_bank *bank, size_t len)
{
	return stock(bank, count_chunks(q, len)) ? 0 : ENOMEM;
}

int
net_queue_add(struct net_queue *q, struct net_bank *bank, const void *data,
    size_t len, size_t pad)
{
	const uint8_t *from = data;
	size_t n;

	if (net_queue_expect(q, bank, len + pad) != 0)
		return ENOMEM;
	for (; len > 0; len -= n, from += n) {
		uint8_t *at = claim(q, bank, len, &n);

		memcpy(at, from, n);
	}
	for (; pad > 0; pad -= n) {
		uint8_t *at = claim(q, bank, pad, &n);

		memset(at, 0, n);
	}
	return 0;
}

/* Bytes in chunk c of q, from its skip on for the first. */
static size_t
look_at(const struct net_queue *q, const struct net_chunk *c, uint8_t **data)
{
	const size_t begin = c == q->first ? q->skip : 0;
	const size_t end = c == q->last ? q->fill : ROOM;

	*data = (uint8_t *)c->bytes + begin;
	return end - begin;
}

void
net_queue_drain(struct net_queue *q, struct net_bank *bank, size_t len)
{
	assert(len <= q->len);
	q->len -= len;
	while (q->first != NULL) {
		struct net_chunk *c = q->first;
		uint8_t *data;
		const size_t held = look_at(q, c, &data);

		if (len < held) {
			q->skip = (uint16_t)(q->skip + len);
			return;
		}
		len -= held;
		q->first = c->next;
		q->skip = 0;
		push(bank, c);
	}
	q->last = NULL;
	q->fill = 0;
	shrink(bank, QUEUE_SPARE_MAX);
}

unsigned
net_queue_look(
    const struct net_queue *q, struct iovec *out, unsigned count, size_t max)
{
	unsigned n = 0;

	for (struct net_chunk *c = q->first; c != NULL && n < count && max > 0;
	     c = c->next, n++) {
		uint8_t *data;
		const size_t held = look_at(q, c, &data);

		out[n].iov_base = data;
		out[n].iov_len = held < max ? held : max;
		max -= out[n].iov_len;
	}
	return n;
}

void
net_queue_copy(const struct net_queue *q, void *out, size_t len)
{
	uint8_t *to = out;

	assert(len <= q->len);
	for (struct net_chunk *c = q->first; len > 0; c = c->next) {
		uint8_t *data;
		size_t n = look_at(q, c, &data);

		if (n > len)
			n = len;
		memcpy(to, data, n);
		to += n;
		len -= n;
	}
}
