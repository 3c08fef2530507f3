/* Networks and caps, as allocations feel them. */
#include "tests/unit/turn/bed.h"

#define OUTSIDE "9.9.9.9:7000"
#define INSIDE  "9.1.1.1:7000"

static struct addr_prefix prefixes[2];
static struct snapshot_network network;
static struct snapshot conf;

/* A reload with a network of peers of 9.1/16 and, maybe, of the client. */
static void
reload(enum snapshot_members members, bool is_client_in, bool relay)
{
	struct policy *policy;

	assert_int_equal(addr_prefix_parse(&prefixes[0], "9.1.0.0/16"), 0);
	assert_int_equal(addr_prefix_parse(&prefixes[1], "198.51.100.0/24"), 0);
	network = (struct snapshot_network){ .name = "n",
		.prefixes = { prefixes, is_client_in ? 2 : 1 },
		.relay = relay };
	conf = bed_conf;
	conf.relay.members_only = members;
	conf.networks = &network;
	conf.network_count = 1;
	assert_non_null(policy = policy_new(&conf, NULL, 0));
	budget_host_apply(bed.host, &conf);
	budget_apply(bed.budget, &conf);
	turn_apply(bed.turn, &conf, policy, bed.now);
	policy_free(bed.policy);
	bed.policy = policy;
}

static void
test_a_client_of_a_network_that_does_not_relay_gets_403(void **state)
{
	(void)state;
	reload(SNAPSHOT_ANYONE, true, false);
	assert_int_equal(bed_allocate(), 403);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 0);
	reload(SNAPSHOT_BOTH_ENDS, false, true);
	assert_int_equal(bed_allocate(), 403);
	reload(SNAPSHOT_BOTH_ENDS, true, true);
	assert_int_equal(bed_allocate(), 0);
}

static void
test_a_peer_must_be_a_member_when_the_client_is_none(void **state)
{
	(void)state;
	reload(SNAPSHOT_ONE_END, false, true);
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_permit(OUTSIDE), 403);
	assert_int_equal(bed_bind(0x4001, OUTSIDE), 403);
	assert_int_equal(bed_permit(INSIDE), 0);
	assert_int_equal(bed_bind(0x4001, INSIDE), 0);
}

static void
test_a_reload_takes_back_what_was_permitted(void **state)
{
	unsigned before;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_bind(0x4001, OUTSIDE), 0);
	bed_channel_data(0x4001, "x");
	bed_indicate(OUTSIDE, "x");
	bed_peer_sends(0, OUTSIDE, "x");
	before = fake.sent_count;
	reload(SNAPSHOT_ONE_END, false, true);
	bed_channel_data(0x4001, "x");
	bed_indicate(OUTSIDE, "x");
	bed_peer_sends(0, OUTSIDE, "x");
	assert_int_equal(fake.sent_count, before);
	assert_int_equal(bed_dropped(STATS_DROP_DENIED_PEER), 3);
	/* a client that is now a member may again */
	reload(SNAPSHOT_ONE_END, true, true);
	bed_channel_data(0x4001, "x");
	assert_int_equal(fake.sent_count, before + 1);
}

static void
test_a_reload_ends_allocations_of_who_may_not(void **state)
{
	(void)state;
	reload(SNAPSHOT_ANYONE, true, true);
	assert_int_equal(bed_allocate(), 0);
	reload(SNAPSHOT_ANYONE, true, false);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 0);
}

static void
count_network(void *arg, const struct budget_account *a)
{
	*(struct budget_account *)arg = *a;
}

static void
test_both_ends_networks_are_charged_both_ways(void **state)
{
	struct budget_account a = { 0 };

	(void)state;
	reload(SNAPSHOT_ANYONE, false, true);
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_bind(0x4001, INSIDE), 0);
	bed_channel_data(0x4001, "12345678"); /* out to the peer: 8 + 28 */
	bed_peer_sends(0, INSIDE, "1234");    /* to the client: 4 + 4 + 28 */
	budget_turn_end(bed.budget, bed.now * 1000);
	budget_host_networks(bed.host, count_network, &a);
	assert_string_equal(a.name, "n");
	assert_int_equal(a.bytes[STATS_OUT], 36 + 36);
}

static void
test_what_is_over_a_users_cap_is_not_sent(void **state)
{
	unsigned before;

	(void)state;
	conf = bed_conf;
	conf.caps.rate_per_user = 12000;
	conf.caps.burst_per_user = 1500;
	budget_host_apply(bed.host, &conf);
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_bind(0x4001, OUTSIDE), 0);
	before = fake.sent_count;
	for (unsigned i = 0; i < 100; i++)
		bed_channel_data(0x4001, "12345678"); /* 36 bytes out */
	assert_int_equal(fake.sent_count, before + 1500 / 36);
	assert_int_equal(bed_dropped(STATS_DROP_CAP_USER), 100 - 1500 / 36);
	/* a second later as much as the rate */
	bed_wait(1000);
	before = fake.sent_count;
	for (unsigned i = 0; i < 100; i++)
		bed_channel_data(0x4001, "12345678");
	assert_in_range(fake.sent_count, before + 1490 / 36, before + 42);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, bed_set_up, bed_tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(test_a_client_of_a_network_that_does_not_relay_gets_403),
		CASE(test_a_peer_must_be_a_member_when_the_client_is_none),
		CASE(test_a_reload_takes_back_what_was_permitted),
		CASE(test_a_reload_ends_allocations_of_who_may_not),
		CASE(test_both_ends_networks_are_charged_both_ways),
		CASE(test_what_is_over_a_users_cap_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
