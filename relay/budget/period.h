/*
 * period: the days and months over which a quota counts.
 *
 * A day begins at a minute of the local clock, a month on a day of the month
 * at that minute; a month that is too short begins on its last day.  A begin
 * that the clock skips (summer time) is when it has skipped; of one that it
 * shows twice it is the first.  So days last 23 to 25 hours, and the end of
 * one period is the begin of the next.  Pure.
 */
#ifndef RELAY_BUDGET_PERIOD_H
#define RELAY_BUDGET_PERIOD_H

#include <stdbool.h>
#include <stdint.h>

struct zone;

enum budget_period_kind { BUDGET_DAY, BUDGET_MONTH, BUDGET_PERIODS };

enum { BUDGET_PERIOD_NAME_MAX = 16 };

struct budget_calendar {
	const struct zone *zone; /* borrowed */
	unsigned month_day;      /* 1-31 */
	unsigned minute;         /* after midnight */
};

struct budget_period {
	int32_t id;    /* rises with time; of the local date it began on */
	int64_t begin; /* UTC seconds */
	int64_t end;   /* the first second behind it */
};

/* The period that holds the UTC second s. */
struct budget_period budget_period_at(
    const struct budget_calendar *c, enum budget_period_kind kind, int64_t s);
/* The period that has this id. */
struct budget_period budget_period_of(
    const struct budget_calendar *c, enum budget_period_kind kind, int32_t id);

/* "2026-11-23", "2026-11": the date it began on.  Returns text. */
const char *budget_period_name(enum budget_period_kind kind, int32_t id,
    char text[BUDGET_PERIOD_NAME_MAX]);
/* Id of the month called "2026-11"; false when it is no such name. */
bool budget_period_month(int32_t *id, const char *name);

#endif
