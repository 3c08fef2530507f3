/* One client of the PeerServer dialect. */
#include "tests/unit/signalling/peerjs_bed.h"

static void
test_a_client_opens_and_is_heard_under_its_id(void **state)
{
	(void)state;
	for (unsigned at = 0; at < BED_WORKERS; at++) {
		struct net_web *a = bed_come(0, "alice", "t");
		struct net_web *b = bed_come(at, "bob", "u");

		assert_string_equal(bed_heard(a), OPENED);
		assert_string_equal(bed_heard(b), OPENED);
		bed_say(a, TO("OFFER", "bob", "{\"a\":[1]}"));
		assert_string_equal(
		    bed_heard(b), OFFER("alice", "bob", "{\"a\":[1]}"));
		assert_string_equal(bed_heard(a), "");
		bed_break(a);
		bed_break(b);
		bed_turn();
	}
}

static void
test_src_cannot_be_chosen(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"),
		       *b = bed_come(1, "bob", "u");

	(void)state;
	bed_heard(b);
	bed_say(a,
	    "{\"type\":\"OFFER\",\"src\":\"carol\",\"dst\":\"bob\","
	    "\"payload\":1}");
	assert_string_equal(bed_heard(b), OFFER("alice", "bob", "1"));
}

/* 2^32 bytes a second, and some: not what is left of it in 32 bits. */
static void
test_a_very_high_rate_is_not_a_low_one(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"),
		       *b = bed_come(1, "bob", "u");

	(void)state;
	bed.conf.signalling.bytes = (UINT64_C(1) << 32) * 8;
	bed_heard(b);
	for (int i = 0; i < 3; i++) {
		bed_say(a, TO("OFFER", "bob", "1"));
		assert_string_equal(bed_heard(b), OFFER("alice", "bob", "1"));
	}
}

static void
test_every_type_passes_that_is_meant_to(void **state)
{
	static const char *const types[] = { "OFFER", "ANSWER", "CANDIDATE",
		"LEAVE", "EXPIRE" };
	struct net_web *a = bed_come(0, "alice", "t"),
		       *b = bed_come(1, "bob", "u");
	char text[128], wanted[128];

	(void)state;
	bed_heard(b);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		snprintf(text, sizeof(text),
		    "{\"type\":\"%s\",\"dst\":\"bob\"}", types[i]);
		snprintf(wanted, sizeof(wanted),
		    "{\"type\":\"%s\",\"src\":\"alice\",\"dst\":\"bob\"}\n",
		    types[i]);
		bed_say(a, text);
		assert_string_equal(bed_heard(b), wanted);
	}
}

static void
test_what_it_does_not_know_is_passed_over(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");

	(void)state;
	bed_heard(a);
	bed_say(a, "no json");
	bed_say(a, "{\"type\":\"OPEN\",\"dst\":\"alice\"}");
	bed_say(a, "{\"type\":\"OFFER\"}");
	bed_say(a, "{\"type\":\"OFFER\",\"dst\":7}");
	assert_string_equal(bed_heard(a), "");
	assert_non_null(a->ops);
}

static void
test_nothing_is_read_before_it_is_open(void **state)
{
	struct net_web *w = bed_knock(0, "alice", "t");

	(void)state;
	assert_true(w->is_held);
	bed_turn();
	assert_false(w->is_held);
	assert_string_equal(bed_heard(w), OPENED);
}

static void
test_without_a_heartbeat_it_ends_after_90_seconds(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"),
		       *b = bed_come(0, "bob", "u");

	(void)state;
	bed_pass(PEERJS_ALIVE_MS - 100);
	bed_say(a, "{\"type\":\"HEARTBEAT\"}");
	/* any other message is no sign of life */
	bed_say(b, TO("LEAVE", "nobody", "1"));
	assert_int_equal(b->code, 0);
	bed_pass(100 + WHEEL_TICK_MS);
	assert_int_equal(b->code, 1008);
	bed_pass(PEERJS_ALIVE_MS - 300);
	assert_int_equal(a->code, 0);
	bed_pass(300);
	assert_int_equal(a->code, 1008);
	/* its id is free */
	assert_string_equal(bed_heard(bed_come(1, "alice", "new")), OPENED);
}

static void
test_leave_without_dst_gives_the_id_up(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");

	(void)state;
	bed_say(a, "{\"type\":\"LEAVE\"}");
	assert_int_equal(a->code, 1000);
	assert_string_equal(bed_heard(bed_come(1, "alice", "new")), OPENED);
}

/* 10 messages a second, and a burst of four seconds. */
static void
test_over_a_limit_nothing_is_read_and_nothing_lost(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"),
		       *b = bed_come(0, "bob", "u");
	unsigned n = 0;

	(void)state;
	while (!a->is_held) {
		bed_heard(b);
		bed_say(a, TO("OFFER", "bob", "1"));
		assert_string_equal(bed_heard(b), OFFER("alice", "bob", "1"));
		n++;
		assert_true(n < 100);
	}
	assert_int_equal(n, 10 * SIGNAL_BURST_S + 1);
	bed_pass(50);
	assert_true(a->is_held);
	bed_pass(SIGNAL_HOLD_MIN_MS);
	assert_false(a->is_held);
	/* what was over the limit is paid for: three in 300 ms, less one */
	bed_say(a, TO("OFFER", "bob", "1"));
	assert_false(a->is_held);
	bed_say(a, TO("OFFER", "bob", "1"));
	bed_say(a, TO("OFFER", "bob", "1"));
	assert_true(a->is_held);
}

static void
test_bytes_are_limited_too(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");
	char text[2000] = "{\"type\":\"HEARTBEAT\",\"x\":\"";
	size_t len = strlen(text);

	(void)state;
	memset(text + len, 'x', sizeof(text) - len - 3);
	strcpy(text + sizeof(text) - 3, "\"}");
	bed.conf.signalling.bytes = 8 * 1000;
	/* burst: four seconds of 1000 bytes a second */
	bed_say(a, text);
	bed_say(a, text);
	assert_false(a->is_held);
	bed_say(a, text);
	assert_true(a->is_held);
	bed_pass(1900);
	assert_true(a->is_held);
	bed_pass(200);
	assert_false(a->is_held);
}

/* Its heartbeats wait unread behind what was too much. */
static void
test_who_is_held_back_does_not_die_of_it(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");

	(void)state;
	bed.conf.signalling.bytes = 8;
	bed_say(a,
	    "{\"type\":\"HEARTBEAT\",\"x\":"
	    "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}");
	bed_say(a, "{\"type\":\"HEARTBEAT\"}");
	assert_true(a->is_held);
	for (unsigned i = 0; i < 100 && a->is_held; i++)
		bed_pass(5000);
	assert_false(a->is_held);
	assert_true(bed.now > 1000 + PEERJS_ALIVE_MS);
	/* from now on it has its time again */
	bed_pass(PEERJS_ALIVE_MS - WHEEL_TICK_MS);
	assert_int_equal(a->code, 0);
	bed_pass(2 * WHEEL_TICK_MS);
	assert_int_equal(a->code, 1008);
}

static void
test_a_reader_that_is_stuck_is_cut_and_its_peer_told(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"),
		       *b = bed_come(1, "bob", "u");

	(void)state;
	bed_heard(a);
	b->is_stuck = true;
	bed_say(a, TO("OFFER", "bob", "1"));
	assert_int_equal(b->code, 1013);
	assert_string_equal(bed_heard(a), FROM("LEAVE", "bob", "alice"));
	/* LEAVE itself is not answered */
	bed_heard(bed_come(1, "carol", "v"));
	bed.webs[2].is_stuck = true;
	bed_say(a, TO("LEAVE", "carol", "1"));
	assert_int_equal(bed.webs[2].code, 1013);
	assert_string_equal(bed_heard(a), "");
}

static void
test_what_may_be_sent_and_wait_is_bounded(void **state)
{
	struct net_web *w = bed_come(0, "alice", "t");

	(void)state;
	assert_int_equal(w->accepted.message_max, 2048);
	assert_in_range(w->accepted.out_max, 4096 + 2 * 2048, 16 * 1024);
	assert_null(w->accepted.subprotocol);
}

static void
test_an_address_has_so_many_and_no_more(void **state)
{
	struct net_web *w;
	char id[16];

	(void)state;
	bed.conf.signalling.sessions_per_address = 3;
	for (int i = 0; i < 3; i++) {
		snprintf(id, sizeof(id), "peer%d", i);
		w = bed_come(0, id, "t");
		assert_string_equal(bed_heard(w), OPENED);
	}
	w = bed_come(0, "one-more", "t");
	assert_string_equal(bed_heard(w),
	    "{\"type\":\"ERROR\",\"payload\":{\"msg\":"
	    "\"Too many connections from your address\"}}\n");
	assert_int_equal(w->code, 1013);
	bed_break(&bed.webs[0]);
	bed_turn();
	assert_string_equal(bed_heard(bed_come(0, "one-more", "t")), OPENED);
}

static void
test_the_host_has_so_many_and_no_more(void **state)
{
	struct net_web *w;

	(void)state;
	bed.conf.signalling.sessions = 1;
	bed_come(0, "alice", "t");
	w = bed_come(1, "bob", "t");
	assert_string_equal(bed_heard(w),
	    "{\"type\":\"ERROR\",\"payload\":{\"msg\":"
	    "\"Server has reached its concurrent user limit\"}}\n");
	assert_int_equal(w->code, 1013);
}

static void
test_all_are_told_when_the_server_goes(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"),
		       *b = bed_come(0, "bob", "u");

	(void)state;
	signal_peerjs_drain(&bed.s[0], "moving");
	assert_int_equal(a->code, 1001);
	assert_int_equal(b->code, 1001);
	bed_turn();
	assert_string_equal(bed_heard(bed_come(1, "alice", "new")), OPENED);
}

static void
test_all_end_when_the_dialect_is_switched_off(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");

	(void)state;
	signal_peerjs_apply(&bed.s[0]);
	assert_int_equal(a->code, 0);
	bed.conf.signalling.peerjs = false;
	signal_peerjs_apply(&bed.s[0]);
	assert_int_equal(a->code, 1001);
	bed.conf.signalling.peerjs = true;
	a = bed_come(0, "alice", "u");
	bed.conf.signalling.enabled = false;
	signal_peerjs_apply(&bed.s[0]);
	assert_int_equal(a->code, 1001);
}

static void
count_view(void *arg, const struct signalling_view *v)
{
	unsigned *n = arg;

	++*n;
	assert_string_equal(v->dialect, "peerjs");
	assert_string_equal(v->name, "alice");
	assert_int_equal(v->messages_in, 1);
	assert_int_equal(v->messages_out, 1);
	assert_int_equal(v->bytes_out, strlen(OPENED) - 1);
	assert_int_equal(v->age_ms, 500);
	assert_true(v->session != 0);
}

static void
test_a_client_is_listed(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");
	unsigned n = 0;

	(void)state;
	bed_say(a, "{\"type\":\"HEARTBEAT\"}");
	signal_peerjs_list(&bed.s[0], count_view, &n, bed.now + 500);
	assert_int_equal(n, 1);
	signal_peerjs_list(&bed.s[1], count_view, &n, bed.now + 500);
	assert_int_equal(n, 1);
}

static void
test_what_happens_is_counted(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"),
		       *b = bed_come(1, "bob", "u");

	(void)state;
	assert_int_equal(bed_count(STATS_PEERJS_CLIENTS), 2);
	bed_come(1, "alice", "other");
	bed_come(1, "", "");
	assert_int_equal(bed_count(STATS_PEERJS_REFUSED), 2);
	bed_say(a, TO("OFFER", "bob", "1"));
	bed_say(a, TO("OFFER", "carol", "1"));
	assert_int_equal(bed_count(STATS_SIGNAL_MESSAGES_IN), 2);
	assert_int_equal(bed_count(STATS_SIGNAL_MESSAGES_OUT), 1);
	assert_int_equal(bed_count(STATS_SIGNAL_WAITING), 1);
	b->is_stuck = true;
	bed_say(a, TO("OFFER", "bob", "1"));
	assert_int_equal(bed_count(STATS_PEERJS_CLIENTS), 1);
	assert_int_equal(bed.stats[1].drop[STATS_DROP_WS_SLOW], 1);
	bed.conf.signalling.messages = 1;
	for (int i = 0; i < 10 && !a->is_held; i++)
		bed_say(a, "x");
	assert_int_equal(bed_count(STATS_SIGNAL_LIMITED), 1);
}

static void
test_who_goes_before_the_answer_leaves_nothing(void **state)
{
	(void)state;
	bed_break(bed_knock(0, "alice", "t"));
	bed_break(bed_knock(1, "alice", "u"));
	bed_turn();
	assert_string_equal(bed_heard(bed_come(0, "alice", "v")), OPENED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_open, bed_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_client_opens_and_is_heard_under_its_id),
		TEST(test_src_cannot_be_chosen),
		TEST(test_a_very_high_rate_is_not_a_low_one),
		TEST(test_every_type_passes_that_is_meant_to),
		TEST(test_what_it_does_not_know_is_passed_over),
		TEST(test_nothing_is_read_before_it_is_open),
		TEST(test_without_a_heartbeat_it_ends_after_90_seconds),
		TEST(test_leave_without_dst_gives_the_id_up),
		TEST(test_over_a_limit_nothing_is_read_and_nothing_lost),
		TEST(test_bytes_are_limited_too),
		TEST(test_who_is_held_back_does_not_die_of_it),
		TEST(test_a_reader_that_is_stuck_is_cut_and_its_peer_told),
		TEST(test_what_may_be_sent_and_wait_is_bounded),
		TEST(test_an_address_has_so_many_and_no_more),
		TEST(test_the_host_has_so_many_and_no_more),
		TEST(test_all_are_told_when_the_server_goes),
		TEST(test_all_end_when_the_dialect_is_switched_off),
		TEST(test_a_client_is_listed),
		TEST(test_what_happens_is_counted),
		TEST(test_who_goes_before_the_answer_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
