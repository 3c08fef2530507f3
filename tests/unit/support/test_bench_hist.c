#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/bench_hist.h"

static struct bench_hist hist;

static int
empty(void **state)
{
	(void)state;
	memset(&hist, 0, sizeof(hist));
	return 0;
}

static void
assert_near(uint64_t got, uint64_t wanted)
{
	assert_in_range(got, wanted, wanted + wanted / 32);
}

static void
test_an_empty_histogram_tells_zero(void **state)
{
	(void)state;
	assert_int_equal(bench_hist_at(&hist, 0.99), 0);
}

static void
test_every_value_is_told_within_a_thirtysecond(void **state)
{
	(void)state;
	for (uint64_t ns = 1; ns < UINT64_C(1) << 40; ns += ns / 7 + 1) {
		memset(&hist, 0, sizeof(hist));
		bench_hist_add(&hist, ns);
		assert_near(bench_hist_at(&hist, 0.5), ns);
	}
}

static void
test_a_share_of_the_values_lies_below(void **state)
{
	(void)state;
	for (uint64_t ns = 0; ns < 100000; ns++)
		bench_hist_add(&hist, ns);
	assert_near(bench_hist_at(&hist, 0.5), 50000);
	assert_near(bench_hist_at(&hist, 0.99), 99000);
	assert_near(bench_hist_at(&hist, 0.999), 99900);
	assert_near(bench_hist_at(&hist, 1), 99999);
}

static void
test_a_time_beyond_all_measure_counts_as_the_largest(void **state)
{
	(void)state;
	bench_hist_add(&hist, UINT64_MAX);
	bench_hist_add(&hist, UINT64_MAX);
	bench_hist_add(&hist, 5);
	assert_int_equal(hist.count, 3);
	assert_true(bench_hist_at(&hist, 0.5) >= UINT64_C(1) << 40);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    test_an_empty_histogram_tells_zero, empty),
		cmocka_unit_test_setup(
		    test_every_value_is_told_within_a_thirtysecond, empty),
		cmocka_unit_test_setup(
		    test_a_share_of_the_values_lies_below, empty),
		cmocka_unit_test_setup(
		    test_a_time_beyond_all_measure_counts_as_the_largest,
		    empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
