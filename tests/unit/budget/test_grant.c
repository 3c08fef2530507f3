/* The host's quota: what was granted is spent, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "budget/budget.h"
#include "relay/snapshot.h"

static struct snapshot conf;
static struct stats stats;
static struct budget_host *host;
static struct budget *budget;

static int
set_up(void **state)
{
	(void)state;
	memset(&conf, 0, sizeof(conf));
	memset(&stats, 0, sizeof(stats));
	assert_non_null(host = budget_host_new(&conf));
	assert_non_null(budget = budget_new(host, &stats));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	budget_free(budget);
	budget_host_free(host);
	return 0;
}

static bool
take(enum stats_dir dir, size_t wire)
{
	return budget_take(budget, dir, STATS_CLIENT_UDP, wire, 1000);
}

static void
test_without_a_quota_nothing_is_spent(void **state)
{
	(void)state;
	budget_host_grant(host, 1000);
	assert_true(take(STATS_IN, 400));
	assert_int_equal(budget_host_granted(host), 1000);
}

static void
test_both_directions_spend_one_grant(void **state)
{
	(void)state;
	budget_host_quota(host, true);
	budget_host_grant(host, 1000);
	assert_true(take(STATS_IN, 300));
	assert_true(take(STATS_OUT, 200));
	/* held by the worker until it ends */
	budget_free(budget);
	assert_int_equal(budget_host_granted(host), 500);
	assert_non_null(budget = budget_new(host, &stats));
}

static void
test_a_worker_holds_a_chunk_at_most(void **state)
{
	(void)state;
	budget_host_quota(host, true);
	budget_host_grant(host, 10 * BUDGET_GRANT_CHUNK);
	for (unsigned i = 1; i <= 200; i++) {
		const int64_t spent = (int64_t)i * 1000;

		assert_true(take(STATS_OUT, 1000));
		assert_true(budget_host_granted(host) <=
		    10 * BUDGET_GRANT_CHUNK - spent);
		assert_true(budget_host_granted(host) >=
		    9 * BUDGET_GRANT_CHUNK - spent);
	}
}

static void
test_what_passes_without_a_grant_is_owed(void **state)
{
	(void)state;
	budget_host_quota(host, true);
	assert_true(take(STATS_IN, 700));
	assert_int_equal(budget_host_granted(host), -700);
	budget_host_grant(host, 1000);
	assert_int_equal(budget_host_granted(host), 300);
}

static void
test_a_quota_switched_off_is_forgotten(void **state)
{
	(void)state;
	budget_host_quota(host, true);
	budget_host_grant(host, 1000);
	assert_true(take(STATS_IN, 100));
	budget_host_quota(host, false);
	assert_true(take(STATS_IN, 100));
	budget_host_quota(host, true);
	assert_int_equal(budget_host_granted(host), 0);
	assert_true(take(STATS_IN, 100));
	assert_int_equal(budget_host_granted(host), -100);
}

static void
test_a_rate_that_is_set_keeps_the_time_of_the_burst(void **state)
{
	static const struct {
		uint64_t rate, burst; /* configured */
		uint64_t bits, expected;
	} rows[] = {
		{ 8000000, 100000, 4000000, 50000 },
		{ 8000000, 100000, 8000000, 100000 },
		{ 8000000, 100000, 16000, 1500 }, /* a packet */
		{ 0, 0, 8000000, 250000 },        /* 250 ms */
		{ 8000000, 100000, 0, 0 },
	};
	struct budget_usage u;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		conf.caps.rate = rows[i].rate;
		conf.caps.burst = rows[i].burst;
		budget_host_apply(host, &conf);
		budget_host_set_rate(host, rows[i].bits);
		budget_host_usage(host, &u, 1000);
		assert_int_equal(u.rate, rows[i].bits);
		assert_int_equal(u.burst, rows[i].expected);
	}
}

/* A reload under a lower word: the file's rate holds at no moment. */
static void
test_caps_are_applied_at_the_rate_in_force(void **state)
{
	struct budget_usage u;

	(void)state;
	conf.caps.rate = 8000000;
	conf.caps.burst = 100000;
	budget_host_apply_at(host, &conf, 800000);
	budget_host_usage(host, &u, 1000);
	assert_int_equal(u.rate, 800000);
	assert_int_equal(u.burst, 10000);
	budget_host_apply_at(host, &conf, 8000000);
	budget_host_usage(host, &u, 1000);
	assert_int_equal(u.burst, 100000);
}

static void
test_usage_tells_what_is_left(void **state)
{
	struct budget_usage u;

	(void)state;
	conf.caps.rate = 80000; /* no leases */
	conf.caps.burst = 5000;
	budget_host_apply(host, &conf);
	assert_true(take(STATS_OUT, 2000));
	budget_host_usage(host, &u, 1000);
	assert_int_equal(u.room[STATS_IN], 5000);
	assert_int_equal(u.room[STATS_OUT], 3000);
	budget_host_usage(host, &u, 101000); /* 10 kB/s */
	assert_int_equal(u.room[STATS_OUT], 4000);
	assert_false(u.has_quota);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(test_without_a_quota_nothing_is_spent),
		CASE(test_both_directions_spend_one_grant),
		CASE(test_a_worker_holds_a_chunk_at_most),
		CASE(test_what_passes_without_a_grant_is_owed),
		CASE(test_a_quota_switched_off_is_forgotten),
		CASE(test_a_rate_that_is_set_keeps_the_time_of_the_burst),
		CASE(test_caps_are_applied_at_the_rate_in_force),
		CASE(test_usage_tells_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
