#include "common/zone_rule.h"

#include <errno.h>
#include <string.h>

#include "common/date.h"

enum {
	HOUR_S = 3600,
	HOURS_MAX = 167,
	OFFSET_HOURS_MAX = 24,
	NAME_MIN = 3,
	CHANGE_DEFAULT = 2 * HOUR_S,
};

/* ---- reading: each steps *at and says whether it could */

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "CET", "<+03>" */
static bool
read_name(const char **at)
{
	const bool is_quoted = **at == '<';
	const char *from = *at += is_quoted;

	while (is_letter(**at) ||
	    (is_quoted && (is_digit(**at) || **at == '+' || **at == '-')))
		(*at)++;
	if (*at - from < NAME_MIN)
		return false;
	if (is_quoted && *(*at)++ != '>')
		return false;
	return true;
}

static bool
read_number(unsigned *out, const char **at, unsigned min, unsigned max)
{
	unsigned n = 0;

	if (!is_digit(**at))
		return false;
	for (; is_digit(**at); (*at)++)
		if ((n = n * 10 + (unsigned)(**at - '0')) > max)
			return false;
	*out = n;
	return n >= min;
}

/* "-5", "5:30", "+03:30:00" */
static bool
read_time(int32_t *out, const char **at, unsigned hours_max)
{
	const bool is_negative = **at == '-';
	unsigned part[3] = { 0 };

	*at += **at == '-' || **at == '+';
	if (!read_number(&part[0], at, 0, hours_max))
		return false;
	for (int i = 1; i < 3 && **at == ':'; i++) {
		(*at)++;
		if (!read_number(&part[i], at, 0, 59))
			return false;
	}
	*out = (int32_t)(part[0] * HOUR_S + part[1] * 60 + part[2]);
	if (is_negative)
		*out = -*out;
	return true;
}

/* "M3.5.0" */
static bool
read_month(struct zone_rule_change *c, const char **at)
{
	c->kind = ZONE_RULE_MONTH;
	return read_number(&c->month, at, 1, 12) && *(*at)++ == '.' &&
	    read_number(&c->week, at, 1, 5) && *(*at)++ == '.' &&
	    read_number(&c->day, at, 0, 6);
}

static bool
read_day(struct zone_rule_change *c, const char **at)
{
	if (**at == 'M') {
		(*at)++;
		return read_month(c, at);
	}
	if (**at == 'J') {
		(*at)++;
		c->kind = ZONE_RULE_NO_LEAP;
		return read_number(&c->day, at, 1, 365);
	}
	c->kind = ZONE_RULE_DAY;
	return read_number(&c->day, at, 0, 365);
}

/* ",M3.5.0/2" */
static bool
read_change(struct zone_rule_change *c, const char **at)
{
	if (**at != ',')
		return false;
	(*at)++;
	c->time = CHANGE_DEFAULT;
	if (!read_day(c, at))
		return false;
	if (**at != '/')
		return true;
	(*at)++;
	return read_time(&c->time, at, HOURS_MAX);
}

static bool
read_summer(struct zone_rule *r, const char **at)
{
	if (!read_name(at))
		return false;
	r->has_summer = true;
	r->summer = r->standard + HOUR_S;
	if (**at != ',') {
		if (!read_time(&r->summer, at, OFFSET_HOURS_MAX))
			return false;
		r->summer = -r->summer; /* written as west of UTC */
	}
	return read_change(&r->begin, at) && read_change(&r->end, at);
}

int
zone_rule_parse(struct zone_rule *out, const char *text)
{
	struct zone_rule r = { 0 };

	if (!read_name(&text) ||
	    !read_time(&r.standard, &text, OFFSET_HOURS_MAX))
		return EINVAL;
	r.standard = -r.standard;
	if (*text != '\0' && !read_summer(&r, &text))
		return EINVAL;
	if (*text != '\0')
		return EINVAL;
	*out = r;
	return 0;
}

/* ---- asking */

/* Day on which c falls in year. */
static int64_t
day_of(const struct zone_rule_change *c, int32_t year)
{
	const struct date first = { year, 1, 1 };
	struct date d = { year, c->month, 1 };
	unsigned weekday, skip;

	switch (c->kind) {
	case ZONE_RULE_NO_LEAP: /* from March 1, day 60, on one later */
		return date_days(&first) + c->day - 1 +
		    (c->day >= 60 && date_month_days(year, 2) == 29);
	case ZONE_RULE_DAY:
		return date_days(&first) + c->day;
	case ZONE_RULE_MONTH:
		break;
	}
	/* 0 is Sunday here; week 5 is the last one */
	weekday = (date_weekday(date_days(&d)) + 1) % 7;
	skip = (c->day + 7 - weekday) % 7 + (c->week - 1) * 7;
	d.day += skip;
	while (d.day > date_month_days(year, c->month))
		d.day -= 7;
	return date_days(&d);
}

int32_t
zone_rule_offset(const struct zone_rule *r, int64_t s)
{
	int64_t begin, end;
	int32_t year;
	bool is_summer;

	if (!r->has_summer)
		return r->standard;
	year = date_clock_of(s + r->standard).date.year;
	begin =
	    day_of(&r->begin, year) * DATE_DAY_S + r->begin.time - r->standard;
	end = day_of(&r->end, year) * DATE_DAY_S + r->end.time - r->summer;
	if (begin < end)
		is_summer = s >= begin && s < end;
	else /* south of the equator */
		is_summer = s >= begin || s < end;
	return is_summer ? r->summer : r->standard;
}
