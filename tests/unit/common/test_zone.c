#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/zone.h"

#define BERLIN   "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"
#define SYDNEY   "AEST-10AEDT,M10.1.0,M4.1.0/3"
#define KOLKATA  "<+0530>-5:30"

static struct zone *
zone(const char *rule)
{
	struct zone *z = NULL;

	assert_int_equal(zone_of_rule(&z, rule), 0);
	return z;
}

/* Seconds of "2026-03-29 02:30" as if it were UTC. */
static int64_t
at(int32_t year, unsigned month, unsigned day, unsigned hour, unsigned minute)
{
	const struct date d = { year, month, day };

	return date_days(&d) * DATE_DAY_S + hour * 3600 + minute * 60;
}

static void
check(const struct zone *z, int64_t s, const char *wanted)
{
	char text[DATE_TEXT_MAX];

	assert_string_equal(zone_format(z, s, text), wanted);
}

static void
test_summer_begins_and_ends_at_its_second(void **state)
{
	struct zone *berlin = zone(BERLIN), *york = zone(NEW_YORK);
	struct zone *sydney = zone(SYDNEY);
	const int64_t spring = at(2026, 3, 29, 1, 0);
	const int64_t autumn = at(2026, 10, 25, 1, 0);

	(void)state;
	check(berlin, spring - 1, "2026-03-29T01:59:59+01:00");
	check(berlin, spring, "2026-03-29T03:00:00+02:00");
	check(berlin, autumn - 1, "2026-10-25T02:59:59+02:00");
	check(berlin, autumn, "2026-10-25T02:00:00+01:00");
	check(york, at(2026, 3, 8, 7, 0) - 1, "2026-03-08T01:59:59-05:00");
	check(york, at(2026, 3, 8, 7, 0), "2026-03-08T03:00:00-04:00");
	check(york, at(2026, 11, 1, 6, 0), "2026-11-01T01:00:00-05:00");
	check(sydney, at(2026, 1, 15, 0, 0), "2026-01-15T11:00:00+11:00");
	check(sydney, at(2026, 7, 15, 0, 0), "2026-07-15T10:00:00+10:00");
	zone_free(berlin);
	zone_free(york);
	zone_free(sydney);
}

static void
test_a_clock_time_is_found_again(void **state)
{
	static const char *const rules[] = { BERLIN, NEW_YORK, SYDNEY, KOLKATA,
		"UTC0" };

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct zone *z = zone(rules[i]);

		/* every 10 minutes of a year: never later than asked for */
		for (int64_t s = at(2026, 1, 1, 0, 0); s < at(2027, 1, 1, 0, 0);
		     s += 600) {
			const int64_t local = s + zone_offset(z, s);
			const int64_t found = zone_when(z, local);

			assert_true(found <= s && found >= s - 3600);
			assert_true(found + zone_offset(z, found) == local);
		}
		zone_free(z);
	}
}

static void
test_a_skipped_time_is_when_the_clock_has_skipped(void **state)
{
	struct zone *z = zone(BERLIN);

	(void)state;
	assert_true(
	    zone_when(z, at(2026, 3, 29, 2, 0)) == at(2026, 3, 29, 1, 0));
	assert_true(
	    zone_when(z, at(2026, 3, 29, 2, 30)) == at(2026, 3, 29, 1, 0));
	assert_true(
	    zone_when(z, at(2026, 3, 29, 3, 0)) == at(2026, 3, 29, 1, 0));
	zone_free(z);
}

static void
test_of_a_time_shown_twice_the_first_counts(void **state)
{
	struct zone *z = zone(BERLIN);

	(void)state;
	assert_true(
	    zone_when(z, at(2026, 10, 25, 2, 30)) == at(2026, 10, 25, 0, 30));
	assert_true(
	    zone_when(z, at(2026, 10, 25, 3, 0)) == at(2026, 10, 25, 2, 0));
	zone_free(z);
}

static void
test_days_of_a_year_can_be_counted_too(void **state)
{
	/* J60 is March 1 in every year; 59 is February 29 in a leap year */
	struct zone *julian = zone("AAA0BBB,J60/0,J300/0");
	struct zone *plain = zone("AAA0BBB,59/0,300/0");

	(void)state;
	check(julian, at(2024, 2, 29, 12, 0), "2024-02-29T12:00:00+00:00");
	check(julian, at(2024, 3, 1, 0, 0), "2024-03-01T01:00:00+01:00");
	check(plain, at(2024, 2, 29, 0, 0), "2024-02-29T01:00:00+01:00");
	check(plain, at(2026, 2, 28, 12, 0), "2026-02-28T12:00:00+00:00");
	zone_free(julian);
	zone_free(plain);
}

static void
test_what_is_no_rule_is_refused(void **state)
{
	static const char *const bad[] = { "", "C", "CET", "CET-", "CET-25",
		"CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
		"CET-1CEST,M3.5.0,M10.5.0/168", "CET-1CEST,J0,J9",
		"CET-1CEST,366,9", "CET-1 ", "<CET-1", "<a>1",
		"CET-1CEST,M3.5.0,M10.5.0,", "CET-1:60", "M3", "CET-1CEST,M3",
		"CET-1CEST,M3.", "CET-1CEST,M3.5", "CET-1CEST," };
	struct zone *z;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(zone_of_rule(&z, bad[i]), EINVAL);
}

/* ---- TZif: one change, then a rule */

enum { V1_LEN = 44 + 8, ONE_CHANGE_LEN = 8 + 1 + 12 + 8 };

static size_t
put_header(uint8_t *at, char version, uint8_t times, uint8_t types)
{
	memset(at, 0, 44);
	memcpy(at, "TZif", 4);
	at[4] = (uint8_t)version;
	at[35] = times;
	at[39] = types;
	at[43] = 2; /* bytes of names */
	return 44;
}

static size_t
put_s(uint8_t *at, int64_t s)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)((uint64_t)s >> (56 - 8 * i));
	return 8;
}

static size_t
put_type(uint8_t *at, int32_t offset)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)((uint32_t)offset >> (24 - 8 * i));
	at[4] = at[5] = 0;
	return 6;
}

/* UTC+1 until 2000, from then on what footer says, else UTC+2. */
static size_t
make_file(uint8_t *data, const char *footer)
{
	size_t n = put_header(data, '2', 0, 1);

	n += put_type(data + n, 0);
	memcpy(data + n, "A", 2);
	n += 2;
	n += put_header(data + n, '2', 1, 2);
	n += put_s(data + n, at(2000, 1, 1, 0, 0));
	data[n++] = 1;
	n += put_type(data + n, 3600);
	n += put_type(data + n, 7200);
	memcpy(data + n, "A", 2);
	n += 2;
	memcpy(data + n, footer, strlen(footer));
	return n + strlen(footer);
}

static void
test_a_file_of_the_tz_database_is_read(void **state)
{
	uint8_t data[512];
	struct zone *z = NULL;
	size_t len = make_file(data, "\n\n");

	(void)state;
	assert_int_equal(zone_parse(&z, data, len), 0);
	check(z, at(1999, 12, 31, 23, 0) - 1, "1999-12-31T23:59:59+01:00");
	check(z, at(2000, 1, 1, 0, 0), "2000-01-01T02:00:00+02:00");
	check(z, at(2030, 7, 1, 0, 0), "2030-07-01T02:00:00+02:00");
	zone_free(z);
	len = make_file(data, "\n" NEW_YORK "\n");
	assert_int_equal(zone_parse(&z, data, len), 0);
	check(z, at(1999, 1, 1, 0, 0), "1999-01-01T01:00:00+01:00");
	check(z, at(2030, 7, 1, 0, 0), "2030-06-30T20:00:00-04:00");
	zone_free(z);
}

static void
test_a_file_cut_anywhere_is_refused(void **state)
{
	uint8_t data[512];
	const size_t len = make_file(data, "\n" BERLIN "\n");
	struct zone *z;

	(void)state;
	for (size_t n = 0; n < len; n++) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, data, n);
		assert_int_equal(zone_parse(&z, copy, n), EINVAL);
		free(copy);
	}
}

static void
test_a_file_that_lies_is_refused(void **state)
{
	uint8_t data[512];
	const size_t len = make_file(data, "\n\n");
	const size_t second = 44 + 6 + 2;
	struct zone *z;

	(void)state;
	data[second + 44 + 8] = 2; /* a type that is not there */
	assert_int_equal(zone_parse(&z, data, len), EINVAL);
	make_file(data, "\n\n");
	data[second + 44 + 9] = 0x7f; /* an offset of years */
	assert_int_equal(zone_parse(&z, data, len), EINVAL);
	make_file(data, "\n\n");
	data[second + 32] = 0xff; /* changes without end */
	assert_int_equal(zone_parse(&z, data, len), EINVAL);
}

static const char too_long[] =
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

static void
test_names_are_found_and_unknown_ones_refused(void **state)
{
	static const char *const bad[] = { "Europe/Nowhere", "../etc/passwd",
		"/etc/passwd", "Europe", "Europe/../../etc/passwd", " ",
		too_long };
	const char *why;
	struct zone *z = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(zone_load(&z, bad[i], &why), EINVAL);
	assert_int_equal(zone_load(&z, "UTC", &why), 0);
	check(z, 0, "1970-01-01T00:00:00+00:00");
	zone_free(z);
	assert_int_equal(zone_load(&z, KOLKATA, &why), 0);
	check(z, 0, "1970-01-01T05:30:00+05:30");
	zone_free(z);
	setenv("TZ", NEW_YORK, 1);
	assert_int_equal(zone_load(&z, "", &why), 0);
	check(z, 0, "1969-12-31T19:00:00-05:00");
	zone_free(z);
	unsetenv("TZ");
	assert_int_equal(zone_load(&z, "", &why), 0);
	zone_free(z);
}

static void
test_out_of_memory_is_said(void **state)
{
	uint8_t data[512];
	const size_t len = make_file(data, "\n" BERLIN "\n");
	struct zone *z = NULL;
	long n = 0;

	(void)state;
	do {
		mem_fail_at(n);
		if (zone_parse(&z, data, len) == 0)
			break;
		n++;
	} while (n < 100);
	mem_fail_at(-1);
	assert_int_equal(n, 2);
	zone_free(z);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_summer_begins_and_ends_at_its_second),
		cmocka_unit_test(test_a_clock_time_is_found_again),
		cmocka_unit_test(
		    test_a_skipped_time_is_when_the_clock_has_skipped),
		cmocka_unit_test(test_of_a_time_shown_twice_the_first_counts),
		cmocka_unit_test(test_days_of_a_year_can_be_counted_too),
		cmocka_unit_test(test_what_is_no_rule_is_refused),
		cmocka_unit_test(test_a_file_of_the_tz_database_is_read),
		cmocka_unit_test(test_a_file_cut_anywhere_is_refused),
		cmocka_unit_test(test_a_file_that_lies_is_refused),
		cmocka_unit_test(test_names_are_found_and_unknown_ones_refused),
		cmocka_unit_test(test_out_of_memory_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
