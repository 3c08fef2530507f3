/* ticket: good once, for 30 seconds, for one side. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/mem.h"
#include "signalling/ticket.h"

enum { NOW = 1000 };

static const struct signal_party PARTIES[2] = { { "alice", 1 }, { "bob", 2 } };
static const struct signal_place HERE = { .worker = 0, .number = 11 };
static const struct signal_place THERE = { .worker = 3, .number = 22 };

static int
setup(void **state)
{
	*state = signal_tickets_new();
	return *state != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	signal_tickets_free(*state);
	return 0;
}

static struct signal_ticket_pair
must_issue(struct signal_tickets *t, mono_ms now)
{
	struct signal_ticket_pair pair;

	assert_int_equal(signal_ticket_issue(&pair, t, PARTIES, now), 0);
	return pair;
}

static int
use(struct signal_tickets *t, const char *text, mono_ms now)
{
	struct signal_ticket_grant grant;

	return signal_ticket_use(&grant, t, text, &HERE, now);
}

static void
test_each_side_has_its_own_and_finds_the_other(void **state)
{
	struct signal_ticket_pair pair = must_issue(*state, NOW);
	struct signal_ticket_grant first, second;

	assert_int_equal(strlen(pair.of[0]), SIGNAL_TICKET_TEXT);
	assert_string_not_equal(pair.of[0], pair.of[1]);
	assert_int_equal(
	    signal_ticket_use(&second, *state, pair.of[1], &THERE, NOW + 1), 0);
	assert_string_equal(second.name, "bob");
	assert_int_equal(second.side, 1);
	assert_int_equal(second.other.number, 0);
	assert_true(second.expires == NOW + SIGNAL_TICKET_MS);
	assert_int_equal(
	    signal_ticket_use(&first, *state, pair.of[0], &HERE, NOW + 2), 0);
	assert_string_equal(first.name, "alice");
	assert_int_equal(first.other.worker, THERE.worker);
	assert_int_equal(first.other.number, THERE.number);
	assert_int_equal(first.pair, second.pair);
}

static void
test_a_ticket_is_good_once(void **state)
{
	struct signal_ticket_pair pair = must_issue(*state, NOW);

	assert_int_equal(use(*state, pair.of[0], NOW), 0);
	assert_int_equal(use(*state, pair.of[0], NOW), ESTALE);
	assert_int_equal(use(*state, pair.of[1], NOW), 0);
}

static void
test_a_ticket_is_good_for_30_seconds(void **state)
{
	struct signal_ticket_pair pair = must_issue(*state, NOW);

	assert_int_equal(
	    use(*state, pair.of[0], NOW + SIGNAL_TICKET_MS - 1), 0);
	assert_int_equal(
	    use(*state, pair.of[1], NOW + SIGNAL_TICKET_MS), ESTALE);
	assert_int_equal(
	    use(*state, pair.of[1], NOW + SIGNAL_TICKET_KEPT_MS - 1), ESTALE);
	/* by then it is forgotten */
	assert_int_equal(
	    use(*state, pair.of[1], NOW + SIGNAL_TICKET_KEPT_MS), ENOENT);
	assert_int_equal(signal_tickets_count(*state), 0);
}

static void
test_what_was_never_issued_is_no_ticket(void **state)
{
	struct signal_ticket_pair pair = must_issue(*state, NOW);

	assert_int_equal(use(*state, "", NOW), ENOENT);
	assert_int_equal(use(*state, "AAAAAAAAAAAAAAAAAAAAAA", NOW), ENOENT);
	assert_int_equal(use(*state, "AAAAAAAAAAAAAAAAAAAAAAA", NOW), ENOENT);
	assert_int_equal(use(*state, "../../../../etc/passwd", NOW), ENOENT);
	pair.of[0][SIGNAL_TICKET_TEXT - 1] = '\0';
	assert_int_equal(use(*state, pair.of[0], NOW), ENOENT);
}

static void
test_who_went_before_the_partner_came_ends_both(void **state)
{
	struct signal_ticket_pair pair = must_issue(*state, NOW);
	struct signal_ticket_grant grant;

	assert_int_equal(
	    signal_ticket_use(&grant, *state, pair.of[0], &HERE, NOW), 0);
	signal_ticket_leave(*state, grant.pair);
	assert_int_equal(use(*state, pair.of[1], NOW), ESTALE);
	/* of a pair that is not known any more: nothing */
	signal_ticket_leave(*state, grant.pair + 1);
}

static void
test_a_session_has_16_open_ones(void **state)
{
	const struct signal_party other[2] = { { "eve", 3 }, { "bob", 2 } };
	struct signal_ticket_pair pair, first = must_issue(*state, NOW);

	for (int i = 1; i < SIGNAL_TICKET_OPEN_MAX; i++)
		pair = must_issue(*state, NOW);
	assert_int_equal(
	    signal_ticket_issue(&pair, *state, PARTIES, NOW), EDQUOT);
	/* others are not concerned */
	assert_int_equal(signal_ticket_issue(&pair, *state, other, NOW), 0);
	/* what both have come for is open no more */
	assert_int_equal(use(*state, first.of[0], NOW), 0);
	assert_int_equal(
	    signal_ticket_issue(&pair, *state, PARTIES, NOW), EDQUOT);
	assert_int_equal(use(*state, first.of[1], NOW), 0);
	assert_int_equal(signal_ticket_issue(&pair, *state, PARTIES, NOW), 0);
	/* nor what is forgotten */
	assert_int_equal(signal_ticket_issue(&pair, *state, PARTIES,
			     NOW + SIGNAL_TICKET_KEPT_MS),
	    0);
}

static void
test_there_are_8192_pairs_at_most(void **state)
{
	struct signal_ticket_pair pair;
	struct signal_party parties[2] = { { "alice", 0 }, { "bob", 2 } };

	for (int i = 0; i < SIGNAL_TICKET_PAIRS_MAX; i++) {
		parties[0].session = (uint64_t)i + 1;
		assert_int_equal(
		    signal_ticket_issue(&pair, *state, parties, NOW), 0);
	}
	assert_int_equal(
	    signal_ticket_issue(&pair, *state, PARTIES, NOW), ENOSPC);
	assert_int_equal(signal_tickets_count(*state), SIGNAL_TICKET_PAIRS_MAX);
	assert_int_equal(signal_ticket_issue(&pair, *state, PARTIES,
			     NOW + SIGNAL_TICKET_KEPT_MS),
	    0);
	assert_int_equal(signal_tickets_count(*state), 1);
}

/* Others hold all the room, but for one pair. */
static void
fill_but_one(struct signal_tickets *t)
{
	struct signal_party parties[2] = { { "eve", 0 }, { "bob", 2 } };
	struct signal_ticket_pair pair;

	for (int i = 1; i < SIGNAL_TICKET_PAIRS_MAX; i++) {
		parties[0].session = (uint64_t)i + 100;
		assert_int_equal(
		    signal_ticket_issue(&pair, t, parties, NOW), 0);
	}
}

static void
test_pairs_that_both_came_for_make_room(void **state)
{
	struct signal_ticket_pair pair, next;

	fill_but_one(*state);
	for (int i = 0; i < 2 * SIGNAL_TICKET_OPEN_MAX; i++) {
		pair = must_issue(*state, NOW);
		assert_int_equal(use(*state, pair.of[0], NOW), 0);
		/* one end alone may still meet the other */
		assert_int_equal(
		    signal_ticket_issue(&next, *state, PARTIES, NOW), ENOSPC);
		assert_int_equal(use(*state, pair.of[1], NOW), 0);
		/* till the room is needed */
		assert_int_equal(use(*state, pair.of[1], NOW), ESTALE);
	}
	must_issue(*state, NOW);
	assert_int_equal(use(*state, pair.of[1], NOW), ENOENT);
	assert_int_equal(signal_tickets_count(*state), SIGNAL_TICKET_PAIRS_MAX);
}

static void
test_pairs_that_were_left_make_room_the_first_one_first(void **state)
{
	struct signal_ticket_pair first = must_issue(*state, NOW);
	struct signal_ticket_pair second = must_issue(*state, NOW);
	struct signal_ticket_grant one, two;

	assert_int_equal(
	    signal_ticket_use(&one, *state, first.of[0], &HERE, NOW), 0);
	assert_int_equal(
	    signal_ticket_use(&two, *state, second.of[0], &HERE, NOW), 0);
	signal_ticket_leave(*state, two.pair);
	signal_ticket_leave(*state, one.pair);
	signal_ticket_leave(*state, two.pair);
	fill_but_one(*state);
	assert_int_equal(use(*state, second.of[1], NOW), ENOENT);
	assert_int_equal(use(*state, first.of[1], NOW), ESTALE);
	/* nothing is left of a pair that is forgotten */
	signal_ticket_leave(*state, two.pair);
	must_issue(*state, NOW);
	assert_int_equal(use(*state, first.of[1], NOW), ENOENT);
}

static void
test_without_memory_nothing_is_issued(void **state)
{
	struct signal_ticket_pair pair;
	struct signal_tickets *t;
	long n = 0;
	int rc;

	(void)state;
	do {
		mem_fail_at(n++);
		t = signal_tickets_new();
		rc = t != NULL ? signal_ticket_issue(&pair, t, PARTIES, NOW)
			       : ENOMEM;
		mem_fail_at(-1);
		assert_true(rc == 0 || rc == ENOMEM);
		if (t != NULL)
			assert_int_equal(signal_tickets_count(t), rc == 0);
		signal_tickets_free(t);
	} while (rc != 0);
	assert_true(n > 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_each_side_has_its_own_and_finds_the_other, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_ticket_is_good_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_ticket_is_good_for_30_seconds, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_what_was_never_issued_is_no_ticket, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_who_went_before_the_partner_came_ends_both, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_session_has_16_open_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_there_are_8192_pairs_at_most, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_pairs_that_both_came_for_make_room, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_pairs_that_were_left_make_room_the_first_one_first,
		    setup, teardown),
		cmocka_unit_test(test_without_memory_nothing_is_issued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
