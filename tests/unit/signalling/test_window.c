#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "signalling/text.h"
#include "signalling/window.h"

static void
add(struct signal_window *w, size_t len, const struct signal_origin *owed)
{
	char bytes[1024] = "";
	struct signal_text *t = signal_text_new(bytes, len);

	assert_non_null(t);
	assert_int_equal(signal_window_add(w, t, owed), 0);
	signal_text_put(t);
}

static void
test_numbers_begin_at_one_and_do_not_jump(void **state)
{
	struct signal_window w = { 0 };

	(void)state;
	assert_int_equal(signal_window_last(&w), 0);
	for (unsigned i = 1; i <= 100; i++) {
		add(&w, 10, NULL);
		assert_int_equal(signal_window_last(&w), i);
		w.handed = w.count;
		if (i % 3 == 0)
			signal_window_ack(&w, i - 1);
	}
	assert_int_equal(w.count, 2);
	assert_int_equal(w.bytes, 20);
	signal_window_skip(&w);
	assert_int_equal(signal_window_last(&w), 101);
	assert_null(w.items);
}

static void
test_only_what_was_handed_over_can_be_acknowledged(void **state)
{
	struct signal_window w = { 0 };

	(void)state;
	for (int i = 0; i < 6; i++)
		add(&w, 1, NULL);
	w.handed = 4;
	signal_window_ack(&w, 3);
	assert_int_equal(w.count, 3);
	signal_window_ack(&w, 6);
	assert_int_equal(w.count, 2);
	assert_int_equal(w.gone, 4);
	signal_window_fini(&w);
}

static void
test_it_is_full_by_number_and_by_bytes_but_takes_one(void **state)
{
	struct signal_window w = { 0 };

	(void)state;
	assert_false(signal_window_is_full(&w, SIGNAL_WINDOW_BYTES + 1));
	for (int i = 0; i < SIGNAL_WINDOW_MESSAGES; i++) {
		assert_false(signal_window_is_full(&w, 1));
		add(&w, 1, NULL);
	}
	assert_true(signal_window_is_full(&w, 1));
	signal_window_shift(&w);
	assert_false(signal_window_is_full(&w, 1));
	assert_true(signal_window_is_full(&w, SIGNAL_WINDOW_BYTES));
	signal_window_fini(&w);
}

static void
test_who_waits_is_settled_once(void **state)
{
	const struct signal_origin origin = { .session = 5, .id = 9 };
	struct signal_window w = { 0 };
	struct signal_origin *owed;

	(void)state;
	add(&w, 1, &origin);
	add(&w, 1, NULL);
	owed = signal_window_settle(&w, 0);
	assert_int_equal(owed->id, 9);
	mem_free(owed);
	assert_null(signal_window_settle(&w, 0));
	assert_null(signal_window_settle(&w, 1));
	assert_int_equal(w.handed, 2);
	signal_window_fini(&w);
}

static void
test_a_failing_allocation_adds_nothing(void **state)
{
	const struct signal_origin origin = { .session = 5 };
	struct signal_text *t = signal_text_new("x", 1);
	struct signal_window w = { 0 };

	(void)state;
	for (long n = 0; n < 2; n++) {
		mem_fail_at(n);
		assert_int_not_equal(signal_window_add(&w, t, &origin), 0);
		mem_fail_at(-1);
		assert_int_equal(w.count, 0);
		assert_null(w.items);
	}
	assert_int_equal(signal_window_add(&w, t, &origin), 0);
	signal_window_fini(&w);
	signal_text_put(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_begin_at_one_and_do_not_jump),
		cmocka_unit_test(
		    test_only_what_was_handed_over_can_be_acknowledged),
		cmocka_unit_test(
		    test_it_is_full_by_number_and_by_bytes_but_takes_one),
		cmocka_unit_test(test_who_waits_is_settled_once),
		cmocka_unit_test(test_a_failing_allocation_adds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
