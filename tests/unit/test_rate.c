#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/rate.h"

static void
feed(struct rate *r, uint64_t total, mono_ms now)
{
	static struct stats sum;

	sum.wire_bytes[STATS_IN][STATS_PEER] = total;
	sum.wire_packets[STATS_OUT][STATS_CLIENT_UDP] = total / 10;
	sum.counter[STATS_RELAYED_UP_PACKETS] = total / 20;
	sum.counter[STATS_RELAYED_DOWN_PACKETS] = total / 20;
	rate_feed(r, &sum, now);
}

static void
test_one_sample_is_no_rate(void **state)
{
	struct rate r = { 0 };

	(void)state;
	assert_int_equal(rate_view(&r).window_ms, 0);
	feed(&r, 1000, 5);
	assert_int_equal(rate_view(&r).window_ms, 0);
	assert_int_equal(rate_view(&r).per_second.bytes[STATS_IN], 0);
}

static void
test_growth_is_told_per_second_of_the_time_that_passed(void **state)
{
	struct rate r = { 0 };
	struct rate_view v;

	(void)state;
	feed(&r, 1000, 0);
	feed(&r, 5000, 2000);
	v = rate_view(&r);
	assert_int_equal(v.window_ms, 2000);
	assert_int_equal(v.per_second.bytes[STATS_IN], 2000);
	assert_int_equal(v.per_second.bytes[STATS_OUT], 0);
	assert_int_equal(v.per_second.packets[STATS_OUT], 200);
	assert_int_equal(v.per_second.relayed_packets, 200);
}

static void
test_what_is_older_than_the_window_is_forgotten(void **state)
{
	struct rate r = { 0 };
	struct rate_view v;

	(void)state;
	feed(&r, 0, 0);
	feed(&r, 1000000, 1000);
	for (int i = 2; i <= RATE_WINDOW + 1; i++)
		feed(&r, 1000000, i * 1000);
	v = rate_view(&r);
	assert_int_equal(v.window_ms, RATE_WINDOW * 1000);
	assert_int_equal(v.per_second.bytes[STATS_IN], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_sample_is_no_rate),
		cmocka_unit_test(
		    test_growth_is_told_per_second_of_the_time_that_passed),
		cmocka_unit_test(
		    test_what_is_older_than_the_window_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
