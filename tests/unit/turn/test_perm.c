#include "tests/unit/turn/bed.h"

static struct turn_perm_set set;

static int
set_up(void **state)
{
	bed_set_up(state);
	turn_perm_init(&set, bed.turn);
	return 0;
}

static int
tear_down(void **state)
{
	turn_perm_fini(&set);
	return bed_tear_down(state);
}

static int
get(struct turn_perm **out, const char *peer)
{
	const struct addr a = bed_addr(peer);

	return turn_perm_get(out, &set, &a, bed.now);
}

static struct turn_perm *
grant(const char *peer)
{
	struct turn_perm *perm;

	assert_int_equal(get(&perm, peer), 0);
	turn_perm_refresh(perm, bed.now);
	return perm;
}

static struct turn_perm *
find(const char *peer)
{
	const struct addr a = bed_addr(peer);

	return turn_perm_find(&set, &a);
}

/* A request of many peers is prepared first and granted then. */
static void
test_a_permission_lets_nobody_in_before_it_is_refreshed(void **state)
{
	struct turn_perm *perm;

	(void)state;
	assert_int_equal(get(&perm, "9.9.9.9:1"), 0);
	assert_false(turn_perm_is_live(perm, bed.now));
	turn_perm_refresh(perm, bed.now);
	assert_true(turn_perm_is_live(perm, bed.now));
}

/* A grant holds up to, and not including, its last millisecond. */
static void
test_a_permission_lives_five_minutes(void **state)
{
	const struct turn_perm *perm = grant("9.9.9.9:1");
	const mono_ms end = bed.now + TURN_PERM_LIFETIME_MS;

	(void)state;
	assert_true(turn_perm_is_live(perm, end - 1));
	assert_false(turn_perm_is_live(perm, end));
}

static void
test_a_host_has_one_permission_for_all_its_ports(void **state)
{
	struct turn_perm *perm, *again;

	(void)state;
	perm = grant("9.9.9.9:1");
	assert_int_equal(get(&again, "9.9.9.9:2"), 0);
	assert_ptr_equal(perm, again);
	assert_ptr_equal(find("9.9.9.9:3"), perm);
	assert_null(find("9.9.9.8:1"));
	assert_int_equal(addr_port(&perm->host), 0);
	assert_int_equal(bed_counter(STATS_PERMISSIONS), 1);
}

static void
test_a_denied_host_gets_none(void **state)
{
	struct turn_perm *perm;

	(void)state;
	assert_int_equal(get(&perm, "192.168.1.1:1"), 403);
	assert_int_equal(bed_counter(STATS_PERMISSIONS), 0);
}

static void
test_a_sweep_spares_the_living_and_those_of_channels(void **state)
{
	(void)state;
	grant("9.9.9.1:1");
	grant("9.9.9.2:1")->channels = 1;
	bed.now += TURN_PERM_LIFETIME_MS / 2;
	grant("9.9.9.3:1");
	bed.now += TURN_PERM_LIFETIME_MS / 2;
	assert_int_equal(turn_perm_count(&set, bed.now), 1);
	turn_perm_sweep(&set, bed.now);
	assert_null(find("9.9.9.1:1"));
	assert_non_null(find("9.9.9.2:1"));
	assert_non_null(find("9.9.9.3:1"));
	find("9.9.9.2:1")->channels = 0;
	turn_perm_sweep(&set, bed.now);
	assert_null(find("9.9.9.2:1"));
}

static void
test_one_family_is_dropped_alone(void **state)
{
	(void)state;
	grant("9.9.9.1:1");
	grant("[2620:fe::1]:1");
	turn_perm_drop(&set, AF_INET6);
	assert_null(find("[2620:fe::1]:1"));
	assert_non_null(find("9.9.9.1:1"));
}

static void
test_no_memory_is_full(void **state)
{
	struct turn_perm *perm;

	(void)state;
	mem_fail_at(0); /* the pool's first slab */
	assert_int_equal(get(&perm, "9.9.9.9:1"), 508);
	mem_fail_at(-1);
	assert_int_equal(get(&perm, "9.9.9.9:1"), 0);
}

#define PERM_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PERM_TEST(
		    test_a_permission_lets_nobody_in_before_it_is_refreshed),
		PERM_TEST(test_a_permission_lives_five_minutes),
		PERM_TEST(test_a_host_has_one_permission_for_all_its_ports),
		PERM_TEST(test_a_denied_host_gets_none),
		PERM_TEST(test_a_sweep_spares_the_living_and_those_of_channels),
		PERM_TEST(test_one_family_is_dropped_alone),
		PERM_TEST(test_no_memory_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
