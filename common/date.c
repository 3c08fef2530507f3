#include "common/date.h"

#include <stdbool.h>

enum {
	ERA_YEARS = 400,
	ERA_DAYS = 146097,
	/* 0000-03-01 to 1970-01-01 */
	EPOCH_DAYS = 719468,
};

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool
is_leap(int32_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

unsigned
date_month_days(int32_t year, unsigned month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31,
		30, 31, 30, 31 };

	return month == 2 && is_leap(year) ? 29U : days[month - 1];
}

/* A year that begins in March ends with its leap day, so that the days
 * before a month are (153 m + 2) / 5, m = 0 for March. */
int64_t
date_days(const struct date *d)
{
	const int64_t year = d->year - (d->month <= 2);
	const int64_t era = floor_div(year, ERA_YEARS);
	const int64_t of_era = year - era * ERA_YEARS;
	const int64_t month = (d->month + 9) % 12;
	const int64_t of_year = (153 * month + 2) / 5 + d->day - 1;

	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 +
	    of_year - EPOCH_DAYS;
}

struct date
date_of_days(int64_t days)
{
	const int64_t era = floor_div(days + EPOCH_DAYS, ERA_DAYS);
	const int64_t day = days + EPOCH_DAYS - era * ERA_DAYS;
	/* leap days of 4 years are counted twice, of 100 not, of 400 again */
	const int64_t year =
	    (day - day / 1460 + day / 36524 - day / 146096) / 365;
	const int64_t of_year = day - (year * 365 + year / 4 - year / 100);
	const int64_t month = (5 * of_year + 2) / 153;
	struct date d;

	d.day = (unsigned)(of_year - (153 * month + 2) / 5 + 1);
	d.month = (unsigned)(month < 10 ? month + 3 : month - 9);
	d.year = (int32_t)(era * ERA_YEARS + year + (d.month <= 2));
	return d;
}

unsigned
date_weekday(int64_t days)
{
	const int64_t from_monday = days + 3; /* 1970-01-01 was a Thursday */

	return (unsigned)(from_monday - floor_div(from_monday, 7) * 7);
}

struct date_clock
date_clock_of(int64_t local_s)
{
	const int64_t days = floor_div(local_s, DATE_DAY_S);
	const unsigned of_day = (unsigned)(local_s - days * DATE_DAY_S);

	return (struct date_clock){ .date = date_of_days(days),
		.weekday = date_weekday(days),
		.minute = of_day / 60,
		.second = of_day % 60 };
}
