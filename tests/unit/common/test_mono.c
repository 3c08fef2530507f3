#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "common/mono.h"

static void
test_clock_agrees_with_the_kernel(void **state)
{
	struct timespec ts;
	mono_ms before, after, kernel;

	(void)state;
	before = mono_now();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	after = mono_now();
	kernel = (mono_ms)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	assert_in_range(kernel, before, after);
}

static void
test_microseconds_are_finer_milliseconds(void **state)
{
	int64_t us = mono_now_us();
	mono_ms ms = mono_now();

	(void)state;
	assert_in_range(ms, us / 1000, mono_now_us() / 1000);
}

static void
test_wall_clock_counts_seconds_since_1970(void **state)
{
	time_t before = time(NULL);
	int64_t wall = mono_wall_s();

	(void)state;
	assert_in_range(wall, before, time(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock_agrees_with_the_kernel),
		cmocka_unit_test(test_microseconds_are_finer_milliseconds),
		cmocka_unit_test(test_wall_clock_counts_seconds_since_1970),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
