/* splice: bytes go through whole and in order, a slow reader stops who sends
 * to it, and each end learns how the other ended.  Every test runs with both
 * ends at one worker and at two. */
#include "tests/unit/signalling/stream_bed.h"

#define LONG_END                                                           \
	"{\"type\":\"end\",\"padding\":\"--------------------------------" \
	"---------------------------------------------------------------\"}"

static uint8_t piece[SIGNAL_STREAM_PIECE];

/* ---- data */

static void
test_messages_keep_their_boundaries(void **state)
{
	struct bed_pair p = bed_stream(state);

	bed_say_part(p.a, NET_WEB_BINARY, "ab", 2, false);
	bed_say_part(p.a, NET_WEB_BINARY, "cd", 2, true);
	bed_say(p.a, "ef");
	bed_say(p.b, "back");
	bed_turn();
	assert_int_equal(p.b->messages, 2);
	assert_int_equal(p.b->len, 6);
	assert_memory_equal(p.b->got, "abcdef", 6);
	assert_int_equal(p.a->messages, 1);
	assert_memory_equal(p.a->got, "back", 4);
}

/* What stands at that place of all that is poured; no two pieces are alike. */
static uint8_t
byte_at(size_t i)
{
	return (uint8_t)((uint32_t)i * 2654435761U >> 24);
}

/* As much as it may. */
static size_t
pour(struct net_web *w, size_t from, size_t most)
{
	size_t sent = 0;

	while (!w->is_held && sent < most) {
		for (size_t i = 0; i < sizeof(piece); i++)
			piece[i] = byte_at(from + sent + i);
		bed_say_part(w, NET_WEB_BINARY, piece, sizeof(piece), true);
		sent += sizeof(piece);
	}
	return sent;
}

static void
assert_poured(const struct net_web *w, size_t len)
{
	assert_int_equal(w->len, len);
	for (size_t i = 0; i < len; i++)
		if (w->got[i] != byte_at(i))
			fail_msg("another byte at %zu", i);
}

static void
test_a_slow_reader_stops_the_sender_and_nobody_else(void **state)
{
	const size_t all = 4 * 1024 * 1024;
	struct bed_pair p = bed_stream(state), other = bed_stream(state);
	size_t sent = 0;

	p.b->reads = false;
	while (!p.a->is_held && sent < all) {
		sent += pour(p.a, sent, all - sent);
		bed_turn();
	}
	assert_in_range(sent, SIGNAL_STREAM_OUT,
	    SIGNAL_STREAM_WINDOW + SIGNAL_STREAM_OUT + 2 * SIGNAL_STREAM_PIECE);
	bed_say(other.a, "other");
	bed_turn();
	assert_int_equal(other.b->len, 5);
	/* and the way back is another one */
	bed_say(p.b, "back");
	bed_turn();
	assert_int_equal(p.a->len, 4);

	while (sent < all || p.b->waiting > 0 || p.b->len < sent) {
		bed_read(p.b, 10000);
		bed_turn();
		sent += pour(p.a, sent, all - sent);
		bed_turn();
		assert_true(sent - p.b->len <=
		    SIGNAL_STREAM_WINDOW + 2 * SIGNAL_STREAM_PIECE);
		assert_true(p.b->waiting <= SIGNAL_STREAM_OUT);
	}
	assert_poured(p.b, all);
}

static void
test_mail_that_finds_no_room_is_sent_later(void **state)
{
	struct bed_pair p = bed_stream(state);
	size_t sent;

	bed.is_full = true;
	sent = pour(p.a, 0, 128 * 1024);
	bed_say(p.b, "back");
	bed_turn();
	bed_pass(100);
	bed.is_full = false;
	/* what comes now does not overtake it */
	sent += pour(p.a, sent, sizeof(piece));
	bed_turn();
	bed_pass(100);
	assert_poured(p.b, sent);
	assert_int_equal(p.a->len, 4);
	sent += pour(p.a, sent, 128 * 1024);
	bed_turn();
	assert_poured(p.b, sent);
}

/* ---- the end */

static void
test_an_end_goes_through_behind_the_data(void **state)
{
	struct bed_pair p = bed_stream(state);
	size_t sent;

	p.b->reads = false;
	/* more than bob's WebSocket takes, as far as alice may */
	sent = pour(p.a, 0, p.a->s != p.b->s ? 128 * 1024 : 48 * 1024);
	bed_end(p.a);
	bed_turn();
	while (p.b->waiting > 0 || p.b->len < sent) {
		if (p.b->len < sent)
			assert_string_equal(p.b->text, "");
		bed_read(p.b, 10000);
		bed_turn();
	}
	assert_poured(p.b, sent);
	assert_string_equal(p.b->text, "{\"type\":\"end\"}");
	/* half of it is open */
	bed_say(p.b, "still");
	bed_turn();
	assert_int_equal(p.a->len, 5);
	assert_int_equal(p.a->code, 0);
	assert_int_equal(p.b->code, 0);
}

static void
test_both_have_ended_closes_both(void **state)
{
	struct bed_pair p = bed_stream(state);

	bed_say(p.a, "last");
	bed_end(p.a);
	bed_turn();
	bed_end(p.b);
	bed_turn();
	assert_int_equal(p.b->len, 4);
	assert_string_equal(p.a->text, "{\"type\":\"end\"}");
	assert_int_equal(p.a->code, PROTO_CLOSE_NORMAL);
	assert_int_equal(p.b->code, PROTO_CLOSE_NORMAL);
}

static void
test_an_end_may_come_in_pieces_and_with_blanks(void **state)
{
	struct bed_pair p = bed_stream(state);

	bed_say_part(p.a, NET_WEB_TEXT, "{ \"type\"", 8, false);
	bed_say_part(p.a, NET_WEB_TEXT, ": \"end\" }", 9, true);
	bed_turn();
	assert_string_equal(p.b->text, "{\"type\":\"end\"}");
}

static void
test_other_text_breaks_the_stream(void **state)
{
	static const char *const texts[] = { "", "hello", "{}",
		"{\"type\":\"End\"}", "{\"type\":\"end\"", "[\"end\"]",
		"{\"type\":\"end\",\"type\":\"end\"}", LONG_END };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct bed_pair p = bed_stream(state);

		bed_say_part(
		    p.a, NET_WEB_TEXT, texts[i], strlen(texts[i]), true);
		bed_turn();
		assert_int_equal(p.a->code, PROTO_CLOSE_PROTOCOL);
		assert_int_equal(p.b->code, PROTO_CLOSE_DRAIN);
		assert_int_equal(bed_dropped(STATS_DROP_SPLICE_BROKEN), i + 1);
		bed_pass(100);
	}
}

static void
test_data_behind_the_end_breaks_the_stream(void **state)
{
	struct bed_pair p = bed_stream(state);

	bed_end(p.a);
	bed_say(p.a, "more");
	bed_turn();
	assert_int_equal(p.b->len, 0);
	assert_int_equal(p.a->code, PROTO_CLOSE_PROTOCOL);
	assert_int_equal(p.b->code, PROTO_CLOSE_DRAIN);
}

/* ---- one end goes */

static void
test_the_other_end_gets_what_was_sent_and_then_the_close(void **state)
{
	struct bed_pair p = bed_stream(state);
	size_t sent;

	p.b->reads = false;
	sent = pour(p.a, 0, 512 * 1024);
	bed_turn();
	bed_leave(p.a, 1006);
	bed_turn();
	while (p.b->waiting > 0 || p.b->len < sent) {
		assert_int_equal(p.b->code, 0);
		assert_true(p.b->is_held);
		bed_read(p.b, 10000);
		bed_turn();
	}
	bed_pass(SIGNAL_END_POLL_MS + WHEEL_TICK_MS);
	assert_poured(p.b, sent);
	assert_int_equal(p.b->code, PROTO_CLOSE_DRAIN);
}

static void
test_a_good_close_is_passed_on_as_one(void **state)
{
	struct bed_pair p = bed_stream(state), q = bed_stream(state);

	bed_leave(p.b, 1000);
	bed_leave(q.a, 1005);
	bed_turn();
	assert_int_equal(p.a->code, PROTO_CLOSE_NORMAL);
	assert_int_equal(q.b->code, PROTO_CLOSE_NORMAL);
}

static void
test_who_takes_nothing_then_is_cut_after_30_seconds(void **state)
{
	struct bed_pair p = bed_stream(state);

	p.b->reads = false;
	pour(p.a, 0, 100 * 1024);
	bed_turn();
	bed_leave(p.a, 1006);
	bed_turn();
	for (mono_ms ms = 0; ms < 60 * 1000; ms += 1000) {
		/* as long as it takes some, it has time */
		bed_read(p.b, 100);
		bed_pass(1000);
	}
	assert_int_equal(p.b->code, 0);
	bed_pass(SIGNAL_STREAM_LINGER_MS - 2000);
	bed_pass(100);
	assert_int_equal(p.b->code, 0);
	bed_pass(3000);
	bed_pass(100);
	assert_int_equal(p.b->code, PROTO_CLOSE_DRAIN);
	assert_int_equal(bed_dropped(STATS_DROP_SPLICE_STUCK), 1);
}

static void
test_both_go_at_once(void **state)
{
	struct bed_pair p = bed_stream(state);

	bed_say(p.a, "x");
	bed_leave(p.a, 1001);
	if (p.b->ops != NULL)
		bed_leave(p.b, 1001);
	bed_turn();
	bed_pass(100);
	assert_int_equal(bed.stats[0].counter[STATS_STREAM_ENDS], 0);
	assert_int_equal(bed.stats[1].counter[STATS_STREAM_ENDS], 0);
}

/* ---- memory */

/* Goes wrong at every place at which it can, and leaves nothing behind. */
static void
test_without_memory_the_stream_ends_cleanly(void **state)
{
	const unsigned worker = *(const unsigned *)*state;
	bool is_through = false;

	for (long n = 0; !is_through; n++) {
		struct signal_ticket_pair t = bed_tickets("alice", "bob");
		struct net_web *a, *b;

		bed.web_count = 0;
		memset(bed.webs, 0, 2 * sizeof(bed.webs[0]));
		mem_fail_at(n);
		a = bed_come(0, t.of[0]);
		b = bed_come(worker, t.of[1]);
		bed_turn();
		b->reads = false;
		if (a->ops != NULL && b->ops != NULL) {
			pour(a, 0, 256 * 1024);
			bed_turn();
		}
		is_through = a->ops != NULL && b->ops != NULL;
		mem_fail_at(-1);
		bed_read(b, SIZE_MAX);
		bed_turn();
		for (int i = 0; i < 2; i++) {
			struct net_web *w = i == 0 ? a : b;

			if (w->ops != NULL)
				bed_leave(w, 1001);
			bed_turn();
			w->waiting = 0;
			bed_pass(100);
			free(w->got);
			w->got = NULL;
		}
		assert_int_equal(a->status == 101 || a->status == 503, 1);
		assert_int_equal(bed.stats[0].counter[STATS_STREAM_ENDS], 0);
		assert_int_equal(bed.stats[1].counter[STATS_STREAM_ENDS], 0);
		bed_pass(SIGNAL_TICKET_KEPT_MS);
	}
	bed.web_count = 0;
}

static const unsigned near = 0, far = 1;

#define BOTH(test)                                                    \
	{ "near " #test, test, bed_open, bed_close, (void *)&near },  \
	{                                                             \
		"far " #test, test, bed_open, bed_close, (void *)&far \
	}

static void
test_a_parcel_says_how_much_it_holds(void **state)
{
	struct signal_parcel *p = signal_parcel_new(SIGNAL_PARCEL_DATA, 1000);

	(void)state;
	assert_non_null(p);
	assert_int_equal(p->mail.size, signal_parcel_cost(1000));
	signal_parcel_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_messages_keep_their_boundaries),
		BOTH(test_a_slow_reader_stops_the_sender_and_nobody_else),
		BOTH(test_mail_that_finds_no_room_is_sent_later),
		BOTH(test_an_end_goes_through_behind_the_data),
		BOTH(test_both_have_ended_closes_both),
		BOTH(test_an_end_may_come_in_pieces_and_with_blanks),
		BOTH(test_other_text_breaks_the_stream),
		BOTH(test_data_behind_the_end_breaks_the_stream),
		BOTH(test_the_other_end_gets_what_was_sent_and_then_the_close),
		BOTH(test_a_good_close_is_passed_on_as_one),
		BOTH(test_who_takes_nothing_then_is_cut_after_30_seconds),
		BOTH(test_both_go_at_once),
		BOTH(test_without_memory_the_stream_ends_cleanly),
		cmocka_unit_test(test_a_parcel_says_how_much_it_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
