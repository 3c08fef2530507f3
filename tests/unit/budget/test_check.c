#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "budget/check.h"

/* 1 Mbit/s: 125000 bytes a second, and 10000 at once. */
enum { RATE = 1000000, BURST = 10000, SECOND = 1000000 };

static void
feed(struct budget_check *c, int64_t us, uint64_t in, uint64_t out)
{
	const struct budget_sample s = { us, us, { in, out } };

	budget_check_feed(c, &s, RATE, BURST);
}

static void
test_what_the_cap_allows_is_no_error(void **state)
{
	struct budget_check c = { 0 };

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		feed(&c, (int64_t)i * SECOND, BURST + 125000ull * i,
		    125000ull * i);
	assert_int_equal(c.error_bytes, 0);
}

static void
test_each_direction_is_looked_at(void **state)
{
	(void)state;
	for (unsigned dir = 0; dir < STATS_DIRS; dir++) {
		struct budget_check c = { 0 };
		const uint64_t n = 125000 + BURST + 7;

		feed(&c, 0, 0, 0);
		feed(&c, SECOND, dir == STATS_IN ? n : 0,
		    dir == STATS_OUT ? n : 0);
		assert_int_equal(c.error_bytes, 7);
	}
}

/* No second has too much, but three together have two bursts. */
static void
test_longer_windows_are_looked_at(void **state)
{
	struct budget_check c = { 0 };

	(void)state;
	feed(&c, 0, 0, 0);
	feed(&c, SECOND, 125000 + BURST, 0);
	feed(&c, 2 * SECOND, 2 * 125000 + BURST, 0);
	assert_int_equal(c.error_bytes, 0);
	feed(&c, 3 * SECOND, 3 * 125000 + 2 * BURST, 0);
	assert_int_equal(c.error_bytes, BURST);
	/* once */
	feed(&c, 4 * SECOND, 4 * 125000 + 2 * BURST, 0);
	assert_int_equal(c.error_bytes, BURST);
}

static void
test_a_slow_look_is_given_its_time(void **state)
{
	const struct budget_sample first = { 0, 400000, { 0, 0 } };
	const struct budget_sample last = { SECOND, 1200000,
		{ 150000 + BURST, 0 } };
	struct budget_check c = { 0 };

	(void)state;
	budget_check_feed(&c, &first, RATE, BURST);
	budget_check_feed(&c, &last, RATE, BURST);
	assert_int_equal(c.error_bytes, 0);
}

static void
test_a_new_rate_begins_anew(void **state)
{
	const struct budget_sample first = { 0, 0, { 0, 0 } };
	const struct budget_sample last = { SECOND, SECOND, { 9999999, 0 } };
	struct budget_check c = { 0 };

	(void)state;
	budget_check_feed(&c, &first, 100 * RATE, BURST);
	budget_check_feed(&c, &last, RATE, BURST);
	assert_int_equal(c.error_bytes, 0);
	budget_check_feed(&c, &last, 0, 0);
	assert_int_equal(c.error_bytes, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_cap_allows_is_no_error),
		cmocka_unit_test(test_each_direction_is_looked_at),
		cmocka_unit_test(test_longer_windows_are_looked_at),
		cmocka_unit_test(test_a_slow_look_is_given_its_time),
		cmocka_unit_test(test_a_new_rate_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
