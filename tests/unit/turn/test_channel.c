#include "tests/unit/turn/bed.h"

static struct turn_channel_set set;
static struct turn_perm perm;

static int
set_up(void **state)
{
	bed_set_up(state);
	memset(&perm, 0, sizeof(perm));
	turn_channel_init(&set, bed.turn);
	return 0;
}

static int
tear_down(void **state)
{
	turn_channel_fini(&set);
	/* whoever points to a permission lets go of it */
	assert_int_equal(perm.channels, 0);
	return bed_tear_down(state);
}

static int
bind_to(uint16_t number, const char *peer)
{
	const struct addr a = bed_addr(peer);

	return turn_channel_bind(&set, number, &a, &perm, bed.now);
}

static struct turn_channel *
of_peer(const char *peer)
{
	const struct addr a = bed_addr(peer);

	return turn_channel_by_peer(&set, &a, bed.now);
}

static struct turn_channel *
of_number(uint16_t number)
{
	return turn_channel_by_number(&set, number, bed.now);
}

static void
test_a_channel_is_found_by_number_and_by_peer(void **state)
{
	(void)state;
	assert_null(of_peer("9.9.9.9:1"));
	assert_int_equal(bind_to(0x4000, "9.9.9.9:1"), 0);
	assert_non_null(of_number(0x4000));
	assert_ptr_equal(of_number(0x4000), of_peer("9.9.9.9:1"));
	assert_null(of_peer("9.9.9.9:2"));
	assert_null(of_number(0x4002));
	assert_int_equal(perm.channels, 1);
}

static void
test_a_binding_lives_ten_minutes(void **state)
{
	(void)state;
	assert_int_equal(bind_to(0x4000, "9.9.9.9:1"), 0);
	bed.now += TURN_CHANNEL_LIFETIME_MS - 1;
	assert_non_null(of_number(0x4000));
	assert_non_null(of_peer("9.9.9.9:1"));
	assert_int_equal(turn_channel_count(&set, bed.now), 1);
	bed.now++;
	assert_null(of_number(0x4000));
	assert_null(of_peer("9.9.9.9:1"));
	assert_int_equal(turn_channel_count(&set, bed.now), 0);
	turn_channel_sweep(&set, bed.now);
	assert_int_equal(bed_counter(STATS_CHANNELS), 0);
}

static void
test_a_refresh_prolongs_the_same_binding(void **state)
{
	(void)state;
	assert_int_equal(bind_to(0x4000, "9.9.9.9:1"), 0);
	bed.now += TURN_CHANNEL_LIFETIME_MS - 1;
	assert_int_equal(bind_to(0x4000, "9.9.9.9:1"), 0);
	assert_int_equal(perm.channels, 1);
	bed.now += TURN_CHANNEL_LIFETIME_MS - 1;
	assert_non_null(of_number(0x4000));
}

static void
test_channels_of_one_allocation_are_bounded(void **state)
{
	char peer[ADDR_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < TURN_CHANNEL_MAX; i++) {
		snprintf(peer, sizeof(peer), "9.9.9.9:%u", i + 1);
		assert_int_equal(bind_to((uint16_t)(0x4000 + i), peer), 0);
	}
	assert_int_equal(bind_to(0x4FFF, "9.9.9.9:9999"), 508);
	for (unsigned i = 0; i < TURN_CHANNEL_MAX; i++) {
		snprintf(peer, sizeof(peer), "9.9.9.9:%u", i + 1);
		assert_non_null(of_peer(peer));
		assert_int_equal(of_peer(peer)->number, 0x4000 + i);
	}
}

static void
test_one_family_is_dropped_alone(void **state)
{
	(void)state;
	assert_int_equal(bind_to(0x4004, "9.9.9.9:1"), 0);
	assert_int_equal(bind_to(0x4006, "[2620:fe::9]:1"), 0);
	turn_channel_drop(&set, AF_INET);
	assert_null(of_number(0x4004));
	assert_non_null(of_number(0x4006));
}

/* The one found last is remembered: each test below has found it first. */
static void
find_one(void)
{
	assert_int_equal(bind_to(0x4000, "9.9.9.9:1"), 0);
	assert_int_equal(of_peer("9.9.9.9:1")->number, 0x4000);
}

static void
test_peers_that_take_turns_are_told_apart(void **state)
{
	(void)state;
	find_one();
	assert_int_equal(bind_to(0x4001, "9.9.9.9:2"), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(of_peer("9.9.9.9:1")->number, 0x4000);
		assert_int_equal(of_peer("9.9.9.9:2")->number, 0x4001);
		assert_null(of_peer("9.9.9.9:3"));
		assert_null(of_peer("9.9.9.8:1"));
	}
}

static void
test_a_peer_bound_anew_is_found_under_its_new_number(void **state)
{
	(void)state;
	find_one();
	bed.now += TURN_CHANNEL_LIFETIME_MS;
	assert_int_equal(bind_to(0x4001, "9.9.9.9:1"), 0);
	assert_int_equal(of_peer("9.9.9.9:1")->number, 0x4001);
	assert_int_equal(bed_counter(STATS_CHANNELS), 1);
}

static void
test_what_was_swept_is_not_found_by_its_peer(void **state)
{
	(void)state;
	find_one();
	bed.now += TURN_CHANNEL_LIFETIME_MS;
	turn_channel_sweep(&set, bed.now);
	assert_null(of_peer("9.9.9.9:1"));
	find_one();
	turn_channel_drop(&set, AF_INET);
	assert_null(of_peer("9.9.9.9:1"));
	find_one();
	turn_channel_fini(&set);
	turn_channel_init(&set, bed.turn);
	assert_null(of_peer("9.9.9.9:1"));
}

static void
test_no_memory_is_full(void **state)
{
	(void)state;
	mem_fail_at(0); /* the pool's first slab */
	assert_int_equal(bind_to(0x4000, "9.9.9.9:1"), 508);
	mem_fail_at(-1);
	assert_int_equal(perm.channels, 0);
	assert_int_equal(bind_to(0x4000, "9.9.9.9:1"), 0);
}

#define CHANNEL_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CHANNEL_TEST(test_a_channel_is_found_by_number_and_by_peer),
		CHANNEL_TEST(test_a_binding_lives_ten_minutes),
		CHANNEL_TEST(test_a_refresh_prolongs_the_same_binding),
		CHANNEL_TEST(test_channels_of_one_allocation_are_bounded),
		CHANNEL_TEST(test_one_family_is_dropped_alone),
		CHANNEL_TEST(test_peers_that_take_turns_are_told_apart),
		CHANNEL_TEST(
		    test_a_peer_bound_anew_is_found_under_its_new_number),
		CHANNEL_TEST(test_what_was_swept_is_not_found_by_its_peer),
		CHANNEL_TEST(test_no_memory_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
