#include "tests/unit/turn/pair.h"

/* ---- two workers */

static void
test_another_worker_delivers_when_it_turns(void **state)
{
	(void)state;
	meet(second.turn);
	bed_indicate(bob_out, "hello");
	mailbox_drain(second.mailbox, NULL);
	assert_int_equal(fake.sent_count, 0);
	turn_both();
	assert_int_equal(fake.sent_count, 1);
	assert_indicated(&bob, alice_out, "hello");
	be(&bob, second.turn);
	bed_indicate(alice_out, "to you");
	turn_both();
	assert_int_equal(fake.sent_count, 2);
	assert_indicated(&alice, bob_out, "to you");
}

static void
test_each_worker_counts_its_own_side(void **state)
{
	(void)state;
	meet(second.turn);
	bed_indicate(bob_out, "hello");
	turn_both();
	assert_int_equal(bed_counter(STATS_HAIRPIN_PACKETS), 1);
	assert_int_equal(second.stats.counter[STATS_HAIRPIN_PACKETS], 0);
	assert_int_equal(peer_bytes(&bed.stats, STATS_OUT), 5 + 28);
	assert_int_equal(peer_bytes(&bed.stats, STATS_IN), 0);
	assert_int_equal(peer_bytes(&second.stats, STATS_OUT), 0);
	assert_int_equal(peer_bytes(&second.stats, STATS_IN), 5 + 28);
	assert_int_equal(second.stats.counter[STATS_RELAYED_DOWN_PACKETS], 1);
}

static void
test_many_packets_of_one_turn_keep_their_order(void **state)
{
	char text[8];

	(void)state;
	meet(second.turn);
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < FAKE_SENT_MAX; i++) {
			snprintf(text, sizeof(text), "%d", i);
			bed_indicate(bob_out, text);
		}
		turn_both();
		assert_int_equal(fake.sent_count, FAKE_SENT_MAX);
		for (int i = 0; i < FAKE_SENT_MAX; i++) {
			snprintf(text, sizeof(text), "%d", i);
			fake.sent_count = (unsigned)i + 1;
			assert_indicated(&bob, alice_out, text);
		}
		fake.sent_count = 0;
	}
}

static void
test_another_worker_asks_for_permission_too(void **state)
{
	(void)state;
	be(&bob, second.turn);
	allocate(&bob_in, bob_out);
	be(&alice, first_turn);
	allocate(&alice_in, alice_out);
	assert_int_equal(bed_permit(bob_out), 0);
	fake.sent_count = 0;
	bed_indicate(bob_out, "one");
	bed_indicate(bob_out, "two");
	turn_both();
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(second.stats.drop[STATS_DROP_NO_PERMISSION], 2);
}

static void
test_the_cap_holds_on_the_way_into_another_worker(void **state)
{
	(void)state;
	meet(second.turn);
	bed_indicate(bob_out, "hello");
	bed_conf.caps.rate = 8000;
	bed_conf.caps.burst = 1000;
	budget_host_apply(bed.host, &bed_conf);
	spend(STATS_IN);
	turn_both();
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(second.stats.drop[STATS_DROP_CAP_IN], 1);
}

static void
test_what_arrives_after_the_end_is_dropped(void **state)
{
	(void)state;
	meet(second.turn);
	bed_indicate(bob_out, "hello");
	be(&bob, second.turn);
	assert_int_equal(bed_refresh(0, 0), 0);
	fake.sent_count = 0;
	turn_both();
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(second.stats.drop[STATS_DROP_NO_ALLOCATION], 1);
}

/* Two ports: who comes after bob has his address, and not his packets. */
static void
test_the_next_holder_of_a_port_gets_nothing_old(void **state)
{
	const struct net_flow carol = { .client = bed_addr("9.9.9.1:1"),
		.local = alice.local };
	struct addr at;
	char out[ADDR_TEXT_MAX];

	(void)state;
	meet(second.turn);
	bed_indicate(bob_out, "for bob");
	be(&bob, second.turn);
	assert_int_equal(bed_refresh(0, 0), 0);
	be(&carol, second.turn);
	allocate(&at, out);
	assert_string_equal(out, bob_out);
	assert_int_equal(bed_permit(alice_out), 0);
	fake.sent_count = 0;
	turn_both();
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(second.stats.drop[STATS_DROP_NO_ALLOCATION], 1);
	be(&alice, first_turn);
	bed_indicate(bob_out, "for carol");
	turn_both();
	assert_indicated(&carol, alice_out, "for carol");
}

static void
test_a_full_ring_drops_and_counts(void **state)
{
	char text[BIG + 1];
	unsigned n = 0;

	(void)state;
	memset(text, 'x', BIG);
	text[BIG] = '\0';
	meet(second.turn);
	while (bed_dropped(STATS_DROP_HAIRPIN_FULL) == 0) {
		assert_true(n++ < TURN_HAIRPIN_RING_MAX / BIG);
		bed_indicate(bob_out, text);
	}
	assert_true(n > TURN_HAIRPIN_RING_MAX / 2048);
	/* the reader was told at once, and makes room */
	mailbox_drain(second.mailbox, NULL);
	assert_int_equal(fake.sent_count, n - 1);
	bed_indicate(bob_out, "again");
	turn_both();
	assert_int_equal(fake.sent_count, n);
	assert_indicated(&bob, alice_out, "again");
	assert_int_equal(bed_dropped(STATS_DROP_HAIRPIN_FULL), 1);
}

static void
nothing(void *context, void *arg)
{
	(void)context;
	(void)arg;
}

static void
test_a_full_mailbox_is_tried_again_next_turn(void **state)
{
	(void)state;
	meet(second.turn);
	while (mailbox_post(second.mailbox, nothing, NULL) == 0)
		;
	bed_indicate(bob_out, "hello");
	turn_both();
	assert_int_equal(fake.sent_count, 0);
	turn_both();
	assert_int_equal(fake.sent_count, 1);
	assert_indicated(&bob, alice_out, "hello");
}

static void
test_a_worker_that_has_ended_is_left_alone(void **state)
{
	(void)state;
	meet(second.turn);
	bed_indicate(bob_out, "hello");
	turn_free(second.turn);
	second.turn = NULL;
	turn_turn_end(first_turn);
	mailbox_drain(second.mailbox, NULL);
	assert_int_equal(fake.sent_count, 0);
	bed_indicate(bob_out, "hello");
	assert_int_equal(bed_dropped(STATS_DROP_DENIED_PEER), 1);
}

static void
test_a_worker_short_of_memory_drops_and_counts(void **state)
{
	(void)state;
	meet(second.turn);
	bed_indicate(bob_out, "hello");
	fake.no_buf = true;
	turn_both();
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(second.stats.drop[STATS_DROP_NO_MEMORY], 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HAIRPIN_TEST(test_another_worker_delivers_when_it_turns),
		HAIRPIN_TEST(test_each_worker_counts_its_own_side),
		HAIRPIN_TEST(test_many_packets_of_one_turn_keep_their_order),
		HAIRPIN_TEST(test_another_worker_asks_for_permission_too),
		HAIRPIN_TEST(test_the_cap_holds_on_the_way_into_another_worker),
		HAIRPIN_TEST(test_what_arrives_after_the_end_is_dropped),
		cmocka_unit_test_setup_teardown(
		    test_the_next_holder_of_a_port_gets_nothing_old,
		    set_up_two_ports, tear_down),
		HAIRPIN_TEST(test_a_full_ring_drops_and_counts),
		HAIRPIN_TEST(test_a_full_mailbox_is_tried_again_next_turn),
		HAIRPIN_TEST(test_a_worker_that_has_ended_is_left_alone),
		HAIRPIN_TEST(test_a_worker_short_of_memory_drops_and_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
