/* Who has an id of the PeerServer dialect, and what waits for it. */
#include "tests/unit/signalling/peerjs_bed.h"

#define TAKEN "{\"type\":\"ID-TAKEN\",\"payload\":{\"msg\":\"ID is taken\"}}\n"

static void
test_an_id_is_taken_for_another_token(void **state)
{
	(void)state;
	for (unsigned at = 0; at < BED_WORKERS; at++) {
		struct net_web *a = bed_come(0, "alice", "token"),
			       *b = bed_come(at, "alice", "other");

		assert_string_equal(bed_heard(b), TAKEN);
		assert_int_equal(b->code, 1008);
		/* a longer and a shorter one are others, too */
		assert_string_equal(
		    bed_heard(bed_come(at, "alice", "token2")), TAKEN);
		assert_string_equal(
		    bed_heard(bed_come(at, "alice", "toke")), TAKEN);
		assert_string_equal(bed_heard(a), OPENED);
		assert_int_equal(a->code, 0);
		bed_break(a);
		bed_turn();
	}
}

static void
test_the_same_token_takes_the_place_of_the_old_one(void **state)
{
	(void)state;
	for (unsigned at = 0; at < BED_WORKERS; at++) {
		struct net_web *a = bed_come(0, "alice", "t"),
			       *b = bed_come(0, "bob", "u"),
			       *again = bed_come(at, "alice", "t");

		assert_string_equal(bed_heard(again), OPENED);
		assert_int_equal(a->code, 4009);
		bed_say(b, TO("OFFER", "alice", "1"));
		assert_string_equal(
		    bed_heard(again), OFFER("bob", "alice", "1"));
		/* the end of the old one changed nothing */
		bed_break(again);
		bed_break(b);
		bed_turn();
		again = bed_come(at, "alice", "new");
		assert_string_equal(bed_heard(again), OPENED);
		bed_break(again);
		bed_turn();
	}
}

static void
test_an_id_is_free_once_its_client_has_gone(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");

	(void)state;
	bed_break(a);
	bed_turn();
	assert_string_equal(bed_heard(bed_come(1, "alice", "u")), OPENED);
}

static void
test_messages_wait_in_order_and_follow_open(void **state)
{
	(void)state;
	for (unsigned at = 0; at < BED_WORKERS; at++) {
		struct net_web *a = bed_come(0, "alice", "t"), *b;

		bed_say(a, TO("OFFER", "bob", "1"));
		bed_say(a, TO("CANDIDATE", "bob", "2"));
		bed_say(a, TO("ANSWER", "bob", "3"));
		bed_pass(4900);
		b = bed_come(at, "bob", "u");
		assert_string_equal(bed_heard(b),
		    OPENED OFFER("alice", "bob",
			"1") "{\"type\":\"CANDIDATE\",\"src\":\"alice\","
			     "\"dst\":\"bob\",\"payload\":2}\n"
			     "{\"type\":\"ANSWER\",\"src\":\"alice\","
			     "\"dst\":\"bob\",\"payload\":3}\n");
		/* once only, and nobody hears that they expired */
		bed_heard(a);
		bed_pass(10000);
		assert_string_equal(bed_heard(a), "");
		assert_string_equal(bed_heard(b), "");
		bed_break(a);
		bed_break(b);
		bed_turn();
	}
}

static void
test_who_waited_in_vain_hears_expire_once(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"),
		       *c = bed_come(1, "carol", "u"), *b;

	(void)state;
	bed_heard(a);
	bed_heard(c);
	bed_say(a, TO("OFFER", "bob", "1"));
	bed_pass(4000);
	bed_say(a, TO("CANDIDATE", "bob", "2"));
	bed_say(c, TO("OFFER", "bob", "3"));
	assert_string_equal(bed_heard(a), "");
	bed_pass(900);
	assert_string_equal(bed_heard(a), "");
	/* all go with the first */
	bed_pass(100 + WHEEL_TICK_MS);
	assert_string_equal(bed_heard(a), FROM("EXPIRE", "bob", "alice"));
	assert_string_equal(bed_heard(c), FROM("EXPIRE", "bob", "carol"));
	/* and nothing is kept */
	b = bed_come(0, "bob", "v");
	assert_string_equal(bed_heard(b), OPENED);
	assert_int_equal(bed.s[0].peers->waiting_bytes, 0);
	assert_int_equal(bed.s[1].peers->waiting_bytes, 0);
}

static void
test_a_second_wait_begins_anew(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");

	(void)state;
	bed_heard(a);
	bed_say(a, TO("OFFER", "bob", "1"));
	bed_pass(5000 + WHEEL_TICK_MS);
	assert_string_equal(bed_heard(a), FROM("EXPIRE", "bob", "alice"));
	bed_say(a, TO("OFFER", "bob", "2"));
	bed_pass(4900);
	assert_string_equal(bed_heard(a), "");
	bed_pass(200);
	assert_string_equal(bed_heard(a), FROM("EXPIRE", "bob", "alice"));
}

static void
test_leave_and_expire_do_not_wait(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");

	(void)state;
	bed_heard(a);
	bed_say(a, TO("LEAVE", "bob", "1"));
	bed_say(a, TO("EXPIRE", "bob", "1"));
	assert_int_equal(table_count(bed.s[bed_home("bob")].peers->homes),
	    bed_home("bob") == bed_home("alice"));
	assert_string_equal(bed_heard(bed_come(0, "bob", "u")), OPENED);
	bed_pass(10000);
	assert_string_equal(bed_heard(a), "");
}

static void
test_no_more_wait_than_have_room(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");

	(void)state;
	bed_heard(a);
	for (unsigned i = 0; i < 8; i++)
		bed_say(a, TO("OFFER", "bob", "1"));
	assert_string_equal(bed_heard(a), "");
	bed_say(a, TO("OFFER", "bob", "1"));
	assert_string_equal(bed_heard(a), FROM("EXPIRE", "bob", "alice"));
	/* room for one name is none for another */
	bed_say(a, TO("OFFER", "carol", "1"));
	assert_string_equal(bed_heard(a), "");
}

/* Of 4096 bytes. */
static void
test_no_more_bytes_wait_than_have_room(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");
	char text[1900] = "{\"type\":\"OFFER\",\"dst\":\"bob\",\"payload\":\"";
	size_t len = strlen(text);

	(void)state;
	bed_heard(a);
	memset(text + len, 'x', sizeof(text) - len - 3);
	strcpy(text + sizeof(text) - 3, "\"}");
	bed_say(a, text);
	bed_say(a, text);
	assert_string_equal(bed_heard(a), "");
	bed_say(a, text);
	assert_string_equal(bed_heard(a), FROM("EXPIRE", "bob", "alice"));
	bed_say(a, TO("OFFER", "bob", "1"));
	assert_string_equal(bed_heard(a), "");
}

static void
test_all_names_together_have_a_limit(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");
	struct signal_peers *home = bed.s[bed_home("bob")].peers;

	(void)state;
	bed_heard(a);
	home->waiting_bytes = PEERJS_WAITING_MAX;
	bed_say(a, TO("OFFER", "bob", "1"));
	assert_string_equal(bed_heard(a), FROM("EXPIRE", "bob", "alice"));
	home->waiting_bytes = 0;
	/* what was refused left no trace of the name */
	assert_int_equal(
	    table_count(home->homes), bed_home("bob") == bed_home("alice"));
}

static void
test_without_waiting_expire_comes_at_once(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");

	(void)state;
	bed_heard(a);
	bed.conf.signalling.wait_ms = 0;
	bed_say(a, TO("OFFER", "bob", "1"));
	assert_string_equal(bed_heard(a), FROM("EXPIRE", "bob", "alice"));
}

/* The letter has left home for bob when his connection breaks. */
static void
test_what_crosses_a_leaving_client_waits_for_him(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"),
		       *b = bed_come(1, "bob", "u");
	const unsigned home = bed_home("bob");

	(void)state;
	bed_heard(a);
	bed_tell(a, TO("OFFER", "bob", "1"));
	assert_true(post_open(&bed.post[home], &bed.s[home]));
	bed_break(b);
	bed_turn();
	assert_string_equal(bed_heard(a), "");
	b = bed_come(1, "bob", "u");
	assert_string_equal(bed_heard(b), OPENED OFFER("alice", "bob", "1"));
}

/* The same, but he is back, elsewhere, before it arrives. */
static void
test_what_crosses_a_moving_client_follows_him(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"),
		       *b = bed_come(1, "bob", "u"), *again;
	const unsigned home = bed_home("bob");

	(void)state;
	bed_heard(a);
	bed_tell(a, TO("OFFER", "bob", "1"));
	assert_true(post_open(&bed.post[home], &bed.s[home]));
	bed_break(b);
	again = bed_knock(0, "bob", "u");
	bed_turn();
	assert_string_equal(
	    bed_heard(again), OPENED OFFER("alice", "bob", "1"));
}

/* Home cannot know yet that bob has gone: his GO did not fit into the mail. */
static void
test_who_sends_to_a_dead_one_hears_leave(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"),
		       *b = bed_come(1, "bob", "u");

	(void)state;
	bed_heard(a);
	bed.is_full = true;
	bed_break(b);
	bed.is_full = false;
	bed_say(a, TO("OFFER", "bob", "1"));
	assert_string_equal(bed_heard(a), FROM("LEAVE", "bob", "alice"));
	bed_pass(PEERJS_LATE_MS + WHEEL_TICK_MS);
	/* now it does */
	bed_say(a, TO("OFFER", "bob", "2"));
	assert_string_equal(bed_heard(a), "");
}

static void
test_ids_are_not_names_of_nodes(void **state)
{
	struct directory *d = bed.shared.config.directory;
	const struct directory_name node = {
		.space = DIRECTORY_NODES, .at = "alice", .len = 5
	};
	struct directory_name peer = node;

	(void)state;
	peer.space = DIRECTORY_PEERJS;
	bed_come(0, "alice", "t");
	assert_true(directory_has(d, &peer));
	assert_false(directory_has(d, &node));
}

/* Whichever allocation fails, alice is told or gone, and her id comes free. */
static void
test_without_memory_at_home_who_asks_is_told(void **state)
{
	struct net_web *w;
	bool opened = false;
	long n = 0;

	(void)state;
	while (!opened) {
		w = bed_knock(0, "alice", "t");
		mem_fail_at(n++);
		bed_turn();
		mem_fail_at(-1);
		opened = strcmp(w->said, OPENED) == 0;
		if (!opened)
			assert_string_equal(bed_heard(w),
			    "{\"type\":\"ERROR\",\"payload\":{\"msg\":"
			    "\"Out of memory\"}}\n");
		if (!opened)
			assert_int_equal(w->code, 1013);
		/* no trace of who did not come in */
		assert_int_equal(table_count(bed.s[0].peers->homes) +
			table_count(bed.s[1].peers->homes),
		    opened);
	}
	assert_true(n > 1);
	/* and who would take her place: the old one stays */
	w = bed_knock(1, "alice", "t");
	mem_fail_at(0);
	bed_turn();
	mem_fail_at(-1);
	assert_int_equal(w->code, 1013);
	assert_int_equal(bed.webs[n - 1].code, 0);
}

static void
test_without_memory_a_message_is_lost_and_no_more(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"),
		       *b = bed_come(1, "bob", "u");

	(void)state;
	bed_heard(b);
	for (long n = 0; n < 3; n++) {
		bed_tell(a, TO("OFFER", "carol", "1"));
		mem_fail_at(n);
		bed_turn();
		bed_pass(6000);
		mem_fail_at(-1);
	}
	mem_fail_at(0);
	bed_tell(a, TO("OFFER", "bob", "1"));
	mem_fail_at(-1);
	bed_turn();
	assert_string_equal(bed_heard(b), "");
	bed_say(a, TO("OFFER", "bob", "2"));
	assert_string_equal(bed_heard(b), OFFER("alice", "bob", "2"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_open, bed_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_id_is_taken_for_another_token),
		TEST(test_the_same_token_takes_the_place_of_the_old_one),
		TEST(test_an_id_is_free_once_its_client_has_gone),
		TEST(test_messages_wait_in_order_and_follow_open),
		TEST(test_who_waited_in_vain_hears_expire_once),
		TEST(test_a_second_wait_begins_anew),
		TEST(test_leave_and_expire_do_not_wait),
		TEST(test_no_more_wait_than_have_room),
		TEST(test_no_more_bytes_wait_than_have_room),
		TEST(test_all_names_together_have_a_limit),
		TEST(test_without_waiting_expire_comes_at_once),
		TEST(test_what_crosses_a_leaving_client_waits_for_him),
		TEST(test_what_crosses_a_moving_client_follows_him),
		TEST(test_who_sends_to_a_dead_one_hears_leave),
		TEST(test_ids_are_not_names_of_nodes),
		TEST(test_without_memory_at_home_who_asks_is_told),
		TEST(test_without_memory_a_message_is_lost_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
