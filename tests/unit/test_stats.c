#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/stats.h"

static uint64_t
get(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static void
test_a_sum_holds_every_counter_of_both(void **state)
{
	static struct stats sum, a;
	_Atomic uint64_t *words = (void *)&a;
	const size_t count =
	    (offsetof(struct stats, loop_turns) + sizeof(uint64_t)) /
	    sizeof(uint64_t);

	(void)state;
	for (size_t i = 0; i < count; i++)
		stats_add(&words[i], i + 1);
	stats_sum(&sum, &a);
	stats_sum(&sum, &a);
	words = (void *)&sum;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(get(&words[i]), 2 * (i + 1));
}

static void
test_answers_are_counted_by_code(void **state)
{
	static struct stats s;

	(void)state;
	stats_error(&s, 300);
	stats_error(&s, 401);
	stats_error(&s, 401);
	stats_error(&s, 599);
	assert_int_equal(get(&s.error[0]), 1);
	assert_int_equal(get(&s.error[101]), 2);
	assert_int_equal(get(&s.error[299]), 1);
}

static void
test_a_packet_counts_bytes_and_itself(void **state)
{
	static struct stats s;

	(void)state;
	stats_wire(&s, STATS_OUT, STATS_PEER, 100);
	stats_wire(&s, STATS_OUT, STATS_PEER, 28);
	stats_dropped(&s, STATS_DROP_CAP_OUT);
	stats_count(&s, STATS_ALLOCATIONS, 2);
	stats_count(&s, STATS_ALLOCATIONS, -1);
	assert_int_equal(get(&s.wire_bytes[STATS_OUT][STATS_PEER]), 128);
	assert_int_equal(get(&s.wire_packets[STATS_OUT][STATS_PEER]), 2);
	assert_int_equal(get(&s.wire_bytes[STATS_IN][STATS_PEER]), 0);
	assert_int_equal(get(&s.drop[STATS_DROP_CAP_OUT]), 1);
	assert_int_equal(get(&s.counter[STATS_ALLOCATIONS]), 1);
}

static void
test_every_counter_has_its_words(void **state)
{
	(void)state;
	assert_string_equal(stats_drop_label(STATS_DROP_CAP_OUT), "cap_out");
	assert_string_equal(stats_auth_label(STATS_AUTH_BID_DOWN), "bid_down");
	assert_string_equal(
	    stats_counter_name(STATS_CHANNELS), "turn_channels");
	assert_string_equal(stats_counter_type(STATS_CHANNELS), "gauge");
	assert_string_equal(stats_dir_label(STATS_OUT), "out");
	assert_string_equal(stats_kind_label(STATS_PEER), "peer");
	for (int i = 0; i < STATS_DROP_COUNT; i++)
		assert_true(strlen(stats_drop_help((enum stats_drop)i)) > 0);
	for (int i = 0; i < STATS_COUNTER_COUNT; i++)
		assert_true(
		    strlen(stats_counter_help((enum stats_counter)i)) > 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sum_holds_every_counter_of_both),
		cmocka_unit_test(test_answers_are_counted_by_code),
		cmocka_unit_test(test_a_packet_counts_bytes_and_itself),
		cmocka_unit_test(test_every_counter_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
