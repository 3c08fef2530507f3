#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/json_scan.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static bool
scan(const char *text, struct json_member m[4], unsigned *count)
{
	return json_scan(text, strlen(text), 4, m, 4, count);
}

static void
test_the_members_of_an_object_are_slices_of_it(void **state)
{
	static const char text[] =
	    " { \"a\" : \"x\\n\" ,\"bc\":[1,{\"a\":-20}, true ] , "
	    "\"d\":null}\n";
	struct json_member m[4];
	unsigned count;

	(void)state;
	assert_true(scan(text, m, &count));
	assert_int_equal(count, 3);
	assert_int_equal(m[0].key_len, 1);
	assert_memory_equal(m[0].value, "\"x\\n\"", 5);
	assert_int_equal(m[0].value_len, 5);
	assert_memory_equal(m[1].key, "bc", 2);
	assert_int_equal(m[1].value_len, strlen("[1,{\"a\":-20}, true ]"));
	assert_memory_equal(m[2].value, "null", 4);
	assert_int_equal(m[2].value_len, 4);
}

static void
test_usual_text_is_recognised(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"a\":{}}",
		"{\"a\":[]}",
		"{\"a\":{\"b\":{\"c\":{}}}}",
		"{\"a\":{\"x\":1},\"b\":{\"x\":1}}",
		"{\"a\":123456789012345,\"b\":0,\"c\":-1,\"d\":false}",
		"{\"\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
	};
	struct json_member m[4];
	unsigned count;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (!scan(texts[i], m, &count))
			fail_msg("not recognised: %s", texts[i]);
}

static void
test_other_text_is_left_alone(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"1",
		"{} {}",
		"{}x",
		"{,}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{\"a\":1 \"b\":2}",
		"{'a':1}",
		"{a:1}",
		"{\"a\":1,\"a\":2}",
		"{\"x\":{\"a\":1,\"b\":2,\"a\":3}}",
		"{\"a\":01}",
		"{\"a\":-}",
		"{\"a\":1.0}",
		"{\"a\":1e3}",
		"{\"a\":1234567890123456}",
		"{\"a\":tru}",
		"{\"a\":nul",
		"{\"a\":\"x}",
		"{\"a\":\"\\",
		"{\"a\":\"\\u0041\"}",
		"{\"a\":\"\\x\"}",
		"{\"a\":\"\t\"}",
		"{\"a\":\"\xc3\xa9\"}",
		"{\"\\n\":1}",
		"{\"a\":[1,]}",
		"{\"a\":[1}",
		"{\"a\":{\"b\":{\"c\":{\"d\":{}}}}}",
		"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1}",
	};
	struct json_member m[4];
	unsigned count;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (scan(texts[i], m, &count))
			fail_msg("recognised: %s", texts[i]);
}

static void
test_no_cut_text_is_recognised_or_read_beyond(void **state)
{
	static const char text[] =
	    "{\"a\":[1,{\"b\":\"\\n\"},true],\"c\":-12,\"d\":null}";
	struct json_member m[4];
	unsigned count;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		/* its own memory, so that ASan sees the end */
		char copy[sizeof(text)];

		memset(copy, 'x', sizeof(copy));
		memcpy(copy + sizeof(copy) - len, text, len);
		assert_false(
		    json_scan(copy + sizeof(copy) - len, len, 4, m, 4, &count));
	}
}

static void
test_many_keys_are_left_alone(void **state)
{
	char text[JSON_SCAN_KEYS_MAX * 8 + 32] = "{\"x\":{";
	struct json_member m[4];
	unsigned count;
	size_t len = strlen(text);

	(void)state;
	for (int i = 0; i <= JSON_SCAN_KEYS_MAX; i++) {
		const char key[] = { '"', (char)('A' + i / 26),
			(char)('a' + i % 26), '"', ':', '1', ',' };

		memcpy(text + len, key, sizeof(key));
		len += sizeof(key);
		memcpy(text + len - 1, "}}", 2);
		/* the outer key has a place too */
		assert_int_equal(json_scan(text, len + 1, 4, m, 4, &count),
		    i + 2 <= JSON_SCAN_KEYS_MAX);
		text[len - 1] = ',';
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_the_members_of_an_object_are_slices_of_it),
		cmocka_unit_test(test_usual_text_is_recognised),
		cmocka_unit_test(test_other_text_is_left_alone),
		cmocka_unit_test(test_no_cut_text_is_recognised_or_read_beyond),
		cmocka_unit_test(test_many_keys_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
