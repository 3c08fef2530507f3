#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "budget/fair.h"

static void
test_known_shares(void **state)
{
	static const struct {
		uint64_t demand[4];
		size_t count;
		uint64_t capacity, share;
	} rows[] = {
		{ { 10, 10, 10, 10 }, 4, 20, 5 },
		{ { 1, 100, 100 }, 3, 21, 10 }, /* 1 + 10 + 10 */
		{ { 4, 6, 100 }, 3, 30, 20 },
		{ { 2, 2 }, 2, 10, 5 },      /* idle is lent */
		{ { 0, 0, 50 }, 3, 20, 20 }, /* who wants none has none */
		{ { 7 }, 1, 5, 5 },
		{ { 0 }, 0, 9, 9 },
		{ { UINT64_MAX, UINT64_MAX, 1 }, 3, 101, 50 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t demand[4];

		for (size_t k = 0; k < 4; k++)
			demand[k] = rows[i].demand[k];
		assert_int_equal(
		    budget_fair_share(demand, rows[i].count, rows[i].capacity),
		    rows[i].share);
	}
}

/* What all get together at that share. */
static uint64_t
sum_of(const uint64_t *demand, size_t count, uint64_t share)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += demand[i] < share ? demand[i] : share;
	return sum;
}

static void
test_any_share_fills_the_capacity_and_no_more(void **state)
{
	enum { COUNT_MAX = 200 };
	unsigned seed = 7;

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		const size_t count = 1 + (size_t)rand_r(&seed) % COUNT_MAX;
		const uint64_t capacity = (uint64_t)rand_r(&seed) % 1000000;
		const uint64_t most = 1 + (uint64_t)rand_r(&seed) % 100000;
		uint64_t demand[COUNT_MAX], copy[COUNT_MAX], wanted = 0, share;

		for (size_t i = 0; i < count; i++) {
			demand[i] = copy[i] = (uint64_t)rand_r(&seed) % most;
			wanted += demand[i];
		}
		share = budget_fair_share(copy, count, capacity);
		assert_true(sum_of(demand, count, share) <= capacity);
		/* one more unit of share would be too much, or nobody wants
		 * it */
		if (wanted > capacity)
			assert_true(
			    sum_of(demand, count, share + 1) > capacity);
		else
			assert_int_equal(sum_of(demand, count, share), wanted);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_shares),
		cmocka_unit_test(test_any_share_fills_the_capacity_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
