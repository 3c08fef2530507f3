#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/mem.h"
#include "turn/throttle.h"

enum { RATE = 10, THREADS = 4 };

static struct addr
client(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

/* How many answers text gets at now when it asks tries times. */
static unsigned
ask(struct turn_throttle *t, const char *text, unsigned tries, mono_ms now)
{
	const struct addr a = client(text);
	unsigned got = 0;

	for (unsigned i = 0; i < tries; i++)
		got += turn_throttle_take(t, &a, RATE, now);
	return got;
}

static int
open_throttle(void **state)
{
	*state = turn_throttle_new();
	return *state == NULL;
}

static int
close_throttle(void **state)
{
	turn_throttle_free(*state);
	return 0;
}

static void
test_burst_is_one_second_of_answers(void **state)
{
	assert_int_equal(ask(*state, "192.0.2.1:1", 3 * RATE, 0), RATE);
	assert_int_equal(ask(*state, "192.0.2.1:1", 3 * RATE, 0), 0);
}

static void
test_answers_come_back_with_time(void **state)
{
	assert_int_equal(ask(*state, "192.0.2.1:1", 3 * RATE, 0), RATE);
	assert_int_equal(ask(*state, "192.0.2.1:1", 3 * RATE, 99), 0);
	assert_int_equal(ask(*state, "192.0.2.1:1", 3 * RATE, 100), 1);
	assert_int_equal(ask(*state, "192.0.2.1:1", 3 * RATE, 600), 5);
	/* never more than the burst, however long it was silent */
	assert_int_equal(ask(*state, "192.0.2.1:1", 3 * RATE, 1 << 30), RATE);
}

static void
test_a_prefix_shares_a_budget_and_others_do_not(void **state)
{
	/* seeded hash: of eight other prefixes some fall elsewhere */
	unsigned others = 0;
	char text[32];

	assert_int_equal(ask(*state, "192.0.2.1:1", RATE, 0), RATE);
	assert_int_equal(ask(*state, "192.0.2.254:9", RATE, 0), 0);
	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "198.51.%d.1:1", i);
		others += ask(*state, text, RATE, 0);
	}
	assert_true(others >= 4 * RATE);
}

static void
test_an_ipv6_prefix_is_56_bits(void **state)
{
	unsigned others = 0;
	char text[48];

	assert_int_equal(ask(*state, "[2001:db8:1::1]:1", RATE, 0), RATE);
	assert_int_equal(ask(*state, "[2001:db8:1:ff:9::2]:2", RATE, 0), 0);
	for (int i = 1; i <= 8; i++) {
		snprintf(text, sizeof(text), "[2001:db8:1:%x00::1]:1", i);
		others += ask(*state, text, RATE, 0);
	}
	assert_true(others >= 4 * RATE);
}

static void
test_rate_zero_is_no_limit(void **state)
{
	const struct addr a = client("192.0.2.1:1");

	for (unsigned i = 0; i < 10000; i++)
		assert_true(turn_throttle_take(*state, &a, 0, 0));
	assert_int_equal(ask(*state, "192.0.2.1:1", 3 * RATE, 0), RATE);
}

static void *
take_many(void *arg)
{
	const struct addr a = client("192.0.2.1:1");
	uintptr_t got = 0;

	for (unsigned i = 0; i < 20000; i++)
		got += turn_throttle_take(arg, &a, 10000, 0);
	return (void *)got;
}

static void
test_threads_together_get_no_more(void **state)
{
	pthread_t threads[THREADS];
	uintptr_t all = 0;
	void *got;

	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, take_many, *state), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &got);
		all += (uintptr_t)got;
	}
	assert_int_equal(all, 10000);
}

static void
test_new_reports_missing_memory(void **state)
{
	struct turn_throttle *t;

	(void)state;
	mem_fail_at(0);
	assert_null(turn_throttle_new());
	mem_fail_at(-1);
	assert_non_null(t = turn_throttle_new());
	turn_throttle_free(t);
	turn_throttle_free(NULL);
}

#define WITH_THROTTLE(f) \
	cmocka_unit_test_setup_teardown(f, open_throttle, close_throttle)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_THROTTLE(test_burst_is_one_second_of_answers),
		WITH_THROTTLE(test_answers_come_back_with_time),
		WITH_THROTTLE(test_a_prefix_shares_a_budget_and_others_do_not),
		WITH_THROTTLE(test_an_ipv6_prefix_is_56_bits),
		WITH_THROTTLE(test_rate_zero_is_no_limit),
		WITH_THROTTLE(test_threads_together_get_no_more),
		cmocka_unit_test(test_new_reports_missing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
