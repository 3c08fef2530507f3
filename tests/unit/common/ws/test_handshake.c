#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/ws/handshake.h"

static void
test_key_of_the_standard_is_answered(void **state)
{
	char out[WS_ACCEPT_MAX];

	(void)state;
	/* RFC 6455, section 1.3 */
	assert_string_equal(ws_key_accept(out, "dGhlIHNhbXBsZSBub25jZQ=="),
	    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void
test_only_sixteen_bytes_are_a_key(void **state)
{
	static const struct {
		const char *text;
		bool is_valid;
	} rows[] = {
		{ "dGhlIHNhbXBsZSBub25jZQ==", true },
		{ "AAAAAAAAAAAAAAAAAAAAAA==", true },
		{ "+/+/+/+/zz09+/+/+/+/+w==", true },
		{ "", false },
		{ "dGhlIHNhbXBsZSBub25jZQ=", false },
		{ "dGhlIHNhbXBsZSBub25jZQ", false },
		{ "dGhlIHNhbXBsZSBub25jZQ===", false },
		{ "dGhlIHNhbXBsZSBub25jZR==", false }, /* bits beyond */
		{ "dGhlIHNhbXBsZSBub25jZQ=A", false },
		{ "dGhlIHNhbXBsZSBub25jZQAA", false }, /* 18 bytes */
		{ "dGhlIHNhbXBs-SBub25jZQ==", false },
		{ "dGhlIHNhbXBs_SBub25jZQ==", false },
		{ "dGhlIHNhbXBs SBub25jZQ==", false },
		{ "dGhlIHNhbXBs=SBub25jZQ==", false },
		{ "dGhlIHNhbXBs\xe9SBub25jZQ==", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    ws_key_is_valid(rows[i].text), rows[i].is_valid);
}

static void
test_tokens_are_found_in_lists(void **state)
{
	static const struct {
		const char *list;
		bool has;
	} rows[] = {
		{ "Upgrade", true },
		{ "upgrade", true },
		{ "keep-alive, Upgrade", true },
		{ "keep-alive ,\tupGRADE\t, x", true },
		{ ",, ,upgrade,", true },
		{ "", false },
		{ ",", false },
		{ "upgrad", false },
		{ "upgrades", false },
		{ "not upgrade", false },
		{ "up,grade", false },
		{ "\"upgrade\"", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    ws_list_has(rows[i].list, "upgrade"), rows[i].has);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_of_the_standard_is_answered),
		cmocka_unit_test(test_only_sixteen_bytes_are_a_key),
		cmocka_unit_test(test_tokens_are_found_in_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
