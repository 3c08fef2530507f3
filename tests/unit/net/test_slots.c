#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/mem.h"
#include "net/slots.h"

static void
test_holder_loses_what_is_queued(void **state)
{
	struct net_slots *s = net_slots_new();
	uint8_t *held, *base;

	(void)state;
	assert_true(net_slots_take(s, 100, &held));
	base = held;
	net_slots_queue(s, base);
	assert_null(held);
	assert_int_equal(net_slots_spare(s), SLOT_COUNT - 1);
	net_slots_release(s, base);
	assert_int_equal(net_slots_spare(s), SLOT_COUNT);
	net_slots_free(s);
}

static void
test_lent_slots_come_back_at_the_end_of_the_turn(void **state)
{
	struct net_slots *s = net_slots_new();
	uint8_t *sent;

	(void)state;
	for (int i = 0; i < SLOT_COUNT; i++)
		assert_non_null(net_slots_lend(s, SLOT_ROOM));
	assert_null(net_slots_lend(s, 1));
	net_slots_turn_end(s);
	assert_int_equal(net_slots_spare(s), SLOT_COUNT);
	/* one that waits to be sent does not */
	sent = net_slots_lend(s, 1);
	net_slots_queue(s, sent);
	net_slots_turn_end(s);
	assert_int_equal(net_slots_spare(s), SLOT_COUNT - 1);
	net_slots_free(s);
}

static void
test_slot_is_free_when_all_its_packets_are(void **state)
{
	struct net_slots *s = net_slots_new();
	uint8_t *held, *base;

	(void)state;
	assert_true(net_slots_take(s, SLOT_BIG_ROOM, &held));
	base = held;
	net_slots_pin(s, base);
	/* a packet is known by any address in the slot */
	net_slots_queue(s, base + 1000);
	assert_null(held);
	net_slots_queue(s, base + 2000);
	net_slots_release(s, base + 1000);
	net_slots_release(s, base + 2000);
	/* both were sent, but somebody still looks for a third */
	assert_int_equal(net_slots_spare_big(s), SLOT_BIG_COUNT - 1);
	net_slots_queue(s, base + 3000);
	net_slots_release(s, base);
	assert_int_equal(net_slots_spare_big(s), SLOT_BIG_COUNT - 1);
	net_slots_release(s, base + 3000);
	assert_int_equal(net_slots_spare_big(s), SLOT_BIG_COUNT);
	net_slots_free(s);
}

static void
test_pinned_slot_of_which_nothing_was_sent_stays_held(void **state)
{
	struct net_slots *s = net_slots_new();
	uint8_t *held, *base;

	(void)state;
	assert_true(net_slots_take(s, 100, &held));
	base = held;
	net_slots_pin(s, base);
	net_slots_release(s, base);
	assert_ptr_equal(held, base);
	assert_int_equal(net_slots_spare(s), SLOT_COUNT - 1);
	net_slots_release(s, base);
	net_slots_free(s);
}

static void
test_size_follows_the_room_asked_for(void **state)
{
	struct net_slots *s = net_slots_new();
	uint8_t *p;

	(void)state;
	p = net_slots_lend(s, SLOT_ROOM);
	assert_int_equal(net_slots_size(s, p), SLOT_BYTES);
	p = net_slots_lend(s, SLOT_ROOM + 1);
	assert_int_equal(net_slots_size(s, p), SLOT_BIG_BYTES);
	assert_null(net_slots_lend(s, SLOT_BIG_ROOM + 1));
	net_slots_free(s);
}

static void
test_constructor_survives_failing_allocations(void **state)
{
	struct net_slots *s = NULL;
	long n;

	(void)state;
	for (n = 0; s == NULL; n++) {
		mem_fail_at(n);
		s = net_slots_new();
	}
	mem_fail_at(-1);
	assert_int_equal(n, 8);
	net_slots_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holder_loses_what_is_queued),
		cmocka_unit_test(
		    test_lent_slots_come_back_at_the_end_of_the_turn),
		cmocka_unit_test(test_slot_is_free_when_all_its_packets_are),
		cmocka_unit_test(
		    test_pinned_slot_of_which_nothing_was_sent_stays_held),
		cmocka_unit_test(test_size_follows_the_room_asked_for),
		cmocka_unit_test(test_constructor_survives_failing_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
