#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "net/percent.h"
#include "net/web.h"

static void
test_text_is_decoded(void **state)
{
	static const struct {
		const char *text;
		bool is_form;
		const char *out; /* NULL: not well formed */
	} rows[] = {
		{ "", false, "" },
		{ "plain", false, "plain" },
		{ "a%20b%2Fc%2fd", false, "a b/c/d" },
		{ "a+b", false, "a+b" },
		{ "a+b%2B", true, "a b+" },
		{ "a&b", false, "a&b" },
		{ "a&b", true, "a" },
		{ "%C3%BC", false, "\xc3\xbc" },
		{ "%", false, NULL },
		{ "%4", false, NULL },
		{ "%4g", false, NULL },
		{ "%g4", false, NULL },
		{ "%00", false, NULL },
		{ "%1f", false, NULL },
		{ "%7F", false, NULL },
		{ "a\nb", false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[16];
		const int len = net_percent_decode(
		    out, rows[i].text, sizeof(out), rows[i].is_form);

		if (rows[i].out == NULL) {
			assert_int_equal(len, -1);
			continue;
		}
		assert_string_equal(out, rows[i].out);
		assert_int_equal(len, strlen(out));
	}
}

static void
test_text_must_fit(void **state)
{
	char out[4];

	(void)state;
	assert_int_equal(net_percent_decode(out, "abc", 4, false), 3);
	assert_int_equal(net_percent_decode(out, "abcd", 4, false), -1);
	assert_int_equal(net_percent_decode(out, "%41%42%43", 4, false), 3);
	assert_int_equal(net_percent_decode(out, "", 1, false), 0);
	assert_int_equal(net_percent_decode(out, "", 0, false), -1);
}

static void
test_values_of_a_query_are_found(void **state)
{
	static const char query[] = "key=a&keyed=b&ke=c&empty=&x&key=d&bad=%";
	char out[8];

	(void)state;
	assert_int_equal(net_web_query(query, "key", out, sizeof(out)), 1);
	assert_string_equal(out, "a");
	assert_int_equal(net_web_query(query, "keyed", out, sizeof(out)), 1);
	assert_string_equal(out, "b");
	assert_int_equal(net_web_query(query, "ke", out, sizeof(out)), 1);
	assert_string_equal(out, "c");
	assert_int_equal(net_web_query(query, "empty", out, sizeof(out)), 0);
	assert_int_equal(net_web_query(query, "x", out, sizeof(out)), -1);
	assert_int_equal(net_web_query(query, "none", out, sizeof(out)), -1);
	assert_int_equal(net_web_query(query, "bad", out, sizeof(out)), -1);
	assert_int_equal(net_web_query("", "key", out, sizeof(out)), -1);
	assert_int_equal(net_web_query(NULL, "key", out, sizeof(out)), -1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_decoded),
		cmocka_unit_test(test_text_must_fit),
		cmocka_unit_test(test_values_of_a_query_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
