#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/code.h"

static void
test_stun_codes_have_the_phrase_of_their_rfc(void **state)
{
	static const struct {
		int code;
		const char *text;
	} rows[] = {
		{ 300, "Try Alternate" },
		{ 400, "Bad Request" },
		{ 401, "Unauthenticated" },
		{ 403, "Forbidden" },
		{ 420, "Unknown Attribute" },
		{ 437, "Allocation Mismatch" },
		{ 438, "Stale Nonce" },
		{ 440, "Address Family not Supported" },
		{ 441, "Wrong Credentials" },
		{ 442, "Unsupported Transport Protocol" },
		{ 443, "Peer Address Family Mismatch" },
		{ 446, "Connection Already Exists" },
		{ 447, "Connection Timeout or Failure" },
		{ 486, "Allocation Quota Reached" },
		{ 487, "Role Conflict" },
		{ 500, "Server Error" },
		{ 508, "Insufficient Capacity" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(code_text(rows[i].code), rows[i].text);
}

static void
test_errnos_read_as_strerror_says(void **state)
{
	(void)state;
	assert_string_equal(code_text(ENOMEM), "Cannot allocate memory");
	assert_string_equal(code_text(0), strerror(0));
}

static void
test_no_code_is_without_text(void **state)
{
	(void)state;
	for (int code = -5; code < 1000; code++)
		assert_non_null(code_text(code));
	assert_string_equal(code_text(-1), "Unknown Error");
	assert_string_equal(code_text(199), "Unknown Error");
	assert_string_equal(code_text(699), "Unknown Error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stun_codes_have_the_phrase_of_their_rfc),
		cmocka_unit_test(test_errnos_read_as_strerror_says),
		cmocka_unit_test(test_no_code_is_without_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
