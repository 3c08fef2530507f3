/* cursor: one test of `bad` at the end is enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/cursor.h"

static const uint8_t BYTES[] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static void
test_numbers_are_read_in_network_order(void **state)
{
	struct cursor c;

	(void)state;
	cursor_init(&c, BYTES, sizeof(BYTES));
	assert_int_equal(cursor_u8(&c), 0x01);
	assert_int_equal(cursor_u16(&c), 0x0203);
	assert_int_equal(cursor_u32(&c), 0x04050607);
	assert_int_equal(cursor_left(&c), 1);
	assert_false(c.bad);
}

static void
test_a_read_past_the_end_spoils_all_that_follow(void **state)
{
	struct cursor c;

	(void)state;
	cursor_init(&c, BYTES, 3);
	assert_int_equal(cursor_u32(&c), 0);
	assert_true(c.bad);
	/* three bytes were there, but the error sticks */
	assert_int_equal(cursor_u8(&c), 0);
	assert_null(cursor_bytes(&c, 0));
}

static void
test_a_cursor_ends_exactly(void **state)
{
	struct cursor c;

	(void)state;
	cursor_init(&c, BYTES, sizeof(BYTES));
	assert_ptr_equal(cursor_bytes(&c, sizeof(BYTES)), BYTES);
	assert_false(c.bad);
	assert_non_null(cursor_bytes(&c, 0));
	assert_int_equal(cursor_u8(&c), 0);
	assert_true(c.bad);
}

static void
test_a_pen_writes_what_a_cursor_reads(void **state)
{
	uint8_t out[7];
	struct pen p;

	(void)state;
	pen_init(&p, out, sizeof(out));
	pen_u8(&p, 0x01);
	pen_u16(&p, 0x0203);
	pen_u32(&p, 0x04050607);
	assert_false(p.bad);
	assert_int_equal(pen_len(&p), sizeof(out));
	assert_memory_equal(out, BYTES, sizeof(out));
}

static void
test_a_pen_never_writes_past_its_end(void **state)
{
	uint8_t out[4] = { 9, 9, 9, 9 };
	struct pen p;

	(void)state;
	pen_init(&p, out, 3);
	pen_u16(&p, 0x0102);
	pen_u16(&p, 0x0304);
	assert_true(p.bad);
	/* the byte that would have fitted is not written either */
	pen_u8(&p, 7);
	assert_int_equal(out[2], 9);
	assert_int_equal(out[3], 9);
	assert_int_equal(pen_len(&p), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_read_in_network_order),
		cmocka_unit_test(
		    test_a_read_past_the_end_spoils_all_that_follow),
		cmocka_unit_test(test_a_cursor_ends_exactly),
		cmocka_unit_test(test_a_pen_writes_what_a_cursor_reads),
		cmocka_unit_test(test_a_pen_never_writes_past_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
