#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "turn/drops.h"

static void
add(struct turn_drops *d, enum stats_drop why, unsigned times)
{
	while (times-- > 0)
		turn_drops_add(d, why);
}

static void
test_equal_reasons_are_counted(void **state)
{
	struct turn_drops d = { 0 };

	(void)state;
	add(&d, STATS_DROP_NO_CHANNEL, 3);
	add(&d, STATS_DROP_NO_PERMISSION, 2);
	add(&d, STATS_DROP_NO_CHANNEL, 1);
	assert_int_equal(d.why[0], STATS_DROP_NO_CHANNEL);
	assert_int_equal(d.count[0], 4);
	assert_int_equal(d.why[1], STATS_DROP_NO_PERMISSION);
	assert_int_equal(d.count[1], 2);
	assert_int_equal(d.count[2], 0);
}

static void
test_the_oldest_of_five_reasons_goes(void **state)
{
	struct turn_drops d = { 0 };

	(void)state;
	add(&d, STATS_DROP_NOT_STUN, 9);
	add(&d, STATS_DROP_MALFORMED, 8);
	add(&d, STATS_DROP_TRUNCATED, 7);
	add(&d, STATS_DROP_NO_CHANNEL, 6);
	add(&d, STATS_DROP_NOT_STUN, 1);
	add(&d, STATS_DROP_FAMILY, 5);
	assert_int_equal(d.why[0], STATS_DROP_FAMILY);
	assert_int_equal(d.count[0], 5);
	assert_int_equal(d.why[1], STATS_DROP_NOT_STUN);
	assert_int_equal(d.count[1], 10);
	assert_int_equal(d.why[2], STATS_DROP_NO_CHANNEL);
	assert_int_equal(d.why[3], STATS_DROP_TRUNCATED);
	assert_int_equal(d.count[3], 7);
}

static void
test_a_count_ends_at_the_largest(void **state)
{
	struct turn_drops d = { .count = { UINT32_MAX - 1 },
		.why = { STATS_DROP_FAMILY } };

	(void)state;
	add(&d, STATS_DROP_FAMILY, 3);
	assert_int_equal(d.count[0], UINT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_reasons_are_counted),
		cmocka_unit_test(test_the_oldest_of_five_reasons_goes),
		cmocka_unit_test(test_a_count_ends_at_the_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
