/*
 * units: numbers as operators write them.
 *
 * A number, optionally with a fraction, and a unit without or with one blank
 * between.  No unit, an unknown unit, a sign, overflow or trailing text is
 * EINVAL; *why then points to a constant sentence that says what would be
 * right.
 */
#ifndef COMMON_UNITS_H
#define COMMON_UNITS_H

#include <stdint.h>

#include "common/code.h"

enum { UNITS_TEXT_MAX = 32 };

/* "50Mbit/s", "6.25MB/s": bits per second, 10-based prefixes;
 * bit/s kbit/s Mbit/s Gbit/s B/s kB/s MB/s. */
MUST_CHECK int units_rate(uint64_t *bits, const char *text, const char **why);
/* "1TB", "64KiB": bytes; B kB MB GB TB KiB MiB GiB TiB. */
MUST_CHECK int units_size(uint64_t *bytes, const char *text, const char **why);
/* "250ms", "5s", "10m", "1h", "90d": milliseconds. */
MUST_CHECK int units_time(uint64_t *ms, const char *text, const char **why);

/* The shortest exact spelling that is no "0.something"; rates in bits
 * ("50Mbit/s", "1.5TB", "500ms").  Returns text. */
const char *units_format_rate(uint64_t bits, char text[UNITS_TEXT_MAX]);
const char *units_format_size(uint64_t bytes, char text[UNITS_TEXT_MAX]);
const char *units_format_time(uint64_t ms, char text[UNITS_TEXT_MAX]);

#endif
