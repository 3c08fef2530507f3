#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/date.h"

enum { YEARS = 400 };

static void
test_known_days_have_their_numbers(void **state)
{
	static const struct {
		struct date date;
		int64_t days;
		unsigned weekday;
	} rows[] = {
		{ { 1970, 1, 1 }, 0, 3 },
		{ { 1969, 12, 31 }, -1, 2 },
		{ { 2000, 2, 29 }, 11016, 1 },
		{ { 2024, 2, 29 }, 19782, 3 },
		{ { 2026, 11, 23 }, 20780, 0 },
		{ { 2100, 3, 1 }, 47541, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct date d = date_of_days(rows[i].days);

		assert_int_equal(date_days(&rows[i].date), rows[i].days);
		assert_int_equal(date_weekday(rows[i].days), rows[i].weekday);
		assert_int_equal(d.year, rows[i].date.year);
		assert_int_equal(d.month, rows[i].date.month);
		assert_int_equal(d.day, rows[i].date.day);
	}
}

/* 400 years repeat: every day of them, in order, there and back. */
static void
test_days_follow_each_other_without_a_gap(void **state)
{
	int64_t days;
	struct date d = { 1801, 1, 1 };

	(void)state;
	for (days = date_days(&d); d.year < 1801 + YEARS; days++) {
		const struct date back = date_of_days(days);

		assert_int_equal(date_days(&d), days);
		assert_true(back.year == d.year && back.month == d.month &&
		    back.day == d.day);
		if (++d.day <= date_month_days(d.year, d.month))
			continue;
		d.day = 1;
		d.month = d.month % 12 + 1;
		d.year += d.month == 1;
	}
}

static void
test_february_has_29_days_in_leap_years_only(void **state)
{
	(void)state;
	assert_int_equal(date_month_days(2024, 2), 29);
	assert_int_equal(date_month_days(2026, 2), 28);
	assert_int_equal(date_month_days(1900, 2), 28);
	assert_int_equal(date_month_days(2000, 2), 29);
	assert_int_equal(date_month_days(2026, 4), 30);
	assert_int_equal(date_month_days(2026, 12), 31);
}

static void
test_a_clock_before_1970_shows_its_day(void **state)
{
	const struct date_clock c = date_clock_of(-1);

	(void)state;
	assert_int_equal(c.date.year, 1969);
	assert_int_equal(c.date.day, 31);
	assert_int_equal(c.weekday, 2);
	assert_int_equal(c.minute, 23 * 60 + 59);
	assert_int_equal(c.second, 59);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_days_have_their_numbers),
		cmocka_unit_test(test_days_follow_each_other_without_a_gap),
		cmocka_unit_test(test_february_has_29_days_in_leap_years_only),
		cmocka_unit_test(test_a_clock_before_1970_shows_its_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
