#include "tests/unit/turn/bed.h"
#include "common/table.h"
#include "turn/recent.h"

#define PEER "9.9.9.9:7000"

enum { NUMBER = 0x4001, PORTS = 60000 };

/* A client with an allocation and a channel, remembered by its packet. */
static void
speak(void)
{
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_bind(NUMBER, PEER), 0);
	bed_channel_data(NUMBER, "one");
	assert_true(bed_last()->to_peer);
}

static void
assert_nobody_answers(uint64_t dropped)
{
	const unsigned before = fake.sent_count;

	bed_channel_data(NUMBER, "late");
	assert_int_equal(fake.sent_count, before);
	assert_int_equal(bed_dropped(STATS_DROP_NO_ALLOCATION), dropped);
}

static unsigned
place_of(const struct net_flow *flow)
{
	return turn_recent_tag(flow) >> (32 - TURN_RECENT_BITS);
}

/* Another client whose flow has the same place. */
static struct net_flow
rival_of(const struct net_flow *flow)
{
	struct net_flow rival = *flow;

	for (unsigned port = 1; port < PORTS; port++) {
		addr_set_port(&rival.client, (uint16_t)port);
		if (!addr_equal(&rival.client, &flow->client) &&
		    place_of(&rival) == place_of(flow))
			return rival;
	}
	fail();
	return rival;
}

/* As in one batch: Refresh 0 and a packet right behind it. */
static void
test_an_allocation_its_client_ended_is_forgotten_at_once(void **state)
{
	(void)state;
	speak();
	assert_int_equal(bed_refresh(0, 0), 0);
	assert_nobody_answers(1);
}

static void
test_an_allocation_that_expired_is_forgotten(void **state)
{
	(void)state;
	speak();
	bed_wait(600 * 1000);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 0);
	assert_nobody_answers(1);
}

static void
test_an_allocation_whose_user_is_gone_is_forgotten(void **state)
{
	struct snapshot less = bed_conf;

	(void)state;
	speak();
	less.auth.user_count = 0;
	turn_apply(bed.turn, &less, bed.policy, bed.now);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 0);
	assert_nobody_answers(1);
}

static void
test_the_next_allocation_of_a_flow_gets_its_packets(void **state)
{
	(void)state;
	speak();
	assert_int_equal(bed_refresh(0, 0), 0);
	assert_int_equal(bed_allocate(), 0);
	bed_channel_data(NUMBER, "none bound");
	assert_int_equal(bed_dropped(STATS_DROP_NO_CHANNEL), 1);
	assert_int_equal(bed_bind(NUMBER, PEER), 0);
	bed_channel_data(NUMBER, "two");
	assert_true(addr_equal(&bed_last()->from, &fake.relayed[0].at));
}

static void
test_two_flows_of_one_place_are_told_apart(void **state)
{
	const struct net_flow first = bed.flow;
	const struct net_flow second = rival_of(&first);

	(void)state;
	speak();
	bed.flow = second;
	speak();
	for (unsigned i = 0; i < 4; i++) {
		bed.flow = i % 2 == 0 ? first : second;
		bed_channel_data(NUMBER, "mine");
		assert_true(
		    addr_equal(&bed_last()->from, &fake.relayed[i % 2].at));
	}
}

/* What ends leaves alone who has taken its place. */
static void
test_who_was_pushed_out_takes_nobody_along(void **state)
{
	const struct net_flow first = bed.flow;
	const struct net_flow second = rival_of(&first);
	struct turn_alloc *al;

	(void)state;
	speak();
	bed.flow = second;
	speak();
	al = turn_alloc_find(bed.turn, &second);
	bed.flow = first;
	/* not by a request, which would take the place again */
	turn_alloc_close(
	    table_find(bed.turn->flows, turn_session_hash(&first), &first),
	    "test");
	assert_ptr_equal(turn_recent_find(bed.turn->recent, &second,
			     turn_recent_tag(&second)),
	    al);
}

/* One address of a flow and the other, port and transport: all count. */
static void
test_flows_that_differ_in_anything_are_not_confused(void **state)
{
	static const char *const locals[] = { "10.0.0.7:3478", "10.0.0.7:3479",
		"10.0.0.8:3478", "[2001:db8::7]:3478", "[2001:db8::8]:3478" };
	struct turn_recent r;
	struct turn_alloc al;
	struct net_flow flow = bed.flow;
	const uint32_t tag = turn_recent_tag(&flow);

	(void)state;
	memset(&r, 0, sizeof(r));
	memset(&al, 0, sizeof(al));
	al.session.flow = flow;
	turn_recent_note(&r, &al, tag);
	assert_ptr_equal(turn_recent_find(&r, &flow, tag), &al);
	/* tag by hand: as if two had the same */
	for (unsigned i = 1; i < sizeof(locals) / sizeof(locals[0]); i++) {
		flow.local = bed_addr(locals[i]);
		assert_null(turn_recent_find(&r, &flow, tag));
	}
	flow = bed.flow;
	flow.transport = NET_DTLS;
	assert_null(turn_recent_find(&r, &flow, tag));
	flow = bed.flow;
	flow.client = bed_addr("198.51.100.5:4001");
	assert_null(turn_recent_find(&r, &flow, tag));
}

/* Two workers' memory that packets write shares no cache line. */
static void
test_each_worker_begins_a_cache_line(void **state)
{
	struct turn *other = bed_turn_new();

	(void)state;
	assert_non_null(other);
	assert_int_equal((uintptr_t)bed.turn % 64, 0);
	assert_int_equal((uintptr_t)other % 64, 0);
	assert_int_equal((uintptr_t)bed.turn->recent % 64, 0);
	assert_int_equal((uintptr_t)other->recent % 64, 0);
	assert_int_equal((uintptr_t)bed.budget % 64, 0);
	turn_free(other);
}

static void
test_flows_of_a_subnet_spread_over_the_places(void **state)
{
	bool used[TURN_RECENT_PLACES] = { false };
	struct net_flow flow = bed.flow;
	unsigned places = 0;

	(void)state;
	for (unsigned i = 0; i < TURN_RECENT_PLACES; i++) {
		bool *u;

		addr_set_port(&flow.client, (uint16_t)(40000 + i));
		u = &used[place_of(&flow)];
		places += !*u;
		*u = true;
	}
	/* at random 162 of 256 */
	assert_true(places > 128);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(
		    test_an_allocation_its_client_ended_is_forgotten_at_once),
		BED_TEST(test_an_allocation_that_expired_is_forgotten),
		BED_TEST(test_an_allocation_whose_user_is_gone_is_forgotten),
		BED_TEST(test_the_next_allocation_of_a_flow_gets_its_packets),
		BED_TEST(test_two_flows_of_one_place_are_told_apart),
		BED_TEST(test_who_was_pushed_out_takes_nobody_along),
		BED_TEST(test_flows_that_differ_in_anything_are_not_confused),
		BED_TEST(test_each_worker_begins_a_cache_line),
		BED_TEST(test_flows_of_a_subnet_spread_over_the_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
