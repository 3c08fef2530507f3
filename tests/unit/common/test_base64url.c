#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base64url.h"

static void
test_the_vectors_of_the_rfc_are_met(void **state)
{
	/* RFC 4648, section 10, without padding; and the two letters that
	 * differ from base64 */
	static const struct {
		const char *bytes, *text;
	} rows[] = {
		{ "", "" },
		{ "f", "Zg" },
		{ "fo", "Zm8" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "-__-" },
	};
	char text[16], bytes[16];
	size_t got;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t len = strlen(rows[i].bytes);

		assert_string_equal(
		    base64url_write(text, rows[i].bytes, len), rows[i].text);
		assert_int_equal(strlen(text), BASE64URL_LEN(len));
		assert_int_equal(
		    base64url_read(bytes, len, &got, text, strlen(text)), 0);
		assert_int_equal(got, len);
		assert_memory_equal(bytes, rows[i].bytes, len);
	}
}

static void
test_bytes_have_one_text_only(void **state)
{
	static const char *const bad[] = { "Z", "Zg=", "Zg==", "Zh", "Zm9",
		"Z g", "Zg\n", "Zm+v", "Zm/v", "Zm9vY", "Zm\xc3\xb6" };
	char bytes[16];
	size_t got;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(base64url_read(bytes, sizeof(bytes), &got,
				     bad[i], strlen(bad[i])),
		    EINVAL);
}

static void
test_what_does_not_fit_is_not_written(void **state)
{
	char bytes[4] = "xxx";
	size_t got;

	(void)state;
	assert_int_equal(base64url_read(bytes, 2, &got, "Zm9v", 4), ENOSPC);
	assert_string_equal(bytes, "xxx");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_vectors_of_the_rfc_are_met),
		cmocka_unit_test(test_bytes_have_one_text_only),
		cmocka_unit_test(test_what_does_not_fit_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
