#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/site.h"

#define MBIT UINT64_C(1000000)
#define GB   UINT64_C(1000000000)

static struct policy_site
read_record(const char *text)
{
	/* exactly as long as it is */
	char *exact = test_malloc(strlen(text) + 1);
	struct policy_site s;

	memcpy(exact, text, strlen(text));
	policy_site_init(&s);
	policy_site_add(&s, exact, strlen(text));
	policy_site_end(&s);
	test_free(exact);
	return s;
}

static void
test_records_read_as_they_are_meant(void **state)
{
	static const struct {
		const char *text;
		unsigned records;
		bool relay;
		uint64_t rate, month;
		const char *contact;
		bool is_faulty;
	} table[] = {
		{ "v=supernode1", 1, true, 0, 0, "", false },
		{ "v=supernode1; relay=no", 1, false, 0, 0, "", false },
		{ "v=supernode1;relay=yes", 1, true, 0, 0, "", false },
		{ "V=SuperNode1 ; Relay = NO ;", 1, false, 0, 0, "", false },
		{ "v=supernode1; rate=20Mbit/s; month=100GB; "
		  "contact=noc@example.edu",
		    1, true, 20 * MBIT, 100 * GB, "noc@example.edu", false },
		{ "v=supernode1; rate=1MB/s", 1, true, 8 * MBIT, 0, "", false },
		/* the strictest of what stands twice */
		{ "v=supernode1; relay=no; relay=yes", 1, false, 0, 0, "",
		    false },
		{ "v=supernode1; rate=2Mbit/s; rate=1Mbit/s; rate=3Mbit/s", 1,
		    true, MBIT, 0, "", false },
		/* nothing may pass */
		{ "v=supernode1; rate=0bit/s", 1, false, 0, 0, "", false },
		{ "v=supernode1; month=0B", 1, false, 0, 0, "", false },
		/* unknown keys are ignored */
		{ "v=supernode1; colour=blue; directory; =; ;;", 1, true, 0, 0,
		    "", false },
		{ "v=supernode1; contact=a\x01\xff;", 1, true, 0, 0, "a??",
		    false },
		/* somebody else's */
		{ "", 0, true, 0, 0, "", false },
		{ "relay=no", 0, true, 0, 0, "", false },
		{ "v=spf1 -all", 0, true, 0, 0, "", false },
		{ "v", 0, true, 0, 0, "", false },
		{ "relay=no; v=supernode1", 0, true, 0, 0, "", false },
		{ "v=super", 0, true, 0, 0, "", false },
		/* meant for us, not understood */
		{ "v=supernode1; relay", 1, false, 0, 0, "", true },
		{ "v=supernode1; relay=", 1, false, 0, 0, "", true },
		{ "v=supernode1; relay=maybe", 1, false, 0, 0, "", true },
		{ "v=supernode1; relay=yes no", 1, false, 0, 0, "", true },
		{ "v=supernode1; rate=20", 1, false, 0, 0, "", true },
		{ "v=supernode1; rate=unlimited", 1, false, 0, 0, "", true },
		{ "v=supernode1; rate=-1bit/s", 1, false, 0, 0, "", true },
		{ "v=supernode1; month=lots; rate=1Mbit/s", 1, false, MBIT, 0,
		    "", true },
		{ "v=supernode2; relay=yes", 1, false, 0, 0, "", true },
		{ "v=supernode; relay=yes", 1, false, 0, 0, "", true },
		{ "v=supernode1 relay=no", 1, false, 0, 0, "", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct policy_site s = read_record(table[i].text);

		print_message("%s\n", table[i].text);
		assert_int_equal(s.records, table[i].records);
		assert_int_equal(s.relay, table[i].relay);
		assert_int_equal(s.rate, table[i].rate);
		assert_int_equal(s.month, table[i].month);
		assert_string_equal(s.contact, table[i].contact);
		assert_int_equal(s.fault[0] != '\0', table[i].is_faulty);
	}
}

static void
test_a_fault_names_what_it_is_about(void **state)
{
	struct policy_site s = read_record("v=supernode1; rate=20Mb; relay=?");

	(void)state;
	assert_non_null(strstr(s.fault, "rate=20Mb: "));
	s = read_record("v=supernode1; relay=\x1b[2J");
	assert_null(strchr(s.fault, '\x1b'));
}

static void
test_a_value_of_any_length_is_read(void **state)
{
	char text[1024];

	(void)state;
	for (size_t n = 1; n < 900; n += 7) {
		static const char *const keys[] = { "relay", "rate", "month",
			"contact", "other" };

		for (size_t k = 0; k < 5; k++) {
			struct policy_site s;
			size_t at = strlen("v=supernode1;");

			memcpy(text, "v=supernode1;", at);
			memcpy(text + at, keys[k], strlen(keys[k]));
			at += strlen(keys[k]);
			text[at++] = '=';
			memset(text + at, '9', n);
			text[at + n] = '\0';
			s = read_record(text);
			assert_int_equal(s.relay, k > 2);
		}
	}
}

static void
test_all_records_count(void **state)
{
	struct policy_site s;

	(void)state;
	policy_site_init(&s);
	policy_site_add(&s, "v=spf1 -all", 11);
	policy_site_add(&s, "v=supernode1; rate=5Mbit/s", 26);
	policy_site_add(&s, "v=supernode2; relay=no", 22);
	policy_site_add(&s, "v=supernode1; month=1GB;rate=9Mbit/s", 36);
	policy_site_end(&s);
	assert_int_equal(s.records, 2);
	/* there is a record that we know */
	assert_true(s.relay);
	assert_int_equal(s.rate, 5 * MBIT);
	assert_int_equal(s.month, GB);
}

static void
test_a_file_has_lines(void **state)
{
	static const char text[] = "# the campus\n\n  v=supernode1; "
				   "rate=5Mbit/s\r\nv=supernode1;month=2GB";
	struct policy_site s;

	(void)state;
	policy_site_init(&s);
	policy_site_add_file(&s, text, strlen(text));
	policy_site_end(&s);
	assert_int_equal(s.records, 2);
	assert_string_equal(s.fault, "");
	assert_true(s.relay);
	assert_int_equal(s.rate, 5 * MBIT);
	assert_int_equal(s.month, 2 * GB);
}

static void
test_a_file_of_something_else_is_read_strictly(void **state)
{
	static const char text[] = "# ours\nrelay=yes\n";
	struct policy_site s;

	(void)state;
	policy_site_init(&s);
	policy_site_add_file(&s, text, strlen(text));
	policy_site_end(&s);
	assert_false(s.relay);
	assert_non_null(strstr(s.fault, "v=supernode1"));
	/* behind one of a later version, too */
	policy_site_init(&s);
	policy_site_add_file(&s, "v=supernode1\nv=supernode2\nrelay=no\n", 35);
	policy_site_end(&s);
	assert_false(s.relay);
	/* an empty one says nothing */
	policy_site_init(&s);
	policy_site_add_file(&s, "# none\n\n", 8);
	policy_site_end(&s);
	assert_int_equal(s.records, 0);
	assert_true(s.relay);
}

static void
test_the_stricter_of_two_networks_holds(void **state)
{
	struct policy_site a = read_record("v=supernode1; rate=5Mbit/s");
	struct policy_site b =
	    read_record("v=supernode1; rate=4Mbit/s; month=1GB; contact=x");
	const struct policy_site no = read_record("v=supernode1; relay=no");
	const struct policy_site none = read_record("");

	(void)state;
	policy_site_merge(&a, &b);
	assert_int_equal(a.rate, 4 * MBIT);
	assert_int_equal(a.month, GB);
	assert_string_equal(a.contact, "x");
	assert_true(a.relay);
	policy_site_merge(&a, &none);
	assert_int_equal(a.rate, 4 * MBIT);
	assert_true(a.relay);
	policy_site_merge(&a, &no);
	assert_false(a.relay);
	policy_site_merge(&a, &b);
	assert_false(a.relay);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_read_as_they_are_meant),
		cmocka_unit_test(test_a_fault_names_what_it_is_about),
		cmocka_unit_test(test_a_value_of_any_length_is_read),
		cmocka_unit_test(test_all_records_count),
		cmocka_unit_test(test_a_file_has_lines),
		cmocka_unit_test(
		    test_a_file_of_something_else_is_read_strictly),
		cmocka_unit_test(test_the_stricter_of_two_networks_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
