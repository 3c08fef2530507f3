#include "budget/period.h"

#include <stdio.h>
#include <string.h>

#include "common/zone.h"

enum { YEAR_MIN = 1970, YEAR_MAX = 9999 };

/* When the period id begins. */
static int64_t
begin_of(
    const struct budget_calendar *c, enum budget_period_kind kind, int32_t id)
{
	int64_t days = id;
	struct date d;

	if (kind == BUDGET_MONTH) {
		d.year = id / 12;
		d.month = (unsigned)(id % 12) + 1;
		d.day = date_month_days(d.year, d.month);
		if (c->month_day < d.day)
			d.day = c->month_day;
		days = date_days(&d);
	}
	return zone_when(c->zone, days * DATE_DAY_S + c->minute * 60);
}

struct budget_period
budget_period_of(
    const struct budget_calendar *c, enum budget_period_kind kind, int32_t id)
{
	return (struct budget_period){ .id = id,
		.begin = begin_of(c, kind, id),
		.end = begin_of(c, kind, id + 1) };
}

struct budget_period
budget_period_at(
    const struct budget_calendar *c, enum budget_period_kind kind, int64_t s)
{
	const struct date d = zone_clock(c->zone, s).date;
	/* one more than the date says: it may have been skipped */
	int32_t id = 1 +
	    (kind == BUDGET_DAY ? (int32_t)date_days(&d)
				: d.year * 12 + (int32_t)d.month - 1);

	while (begin_of(c, kind, id) > s)
		id--;
	return budget_period_of(c, kind, id);
}

const char *
budget_period_name(
    enum budget_period_kind kind, int32_t id, char text[BUDGET_PERIOD_NAME_MAX])
{
	struct date d = { id / 12, (unsigned)(id % 12) + 1, 1 };

	if (kind == BUDGET_DAY)
		d = date_of_days(id);
	if (kind == BUDGET_MONTH)
		snprintf(text, BUDGET_PERIOD_NAME_MAX, "%04d-%02u",
		    d.year % 10000, d.month % 100);
	else
		snprintf(text, BUDGET_PERIOD_NAME_MAX, "%04d-%02u-%02u",
		    d.year % 10000, d.month % 100, d.day % 100);
	return text;
}

bool
budget_period_month(int32_t *id, const char *name)
{
	int year = 0, month = 0;

	if (strlen(name) != 7 || strspn(name, "0123456789") != 4 ||
	    name[4] != '-' || strspn(name + 5, "0123456789") != 2)
		return false;
	for (int i = 0; i < 4; i++)
		year = year * 10 + name[i] - '0';
	month = (name[5] - '0') * 10 + name[6] - '0';
	if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12)
		return false;
	*id = year * 12 + month - 1;
	return true;
}
