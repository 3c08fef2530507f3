#include "tests/support/tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"

enum { FLAG_ECHO = 1, FLAGS_AT = 12 };

static const char MAGIC[4] = "PRB1";

void
tally_next(struct tally *t, uint8_t *out, size_t size, int64_t now_us)
{
	struct pen p;

	pen_init(&p, out, size);
	pen_bytes(&p, MAGIC, sizeof(MAGIC));
	pen_u32(&p, t->id);
	pen_u32(&p, t->sent++);
	pen_u32(&p, 0);
	pen_u32(&p, (uint32_t)((uint64_t)now_us >> 32));
	pen_u32(&p, (uint32_t)now_us);
	memset(out + TALLY_HEADER, (int)(t->sent & 0xff), size - TALLY_HEADER);
}

void
tally_make_echo(uint8_t *data)
{
	data[FLAGS_AT + 3] |= FLAG_ECHO;
}

/* Returns true at the first sight of number. */
static bool
mark(struct tally_sender *s, uint32_t number)
{
	const uint8_t bit = (uint8_t)(1u << (number % 8));
	uint8_t *byte = &s->seen[number % TALLY_NUMBERS / 8];

	if (*byte & bit)
		return false;
	*byte |= bit;
	return true;
}

static struct tally_sender *
find_sender(struct tally *t, uint32_t id)
{
	for (unsigned i = 0; i < TALLY_SENDERS; i++) {
		if (t->senders[i].id == 0)
			t->senders[i].id = id;
		if (t->senders[i].id == id)
			return &t->senders[i];
	}
	return NULL;
}

/* Is the filler what the sender put there? */
static bool
is_whole(const uint8_t *data, size_t len, uint32_t number)
{
	for (size_t i = TALLY_HEADER; i < len; i++) {
		if (data[i] != (uint8_t)(number + 1))
			return false;
	}
	return true;
}

static void
count_echo(struct tally *t, uint32_t number, int64_t trip_us)
{
	if (!mark(&t->echoed, number)) {
		t->echo_dup++;
		return;
	}
	t->trip_us[t->echoes++ % TALLY_ECHOES] = (uint32_t)trip_us;
}

bool
tally_count(struct tally *t, const uint8_t *data, size_t len, int64_t now_us)
{
	struct tally_sender *sender;
	uint32_t id, number, flags;
	struct cursor c;
	int64_t sent_us;

	cursor_init(&c, data, len);
	(void)cursor_u32(&c);
	id = cursor_u32(&c);
	number = cursor_u32(&c);
	flags = cursor_u32(&c);
	sent_us = (int64_t)((uint64_t)cursor_u32(&c) << 32);
	sent_us |= cursor_u32(&c);
	if (c.bad || memcmp(data, MAGIC, sizeof(MAGIC)) != 0 ||
	    !is_whole(data, len, number)) {
		t->foreign++;
		return false;
	}
	if (id == t->id && (flags & FLAG_ECHO) != 0) {
		count_echo(t, number, now_us - sent_us);
		return false;
	}
	sender = find_sender(t, id);
	if (sender == NULL || !mark(sender, number)) {
		t->dup++;
		return false;
	}
	t->received++;
	t->bytes += len;
	return true;
}

static int
by_size(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void
tally_print(struct tally *t, FILE *out)
{
	size_t n = t->echoes < TALLY_ECHOES ? t->echoes : TALLY_ECHOES;

	fprintf(out,
	    "sent=%" PRIu32 " received=%" PRIu64 " dup=%" PRIu64
	    " bytes=%" PRIu64 " foreign=%" PRIu64 " echoes=%" PRIu64
	    " lost=%" PRId64,
	    t->sent, t->received, t->dup + t->echo_dup, t->bytes, t->foreign,
	    t->echoes, (int64_t)t->sent - (int64_t)t->echoes);
	if (n == 0)
		return;
	qsort(t->trip_us, n, sizeof(t->trip_us[0]), by_size);
	fprintf(out, " rtt_p50_us=%" PRIu32 " rtt_p99_us=%" PRIu32,
	    t->trip_us[n / 2], t->trip_us[n * 99 / 100]);
}

void
tally_reset(struct tally *t)
{
	const uint32_t id = t->id;

	memset(t, 0, sizeof(*t));
	t->id = id;
}
