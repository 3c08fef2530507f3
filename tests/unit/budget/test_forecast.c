#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "budget/forecast.h"
#include "common/date.h"
#include "common/zone.h"

enum { DAY = 86400, GB = 1000 * 1000 * 1000 };

static struct zone *utc;
static struct budget_calendar calendar;

static int
setup(void **state)
{
	(void)state;
	calendar = (struct budget_calendar){ NULL, 1, 0 };
	if (zone_of_rule(&utc, "UTC0") != 0)
		return -1;
	calendar.zone = utc;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	zone_free(utc);
	return 0;
}

/* November 2026, days after its begin. */
static struct budget_course
november(int64_t days)
{
	const struct date first = { 2026, 11, 1 };
	const int64_t now = (date_days(&first) + days) * DAY;

	return (struct budget_course){ .limit = 100 * (uint64_t)GB,
		.period = budget_period_at(&calendar, BUDGET_MONTH, now),
		.now = now };
}

static void
check(const struct budget_course *c, const char *wanted)
{
	const struct budget_forecast f = budget_forecast(c);
	char text[BUDGET_FORECAST_MAX];

	assert_string_equal(
	    budget_forecast_text(&f, &calendar, BUDGET_MONTH, text), wanted);
}

static void
test_the_rate_so_far_says_the_day(void **state)
{
	struct budget_course c = november(11);

	(void)state;
	c.used = 50 * (uint64_t)GB; /* 11 days for a half */
	check(&c, "at this rate exhausted on the 23rd");
	c = november(10);
	c.used = 50 * (uint64_t)GB;
	check(&c, "at this rate exhausted on the 21st");
	c = november(10);
	c.used = 83 * (uint64_t)GB;
	check(&c, "at this rate exhausted on the 13th");
	c = november(20);
	c.used = 50 * (uint64_t)GB;
	check(&c, "lasts");
}

static void
test_the_last_day_counts_when_it_was_faster(void **state)
{
	struct budget_course c = november(20);

	(void)state;
	c.used = 50 * (uint64_t)GB;
	c.recent = 40 * (uint64_t)GB;
	c.recent_s = DAY;
	check(&c, "at this rate exhausted on the 22nd");
	c.recent_s = 30; /* says nothing yet */
	check(&c, "lasts");
	c.recent = 1;
	c.recent_s = DAY; /* slower: the average holds */
	c.used = 90 * (uint64_t)GB;
	check(&c, "at this rate exhausted on the 23rd");
}

static void
test_what_is_used_up_is_so_now(void **state)
{
	struct budget_course c = november(4);
	struct budget_forecast f;

	(void)state;
	c.used = c.limit;
	assert_true(budget_forecast(&c).at == c.now);
	c.used = c.limit + 1;
	f = budget_forecast(&c);
	assert_true(f.at == c.now);
	c.used = 0;
	assert_true(budget_forecast(&c).at == -1);
	c.now = c.period.begin; /* nothing has passed */
	c.used = 5;
	assert_true(budget_forecast(&c).at == -1);
}

static void
test_a_day_says_the_hour(void **state)
{
	const int64_t noon = 20780 * (int64_t)DAY + 12 * 3600;
	const struct budget_course c = { .limit = 1000 * 43200,
		.used = 600 * 43200,
		.period = budget_period_at(&calendar, BUDGET_DAY, noon),
		.now = noon };
	const struct budget_forecast f = budget_forecast(&c);
	char text[BUDGET_FORECAST_MAX];

	(void)state;
	assert_string_equal(
	    budget_forecast_text(&f, &calendar, BUDGET_DAY, text),
	    "at this rate exhausted at 20:00");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_rate_so_far_says_the_day),
		cmocka_unit_test(test_the_last_day_counts_when_it_was_faster),
		cmocka_unit_test(test_what_is_used_up_is_so_now),
		cmocka_unit_test(test_a_day_says_the_hour),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
