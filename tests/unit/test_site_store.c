#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "relay/site_store.h"

static char dir[64], path[96];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/site-store.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/site.json", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void
test_words_come_back(void **state)
{
	struct site_store_entry in[3] = { { .name = "example.edu",
					      .heard_s = 5 },
		{ .name = "/etc/site", .heard_s = 7 },
		{ .name = "never.example" } };
	struct site_store_entry out[4] = { { .name = "other.example" },
		{ .name = "/etc/site" }, { .name = "example.edu" },
		{ .name = "never.example" } };
	struct stat st;

	(void)state;
	policy_site_init(&in[0].word);
	policy_site_add(&in[0].word,
	    "v=supernode1;relay=?;rate=5Mbit/s;month=1TB;contact=\"x\"", 56);
	policy_site_init(&in[1].word);
	policy_site_init(&in[2].word);
	assert_int_equal(site_store_save(in, 3, path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(site_store_load(out, 4, path), 0);
	assert_int_equal(out[0].heard_s, 0);
	assert_true(out[0].word.relay);
	assert_int_equal(out[1].heard_s, 7);
	assert_true(out[1].word.relay);
	assert_int_equal(out[1].word.records, 0);
	assert_int_equal(out[2].heard_s, 5);
	assert_false(out[2].word.relay);
	assert_int_equal(out[2].word.rate, 5000000);
	assert_int_equal(out[2].word.month, 1000000000000);
	assert_string_equal(out[2].word.contact, in[0].word.contact);
	assert_string_equal(out[2].word.fault, in[0].word.fault);
	assert_int_equal(out[3].heard_s, 0);
}

static void
test_what_is_damaged_is_forgotten_as_a_whole(void **state)
{
	static const char *const bad[] = { "", "[]", "null", "{\"a\":1}",
		"{\"a\":{}}",
		("{\"a\":{\"relay\":true,\"heard\":1,\"records\":1,"
		 "\"rate\":0,\"month\":0},\"b\":{\"relay\":1}}"),
		"{\"a\":{\"relay\":true,\"heard\":-1}}",
		"{\"a\":{\"relay\":true,\"heard\":1,\"rate\":-1}}",
		"{\"a\":{\"relay\":true,\"heard\":1,\"month\":-1}}",
		"{\"a\":{\"relay\":true,\"heard\":1,\"records\":-1}}" };
	struct site_store_entry out[2] = { { .name = "a" }, { .name = "b" } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fputs(bad[i], f);
		fclose(f);
		assert_int_equal(site_store_load(out, 2, path), EINVAL);
		assert_int_equal(out[0].heard_s, 0);
		assert_int_equal(out[1].heard_s, 0);
	}
}

static void
test_no_file_is_no_word(void **state)
{
	struct site_store_entry out = { .name = "a", .heard_s = 9 };
	FILE *f;

	(void)state;
	assert_int_equal(site_store_load(&out, 1, path), ENOENT);
	assert_int_equal(out.heard_s, 0);
	assert_int_not_equal(
	    site_store_save(&out, 1, "/nonexistent/site.json"), 0);
	f = fopen(path, "w"); /* for the teardown */
	fclose(f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_words_come_back),
		TEST(test_what_is_damaged_is_forgotten_as_a_whole),
		TEST(test_no_file_is_no_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
