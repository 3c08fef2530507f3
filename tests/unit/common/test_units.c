#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/units.h"

typedef int parse_fn(uint64_t *out, const char *text, const char **why);

struct row {
	const char *text;
	uint64_t value;
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
assert_rows(parse_fn *parse, const struct row *rows, size_t n)
{
	const char *why = NULL;
	uint64_t value;

	for (size_t i = 0; i < n; i++) {
		value = 0;
		if (parse(&value, rows[i].text, &why) != 0)
			fail_msg("%s: %s", rows[i].text, why);
		if (value != rows[i].value)
			fail_msg("%s: %llu", rows[i].text,
			    (unsigned long long)value);
	}
}

static void
assert_bad(parse_fn *parse, const char *text, const char *reason)
{
	const char *why = NULL;
	uint64_t value = 42;

	if (parse(&value, text, &why) != EINVAL)
		fail_msg("%s: was taken", text);
	assert_int_equal(value, 42);
	assert_non_null(why);
	if (strstr(why, reason) == NULL)
		fail_msg("%s: %s", text, why);
}

static void
test_rates_are_bits_a_second(void **state)
{
	static const struct row rows[] = {
		{ "0bit/s", 0 },
		{ "7bit/s", 7 },
		{ "64kbit/s", 64000 },
		{ "50Mbit/s", 50000000 },
		{ "50 Mbit/s", 50000000 },
		{ "6.25MB/s", 50000000 },
		{ "1Gbit/s", 1000000000 },
		{ "0.123456789Gbit/s", 123456789 },
		{ "3B/s", 24 },
		{ "2kB/s", 16000 },
		{ "0.125B/s", 1 },
		{ "18446744073709551615bit/s", UINT64_MAX },
	};

	(void)state;
	assert_rows(units_rate, rows, N(rows));
}

static void
test_sizes_know_both_prefixes(void **state)
{
	static const struct row rows[] = {
		{ "0B", 0 },
		{ "1kB", 1000 },
		{ "64KiB", 65536 },
		{ "1.5KiB", 1536 },
		{ "1MB", 1000000 },
		{ "1MiB", 1048576 },
		{ "2 GB", 2000000000 },
		{ "1GiB", 1073741824 },
		{ "1TB", 1000000000000 },
		{ "1TiB", 1099511627776 },
		{ "001TB", 1000000000000 },
		{ "16777215TiB", 16777215 * 1099511627776ull },
	};

	(void)state;
	assert_rows(units_size, rows, N(rows));
}

static void
test_times_are_milliseconds(void **state)
{
	static const struct row rows[] = {
		{ "250ms", 250 },
		{ "5s", 5000 },
		{ "0.001s", 1 },
		{ "10m", 600000 },
		{ "1h", 3600000 },
		{ "1.5h", 5400000 },
		{ "90d", 7776000000 },
		{ "90 d", 7776000000 },
	};

	(void)state;
	assert_rows(units_time, rows, N(rows));
}

static void
test_bad_input_is_refused_with_its_reason(void **state)
{
	static const struct {
		parse_fn *parse;
		const char *text, *reason;
	} rows[] = {
		{ units_rate, "50", "bit/s kbit/s" },
		{ units_rate, "50 ", "bit/s kbit/s" },
		{ units_rate, "50mbit/s", "bit/s kbit/s" },
		{ units_rate, "50Mbit", "bit/s kbit/s" },
		{ units_rate, "50MB", "bit/s kbit/s" },
		{ units_rate, "50Mbit/s ", "bit/s kbit/s" },
		{ units_rate, "50  Mbit/s", "bit/s kbit/s" },
		{ units_rate, "50\tMbit/s", "bit/s kbit/s" },
		{ units_rate, "1.2.3Mbit/s", "bit/s kbit/s" },
		{ units_rate, "1e3bit/s", "bit/s kbit/s" },
		{ units_rate, "0x10bit/s", "bit/s kbit/s" },
		{ units_rate, "0.5bit/s", "whole number of bits" },
		{ units_rate, "0.1B/s", "whole number of bits" },
		{ units_rate, "18446744073709551616bit/s", "too large" },
		{ units_rate, "18446744073709551615kbit/s", "too large" },
		{ units_rate, "18446744073.709551616Gbit/s", "too large" },
		{ units_rate, "99999999999999999999999999999999999999999bit/s",
		    "too large" },
		{ units_rate, "", "number" },
		{ units_rate, "Mbit/s", "number" },
		{ units_rate, "-5Mbit/s", "number" },
		{ units_rate, "+5Mbit/s", "number" },
		{ units_rate, " 5Mbit/s", "number" },
		{ units_rate, ".5Mbit/s", "number" },
		{ units_rate, "5.Mbit/s", "number" },
		{ units_rate, "1.0000000000Mbit/s", "9 digits" },
		{ units_size, "5", "KiB" },
		{ units_size, "5K", "KiB" },
		{ units_size, "5KB", "KiB" },
		{ units_size, "5kib", "KiB" },
		{ units_size, "0.5B", "whole number of bytes" },
		{ units_size, "0.001KiB", "whole number of bytes" },
		{ units_size, "16777216TiB", "too large" },
		{ units_time, "5", "ms s m h d" },
		{ units_time, "5min", "ms s m h d" },
		{ units_time, "5S", "ms s m h d" },
		{ units_time, "0.5ms", "whole number of milliseconds" },
		{ units_time, "0.0001s", "whole number of milliseconds" },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		assert_bad(rows[i].parse, rows[i].text, rows[i].reason);
}

static void
test_the_shortest_exact_spelling_is_written(void **state)
{
	char text[UNITS_TEXT_MAX];

	(void)state;
#define IS(kind, n, expected) \
	assert_string_equal(units_format_##kind(n, text), expected)
	IS(rate, 0, "0bit/s");
	IS(rate, 999, "999bit/s");
	IS(rate, 50000000, "50Mbit/s");
	IS(rate, 1500000000, "1.5Gbit/s");
	IS(rate, 8000000, "8Mbit/s");
	IS(rate, 1001, "1001bit/s");
	IS(rate, UINT64_MAX, "18446744073709551615bit/s");
	IS(size, 1, "1B");
	IS(size, 1000, "1kB");
	IS(size, 65536, "64KiB");
	IS(size, 1000000000000, "1TB");
	IS(size, 1099511627776, "1TiB");
	IS(size, UINT64_MAX, "18446744073709551615B");
	IS(time, 250, "250ms");
	IS(time, 5000, "5s");
	IS(time, 600000, "10m");
	IS(time, 5400000, "90m");
	IS(time, 7776000000, "90d");
#undef IS
}

static void
test_what_is_written_reads_back_the_same(void **state)
{
	char text[UNITS_TEXT_MAX];
	uint64_t n = 1, back;
	const char *why;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		n = n * 6364136223846793005u + 1442695040888963407u;
		uint64_t v = n >> (i % 64);

		if (i % 2 == 0)
			v -= v % 1000000;
		units_format_rate(v, text);
		assert_int_equal(units_rate(&back, text, &why), 0);
		assert_true(back == v);
		units_format_size(v, text);
		assert_int_equal(units_size(&back, text, &why), 0);
		assert_true(back == v);
		units_format_time(v, text);
		assert_int_equal(units_time(&back, text, &why), 0);
		assert_true(back == v);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_are_bits_a_second),
		cmocka_unit_test(test_sizes_know_both_prefixes),
		cmocka_unit_test(test_times_are_milliseconds),
		cmocka_unit_test(test_bad_input_is_refused_with_its_reason),
		cmocka_unit_test(test_the_shortest_exact_spelling_is_written),
		cmocka_unit_test(test_what_is_written_reads_back_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
