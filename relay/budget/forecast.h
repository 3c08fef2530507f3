/*
 * forecast: when a quota is used up at the rate it is used now.  Pure.
 */
#ifndef RELAY_BUDGET_FORECAST_H
#define RELAY_BUDGET_FORECAST_H

#include <stdint.h>

#include "budget/period.h"

enum { BUDGET_FORECAST_MAX = 96 };

struct budget_forecast {
	uint64_t rate; /* bytes a second: the larger of the period's so far
			* and the last 24 hours' */
	int64_t at;    /* UTC second; -1: it lasts */
};

struct budget_course {
	uint64_t limit, used;
	struct budget_period period;
	int64_t now;
	uint64_t recent; /* bytes of the last so many seconds */
	int64_t recent_s;
};

struct budget_forecast budget_forecast(const struct budget_course *c);

/* "at this rate exhausted on the 23rd", "... at 17:40" for a day, "lasts";
 * returns text. */
const char *budget_forecast_text(const struct budget_forecast *f,
    const struct budget_calendar *c, enum budget_period_kind kind,
    char text[BUDGET_FORECAST_MAX]);

#endif
