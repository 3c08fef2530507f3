/* json: what is refused before and by jansson, and slices. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/json.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

enum { DEPTH = 4 };

static int
read_text(const char *text)
{
	json_t *value = NULL;
	const int rc = json_read(&value, text, strlen(text), DEPTH);

	json_decref(value);
	return rc;
}

static void
test_strict_text_is_read(void **state)
{
	static const char *const good[] = { "{}", "[]", " { } ", "[[[[1]]]]",
		"{\"a\":{\"a\":[{}]}}", "[\"[[[[[[\",\"{{{{{\"]",
		"[\"\\\"[[[[[\"]", "[9223372036854775807,-1.5e300]",
		"[\"\\ud83d\\ude00\",\"\xf0\x9f\x98\x80\"]" };

	(void)state;
	for (size_t i = 0; i < N(good); i++)
		if (read_text(good[i]) != 0)
			fail_msg("refused: %s", good[i]);
}

static void
test_other_text_is_refused(void **state)
{
	static const char *const bad[] = { "", " ", "1", "\"a\"", "null", "{",
		"{}x", "{}{}", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}",
		"[NaN]", "[01]", "[+1]", "[1e999]", "[9223372036854775808]",
		"[[[[[1]]]]]", "{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":1}",
		"[{\"b\":[{\"a\":1,\"a\":2}]}]", "[\"\\u0000\"]",
		"{\"\\u0000\":1}", "[\"\\ud800\"]", "[\"\xff\"]", "[\"\n\"]",
		"[\"\\x\"]", "[\"\\", "]", "}}", "/**/{}" };

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		if (read_text(bad[i]) != EBADMSG)
			fail_msg("taken: %s", bad[i]);
}

static void
test_nul_in_the_text_is_refused(void **state)
{
	json_t *value;

	(void)state;
	assert_int_equal(json_read(&value, "{}\0", 3, DEPTH), EBADMSG);
	assert_int_equal(json_read(&value, "[\"\0\"]", 5, DEPTH), EBADMSG);
}

/* 64 KiB of brackets end at the fifth, long before a parser recurses. */
static void
test_depth_is_bounded_before_parsing(void **state)
{
	static char text[64 * 1024];

	(void)state;
	memset(text, '[', sizeof(text));
	assert_false(json_is_shallow(text, sizeof(text), DEPTH));
	assert_false(json_is_shallow(text, DEPTH + 1, DEPTH));
	assert_true(json_is_shallow(text, DEPTH, DEPTH));
}

struct row {
	const char *text, *slice;
};

static void
test_a_slice_is_the_member_as_it_stands_there(void **state)
{
	static const struct row rows[] = {
		{ "{\"data\":1}", "1" },
		{ "{\"data\":1.50e+1 }", "1.50e+1" },
		{ " { \"data\" : \"a,}b\" , \"b\":2}", "\"a,}b\"" },
		{ "{\"data\":\"\\\"}\"}", "\"\\\"}\"" },
		{ "{\"data\":\"\\\\\",\"x\":1}", "\"\\\\\"" },
		{ "{\"x\":{\"data\":1},\"data\":[1, {\"data\":2}]}",
		    "[1, {\"data\":2}]" },
		{ "{\"x\":\"\\\"data\\\":7\",\"data\":null}", "null" },
		{ "{\"\":0,\"dat\":1,\"dataa\":2,\"data\":3}", "3" },
		{ "{\"d\\u0061ta\":{} }", "{}" },
		{ "{\"\\u0064\\u0061\\u0074\\u0061\":true\n}", "true" },
		{ "{\"d\\u0161ta\":1,\"data\":2}", "2" },
		{ "{\"\\/data\":1,\"data\\n\":1,\"data\":2}", "2" },
		{ "{\"x\":[\"]\",[]],\"data\":[]}", "[]" },
		{ "{}", NULL },
		{ "{ \"a\" : { \"data\" : 1 } }", NULL },
		{ "[\"data\",1]", NULL },
	};
	const char *slice;
	size_t len;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct row *r = &rows[i];

		len = 0;
		slice = json_slice(r->text, strlen(r->text), "data", &len);
		if (r->slice == NULL)
			assert_null(slice);
		else if (slice == NULL || len != strlen(r->slice) ||
		    memcmp(slice, r->slice, len) != 0)
			fail_msg("%s: %.*s", r->text, (int)len,
			    slice != NULL ? slice : "");
	}
}

static void
test_a_text_has_its_bounds(void **state)
{
	json_t *text = json_string("abc"), *number = json_integer(3);

	(void)state;
	assert_string_equal(json_text(text, 3, 3), "abc");
	assert_null(json_text(text, 4, 9));
	assert_null(json_text(text, 1, 2));
	assert_null(json_text(number, 0, 9));
	assert_null(json_text(NULL, 0, 9));
	json_decref(text);
	json_decref(number);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strict_text_is_read),
		cmocka_unit_test(test_other_text_is_refused),
		cmocka_unit_test(test_nul_in_the_text_is_refused),
		cmocka_unit_test(test_depth_is_bounded_before_parsing),
		cmocka_unit_test(test_a_slice_is_the_member_as_it_stands_there),
		cmocka_unit_test(test_a_text_has_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
