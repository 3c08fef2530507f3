#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "relay/snapshot.h"
#include "turn/ports.h"

enum {
	MIN = 50000,
	MAX = 50199, /* crosses word borders, ends within a word */
	COUNT = MAX - MIN + 1,
	END = TURN_PORTS_RESERVATION_MS, /* of what is reserved at 0 */
	THREADS = 4,
};

static struct addr
addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static void
assert_addr(const struct addr *a, const char *text)
{
	const struct addr want = addr(text);

	assert_true(addr_equal(a, &want));
}

/* Ports min..max of up to three addresses; the first has an outside. */
static struct turn_ports *
open_ports(uint16_t min, uint16_t max, size_t count)
{
	struct addr at[3] = { addr("10.0.0.7"), addr("2001:db8::7"),
		addr("10.0.0.8") };
	struct snapshot_external external = { addr("203.0.113.7"),
		addr("10.0.0.7") };
	const struct snapshot conf = { .relay = {
					   .addresses = { at, count },
					   .external = &external,
					   .external_count = 1,
					   .port_min = min,
					   .port_max = max,
				       } };

	return turn_ports_new(&conf);
}

static int
open_one(void **state)
{
	*state = open_ports(MIN, MAX, 1);
	return *state == NULL;
}

static int
open_three(void **state)
{
	*state = open_ports(MIN, MAX, 3);
	return *state == NULL;
}

static int
close_ports(void **state)
{
	turn_ports_free(*state);
	return 0;
}

static uint8_t token[STUN_TOKEN_LEN];

/* Takes a port of 10.0.0.7; 0 when there is none. */
static unsigned
take(struct turn_ports *p, enum turn_ports_want want, mono_ms now)
{
	struct addr at;

	if (turn_ports_take(&at, p, AF_INET, want, token, now) != 0)
		return 0;
	assert_in_range(addr_port(&at), MIN, MAX);
	return addr_port(&at);
}

static void
give(struct turn_ports *p, unsigned port)
{
	struct addr at = addr("10.0.0.7");

	addr_set_port(&at, (uint16_t)port);
	turn_ports_give(p, &at);
}

static bool
is_live(struct turn_ports *p, const char *host, unsigned port)
{
	struct addr at = addr(host);

	addr_set_port(&at, (uint16_t)port);
	return turn_ports_is_live(p, &at);
}

static void
test_every_port_is_taken_once_then_508(void **state)
{
	bool seen[COUNT] = { false };
	struct addr at;
	unsigned port;

	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_not_equal(port = take(*state, TURN_PORTS_ANY, 0), 0);
		assert_false(seen[port - MIN]);
		seen[port - MIN] = true;
	}
	assert_int_equal(
	    turn_ports_take(&at, *state, AF_INET, TURN_PORTS_ANY, token, 0),
	    508);
	give(*state, MIN + 77);
	assert_int_equal(take(*state, TURN_PORTS_ANY, 0), MIN + 77);
}

static void
test_a_family_without_address_is_440(void **state)
{
	struct addr at;

	assert_int_equal(
	    turn_ports_take(&at, *state, AF_INET6, TURN_PORTS_ANY, token, 0),
	    440);
}

/* 32 times the same out of 200: 200^-31. */
static void
test_ports_are_chosen_at_random(void **state)
{
	unsigned first = take(*state, TURN_PORTS_ANY, 0), others = 0;

	give(*state, first);
	for (unsigned i = 0; i < 31; i++) {
		const unsigned port = take(*state, TURN_PORTS_ANY, 0);

		others += port != first;
		give(*state, port);
	}
	assert_int_not_equal(others, 0);
}

static void
test_even_ports_do_not_keep_the_odd_ones(void **state)
{
	unsigned port;

	for (unsigned i = 0; i < COUNT / 2; i++) {
		assert_int_not_equal(
		    port = take(*state, TURN_PORTS_EVEN, 0), 0);
		assert_int_equal(port % 2, 0);
	}
	assert_int_equal(take(*state, TURN_PORTS_EVEN, 0), 0);
	assert_int_equal(turn_ports_taken(*state), COUNT / 2);
	for (unsigned i = 0; i < COUNT / 2; i++)
		assert_int_equal(take(*state, TURN_PORTS_ANY, 0) % 2, 1);
	for (unsigned i = MIN; i <= MAX; i++)
		give(*state, i);
	assert_int_equal(turn_ports_taken(*state), 0);
}

static void
test_a_pair_keeps_the_port_above_for_its_token(void **state)
{
	const unsigned port = take(*state, TURN_PORTS_PAIR, 0);
	uint8_t wrong[STUN_TOKEN_LEN];
	struct addr at;

	assert_int_equal(port % 2, 0);
	assert_int_equal(turn_ports_taken(*state), 2);
	memcpy(wrong, token, sizeof(wrong));
	for (unsigned i = 0; i < STUN_TOKEN_LEN; i++) {
		wrong[i] ^= 1;
		assert_int_equal(
		    turn_ports_redeem(&at, *state, wrong, END - 1), 508);
		wrong[i] ^= 1;
	}
	assert_int_equal(turn_ports_redeem(&at, *state, token, END - 1), 0);
	assert_int_equal(addr_port(&at), port + 1);
	/* once only, and what is redeemed does not expire */
	assert_int_equal(turn_ports_redeem(&at, *state, token, END - 1), 508);
	turn_ports_expire(*state, END);
	assert_int_equal(turn_ports_taken(*state), 2);
	turn_ports_give(*state, &at);
	give(*state, port);
	assert_int_equal(turn_ports_taken(*state), 0);
}

static void
test_a_reservation_expires(void **state)
{
	const unsigned port = take(*state, TURN_PORTS_PAIR, 0);
	struct addr at;

	turn_ports_expire(*state, END - 1);
	assert_int_equal(turn_ports_taken(*state), 2);
	assert_int_equal(turn_ports_redeem(&at, *state, token, END), 508);
	turn_ports_expire(*state, END);
	assert_int_equal(turn_ports_taken(*state), 1);
	give(*state, port);
}

/* A port that is only kept may be another program's, like one that did not
 * open: nobody is let through to it. */
static void
test_only_an_open_port_is_live(void **state)
{
	const unsigned port = take(*state, TURN_PORTS_PAIR, 0);
	struct addr at = addr("10.0.0.7");

	addr_set_port(&at, (uint16_t)port);
	assert_false(is_live(*state, "10.0.0.7", port));
	turn_ports_opened(*state, &at, 0, NULL);
	assert_true(is_live(*state, "10.0.0.7", port));
	assert_false(is_live(*state, "10.0.0.7", port + 1));
	turn_ports_give(*state, &at);
	assert_false(is_live(*state, "10.0.0.7", port));
	assert_int_equal(turn_ports_redeem(&at, *state, token, 0), 0);
	assert_false(is_live(*state, "10.0.0.7", port + 1));
	turn_ports_opened(*state, &at, 0, NULL);
	assert_true(is_live(*state, "10.0.0.7", port + 1));
}

static void
test_a_mark_tells_whose_a_port_is_and_changes_with_each_opening(void **state)
{
	const unsigned port = take(*state, TURN_PORTS_ANY, 0);
	struct addr at = addr("10.0.0.7"), outside = addr("203.0.113.7");
	struct turn_leg *one = (struct turn_leg *)(void *)&at;
	struct turn_leg *two = (struct turn_leg *)(void *)&outside;
	uint32_t mark;

	addr_set_port(&at, (uint16_t)port);
	addr_set_port(&outside, (uint16_t)port);
	assert_int_equal(turn_port_mark(turn_ports_find(*state, &at)), 0);
	turn_ports_opened(*state, &at, 0, one);
	mark = turn_port_mark(turn_ports_find(*state, &at));
	assert_int_equal(turn_port_worker(mark), 0);
	assert_ptr_equal(
	    turn_port_leg(turn_ports_find(*state, &at), mark), one);
	/* packets go to the inside */
	assert_null(turn_ports_find(*state, &outside));
	turn_ports_give(*state, &at);
	assert_int_equal(turn_port_mark(turn_ports_find(*state, &at)), 0);
	assert_null(turn_port_leg(turn_ports_find(*state, &at), mark));
	while (take(*state, TURN_PORTS_ANY, 0) != port)
		;
	turn_ports_opened(*state, &at, SNAPSHOT_WORKERS_MAX - 1, two);
	assert_null(turn_port_leg(turn_ports_find(*state, &at), mark));
	mark = turn_port_mark(turn_ports_find(*state, &at));
	assert_int_equal(turn_port_worker(mark), SNAPSHOT_WORKERS_MAX - 1);
	assert_ptr_equal(
	    turn_port_leg(turn_ports_find(*state, &at), mark), two);
	addr_set_port(&at, MAX + 1);
	assert_int_equal(turn_port_mark(turn_ports_find(*state, &at)), 0);
	addr_set_port(&at, MIN - 1);
	assert_int_equal(turn_port_mark(turn_ports_find(*state, &at)), 0);
}

static void
test_pairs_need_two_free_ports(void **state)
{
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_not_equal(take(*state, TURN_PORTS_ANY, 0), 0);
	give(*state, MIN);
	give(*state, MIN + 3);
	give(*state, MIN + 5);
	give(*state, MIN + 6);
	assert_int_equal(take(*state, TURN_PORTS_PAIR, 0), 0);
	assert_int_equal(turn_ports_taken(*state), COUNT - 4);
	give(*state, MIN + 7);
	assert_int_equal(take(*state, TURN_PORTS_PAIR, 0), MIN + 6);
}

/* 50001-50190: neither end makes a pair on its own. */
static void
test_pairs_stay_in_a_range_with_odd_ends(void **state)
{
	struct turn_ports *p = open_ports(MIN + 1, MIN + 190, 1);
	unsigned pairs = 0, port;

	(void)state;
	while ((port = take(p, TURN_PORTS_PAIR, 0)) != 0) {
		assert_in_range(port, MIN + 2, MIN + 188);
		pairs++;
	}
	assert_int_equal(pairs, 94);
	assert_int_equal(turn_ports_taken(p), 2 * 94);
	turn_ports_free(p);
}

static void
test_reservations_are_bounded_and_expired_ones_make_room(void **state)
{
	struct turn_ports *p = open_ports(1024, 65535, 1);
	struct addr at;

	(void)state;
	for (unsigned i = 0; i < TURN_PORTS_RESERVATIONS_MAX; i++)
		assert_int_equal(
		    turn_ports_take(&at, p, AF_INET, TURN_PORTS_PAIR, token, 0),
		    0);
	assert_int_equal(turn_ports_taken(p), 2 * TURN_PORTS_RESERVATIONS_MAX);
	assert_int_equal(
	    turn_ports_take(&at, p, AF_INET, TURN_PORTS_PAIR, token, END - 1),
	    508);
	assert_int_equal(turn_ports_taken(p), 2 * TURN_PORTS_RESERVATIONS_MAX);
	assert_int_equal(
	    turn_ports_take(&at, p, AF_INET, TURN_PORTS_PAIR, token, END), 0);
	assert_int_equal(turn_ports_taken(p), TURN_PORTS_RESERVATIONS_MAX + 2);
	assert_int_equal(turn_ports_redeem(&at, p, token, END), 0);
	turn_ports_free(p);
}

static void
test_the_whole_port_space_can_be_used(void **state)
{
	static const uint16_t edges[][2] = { { 1, 65535 }, { 65535, 65535 },
		{ 64, 127 }, { 63, 64 }, { 65, 65 } };
	struct addr at;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		const unsigned n = edges[i][1] - edges[i][0] + 1u;
		struct turn_ports *p = open_ports(edges[i][0], edges[i][1], 1);

		for (unsigned k = 0; k < n; k++)
			assert_int_equal(turn_ports_take(&at, p, AF_INET,
					     TURN_PORTS_ANY, token, 0),
			    0);
		assert_int_equal(
		    turn_ports_take(&at, p, AF_INET, TURN_PORTS_ANY, token, 0),
		    508);
		assert_int_equal(turn_ports_taken(p), n);
		turn_ports_free(p);
	}
}

/* Also when each allocation takes one of both families. */
static void
test_addresses_are_used_in_turn(void **state)
{
	const struct addr seven = addr("10.0.0.7");
	unsigned sevens = 0;
	struct addr at;

	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(turn_ports_take(&at, *state, AF_INET,
				     TURN_PORTS_ANY, token, 0),
		    0);
		sevens += addr_equal_host(&at, &seven);
		assert_int_equal(turn_ports_take(&at, *state, AF_INET6,
				     TURN_PORTS_ANY, token, 0),
		    0);
		assert_int_equal(addr_family(&at), AF_INET6);
	}
	assert_int_equal(sevens, 50);
	/* the other address serves when one is full */
	for (unsigned i = 0; i < 2 * COUNT - 100; i++)
		assert_int_equal(turn_ports_take(&at, *state, AF_INET,
				     TURN_PORTS_ANY, token, 0),
		    0);
	assert_int_equal(
	    turn_ports_take(&at, *state, AF_INET, TURN_PORTS_ANY, token, 0),
	    508);
}

static void
test_outside_and_inside_are_one_relayed_address(void **state)
{
	struct addr a = addr("10.0.0.7:50000"), b = addr("10.0.0.8:50000");
	const unsigned port = take(*state, TURN_PORTS_ANY, 0);
	struct addr at = addr("10.0.0.7");

	addr_set_port(&at, (uint16_t)port);
	turn_ports_opened(*state, &at, 0, NULL);
	assert_true(is_live(*state, "10.0.0.7", port));
	assert_true(is_live(*state, "203.0.113.7", port));
	assert_false(is_live(*state, "203.0.113.8", port));
	assert_false(is_live(*state, "203.0.113.7", port ^ 1));

	turn_ports_outside(*state, &a);
	assert_addr(&a, "203.0.113.7:50000");
	turn_ports_inside(*state, &a);
	assert_addr(&a, "10.0.0.7:50000");
	turn_ports_outside(*state, &b);
	turn_ports_inside(*state, &b);
	assert_addr(&b, "10.0.0.8:50000");
}

/* ---- threads */

enum { WIDE_MIN = 1024, WIDE_COUNT = 65536 - WIDE_MIN };

struct taker {
	struct turn_ports *ports;
	pthread_barrier_t *start; /* all at once, or one takes all */
	unsigned count;
	uint16_t got[WIDE_COUNT];
};

static void *
take_all(void *arg)
{
	struct taker *t = arg;
	struct addr at;

	pthread_barrier_wait(t->start);
	while (t->count < WIDE_COUNT &&
	    turn_ports_take(&at, t->ports, AF_INET, TURN_PORTS_ANY, NULL, 0) ==
		0)
		t->got[t->count++] = addr_port(&at);
	return NULL;
}

static void
test_threads_never_share_a_port(void **state)
{
	struct turn_ports *p = open_ports(WIDE_MIN, 65535, 1);
	struct taker *takers = mem_must(THREADS, sizeof(*takers));
	bool *seen = mem_must(65536, sizeof(*seen));
	pthread_t threads[THREADS];
	pthread_barrier_t start;
	unsigned all = 0;

	(void)state;
	pthread_barrier_init(&start, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		takers[i].ports = p;
		takers[i].start = &start;
		assert_int_equal(
		    pthread_create(&threads[i], NULL, take_all, &takers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		for (unsigned k = 0; k < takers[i].count; k++) {
			assert_false(seen[takers[i].got[k]]);
			seen[takers[i].got[k]] = true;
			all++;
		}
	}
	assert_int_equal(all, WIDE_COUNT);
	pthread_barrier_destroy(&start);
	mem_free(seen);
	mem_free(takers);
	turn_ports_free(p);
}

/* Asks for everything that there is; give asserts that it was taken. */
static void *
churn(void *arg)
{
	struct turn_ports *p = arg;
	uint8_t mine[STUN_TOKEN_LEN];
	struct addr at, above;

	for (mono_ms now = 0; now < 2000; now++) {
		if (turn_ports_take(
			&at, p, AF_INET, TURN_PORTS_PAIR, mine, now) != 0)
			continue;
		turn_ports_opened(p, &at, 0, NULL);
		if (!turn_ports_is_live(p, &at))
			abort();
		if (now % 2 == 0) {
			if (turn_ports_redeem(&above, p, mine, now) != 0)
				abort();
			turn_ports_give(p, &above);
		}
		turn_ports_give(p, &at);
		if (now % 100 == 0)
			turn_ports_expire(p, now);
	}
	return NULL;
}

static void
test_threads_leave_nothing_taken(void **state)
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, churn, *state), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	turn_ports_expire(*state, 2000 + END);
	assert_int_equal(turn_ports_taken(*state), 0);
}

static void
test_new_reports_missing_memory(void **state)
{
	struct turn_ports *p = NULL;
	long n;

	(void)state;
	for (n = 0; p == NULL; n++) {
		mem_fail_at(n);
		p = open_ports(MIN, MAX, 3);
	}
	mem_fail_at(-1);
	/* itself, places, reservations, the holders of each place */
	assert_int_equal(n, 3 + 3 + 1);
	turn_ports_free(p);
	turn_ports_free(NULL);
}

#define WITH(open, f) cmocka_unit_test_setup_teardown(f, open, close_ports)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(open_one, test_every_port_is_taken_once_then_508),
		WITH(open_one, test_a_family_without_address_is_440),
		WITH(open_one, test_ports_are_chosen_at_random),
		WITH(open_one, test_even_ports_do_not_keep_the_odd_ones),
		WITH(open_one, test_a_pair_keeps_the_port_above_for_its_token),
		WITH(open_one, test_a_reservation_expires),
		WITH(open_one, test_only_an_open_port_is_live),
		WITH(open_one,
		    test_a_mark_tells_whose_a_port_is_and_changes_with_each_opening),
		WITH(open_one, test_pairs_need_two_free_ports),
		cmocka_unit_test(test_pairs_stay_in_a_range_with_odd_ends),
		cmocka_unit_test(
		    test_reservations_are_bounded_and_expired_ones_make_room),
		cmocka_unit_test(test_the_whole_port_space_can_be_used),
		WITH(open_three, test_addresses_are_used_in_turn),
		WITH(open_one, test_outside_and_inside_are_one_relayed_address),
		cmocka_unit_test(test_threads_never_share_a_port),
		WITH(open_one, test_threads_leave_nothing_taken),
		cmocka_unit_test(test_new_reports_missing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
