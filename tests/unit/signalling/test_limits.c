#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "signalling/limits.h"

static const struct signal_rate rate = { .messages = 10, .bytes = 1000 };

static void
test_a_burst_passes_and_then_the_rate(void **state)
{
	struct signal_limits l = { 0 };
	mono_ms now = 5000;

	(void)state;
	for (int i = 0; i < 10 * SIGNAL_BURST_S; i++)
		assert_int_equal(signal_limits_take(&l, &rate, 1, now), 0);
	assert_int_equal(
	    signal_limits_take(&l, &rate, 1, now), SIGNAL_HOLD_MIN_MS);
	now += 99;
	assert_int_not_equal(signal_limits_take(&l, &rate, 1, now), 0);
	now += 1;
	assert_int_equal(signal_limits_take(&l, &rate, 1, now), 0);
	assert_int_not_equal(signal_limits_take(&l, &rate, 1, now), 0);
}

static void
test_bytes_are_waited_for_as_long_as_they_take(void **state)
{
	struct signal_limits l = { 0 };

	(void)state;
	assert_int_equal(signal_limits_take(&l, &rate, 3500, 1), 0);
	/* 500 are there, 1500 come in 1.5 s */
	assert_int_equal(signal_limits_take(&l, &rate, 2000, 1), 1500);
	assert_int_equal(signal_limits_take(&l, &rate, 2000, 1501), 0);
}

/* Else it would never pass. */
static void
test_what_is_larger_than_the_bucket_passes_when_that_is_full(void **state)
{
	struct signal_limits l = { 0 };

	(void)state;
	assert_int_equal(signal_limits_take(&l, &rate, 9000, 1), 0);
	assert_int_equal(signal_limits_take(&l, &rate, 1, 1), 5001);
	assert_int_equal(signal_limits_take(&l, &rate, 1, 5002), 0);
}

static void
test_strikes_are_counted_and_forgotten(void **state)
{
	struct signal_limits l = { 0 };
	mono_ms now = 1000;

	(void)state;
	for (int i = 0; i < SIGNAL_STRIKES_MAX; i++)
		assert_false(signal_limits_strike(&l, now));
	/* one is forgotten, one comes */
	now += SIGNAL_STRIKE_MS;
	assert_false(signal_limits_strike(&l, now));
	assert_true(signal_limits_strike(&l, now));
	now += (mono_ms)SIGNAL_STRIKE_MS * (SIGNAL_STRIKES_MAX + 1);
	for (int i = 0; i < SIGNAL_STRIKES_MAX; i++)
		assert_false(signal_limits_strike(&l, now));
	assert_true(signal_limits_strike(&l, now));
}

static void
test_what_goes_on_has_the_lower_levels_and_all_strikes(void **state)
{
	struct signal_limits old = { 0 }, l = { 0 };

	(void)state;
	for (int i = 0; i < 10 * SIGNAL_BURST_S; i++)
		assert_int_equal(signal_limits_take(&old, &rate, 1, 5000), 0);
	assert_int_equal(signal_limits_take(&l, &rate, 3000, 5000), 0);
	for (int i = 0; i < SIGNAL_STRIKES_MAX - 1; i++)
		assert_false(signal_limits_strike(&old, 5000));
	assert_false(signal_limits_strike(&l, 5000));
	/* one message, 1100 bytes, and a strike is not forgotten yet */
	signal_limits_inherit(&l, &old, &rate, 5100);
	assert_int_equal(signal_limits_take(&l, &rate, 1101, 5100), 250);
	assert_int_equal(signal_limits_take(&l, &rate, 1100, 5100), 0);
	assert_int_not_equal(signal_limits_take(&l, &rate, 0, 5100), 0);
	assert_true(signal_limits_strike(&l, 5100));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_passes_and_then_the_rate),
		cmocka_unit_test(
		    test_bytes_are_waited_for_as_long_as_they_take),
		cmocka_unit_test(
		    test_what_is_larger_than_the_bucket_passes_when_that_is_full),
		cmocka_unit_test(test_strikes_are_counted_and_forgotten),
		cmocka_unit_test(
		    test_what_goes_on_has_the_lower_levels_and_all_strikes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
