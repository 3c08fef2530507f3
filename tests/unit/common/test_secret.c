#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/mem.h"
#include "common/secret.h"

static char path[] = "/tmp/test_secret.XXXXXX";

static int
setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int
teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void
write_file(const char *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void
test_equal_looks_at_each_byte(void **state)
{
	uint8_t a[20], b[20];

	(void)state;
	memset(a, 0x5a, sizeof(a));
	memcpy(b, a, sizeof(b));
	assert_true(secret_equal(a, b, sizeof(a)));
	for (size_t i = 0; i < sizeof(b); i++) {
		b[i] ^= 0x80;
		assert_false(secret_equal(a, b, sizeof(a)));
		assert_true(secret_equal(a, b, i));
		b[i] ^= 0x80;
	}
}

static void
test_wipe_zeroes_just_len_bytes(void **state)
{
	uint8_t a[4] = { 1, 2, 3, 4 };

	(void)state;
	secret_wipe(a, 3);
	secret_wipe(NULL, 0);
	assert_memory_equal(a, ((uint8_t[]){ 0, 0, 0, 4 }), 4);
}

static void
test_load_cuts_newlines_at_the_end_only(void **state)
{
	static const struct {
		const char *file, *text;
	} rows[] = {
		{ "north\n", "north" },
		{ "north\r\n\n", "north" },
		{ "a\nb", "a\nb" },
		{ " x ", " x " },
		{ "\n", "" },
		{ "", "" },
	};
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_file(rows[i].file, strlen(rows[i].file));
		assert_int_equal(secret_load(&text, path), 0);
		assert_string_equal(text, rows[i].text);
		secret_free(text);
	}
	secret_free(NULL);
}

static void
test_load_takes_64_kib_and_not_a_byte_more(void **state)
{
	static char big[SECRET_FILE_MAX + 1];
	char *text = NULL;

	(void)state;
	memset(big, 'k', sizeof(big));
	write_file(big, SECRET_FILE_MAX);
	assert_int_equal(secret_load(&text, path), 0);
	assert_int_equal(strlen(text), SECRET_FILE_MAX);
	secret_free(text);
	text = NULL;
	write_file(big, sizeof(big));
	assert_int_equal(secret_load(&text, path), EFBIG);
	assert_null(text);
}

static void
test_load_says_why_it_failed(void **state)
{
	char *text = NULL;

	(void)state;
	assert_int_equal(secret_load(&text, "/tmp/no/such"), ENOENT);
	assert_int_equal(secret_load(&text, "/tmp"), EISDIR);
	write_file("a\0b", 3);
	assert_int_equal(secret_load(&text, path), EINVAL);
	assert_null(text);
}

static void
test_load_survives_each_failing_allocation(void **state)
{
	char *text = NULL;
	long n;

	(void)state;
	write_file("key\n", 4);
	for (n = 0;; n++) {
		int rc;

		mem_fail_at(n);
		rc = secret_load(&text, path);
		if (mem_fail_at(-1) <= n && rc == 0)
			break;
		assert_int_equal(rc, ENOMEM);
		assert_null(text);
	}
	assert_int_equal(n, 2);
	assert_string_equal(text, "key");
	secret_free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_looks_at_each_byte),
		cmocka_unit_test(test_wipe_zeroes_just_len_bytes),
		cmocka_unit_test(test_load_cuts_newlines_at_the_end_only),
		cmocka_unit_test(test_load_takes_64_kib_and_not_a_byte_more),
		cmocka_unit_test(test_load_says_why_it_failed),
		cmocka_unit_test(test_load_survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
