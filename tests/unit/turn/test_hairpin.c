#include "tests/unit/turn/pair.h"

/* ---- one worker */

static void
test_both_ends_on_one_worker_hear_each_other(void **state)
{
	(void)state;
	meet(first_turn);
	bed_indicate(bob_out, "hello");
	assert_int_equal(fake.sent_count, 1);
	assert_indicated(&bob, alice_out, "hello");
	be(&bob, first_turn);
	bed_indicate(alice_out, "to you");
	assert_int_equal(fake.sent_count, 2);
	assert_indicated(&alice, bob_out, "to you");
}

static void
test_a_packet_counts_as_if_it_had_travelled(void **state)
{
	(void)state;
	meet(first_turn);
	bed_indicate(bob_out, "hello");
	assert_int_equal(bed_counter(STATS_HAIRPIN_PACKETS), 1);
	assert_int_equal(bed_counter(STATS_RELAYED_UP_PACKETS), 1);
	assert_int_equal(bed_counter(STATS_RELAYED_UP_BYTES), 5);
	assert_int_equal(bed_counter(STATS_RELAYED_DOWN_PACKETS), 1);
	assert_int_equal(bed_counter(STATS_RELAYED_DOWN_BYTES), 5);
	assert_int_equal(peer_bytes(&bed.stats, STATS_OUT), 5 + 28);
	assert_int_equal(peer_bytes(&bed.stats, STATS_IN), 5 + 28);
	assert_int_equal(bed.stats.wire_packets[STATS_IN][STATS_PEER], 1);
}

static void
test_channels_shorten_both_ends(void **state)
{
	static const uint8_t framed[] = { 0x40, 0x01, 0, 2, 'h', 'i' };

	(void)state;
	meet(first_turn);
	assert_int_equal(bed_bind(NUMBER, bob_out), 0);
	be(&bob, first_turn);
	assert_int_equal(bed_bind(NUMBER, alice_out), 0);
	be(&alice, first_turn);
	bed_channel_data(NUMBER, "hi");
	assert_true(addr_equal(&bed_last()->flow.client, &bob.client));
	assert_int_equal(bed_last()->len, sizeof(framed));
	assert_memory_equal(bed_last()->data, framed, sizeof(framed));
}

static void
test_the_other_side_must_have_let_us_in(void **state)
{
	(void)state;
	be(&bob, first_turn);
	allocate(&bob_in, bob_out);
	be(&alice, first_turn);
	allocate(&alice_in, alice_out);
	assert_int_equal(bed_permit(bob_out), 0);
	fake.sent_count = 0;
	bed_indicate(bob_out, "hello");
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(bed_dropped(STATS_DROP_NO_PERMISSION), 1);
	assert_int_equal(bed_counter(STATS_RELAYED_UP_PACKETS), 1);
	assert_int_equal(bed_counter(STATS_RELAYED_DOWN_PACKETS), 0);
	/* it had arrived */
	assert_int_equal(peer_bytes(&bed.stats, STATS_IN), 5 + 28);
}

static void
test_a_client_may_send_to_itself(void **state)
{
	(void)state;
	meet(first_turn);
	bed_indicate(alice_out, "self");
	assert_int_equal(fake.sent_count, 1);
	assert_indicated(&alice, alice_out, "self");
}

static void
test_an_ipv6_packet_has_a_longer_header(void **state)
{
	char at[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	be(&alice, first_turn);
	assert_int_equal(bed_allocate_dual(), 0);
	a = fake.relayed[1].at;
	addr_format(&a, at);
	assert_int_equal(bed_permit(at), 0);
	bed_indicate(at, "six");
	assert_indicated(&alice, at, "six");
	assert_int_equal(peer_bytes(&bed.stats, STATS_OUT), 3 + 48);
	assert_int_equal(peer_bytes(&bed.stats, STATS_IN), 3 + 48);
}

static void
test_other_peers_are_reached_by_the_kernel(void **state)
{
	(void)state;
	meet(first_turn);
	assert_int_equal(bed_permit("9.9.9.9:7000"), 0);
	bed_indicate("9.9.9.9:7000", "hello");
	assert_true(bed_last()->to_peer);
	assert_int_equal(bed_counter(STATS_HAIRPIN_PACKETS), 0);
	assert_int_equal(peer_bytes(&bed.stats, STATS_OUT), 0);
}

/* What a channel remembers of its peer's port ends with each opening. */
static void
test_a_channel_follows_its_peers_port_from_hand_to_hand(void **state)
{
	const struct net_flow carol = { .client = bed_addr("198.51.100.7:4000"),
		.local = bob.local };
	struct addr at;
	char out[ADDR_TEXT_MAX];

	(void)state;
	meet(first_turn);
	assert_int_equal(bed_bind(NUMBER, bob_out), 0);
	bed_channel_data(NUMBER, "bob");
	assert_indicated(&bob, alice_out, "bob");
	/* gone: a port of ours that nobody has is no peer */
	be(&bob, first_turn);
	assert_int_equal(bed_refresh(0, 0), 0);
	be(&alice, first_turn);
	fake.sent_count = 0;
	bed_channel_data(NUMBER, "nobody");
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(bed_dropped(STATS_DROP_DENIED_PEER), 1);
	/* another's: there are two ports */
	be(&carol, first_turn);
	allocate(&at, out);
	assert_string_equal(out, bob_out);
	assert_int_equal(bed_permit(alice_out), 0);
	be(&alice, first_turn);
	bed_channel_data(NUMBER, "carol");
	assert_indicated(&carol, alice_out, "carol");
	assert_int_equal(bed_dropped(STATS_DROP_DENIED_PEER), 1);
}

/* Such a port may be a peer only as the configuration of today says. */
static void
test_a_channel_to_a_closed_port_of_ours_asks_each_policy(void **state)
{
	struct addr_prefix allow[1];
	struct snapshot conf = bed_conf;
	struct policy *open;

	(void)state;
	assert_int_equal(addr_prefix_parse(&allow[0], "10.0.0.0/8"), 0);
	conf.relay.allow.at = allow;
	conf.relay.allow.count = 1;
	assert_non_null(open = policy_new(&conf, NULL, 0));
	meet(first_turn);
	assert_int_equal(bed_bind(NUMBER, bob_out), 0);
	be(&bob, first_turn);
	assert_int_equal(bed_refresh(0, 0), 0);
	be(&alice, first_turn);
	bed_channel_data(NUMBER, "denied");
	assert_int_equal(bed_dropped(STATS_DROP_DENIED_PEER), 1);
	turn_apply(first_turn, &bed_conf, open, bed.now);
	bed_channel_data(NUMBER, "allowed");
	assert_true(bed_last()->to_peer);
	turn_apply(first_turn, &bed_conf, bed.policy, bed.now);
	bed_channel_data(NUMBER, "denied");
	assert_int_equal(bed_dropped(STATS_DROP_DENIED_PEER), 2);
	policy_free(open);
}

static void
test_the_kernel_is_the_way_when_the_configuration_says_so(void **state)
{
	(void)state;
	meet(first_turn);
	bed_conf.relay.hairpin = false;
	bed_indicate(bob_out, "hello");
	assert_int_equal(fake.sent_count, 1);
	assert_true(bed_last()->to_peer);
	assert_true(addr_equal(&bed_last()->peer, &bob_in));
	assert_int_equal(bed_counter(STATS_HAIRPIN_PACKETS), 0);
}

/* What net hands up may lack room for a Data indication around the data. */
static void
test_a_packet_without_headroom_is_copied(void **state)
{
	uint8_t mem[STUN_CHANNEL_HEADER_LEN + 5];
	unsigned before;
	struct buf b;

	(void)state;
	meet(first_turn);
	assert_int_equal(bed_bind(NUMBER, bob_out), 0);
	stun_channel_header(mem, NUMBER, 5);
	memcpy(mem + STUN_CHANNEL_HEADER_LEN, "tight", 5);
	before = fake.sent_count;
	buf_init(&b, mem, sizeof(mem), 0);
	buf_put(&b, sizeof(mem));
	turn_message(bed.turn, &bed.flow, &b, bed.now);
	assert_indicated(&bob, alice_out, "tight");
	fake.no_buf = true;
	buf_init(&b, mem, sizeof(mem), 0);
	buf_put(&b, sizeof(mem));
	turn_message(bed.turn, &bed.flow, &b, bed.now);
	assert_int_equal(bed_dropped(STATS_DROP_NO_MEMORY), 1);
	assert_int_equal(fake.sent_count, before + 1);
	fake.no_buf = false;
	/* from channel to channel it needs none */
	be(&bob, first_turn);
	assert_int_equal(bed_bind(NUMBER, alice_out), 0);
	be(&alice, first_turn);
	buf_init(&b, mem, sizeof(mem), 0);
	buf_put(&b, sizeof(mem));
	turn_message(bed.turn, &bed.flow, &b, bed.now);
	assert_int_equal(bed_last()->len, sizeof(mem));
	assert_memory_equal(bed_last()->data, mem, sizeof(mem));
}

/* ---- the caps */

static void
test_the_cap_holds_on_the_way_out(void **state)
{
	(void)state;
	meet(first_turn);
	bed_conf.caps.rate = 8000;
	bed_conf.caps.burst = 1000;
	budget_host_apply(bed.host, &bed_conf);
	spend(STATS_OUT);
	bed_indicate(bob_out, "hello");
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(bed_dropped(STATS_DROP_CAP_OUT), 1);
	assert_int_equal(bed_dropped(STATS_DROP_CAP_IN), 0);
}

static void
test_the_cap_holds_on_the_way_in(void **state)
{
	(void)state;
	meet(first_turn);
	bed_conf.caps.rate = 8000;
	bed_conf.caps.burst = 1000;
	budget_host_apply(bed.host, &bed_conf);
	spend(STATS_IN);
	bed_indicate(bob_out, "hello");
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(bed_dropped(STATS_DROP_CAP_OUT), 0);
	assert_int_equal(bed_dropped(STATS_DROP_CAP_IN), 1);
	assert_int_equal(peer_bytes(&bed.stats, STATS_OUT), 5 + 28);
}

static void
test_new_reports_missing_memory(void **state)
{
	struct turn_hairpin *h = NULL;
	long n = 0;

	(void)state;
	for (; h == NULL; n++) {
		assert_true(n < 50);
		mem_fail_at(n);
		h = turn_hairpin_new(3);
		mem_fail_at(-1);
	}
	/* itself, seats, lanes, two for each of six rings */
	assert_int_equal(n, 3 + 2 * 6 + 1);
	turn_hairpin_free(h);
	turn_hairpin_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HAIRPIN_TEST(test_both_ends_on_one_worker_hear_each_other),
		HAIRPIN_TEST(test_a_packet_counts_as_if_it_had_travelled),
		HAIRPIN_TEST(test_channels_shorten_both_ends),
		HAIRPIN_TEST(test_the_other_side_must_have_let_us_in),
		HAIRPIN_TEST(test_a_client_may_send_to_itself),
		HAIRPIN_TEST(test_an_ipv6_packet_has_a_longer_header),
		HAIRPIN_TEST(test_other_peers_are_reached_by_the_kernel),
		cmocka_unit_test_setup_teardown(
		    test_a_channel_follows_its_peers_port_from_hand_to_hand,
		    set_up_two_ports, tear_down),
		HAIRPIN_TEST(
		    test_a_channel_to_a_closed_port_of_ours_asks_each_policy),
		HAIRPIN_TEST(
		    test_the_kernel_is_the_way_when_the_configuration_says_so),
		HAIRPIN_TEST(test_a_packet_without_headroom_is_copied),
		HAIRPIN_TEST(test_the_cap_holds_on_the_way_out),
		HAIRPIN_TEST(test_the_cap_holds_on_the_way_in),
		cmocka_unit_test(test_new_reports_missing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
