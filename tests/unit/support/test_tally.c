#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>

#include "tests/support/tally.h"

enum { SIZE = 172 };

struct pair {
	struct tally a, b;
	uint8_t data[SIZE];
};

static int
set_up(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	p->a.id = 1;
	p->b.id = 2;
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	free(*state);
	return 0;
}

static void
test_payload_counts_once(void **state)
{
	struct pair *p = *state;

	tally_next(&p->a, p->data, SIZE, 1000);
	assert_true(tally_count(&p->b, p->data, SIZE, 2000));
	assert_false(tally_count(&p->b, p->data, SIZE, 3000));
	assert_int_equal(p->b.received, 1);
	assert_int_equal(p->b.dup, 1);
	assert_int_equal(p->b.bytes, SIZE);
}

static void
test_echo_comes_back_with_its_round_trip(void **state)
{
	struct pair *p = *state;

	tally_next(&p->a, p->data, SIZE, 5000000000);
	tally_make_echo(p->data);
	assert_false(tally_count(&p->a, p->data, SIZE, 5000000700));
	assert_int_equal(p->a.echoes, 1);
	assert_int_equal(p->a.trip_us[0], 700);
	assert_int_equal(p->a.received, 0);
}

static void
test_damaged_payload_is_foreign(void **state)
{
	struct pair *p = *state;

	tally_next(&p->a, p->data, SIZE, 1000);
	p->data[SIZE - 1] ^= 1;
	assert_false(tally_count(&p->b, p->data, SIZE, 2000));
	assert_int_equal(p->b.foreign, 1);
	assert_int_equal(p->b.received, 0);
}

static void
test_short_payload_is_foreign(void **state)
{
	struct pair *p = *state;

	tally_next(&p->a, p->data, SIZE, 1000);
	assert_false(tally_count(&p->b, p->data, TALLY_HEADER - 1, 2000));
	assert_int_equal(p->b.foreign, 1);
}

static void
test_senders_are_told_apart(void **state)
{
	struct pair *p = *state;

	tally_next(&p->a, p->data, SIZE, 1000);
	assert_true(tally_count(&p->b, p->data, SIZE, 2000));
	p->a.id = 3;
	p->a.sent = 0;
	tally_next(&p->a, p->data, SIZE, 1000);
	assert_true(tally_count(&p->b, p->data, SIZE, 2000));
	assert_int_equal(p->b.received, 2);
}

static void
test_reset_forgets_all_but_the_id(void **state)
{
	struct pair *p = *state;

	tally_next(&p->a, p->data, SIZE, 1000);
	assert_true(tally_count(&p->b, p->data, SIZE, 2000));
	tally_reset(&p->b);
	assert_int_equal(p->b.id, 2);
	assert_int_equal(p->b.received, 0);
	assert_true(tally_count(&p->b, p->data, SIZE, 2000));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(test_payload_counts_once),
		TEST(test_echo_comes_back_with_its_round_trip),
		TEST(test_damaged_payload_is_foreign),
		TEST(test_short_payload_is_foreign),
		TEST(test_senders_are_told_apart),
		TEST(test_reset_forgets_all_but_the_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
