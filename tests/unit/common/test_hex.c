#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/hex.h"

static void
test_bytes_come_back(void **state)
{
	uint8_t in[256], out[256];
	char text[2 * 256 + 1];

	(void)state;
	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	assert_ptr_equal(hex_write(text, in, sizeof(in)), text);
	assert_int_equal(strlen(text), 2 * sizeof(in));
	assert_memory_equal(text, "000102", 6);
	assert_int_equal(hex_read(out, sizeof(out), text), 0);
	assert_memory_equal(in, out, sizeof(in));
}

static void
test_what_is_no_digit_is_refused(void **state)
{
	static const char *const bad[] = { "", "0", "000", "00g0", "0g00",
		"AA00", "00 0", "0x00" };
	uint8_t out[2];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hex_read(out, 2, bad[i]), EINVAL);
	assert_int_equal(hex_read(out, 2, "00ff!"), 0);
	assert_int_equal(out[1], 0xff);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_come_back),
		cmocka_unit_test(test_what_is_no_digit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
