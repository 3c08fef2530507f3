#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ctl/text.h"

static void
test_bytes_have_three_figures_and_a_unit(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 999, "999 B" },
		{ 1000, "1.00 kB" },
		{ 9994, "9.99 kB" },
		{ 9995, "10.0 kB" },
		{ 99949, "99.9 kB" },
		{ 99950, "100 kB" },
		{ 999499, "999 kB" },
		{ 999500, "1.00 MB" },
		{ 1234567890, "1.23 GB" },
		{ UINT64_MAX, "18.4 EB" },
	};
	char text[CTL_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(
		    ctl_text_bytes(rows[i].n, text), rows[i].text);
	assert_string_equal(ctl_text_rate(50000000, text), "50.0 Mbit/s");
}

static void
test_counts_are_grouped_by_three(void **state)
{
	char text[CTL_TEXT_MAX];

	(void)state;
	assert_string_equal(ctl_text_count(0, text), "0");
	assert_string_equal(ctl_text_count(999, text), "999");
	assert_string_equal(ctl_text_count(1000, text), "1 000");
	assert_string_equal(ctl_text_count(123456, text), "123 456");
	assert_string_equal(
	    ctl_text_count(UINT64_MAX, text), "18 446 744 073 709 551 615");
}

static void
test_times_show_their_two_largest_parts(void **state)
{
	char text[CTL_TEXT_MAX];

	(void)state;
	assert_string_equal(ctl_text_time(0, text), "0 s");
	assert_string_equal(ctl_text_time(59, text), "59 s");
	assert_string_equal(ctl_text_time(60, text), "1 min 0 s");
	assert_string_equal(ctl_text_time(3599, text), "59 min 59 s");
	assert_string_equal(ctl_text_time(3600, text), "1 h 0 min");
	assert_string_equal(ctl_text_time(86399, text), "23 h 59 min");
	assert_string_equal(ctl_text_time(90000, text), "1 d 1 h");
}

/* cells: rows of as many as align has, a NULL behind the last. */
static char *
table_of(const char *align, const char *const *cells)
{
	struct ctl_text_table *t = ctl_text_table_new(align);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (; *cells != NULL; cells++)
		ctl_text_cell(t, *cells);
	ctl_text_table_print(t, f, "> ");
	ctl_text_table_free(t);
	fclose(f);
	return text;
}

static void
test_columns_are_as_wide_as_their_widest_cell(void **state)
{
	static const char *const cells[] = { "a", "1", "x", "long", "100", "",
		"", "", "y", NULL };
	char *text = table_of("lrl", cells);

	(void)state;
	assert_string_equal(text,
	    "> a       1  x\n"
	    "> long  100\n"
	    ">            y\n");
	free(text);
}

static void
test_width_is_counted_in_characters(void **state)
{
	static const char *const cells[] = { "\xc3\xa4", "1", "ab", "2", NULL };
	char *text = table_of("lr", cells);

	(void)state;
	assert_string_equal(text, "> \xc3\xa4   1\n> ab  2\n");
	free(text);
}

static void
test_no_name_commands_the_terminal(void **state)
{
	static const char *const cells[] = { "\x1b[2J\r\n\x7f\xc2\x9b", NULL };
	char *text = table_of("l", cells);

	(void)state;
	assert_string_equal(text, "> ?[2J?????\n");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_have_three_figures_and_a_unit),
		cmocka_unit_test(test_counts_are_grouped_by_three),
		cmocka_unit_test(test_times_show_their_two_largest_parts),
		cmocka_unit_test(test_columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(test_width_is_counted_in_characters),
		cmocka_unit_test(test_no_name_commands_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
