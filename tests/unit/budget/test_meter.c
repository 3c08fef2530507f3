#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "budget/meter.h"

enum { STEPS = 20000 /* a second */ };

/* What passes in ten seconds of packets of size at every chance. */
static uint64_t
run(uint64_t bits, uint64_t burst, uint64_t size)
{
	const int64_t start = 5 * (int64_t)BUDGET_NS_PER_S;
	struct budget_pace p;
	budget_meter m = 0;
	uint64_t passed = 0;

	budget_pace_init(&p, bits, burst);
	for (int64_t t = 0; t < 10 * (int64_t)BUDGET_NS_PER_S;
	     t += BUDGET_NS_PER_S / STEPS) {
		while (budget_meter_has(&m, &p, size, start + t)) {
			budget_meter_take(&m, &p, size, start + t);
			passed += size;
		}
	}
	return passed;
}

static void
test_the_rate_is_used_and_never_exceeded(void **state)
{
	static const uint64_t rates[] = { 12000, 64000, 999999, 10000000,
		123456789, 1000000000, 10000000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		const uint64_t burst = rates[i] / 32 + 1500;
		const uint64_t may = rates[i] / 8 * 10 + burst;
		const uint64_t passed = run(rates[i], burst, 1000);

		assert_true(passed <= may);
		/* the last look was a step ago; a packet of 800 ns takes 801
		 */
		assert_true(
		    passed + 2000 + rates[i] / 8 / STEPS >= may - may / 700);
	}
}

static void
test_without_a_rate_all_passes(void **state)
{
	struct budget_pace p;
	budget_meter m = 0;

	(void)state;
	budget_pace_init(&p, 0, 0);
	assert_true(budget_meter_has(&m, &p, UINT32_MAX, 1));
	budget_meter_take(&m, &p, UINT32_MAX, 1);
	assert_true(budget_meter_room(&m, &p, 1) == SIZE_MAX);
	assert_int_equal(m, 0);
}

static void
test_room_is_what_passes(void **state)
{
	struct budget_pace p;
	budget_meter m = 0;
	uint64_t room;

	(void)state;
	budget_pace_init(&p, 1000000, 5000);
	room = budget_meter_room(&m, &p, 1000);
	assert_in_range(room, 4990, 5001);
	budget_meter_take(&m, &p, 3000, 1000);
	room = budget_meter_room(&m, &p, 1000);
	assert_in_range(room, 1990, 2001);
	assert_true(budget_meter_has(&m, &p, room - 1, 1000));
	assert_false(budget_meter_has(&m, &p, room + 2, 1000));
}

/* A meter at rest lets one packet of any size, and then takes its time. */
static void
test_a_large_packet_passes_a_meter_at_rest(void **state)
{
	const int64_t second = BUDGET_NS_PER_S;
	struct budget_pace p;
	budget_meter m = 0;

	(void)state;
	budget_pace_init(&p, 80000, 1500); /* 10 kB/s */
	assert_false(budget_meter_has(&m, &p, 9000, second));
	assert_true(budget_meter_lets(&m, &p, 9000, second));
	budget_meter_take(&m, &p, 9000, second);
	assert_false(budget_meter_lets(&m, &p, 100, second));
	assert_true(budget_meter_lets(&m, &p, 100, 2 * second));
}

/* A clock that stood still, as in a suspend, does not open the meter. */
static void
test_an_hour_later_there_is_one_burst(void **state)
{
	const int64_t hour = 3600 * (int64_t)BUDGET_NS_PER_S;
	struct budget_pace p;
	budget_meter m = 0;

	(void)state;
	budget_pace_init(&p, 1000000, 5000);
	budget_meter_take(&m, &p, 5000, 1000);
	assert_in_range(budget_meter_room(&m, &p, hour), 4990, 5001);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_rate_is_used_and_never_exceeded),
		cmocka_unit_test(test_without_a_rate_all_passes),
		cmocka_unit_test(test_room_is_what_passes),
		cmocka_unit_test(test_a_large_packet_passes_a_meter_at_rest),
		cmocka_unit_test(test_an_hour_later_there_is_one_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
