#include "common/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { FRACTION_DIGITS = 9, FRACTION_ONE = 1000000000 };

__extension__ typedef unsigned __int128 wide;

/* Smallest first; a kind's list ends with a name of NULL. */
struct unit {
	const char *name;
	uint64_t scale; /* of the base unit */
	bool shown;     /* may be used for output */
};

struct kind {
	const struct unit *units;
	const char *no_unit;
	const char *not_whole;
};

static const char no_number[] =
    "must be a number and a unit, without a sign: \"1.5\" is a number, "
    "\".5\" and \"1e3\" are none";
static const char too_precise[] = "may have 9 digits after the point at most";
static const char too_large[] = "is too large: 2^64 and more cannot be counted";

/* Output keeps to bits: "40Mbit/s" and "5MB/s" side by side confuse. */
static const struct kind rates = {
	.units =
	    (const struct unit[]){
		{ "bit/s", 1, true },
		{ "kbit/s", 1000, true },
		{ "Mbit/s", 1000000, true },
		{ "Gbit/s", 1000000000, true },
		{ "B/s", 8, false },
		{ "kB/s", 8000, false },
		{ "MB/s", 8000000, false },
		{ NULL, 0, false },
	    },
	.no_unit = "needs one of the units bit/s kbit/s Mbit/s Gbit/s B/s "
		   "kB/s MB/s",
	.not_whole = "must be a whole number of bits a second",
};

static const struct kind sizes = {
	.units =
	    (const struct unit[]){
		{ "B", 1, true },
		{ "kB", 1000, true },
		{ "KiB", 1024, true },
		{ "MB", 1000000, true },
		{ "MiB", 1048576, true },
		{ "GB", 1000000000, true },
		{ "GiB", 1073741824, true },
		{ "TB", 1000000000000, true },
		{ "TiB", 1099511627776, true },
		{ NULL, 0, false },
	    },
	.no_unit = "needs one of the units B kB MB GB TB KiB MiB GiB TiB",
	.not_whole = "must be a whole number of bytes",
};

static const struct kind times = {
	.units =
	    (const struct unit[]){
		{ "ms", 1, true },
		{ "s", 1000, true },
		{ "m", 60000, true },
		{ "h", 3600000, true },
		{ "d", 86400000, true },
		{ NULL, 0, false },
	    },
	.no_unit = "needs one of the units ms s m h d",
	.not_whole = "must be a whole number of milliseconds",
};

/* ---- reading */

/* A decimal as two integers: whole + fraction / 10^9. */
struct decimal {
	uint64_t whole;
	uint32_t fraction;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Steps *at over digits.  Returns NULL or why not. */
static const char *
read_whole(uint64_t *out, const char **at)
{
	wide n = 0;

	if (!is_digit(**at))
		return no_number;
	for (; is_digit(**at); (*at)++) {
		n = n * 10 + (unsigned)(**at - '0');
		if (n > UINT64_MAX)
			return too_large;
	}
	*out = (uint64_t)n;
	return NULL;
}

/* Steps *at over what stands behind the point. */
static const char *
read_fraction(uint32_t *out, const char **at)
{
	uint32_t weight = FRACTION_ONE, n = 0;

	if (!is_digit(**at))
		return no_number;
	for (; is_digit(**at); (*at)++) {
		if (weight == 1)
			return too_precise;
		weight /= 10;
		n += weight * (uint32_t)(**at - '0');
	}
	*out = n;
	return NULL;
}

static const char *
read_decimal(struct decimal *d, const char **at)
{
	const char *why = read_whole(&d->whole, at);

	d->fraction = 0;
	if (why != NULL || **at != '.')
		return why;
	(*at)++;
	return read_fraction(&d->fraction, at);
}

static const struct unit *
find_unit(const struct kind *k, const char *name)
{
	for (const struct unit *u = k->units; u->name != NULL; u++) {
		if (strcmp(u->name, name) == 0)
			return u;
	}
	return NULL;
}

static const char *
parse(const struct kind *k, uint64_t *out, const char *text)
{
	const struct unit *u;
	struct decimal d;
	const char *why;
	wide n;

	if ((why = read_decimal(&d, &text)) != NULL)
		return why;
	if (*text == ' ')
		text++;
	if ((u = find_unit(k, text)) == NULL)
		return k->no_unit;

	/* below 2^64 * 2^41 + 2^71: far from 2^128 */
	n = (wide)d.fraction * u->scale;
	if (n % FRACTION_ONE != 0)
		return k->not_whole;
	n = n / FRACTION_ONE + (wide)d.whole * u->scale;
	if (n > UINT64_MAX)
		return too_large;
	*out = (uint64_t)n;
	return NULL;
}

static int
verdict(const char *reason, const char **why)
{
	if (reason == NULL)
		return 0;
	*why = reason;
	return EINVAL;
}

int
units_rate(uint64_t *bits, const char *text, const char **why)
{
	return verdict(parse(&rates, bits, text), why);
}

int
units_size(uint64_t *bytes, const char *text, const char **why)
{
	return verdict(parse(&sizes, bytes, text), why);
}

int
units_time(uint64_t *ms, const char *text, const char **why)
{
	return verdict(parse(&times, ms, text), why);
}

/* ---- writing */

/* Writes n in unit u.  Returns false when it is below 1 or has too many
 * digits for that unit. */
static bool
spell(char text[UNITS_TEXT_MAX], uint64_t n, const struct unit *u)
{
	const wide rest = (wide)(n % u->scale) * FRACTION_ONE;
	uint32_t fraction = (uint32_t)(rest / u->scale);
	int digits = FRACTION_DIGITS;

	if ((n < u->scale && u->scale != 1) || rest % u->scale != 0)
		return false;
	if (fraction == 0) {
		snprintf(text, UNITS_TEXT_MAX, "%llu%s",
		    (unsigned long long)(n / u->scale), u->name);
		return true;
	}
	for (; fraction % 10 == 0; fraction /= 10)
		digits--;
	snprintf(text, UNITS_TEXT_MAX, "%llu.%0*u%s",
	    (unsigned long long)(n / u->scale), digits, fraction, u->name);
	return true;
}

/* Of equally short spellings the smaller unit wins: it has no fraction. */
static const char *
format(const struct kind *k, uint64_t n, char text[UNITS_TEXT_MAX])
{
	char other[UNITS_TEXT_MAX];

	spell(text, n, k->units); /* the base unit always fits */
	for (const struct unit *u = k->units + 1; u->name != NULL; u++) {
		if (u->shown && spell(other, n, u) &&
		    strlen(other) < strlen(text))
			strcpy(text, other);
	}
	return text;
}

const char *
units_format_rate(uint64_t bits, char text[UNITS_TEXT_MAX])
{
	return format(&rates, bits, text);
}

const char *
units_format_size(uint64_t bytes, char text[UNITS_TEXT_MAX])
{
	return format(&sizes, bytes, text);
}

const char *
units_format_time(uint64_t ms, char text[UNITS_TEXT_MAX])
{
	return format(&times, ms, text);
}
