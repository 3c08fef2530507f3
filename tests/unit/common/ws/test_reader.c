/* The table says what RFC 6455 asks for; wslay, a reader by others, says it
 * of streams of frames made up at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "common/ws/reader.h"

enum { BYTES_MAX = 400 * 1024, STORY_MAX = 1 << 20, LIMIT = 70000 };

/* What a reader was told, as text: "text:Hello|ping:|close:1000|". */
struct story {
	char text[STORY_MAX];
	size_t len;
	char message[LIMIT + 1]; /* in pieces so far */
	size_t message_len;
	bool is_over;
};

static void
tell(struct story *s, const char *what, const void *data, size_t len)
{
	const size_t what_len = strlen(what);

	assert_true(s->len + what_len + len + 3 < sizeof(s->text));
	memcpy(s->text + s->len, what, what_len);
	s->len += what_len;
	s->text[s->len++] = ':';
	if (len > 0)
		memcpy(s->text + s->len, data, len);
	s->len += len;
	s->text[s->len++] = '|';
	s->text[s->len] = '\0';
}

static void
tell_code(struct story *s, const char *what, unsigned code)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", code);
	tell(s, what, text, strlen(text));
	s->is_over = true;
}

/* ---- our reader */

static void
take_piece(struct story *s, const struct ws_piece *p)
{
	assert_int_equal(p->is_first, s->message_len == 0);
	assert_true(s->message_len + p->len <= LIMIT);
	memcpy(s->message + s->message_len, p->data, p->len);
	s->message_len += p->len;
	if (!p->is_last)
		return;
	tell(s, p->opcode == WS_TEXT ? "text" : "binary", s->message,
	    s->message_len);
	s->message_len = 0;
}

static void
take_control(struct story *s, const struct ws_piece *p)
{
	unsigned code;
	int fault;

	if (p->opcode == WS_PING) {
		tell(s, "ping", p->data, p->len);
	} else if (p->opcode == WS_PONG) {
		tell(s, "pong", p->data, p->len);
	} else if ((fault = ws_close_read(&code, p->data, p->len)) != 0) {
		tell_code(s, "broken", (unsigned)fault);
	} else {
		tell_code(s, "close", code);
	}
}

/* Reads data; returns how much of it is done with. */
static size_t
read_some(struct story *s, struct ws_reader *r, uint8_t *data, size_t len)
{
	struct ws_piece p;
	size_t done = 0;

	while (!s->is_over) {
		const enum ws_event e =
		    ws_reader_next(r, &p, data + done, len - done);

		assert_true(p.used <= len - done);
		done += p.used;
		if (e == WS_NOTHING)
			break;
		if (e == WS_PIECE)
			take_piece(s, &p);
		else if (e == WS_CONTROL)
			take_control(s, &p);
		else
			tell_code(s, "broken", (unsigned)p.code);
	}
	return done;
}

/* The bytes in pieces of so many; what is not done with comes again. */
static const char *
read_all(struct story *s, const void *bytes, size_t len, size_t piece)
{
	static uint8_t data[BYTES_MAX];
	struct ws_reader r = { .max = LIMIT };
	size_t from = 0, to = 0;

	memset(s, 0, offsetof(struct story, text) + 1);
	s->len = s->message_len = 0;
	s->is_over = false;
	assert_true(len <= sizeof(data));
	memcpy(data, bytes, len);
	while (to < len && !s->is_over) {
		to += piece < len - to ? piece : len - to;
		from += read_some(s, &r, data + from, to - from);
		assert_true(
		    s->is_over || to - from < WS_HEAD_MAX + WS_CONTROL_MAX);
	}
	return s->text;
}

static struct story ours, theirs;

/* ---- the table */

/* A frame that is masked by zeros. */
#define F(first, len, payload) first len "\0\0\0\0" payload

static const struct {
	const char *bytes;
	size_t len;
	const char *story;
} rows[] = {
#define ROW(bytes, story)                       \
	{                                       \
		bytes, sizeof(bytes) - 1, story \
	}
	/* lengths, kinds, masks */
	ROW(F("\x81", "\x80", ""), "text:|"),
	ROW(F("\x82", "\x80", ""), "binary:|"),
	ROW(F("\x81", "\x85", "Hello"), "text:Hello|"),
	ROW("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "text:Hello|"),
	ROW(F("\x81", "\x81", "a") F("\x82", "\x81", "b"), "text:a|binary:b|"),
	/* fragments */
	ROW(F("\1", "\x83", "Hel") F("\x80", "\x82", "lo"), "text:Hello|"),
	ROW(F("\1", "\x80", "") F("\0", "\x80", "") F("\x80", "\x80", ""),
	    "text:|"),
	ROW(F("\1", "\x80", "") F("\0", "\x81", "a") F("\x80", "\x80", ""),
	    "text:a|"),
	ROW(F("\2", "\x81", "a") F("\0", "\x81", "b") F("\x80", "\x81", "c")
		F("\x81", "\x81", "d"),
	    "binary:abc|text:d|"),
	/* control frames, also between fragments */
	ROW(F("\x89", "\x80", "") F("\x8a", "\x82", "po"), "ping:|pong:po|"),
	ROW(F("\1", "\x81", "a") F("\x89", "\x82", "pi") F("\0", "\x80", "")
		F("\x8a", "\x80", "") F("\x80", "\x81", "b"),
	    "ping:pi|pong:|text:ab|"),
	ROW(F("\1", "\x81", "a") F("\x88", "\x80", ""), "close:1005|"),
	/* the closing handshake */
	ROW(F("\x88", "\x80", "") F("\x81", "\x80", ""), "close:1005|"),
	ROW(F("\x88", "\x82", "\x03\xe8"), "close:1000|"),
	ROW(F("\x88", "\x84", "\x0b\xb8ok"), "close:3000|"),
	ROW(F("\x88", "\x81", "\x03"), "broken:1002|"),
	ROW(F("\x88", "\x82", "\x03\xee"), "broken:1002|"),
	ROW(F("\x88", "\x83", "\x03\xe8\x80"), "broken:1007|"),
	/* UTF-8, whole and in fragments */
	ROW(F("\x81", "\x82", "\xc3\xbc"), "text:\xc3\xbc|"),
	ROW(F("\1", "\x81", "\xc3") F("\x80", "\x81", "\xbc"),
	    "text:\xc3\xbc|"),
	ROW(F("\1", "\x81", "\xc3") F("\x89", "\x80", "")
		F("\x80", "\x81", "\xbc"),
	    "ping:|text:\xc3\xbc|"),
	ROW(F("\x81", "\x81", "\xc3"), "broken:1007|"),
	ROW(F("\1", "\x81", "\xc3") F("\x80", "\x80", ""), "broken:1007|"),
	ROW(F("\1", "\x81", "\xc3") F("\x80", "\x81", "a"), "broken:1007|"),
	ROW(F("\x81", "\x82", "\xc0\x80"), "broken:1007|"),
	ROW(F("\x81", "\x83", "\xed\xa0\x80"), "broken:1007|"),
	ROW(F("\x82", "\x81", "\xff"), "binary:\xff|"),
	/* what is out of order */
	ROW(F("\x80", "\x80", ""), "broken:1002|"),
	ROW(F("\0", "\x81", "a"), "broken:1002|"),
	ROW(F("\1", "\x81", "a") F("\x81", "\x81", "b"), "broken:1002|"),
	ROW(F("\1", "\x81", "a") F("\2", "\x81", "b"), "broken:1002|"),
	ROW(F("\x81", "\x80", "") F("\x80", "\x80", ""), "text:|broken:1002|"),
	/* not masked */
	ROW("\x81\1a....", "broken:1002|"),
	ROW("\x89\0....", "broken:1002|"),
	/* reserved bits and opcodes, also in between */
	ROW(F("\xc1", "\x80", ""), "broken:1002|"),
	ROW(F("\1", "\x80", "") F("\xc0", "\x80", ""), "broken:1002|"),
	ROW(F("\x83", "\x80", ""), "broken:1002|"),
	ROW(F("\x8b", "\x80", ""), "broken:1002|"),
	ROW(F("\x09", "\x80", ""), "broken:1002|"),
	/* lengths: not the shortest, the top bit, over the limit (70000) */
	ROW("\x81\xfe\0\x7d....", "broken:1002|"),
	ROW("\x81\xff\0\0\0\0\0\0\xff\xff....", "broken:1002|"),
	ROW("\x81\xff\x80\0\0\0\0\0\xff\xff....", "broken:1002|"),
	ROW("\x81\xff\0\0\0\0\0\1\x11\x71....", "broken:1009|"),
	ROW("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff....", "broken:1009|"),
	ROW(F("\1", "\x81", "a") "\x80\xff\0\0\0\0\0\1\x11\x70....",
	    "broken:1009|"),
	ROW(F("\2", "\x81", "a") "\0\xff\x7f\xff\xff\xff\xff\xff\xff\xff....",
	    "broken:1009|"),
};

static void
test_the_table_holds_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t piece = 1; piece <= rows[i].len; piece++)
			assert_string_equal(
			    read_all(&ours, rows[i].bytes, rows[i].len, piece),
			    rows[i].story);
	}
}

/* A message of len bytes, behind it a short one. */
static void
check_length(size_t len, size_t piece)
{
	static uint8_t bytes[BYTES_MAX];
	const struct ws_frame f = { .opcode = WS_BINARY,
		.is_final = true,
		.is_masked = true,
		.mask = { 1, 2, 3, 4 },
		.len = len };
	const size_t head = ws_frame_write(bytes, &f);

	for (size_t i = 0; i < len; i++)
		bytes[head + i] = (uint8_t)(i * 7 + i / 251);
	ws_frame_mask(bytes + head, len, f.mask);
	memcpy(bytes + head + len, "\x81\x81\0\0\0\0x", 7);
	read_all(&ours, bytes, head + len + 7, piece);
	assert_int_equal(ours.len, 7 + len + 1 + 7);
	assert_memory_equal(ours.text, "binary:", 7);
	assert_memory_equal(ours.text + 7 + len, "|text:x|", 8);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(
		    (uint8_t)ours.text[7 + i], (uint8_t)(i * 7 + i / 251));
}

static void
test_messages_of_all_lengths_are_read(void **state)
{
	static const size_t lengths[] = { 0, 1, 7, 8, 9, 125, 126, 127, 128,
		4096, 65535, 65536, LIMIT };
	static const size_t pieces[] = { 1, 3, 1000, 4096, BYTES_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++)
			check_length(lengths[i], pieces[k]);
	}
}

static void
test_pieces_are_no_larger_than_asked_for(void **state)
{
	uint8_t bytes[] = "\x01\x8a\0\0\0\0"
			  "0123456789"
			  "\x80\x83\0\0\0\0"
			  "abc";
	struct ws_reader r = { .max = SIZE_MAX, .piece = 4 };
	static const char *const pieces[] = { "0123", "4567", "89", "abc" };
	struct ws_piece p;
	size_t at = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(
		    ws_reader_next(&r, &p, bytes + at, sizeof(bytes) - 1 - at),
		    WS_PIECE);
		at += p.used;
		assert_int_equal(p.len, strlen(pieces[i]));
		assert_memory_equal(p.data, pieces[i], p.len);
		assert_int_equal(p.is_first, i == 0);
		assert_int_equal(p.is_last, i == 3);
	}
	assert_int_equal(at, sizeof(bytes) - 1);
}

static void
test_a_client_wants_no_masks(void **state)
{
	uint8_t plain[] = "\x81\1a", masked[] = "\x81\x81\0\0\0\0a";
	struct ws_reader r = { .max = 10, .is_client = true };
	struct ws_piece p;

	(void)state;
	assert_int_equal(ws_reader_next(&r, &p, plain, 3), WS_PIECE);
	assert_memory_equal(p.data, "a", 1);
	assert_int_equal(ws_reader_next(&r, &p, masked, 7), WS_BROKEN);
	assert_int_equal(p.code, 1002);
}

/* ---- wslay's reader */

struct feed {
	const uint8_t *at;
	size_t len;
};

static ssize_t
on_recv(
    wslay_event_context_ptr ctx, uint8_t *out, size_t len, int flags, void *arg)
{
	struct feed *f = arg;

	(void)flags;
	if (len > f->len)
		len = f->len;
	if (len == 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(out, f->at, len);
	f->at += len;
	f->len -= len;
	return (ssize_t)len;
}

static void
on_message(wslay_event_context_ptr ctx,
    const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
	static const char *const names[] = { [WS_TEXT] = "text",
		[WS_BINARY] = "binary",
		[WS_PING] = "ping",
		[WS_PONG] = "pong" };

	(void)ctx;
	(void)arg;
	if (m->opcode == WS_CLOSE)
		tell_code(&theirs, "close",
		    m->msg_length > 0 ? m->status_code : WS_CODE_NONE);
	else
		tell(&theirs, names[m->opcode], m->msg, m->msg_length);
}

/* Of its answers only the close frame matters: what it found wrong. */
static ssize_t
on_send(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags,
    void *arg)
{
	static uint8_t head[2];

	(void)ctx;
	(void)flags;
	(void)arg;
	if (len == 2 && (data[0] & 0x80) != 0)
		memcpy(head, data, 2);
	else if (head[0] == (0x80 | WS_CLOSE) && !theirs.is_over)
		tell_code(&theirs, "broken", (unsigned)data[0] << 8 | data[1]);
	return (ssize_t)len;
}

static const char *
read_by_wslay(const uint8_t *bytes, size_t len)
{
	const struct wslay_event_callbacks callbacks = {
		.recv_callback = on_recv,
		.send_callback = on_send,
		.on_msg_recv_callback = on_message,
	};
	struct feed feed = { bytes, len };
	wslay_event_context_ptr ctx;

	theirs.len = 0;
	theirs.text[0] = '\0';
	theirs.is_over = false;
	assert_int_equal(
	    wslay_event_context_server_init(&ctx, &callbacks, &feed), 0);
	wslay_event_config_set_max_recv_msg_length(ctx, LIMIT);
	/* lengths in too many bytes it leaves to its caller */
	if (wslay_event_recv(ctx) != 0)
		tell_code(&theirs, "broken", WS_CODE_PROTOCOL);
	assert_int_equal(wslay_event_send(ctx), 0);
	wslay_event_context_free(ctx);
	return theirs.text;
}

/* ---- both, on what is made up */

static uint32_t
roll(uint32_t sides)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % sides;
}

static size_t
make_payload(uint8_t *out, bool is_control)
{
	static const char *const texts[] = { "plain", "gr\xc3\xbc\xc3\x9f",
		"\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xc3" };
	static const size_t sizes[] = { 0, 1, 7, 125, 126, 127, 300, 4000,
		65535, 65536, LIMIT + 1 };
	size_t len = 0;

	if (is_control || roll(4) > 0) {
		const size_t n = roll(4);

		for (size_t i = 0; i < n; i++) {
			const char *t = texts[roll(40) == 0 ? 4 : roll(4)];

			memcpy(out + len, t, strlen(t));
			len += strlen(t);
		}
		return len;
	}
	len = sizes[roll(roll(20) == 0 ? 11 : 8)];
	memset(out, 'a' + (int)roll(26), len);
	return len;
}

/* Frames that mostly are in order. */
static size_t
make_stream(uint8_t *out)
{
	bool is_inside = false;
	size_t at = 0;

	for (unsigned n = roll(8) + 1; n > 0 && at < BYTES_MAX / 2; n--) {
		static uint8_t payload[LIMIT + 1];
		struct ws_frame f = { .is_masked = true };
		const bool is_control = roll(4) == 0;

		f.is_final = is_control || roll(2) == 0;
		f.opcode = is_control ? WS_PING + roll(2)
		    : is_inside       ? WS_CONTINUATION
				      : WS_TEXT + roll(2);
		f.len = make_payload(payload, is_control);
		if (roll(15) == 0) {
			static const uint8_t codes[][2] = { { 3, 232 },
				{ 3, 237 }, { 15, 161 }, { 0, 0 } };

			f.opcode = WS_CLOSE;
			f.is_final = true;
			memcpy(payload, codes[roll(4)], 2);
			f.len = roll(8) == 0 ? roll(2) : 2;
		} else if (!is_control) {
			is_inside = !f.is_final;
		}
		for (int i = 0; i < WS_MASK_LEN; i++)
			f.mask[i] = (uint8_t)roll(256);
		at += ws_frame_write(out + at, &f);
		memcpy(out + at, payload, f.len);
		ws_frame_mask(out + at, f.len, f.mask);
		at += f.len;
	}
	/* now and then something is wrong with it */
	if (roll(2) == 0)
		out[roll((uint32_t)(at < 60 ? at : 60))] ^=
		    (uint8_t)(1u << roll(8));
	return at;
}

/* wslay lets a code of 0 pass, which no close frame may say, and not 1012 to
 * 1014, which IANA has given away since. */
static bool
differ_in_codes(void)
{
	return strstr(theirs.text, "close:0|") != NULL ||
	    strstr(ours.text, "close:101") != NULL;
}

/* The last frame was cut short, and one says sooner than the other that it
 * is faulty; or it is faulty in two ways (a close frame's code and reason). */
static bool
differ_in_haste(void)
{
	const char *a = strstr(ours.text, "broken:");
	const char *b = strstr(theirs.text, "broken:");
	const size_t a_len = a != NULL ? (size_t)(a - ours.text) : ours.len;
	const size_t b_len = b != NULL ? (size_t)(b - theirs.text) : theirs.len;

	return a != b && a_len == b_len &&
	    memcmp(ours.text, theirs.text, a_len) == 0;
}

static void
test_another_reader_reads_the_same(void **state)
{
	static const size_t pieces[] = { 1, 5, 100, 1460, BYTES_MAX };
	static uint8_t bytes[BYTES_MAX];
	unsigned broken = 0, closed = 0, hasty = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const size_t len = make_stream(bytes);

		read_all(&ours, bytes, len, pieces[i % 5]);
		read_by_wslay(bytes, len);
		broken += strstr(ours.text, "broken:") != NULL;
		closed += strstr(ours.text, "close:") != NULL;
		if (ours.len == theirs.len &&
		    memcmp(ours.text, theirs.text, ours.len) == 0)
			continue;
		assert_true(differ_in_codes() || differ_in_haste());
		hasty += differ_in_haste();
	}
	/* that it says something */
	assert_true(broken > 1000 && closed > 1000 && hasty < 100);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_table_holds_however_it_is_cut),
		cmocka_unit_test(test_messages_of_all_lengths_are_read),
		cmocka_unit_test(test_pieces_are_no_larger_than_asked_for),
		cmocka_unit_test(test_a_client_wants_no_masks),
		cmocka_unit_test(test_another_reader_reads_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
