/*
 * date: the Gregorian calendar in numbers of days.
 *
 * Pure.  Days count from 1970-01-01, years reach from 1 to 9999.
 */
#ifndef COMMON_DATE_H
#define COMMON_DATE_H

#include <stdint.h>

enum { DATE_DAY_S = 86400, DATE_TEXT_MAX = 32 };

struct date {
	int32_t year;
	unsigned month; /* 1-12 */
	unsigned day;   /* 1-31 */
};

/* What a clock on the wall shows. */
struct date_clock {
	struct date date;
	unsigned weekday; /* 0: Monday */
	unsigned minute;  /* after midnight */
	unsigned second;
};

/* Days of a date whose month is valid; a day beyond the month's end reaches
 * into the next. */
int64_t date_days(const struct date *d);
struct date date_of_days(int64_t days);
/* 28 to 31; month 1-12 */
unsigned date_month_days(int32_t year, unsigned month);
/* 0: Monday */
unsigned date_weekday(int64_t days);

/* Splits local seconds (the clock's own, not UTC). */
struct date_clock date_clock_of(int64_t local_s);

#endif
