#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "budget/period.h"
#include "common/zone.h"

#define BERLIN   "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"

enum { HOUR = 3600, DAY = 24 * HOUR };

static struct zone *
zone(const char *rule)
{
	struct zone *z = NULL;

	assert_int_equal(zone_of_rule(&z, rule), 0);
	return z;
}

/* The UTC second at which z's clock shows "2026-11-23 06:00". */
static int64_t
at(const struct zone *z, const char *text)
{
	struct date d = { 0, 0, 0 };
	unsigned hour, minute;

	assert_int_equal(sscanf(text, "%d-%u-%u %u:%u", &d.year, &d.month,
			     &d.day, &hour, &minute),
	    5);
	return zone_when(
	    z, date_days(&d) * DATE_DAY_S + hour * HOUR + minute * 60);
}

struct row {
	const char *zone;
	const char *now;
	const char *begin, *end; /* what the clock shows first at both */
	const char *name;
	int64_t length; /* s; 0: not asked */
	unsigned month_day, minute;
	enum budget_period_kind kind;
};

static const struct row rows[] = {
	/* days: 24, 23 and 25 hours */
	{ BERLIN, "2026-11-23 12:00", "2026-11-23 00:00", "2026-11-24 00:00",
	    "2026-11-23", DAY, 1, 0, BUDGET_DAY },
	{ BERLIN, "2026-03-29 12:00", "2026-03-29 00:00", "2026-03-30 00:00",
	    "2026-03-29", 23 * HOUR, 1, 0, BUDGET_DAY },
	{ BERLIN, "2026-10-25 12:00", "2026-10-25 00:00", "2026-10-26 00:00",
	    "2026-10-25", 25 * HOUR, 1, 0, BUDGET_DAY },
	{ NEW_YORK, "2026-03-08 12:00", "2026-03-08 00:00", "2026-03-09 00:00",
	    "2026-03-08", 23 * HOUR, 1, 0, BUDGET_DAY },
	{ NEW_YORK, "2026-11-01 12:00", "2026-11-01 00:00", "2026-11-02 00:00",
	    "2026-11-01", 25 * HOUR, 1, 0, BUDGET_DAY },
	/* at 06:00, a minute before it is still yesterday */
	{ BERLIN, "2026-11-23 05:59", "2026-11-22 06:00", "2026-11-23 06:00",
	    "2026-11-22", DAY, 1, 360, BUDGET_DAY },
	{ BERLIN, "2026-11-23 06:00", "2026-11-23 06:00", "2026-11-24 06:00",
	    "2026-11-23", DAY, 1, 360, BUDGET_DAY },
	/* 02:30 is skipped: that day begins at 03:00, and is 23.5 h long */
	{ BERLIN, "2026-03-29 03:00", "2026-03-29 03:00", "2026-03-30 02:30",
	    "2026-03-29", 23 * HOUR + HOUR / 2, 1, 150, BUDGET_DAY },
	{ BERLIN, "2026-03-29 01:59", "2026-03-28 02:30", "2026-03-29 03:00",
	    "2026-03-28", 23 * HOUR + HOUR / 2, 1, 150, BUDGET_DAY },
	/* 02:30 comes twice: the day begins once, at the first */
	{ BERLIN, "2026-10-25 02:30", "2026-10-25 02:30", "2026-10-26 02:30",
	    "2026-10-25", 25 * HOUR, 1, 150, BUDGET_DAY },
	{ BERLIN, "2026-10-25 03:00", "2026-10-25 02:30", "2026-10-26 02:30",
	    "2026-10-25", 25 * HOUR, 1, 150, BUDGET_DAY },
	/* months of 28, 29, 30, 31 days */
	{ "UTC0", "2026-02-28 23:59", "2026-02-01 00:00", "2026-03-01 00:00",
	    "2026-02", 28 * DAY, 1, 0, BUDGET_MONTH },
	{ "UTC0", "2028-02-29 23:59", "2028-02-01 00:00", "2028-03-01 00:00",
	    "2028-02", 29 * DAY, 1, 0, BUDGET_MONTH },
	{ "UTC0", "2026-12-31 23:59", "2026-12-01 00:00", "2027-01-01 00:00",
	    "2026-12", 31 * DAY, 1, 0, BUDGET_MONTH },
	{ BERLIN, "2026-03-15 00:00", "2026-03-01 00:00", "2026-04-01 00:00",
	    "2026-03", 31 * DAY - HOUR, 1, 0, BUDGET_MONTH },
	{ NEW_YORK, "2026-11-15 00:00", "2026-11-01 00:00", "2026-12-01 00:00",
	    "2026-11", 30 * DAY + HOUR, 1, 0, BUDGET_MONTH },
	/* from the 31st: on the last day where there is none */
	{ "UTC0", "2026-02-27 23:59", "2026-01-31 00:00", "2026-02-28 00:00",
	    "2026-01", 28 * DAY, 31, 0, BUDGET_MONTH },
	{ "UTC0", "2026-02-28 00:00", "2026-02-28 00:00", "2026-03-31 00:00",
	    "2026-02", 31 * DAY, 31, 0, BUDGET_MONTH },
	{ "UTC0", "2028-02-29 06:00", "2028-02-29 06:00", "2028-03-30 06:00",
	    "2028-02", 30 * DAY, 30, 360, BUDGET_MONTH },
	{ "UTC0", "2026-04-29 00:00", "2026-04-29 00:00", "2026-05-29 00:00",
	    "2026-04", 30 * DAY, 29, 0, BUDGET_MONTH },
	/* the 15th at 06:00, not at midnight */
	{ BERLIN, "2026-11-15 05:59", "2026-10-15 06:00", "2026-11-15 06:00",
	    "2026-10", 31 * DAY + HOUR, 15, 360, BUDGET_MONTH },
	{ BERLIN, "2027-01-02 00:00", "2026-12-15 06:00", "2027-01-15 06:00",
	    "2026-12", 31 * DAY, 15, 360, BUDGET_MONTH },
	/* a month that begins in the hour that is skipped */
	{ BERLIN, "2026-03-29 03:00", "2026-03-29 03:00", "2026-04-29 02:30",
	    "2026-03", 0, 29, 150, BUDGET_MONTH },
};

static void
test_a_time_lies_in_its_period(void **state)
{
	char name[BUDGET_PERIOD_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];
		struct zone *z = zone(r->zone);
		const struct budget_calendar c = { z, r->month_day, r->minute };
		const struct budget_period p =
		    budget_period_at(&c, r->kind, at(z, r->now));

		assert_string_equal(
		    budget_period_name(r->kind, p.id, name), r->name);
		assert_true(p.begin == at(z, r->begin));
		assert_true(p.end == at(z, r->end));
		assert_true(r->length == 0 || p.end - p.begin == r->length);
		zone_free(z);
	}
}

/* Every half hour of five years, for days and months of all sorts. */
static void
test_periods_follow_each_other_without_gap_or_overlap(void **state)
{
	static const char *const zones[] = { "UTC0", BERLIN, NEW_YORK };
	static const unsigned minutes[] = { 0, 90, 150, 1439 };
	static const unsigned days[] = { 1, 15, 29, 30, 31 };

	(void)state;
	for (size_t i = 0; i < 3 * 4 * 5 * 2; i++) {
		struct zone *z = zone(zones[i % 3]);
		const enum budget_period_kind kind =
		    i / 60 == 0 ? BUDGET_DAY : BUDGET_MONTH;
		const struct budget_calendar c = { z, days[i / 12 % 5],
			minutes[i / 3 % 4] };
		const int64_t begin = at(z, "2023-12-20 00:00");
		struct budget_period last = budget_period_at(&c, kind, begin);

		for (int64_t s = begin; s < begin + 5 * 366 * (int64_t)DAY;
		     s += kind == BUDGET_DAY ? 5 * HOUR : 17 * HOUR) {
			const struct budget_period p =
			    budget_period_at(&c, kind, s);

			assert_true(p.begin <= s && s < p.end);
			if (p.id == last.id)
				continue;
			assert_int_equal(p.id, last.id + 1);
			assert_true(p.begin == last.end);
			last = p;
		}
		zone_free(z);
	}
}

static void
test_a_month_is_found_by_its_name(void **state)
{
	static const char *const bad[] = { "", "2026", "2026-13", "2026-00",
		"2026-1", "2026-011", "26-01", "2026/01", "1969-12", "2026-1a",
		"20260-1" };
	char name[BUDGET_PERIOD_NAME_MAX];
	int32_t id = 0;

	(void)state;
	assert_true(budget_period_month(&id, "2026-11"));
	assert_string_equal(
	    budget_period_name(BUDGET_MONTH, id, name), "2026-11");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(budget_period_month(&id, bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_time_lies_in_its_period),
		cmocka_unit_test(
		    test_periods_follow_each_other_without_gap_or_overlap),
		cmocka_unit_test(test_a_month_is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
