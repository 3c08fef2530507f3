#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/entropy.h"

static void
test_two_draws_differ_and_no_byte_stays_zero(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 }, seen[32] = { 0 };

	(void)state;
	/* 16 draws: a byte is zero in all with probability 2^-128 */
	for (int i = 0; i < 16; i++) {
		entropy_fill(a, sizeof(a));
		for (size_t k = 0; k < sizeof(a); k++)
			seen[k] |= a[k];
	}
	for (size_t k = 0; k < sizeof(seen); k++)
		assert_int_not_equal(seen[k], 0);
	entropy_fill(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

static void
test_nothing_is_written_beyond_len(void **state)
{
	uint8_t a[8] = { 0 };

	(void)state;
	for (int i = 0; i < 16; i++)
		entropy_fill(a, 5);
	assert_int_equal(a[5] | a[6] | a[7], 0);
}

static void
test_below_hits_each_value_and_none_else(void **state)
{
	unsigned hits[7] = { 0 };

	(void)state;
	for (int i = 0; i < 70000; i++) {
		uint32_t n = entropy_below(7);

		assert_true(n < 7);
		hits[n]++;
	}
	/* mean 10000, sigma 93: 8 sigma either way */
	for (int i = 0; i < 7; i++)
		assert_in_range(hits[i], 9260, 10740);
}

/* 3 * 2^30: a plain modulo would give the first third twice as often, a
 * multiply and shift that refuses nothing each multiple of three. */
static void
test_below_has_no_bias_for_a_large_limit(void **state)
{
	const uint32_t limit = 3u << 30;
	unsigned low = 0, threes = 0;

	(void)state;
	for (int i = 0; i < 30000; i++) {
		uint32_t n = entropy_below(limit);

		assert_true(n < limit);
		low += n < 1u << 30;
		threes += n % 3 == 0;
	}
	/* mean 10000, sigma 82 */
	assert_in_range(low, 9350, 10650);
	assert_in_range(threes, 9350, 10650);
}

static void
test_below_one_is_zero(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(entropy_below(1), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_draws_differ_and_no_byte_stays_zero),
		cmocka_unit_test(test_nothing_is_written_beyond_len),
		cmocka_unit_test(test_below_hits_each_value_and_none_else),
		cmocka_unit_test(test_below_has_no_bias_for_a_large_limit),
		cmocka_unit_test(test_below_one_is_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
