#include "budget/forecast.h"

#include <stdio.h>

#include "common/zone.h"

enum {
	/* less says too little about a rate */
	RECENT_MIN_S = 600,
	ELAPSED_MIN_S = 60,
};

static uint64_t
rate_of(uint64_t bytes, int64_t seconds, int64_t least)
{
	return seconds < least ? 0 : bytes / (uint64_t)seconds;
}

struct budget_forecast
budget_forecast(const struct budget_course *c)
{
	const uint64_t average =
	    rate_of(c->used, c->now - c->period.begin, ELAPSED_MIN_S);
	const uint64_t recent = rate_of(c->recent, c->recent_s, RECENT_MIN_S);
	struct budget_forecast f = {
		.rate = average > recent ? average : recent, .at = -1
	};
	uint64_t seconds;

	if (c->used >= c->limit) {
		f.at = c->now;
		return f;
	}
	if (f.rate == 0)
		return f;
	seconds = (c->limit - c->used) / f.rate;
	if (c->now < c->period.end &&
	    seconds < (uint64_t)(c->period.end - c->now))
		f.at = c->now + (int64_t)seconds;
	return f;
}

static const char *
ordinal(unsigned n)
{
	static const char *const ends[] = { "th", "st", "nd", "rd" };

	return n % 10 > 3 || n / 10 == 1 ? "th" : ends[n % 10];
}

const char *
budget_forecast_text(const struct budget_forecast *f,
    const struct budget_calendar *c, enum budget_period_kind kind,
    char text[BUDGET_FORECAST_MAX])
{
	struct date_clock at;

	if (f->at < 0) {
		snprintf(text, BUDGET_FORECAST_MAX, "lasts");
		return text;
	}
	at = zone_clock(c->zone, f->at);
	if (kind == BUDGET_DAY)
		snprintf(text, BUDGET_FORECAST_MAX,
		    "at this rate exhausted at %02u:%02u", at.minute / 60,
		    at.minute % 60);
	else
		snprintf(text, BUDGET_FORECAST_MAX,
		    "at this rate exhausted on the %u%s", at.date.day,
		    ordinal(at.date.day));
	return text;
}
