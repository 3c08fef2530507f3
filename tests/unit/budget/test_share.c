/* Fair shares of the host's cap, as users see them. */
#include <pthread.h>

#include "budget/fair.h"
#include "tests/unit/budget/sim.h"

enum { STEPS = 5000, WARM = 1000, SETTLED = 3000 };

static uint64_t
rate_of(const struct sim *s, const struct sim_user *u)
{
	return u->passed * 8 * 1000 / (STEPS - s->counted);
}

/* min(demand, fair share), less 2 %. */
static void
check_shares(const struct sim *s, uint64_t rate)
{
	uint64_t demand[SIM_USERS], share;

	for (unsigned i = 0; i < s->users; i++)
		demand[i] = s->user[i].bits;
	share = budget_fair_share(demand, s->users, rate);
	for (unsigned i = 0; i < s->users; i++) {
		const struct sim_user *u = &s->user[i];
		const uint64_t least = u->bits < share ? u->bits : share;

		if (rate_of(s, u) < least * 98 / 100)
			fail_msg("user %u wants %llu has %llu of %llu", i,
			    (unsigned long long)u->bits,
			    (unsigned long long)rate_of(s, u),
			    (unsigned long long)least);
	}
}

static void
test_random_users_get_what_is_fair_and_never_more_than_the_cap(void **state)
{
	static const struct {
		uint64_t rate, burst;
		unsigned users;
	} rows[] = {
		{ 1000000, 31250, 5 }, { 10000000, 312500, 30 },
		{ 100000000, 3125000, 40 }, { 1000000000, 31250000, 60 },
		{ 20000000, 100000, 10 }, /* a burst of 40 ms */
	};

	(void)state;
	for (unsigned row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
		struct sim *s = sim_new(rows[row].rate, rows[row].burst);
		const uint64_t even = rows[row].rate / rows[row].users;

		s->users = rows[row].users;
		s->counted = WARM;
		for (unsigned i = 0; i < s->users; i++) {
			s->user[i].bytes =
			    100 + (unsigned)rand_r(&s->seed) % 1100;
			s->user[i].bits =
			    even / 8 + (uint64_t)rand_r(&s->seed) % (4 * even);
		}
		sim_open(s);
		sim_run(s, STEPS);
		sim_check_windows(s, STEPS, rows[row].rate, rows[row].burst);
		check_shares(s, rows[row].rate);
		sim_free(s);
	}
}

/* Fills s with greedy users behind the first. */
static void
add_greedy(struct sim *s, unsigned users, uint64_t bits, unsigned from)
{
	s->users = 1 + users;
	for (unsigned i = 1; i <= users; i++)
		s->user[i] = (struct sim_user){
			.bits = bits, .bytes = 1200, .from = from
		};
}

static void
test_a_voice_loses_nothing_beside_fifty_greedy_users(void **state)
{
	struct sim *s = sim_new(10000000, 312500);

	(void)state;
	s->user[0] = (struct sim_user){ .bits = 100000, .bytes = 160 };
	add_greedy(s, 50, 2000000, 500);
	s->counted = 0;
	sim_open(s);
	sim_run(s, STEPS);
	assert_int_equal(s->user[0].passed, s->user[0].sent);
	/* and the others have the rest, once the reserve is full again */
	s->counted = SETTLED;
	assert_true(sim_total(s, STATS_IN, STEPS) >=
	    (uint64_t)(STEPS - SETTLED) * 10000 / 8 * 99 / 100);
	assert_true(s->stats[1]->drop[STATS_DROP_SHARE] > 0);
	sim_check_windows(s, STEPS, 10000000, 312500);
	sim_free(s);
}

static void
test_idle_share_is_lent(void **state)
{
	struct sim *s = sim_new(10000000, 312500);
	struct sim_user *u = s->user;

	(void)state;
	u[0] = (struct sim_user){ .bits = 1000000, .bytes = 1000 };
	add_greedy(s, 1, 40000000, 0);
	s->counted = WARM;
	sim_open(s);
	sim_run(s, STEPS);
	assert_true(rate_of(s, &u[0]) > 980000);
	assert_true(rate_of(s, &u[1]) > 8850000);
	sim_free(s);
}

static void
test_a_stream_is_held_back_to_its_share_and_loses_nothing(void **state)
{
	struct sim *s = sim_new(10000000, 312500);
	struct sim_user *u = s->user;
	uint64_t drops = 0;

	(void)state;
	u[0] = (struct sim_user){
		.bits = 40000000, .bytes = 1000, .is_stream = true
	};
	add_greedy(s, 3, 40000000, 0);
	s->counted = WARM;
	sim_open(s);
	sim_run(s, STEPS);
	assert_true(rate_of(s, &u[0]) > 2500000 * 98 / 100);
	assert_true(rate_of(s, &u[0]) < 2500000 * 110 / 100);
	sim_check_windows(s, STEPS, 10000000, 312500);
	for (unsigned i = 0; i < STATS_DROP_COUNT; i++)
		drops += s->stats[0]->drop[i];
	assert_int_equal(drops, 0); /* it has the first worker alone */
	sim_free(s);
}

static void
test_streams_share_the_cap_evenly(void **state)
{
	struct sim *s = sim_new(10000000, 312500);
	uint64_t sum = 0;

	(void)state;
	s->users = 10;
	for (unsigned i = 0; i < s->users; i++)
		s->user[i] = (struct sim_user){
			.bits = 40000000, .bytes = 1000, .is_stream = true
		};
	s->counted = WARM;
	sim_open(s);
	sim_run(s, STEPS);
	for (unsigned i = 0; i < s->users; i++) {
		assert_true(rate_of(s, &s->user[i]) > 1000000 * 95 / 100);
		sum += rate_of(s, &s->user[i]);
	}
	assert_true(sum > 9900000);
	sim_check_windows(s, STEPS, 10000000, 312500);
	sim_free(s);
}

static void
test_usage_tells_the_share_while_the_cap_binds(void **state)
{
	struct sim *s = sim_new(10000000, 312500);
	struct budget_usage u;

	(void)state;
	s->user[0] = (struct sim_user){ .bits = 100000, .bytes = 160 };
	add_greedy(s, 3, 10000000, 0);
	sim_open(s);
	sim_run(s, STEPS);
	budget_host_usage(s->host, &u, (SIM_START_MS + STEPS) * 1000ll);
	assert_true(u.share > 3000000 && u.share < 3400000);
	assert_int_equal(u.users, 4);
	assert_int_equal(u.active, 4);
	assert_int_equal(u.held, 3);
	sim_free(s);
}

/* ---- threads */

struct thread_run {
	struct budget_host *host;
	struct stats *stats;
	unsigned index;
	uint64_t passed;
};

/* Two users, both of all threads: each offers 6 Mbit/s here. */
static void *
run_thread(void *arg)
{
	struct thread_run *r = arg;
	struct budget *b = budget_new(r->host, r->stats);
	struct budget_chain chain[2] = { 0 };
	const struct budget_packet p = { .out = 1000 };

	if (budget_admit(b, &chain[0], "alice", 5) != 0 ||
	    budget_admit(b, &chain[1], "bob", 3) != 0)
		return NULL;
	for (int64_t us = 1000000; us < 3000000; us += 1333) {
		for (unsigned i = 0; i < 2; i++) {
			if (budget_take(b, STATS_IN, STATS_PEER, 1000, us) &&
			    budget_relay(b, &chain[i], &p, us) &&
			    budget_take(b, STATS_OUT, STATS_PEER, 1000, us))
				r->passed += 1000;
		}
		budget_turn_end(b, us);
	}
	budget_release(b, &chain[0]);
	budget_release(b, &chain[1]);
	budget_free(b);
	return r;
}

static void
test_threads_look_one_at_a_time(void **state)
{
	struct snapshot conf = { .caps = { .rate = 8000000,
				     .burst = 250000,
				     .allocations = 100,
				     .allocations_per_user = 100 } };
	struct budget_host *host = budget_host_new(&conf);
	struct thread_run run[SIM_WORKERS] = { 0 };
	pthread_t thread[SIM_WORKERS];
	uint64_t passed = 0;
	void *done;

	(void)state;
	for (unsigned i = 0; i < SIM_WORKERS; i++) {
		run[i].host = host;
		run[i].stats = mem_try_aligned(sizeof(struct stats));
		assert_int_equal(
		    pthread_create(&thread[i], NULL, run_thread, &run[i]), 0);
	}
	for (unsigned i = 0; i < SIM_WORKERS; i++) {
		pthread_join(thread[i], &done);
		assert_non_null(done);
		passed += run[i].passed;
		mem_free(run[i].stats);
	}
	assert_true(passed <= 2 * 1000000 + 250000);
	assert_true(passed > 0);
	budget_host_free(host);
}

#define CASE cmocka_unit_test

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(
		    test_random_users_get_what_is_fair_and_never_more_than_the_cap),
		CASE(test_a_voice_loses_nothing_beside_fifty_greedy_users),
		CASE(test_idle_share_is_lent),
		CASE(test_a_stream_is_held_back_to_its_share_and_loses_nothing),
		CASE(test_streams_share_the_cap_evenly),
		CASE(test_usage_tells_the_share_while_the_cap_binds),
		CASE(test_threads_look_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
