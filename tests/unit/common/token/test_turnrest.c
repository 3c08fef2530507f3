#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/token/turnrest.h"

static void
test_names_are_split_where_the_digits_are(void **state)
{
	static const struct {
		const char *name;
		int64_t expiry;
		const char *user;
	} rows[] = {
		{ "1893456000", 1893456000, "" },
		{ "1893456000:alice", 1893456000, "alice" },
		{ "alice:1893456000", 1893456000, "alice" },
		{ "12:34", 12, "34" },
		{ "1:a:b:c", 1, "a:b:c" },
		{ "a:b:c:1", 1, "a:b:c" },
		{ "1:", 1, "" },
		{ ":1", 1, "" },
		{ "1::", 1, ":" },
		{ "0", 0, "" },
		{ "999999999999999999:x", 999999999999999999, "x" },
		{ "1000000000000000000:7", 7, "1000000000000000000" },
		{ "2026@example.org:1", 1, "2026@example.org" },
	};
	struct turnrest_name n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(
		    turnrest_parse(&n, rows[i].name, strlen(rows[i].name)), 0);
		assert_int_equal(n.expiry, rows[i].expiry);
		assert_int_equal(n.user_len, strlen(rows[i].user));
		assert_memory_equal(n.user, rows[i].user, n.user_len);
	}
}

static void
test_names_of_another_form_are_refused(void **state)
{
	static const char *const rows[] = { "", ":", "alice",
		"alice:", "::", "a:b", "-1", "+1", " 1", "1 ", "0x10", "1.5",
		"a:1x", "1000000000000000000", "a:1000000000000000000",
		"a:1:b" };
	struct turnrest_name n = { 42, NULL, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(
		    turnrest_parse(&n, rows[i], strlen(rows[i])), EINVAL);
	assert_int_equal(n.expiry, 42);
}

static void
test_a_name_ends_at_its_length(void **state)
{
	struct turnrest_name n;

	(void)state;
	assert_int_equal(turnrest_parse(&n, "123:abc", 5), 0);
	assert_int_equal(n.user_len, 1);
	assert_int_equal(turnrest_parse(&n, "123x", 3), 0);
	assert_int_equal(n.expiry, 123);
	assert_int_equal(turnrest_parse(&n, "a\0b:7", 5), 0);
	assert_int_equal(n.user_len, 3);
}

static void
test_the_password_matches_the_known_one(void **state)
{
	static const char name[] = "1893456000:alice:more";
	char password[TURNREST_PASSWORD_MAX];

	(void)state;
	turnrest_password(password, "north", name, 16);
	assert_string_equal(password, "MME/7rvfb/gOjpkB59+7AxlCLvk=");
	turnrest_password(password, "south", name, 16);
	assert_string_not_equal(password, "MME/7rvfb/gOjpkB59+7AxlCLvk=");
	assert_int_equal(strlen(password), 28);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_split_where_the_digits_are),
		cmocka_unit_test(test_names_of_another_form_are_refused),
		cmocka_unit_test(test_a_name_ends_at_its_length),
		cmocka_unit_test(test_the_password_matches_the_known_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
