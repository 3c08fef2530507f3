/*
 * fuzz: WebSocket frames.  What is told of them must not depend on how they
 * are cut, nor on the size of pieces; what is told is masked back and must
 * be what was there.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/ws/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	BYTES_MAX = 8192,
	CLIENT = 1, /* flags in the first byte */
	SMALL = 2,
	HEAD = 2,
};

/* What was told: running hashes stand for it. */
struct seen {
	uint64_t hash;
	size_t count, bytes;
	int code;
};

static void
mix(struct seen *s, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s->hash = (s->hash ^ data[i]) * 0x100000001b3u;
	s->bytes += len;
}

/* Ends of messages and control frames; pieces by their content only. */
static void
note(struct seen *s, const struct ws_piece *p)
{
	const uint8_t what[] = { (uint8_t)p->opcode, '.' };

	mix(s, p->data, p->len);
	if (!p->is_last && !(p->opcode & 8))
		return;
	mix(s, what, sizeof(what));
	s->count++;
}

static void
check(const struct ws_reader *r, const struct ws_piece *p, const uint8_t *data,
    size_t len)
{
	struct ws_utf8 text = { 0 };

	assert(p->used <= len);
	assert(p->data >= data && p->data + p->len <= data + len);
	assert(p->data + p->len == data + p->used);
	if (p->opcode & 8)
		assert(p->len <= WS_CONTROL_MAX);
	else
		assert(r->piece == 0 || p->len <= r->piece);
	if (p->opcode == WS_TEXT && p->is_first && p->is_last)
		assert(ws_utf8_feed(&text, p->data, p->len) &&
		    ws_utf8_is_whole(&text));
}

static void
take_control(struct seen *s, const struct ws_piece *p)
{
	unsigned code;

	note(s, p);
	if (p->opcode == WS_CLOSE && ws_close_read(&code, p->data, p->len) == 0)
		assert(code == WS_CODE_NONE || ws_close_may_say(code));
}

static struct seen
play(struct ws_reader r, const uint8_t *bytes, size_t len, size_t cut)
{
	/* as large as it is, so that a read beyond is seen */
	uint8_t *data = malloc(len + 1);
	size_t from = 0, to = 0;
	struct seen s = { 0 };

	assert(data != NULL);
	memcpy(data, bytes, len);
	while (to < len && s.code == 0) {
		enum ws_event e;

		to += cut < len - to ? cut : len - to;
		do {
			struct ws_piece p;

			e = ws_reader_next(&r, &p, data + from, to - from);
			if (e == WS_PIECE || e == WS_CONTROL)
				check(&r, &p, data + from, to - from);
			if (e == WS_PIECE)
				note(&s, &p);
			else if (e == WS_CONTROL)
				take_control(&s, &p);
			else
				s.code = p.code;
			from += p.used;
		} while (e != WS_NOTHING && s.code == 0);
		assert(
		    e == WS_BROKEN || to - from < WS_HEAD_MAX + WS_CONTROL_MAX);
	}
	free(data);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ws_reader r = { 0 };
	struct seen whole, cut;

	if (size < HEAD || size > BYTES_MAX)
		return 0;
	r.is_client = (data[0] & CLIENT) != 0;
	r.max = (data[0] & SMALL) != 0 ? 100 : SIZE_MAX;
	whole = play(r, data + HEAD, size - HEAD, SIZE_MAX);
	r.piece = data[0] >> 4;
	cut = play(r, data + HEAD, size - HEAD, (size_t)data[1] + 1);
	assert(whole.count == cut.count && whole.code == cut.code);
	/* a faulty text may have begun to be told */
	if (whole.code == 0)
		assert(whole.hash == cut.hash && whole.bytes == cut.bytes);
	return 0;
}
