/* The usual packet, of which only the host's rate and own caps ask. */
#include "tests/unit/budget/sim.h"

enum { NOW_US = SIM_START_MS * 1000, MANY = 5000, CHUNK = 6250, SLIP = 25000 };

/* The users of worker 0 are one: u0. */
static void
become_one(struct sim *s)
{
	for (unsigned i = SIM_WORKERS; i < s->users; i += SIM_WORKERS) {
		struct budget_chain *c = &s->user[i].chain;

		budget_release(s->budget[0], c);
		*c = (struct budget_chain){ .network = 0 };
		assert_int_equal(budget_admit(s->budget[0], c, "u0", 2), 0);
	}
}

/* Many packets of those of worker 0, in runs, in one turn.  Returns the bytes
 * that passed. */
static uint64_t
send_many(struct sim *s, unsigned run, int64_t now_us)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < MANY; i++) {
		const unsigned k = i / run * SIM_WORKERS % s->users;

		sim_datagram(s, &s->user[k], s->budget[0], 0, now_us);
	}
	budget_turn_end(s->budget[0], now_us);
	for (unsigned i = 0; i < s->users; i++) {
		sum += s->user[i].passed;
		s->user[i].passed = 0;
	}
	return sum;
}

static void
test_allocations_of_a_user_pass_his_burst_and_no_more(void **state)
{
	static const unsigned runs[] = { 1, 2, 3, 8, 64 };

	(void)state;
	for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++) {
		struct sim *s = sim_new(0, 0);
		uint64_t passed;

		s->conf.caps.rate_per_user = 8000000;
		s->conf.caps.burst_per_user = 1024 * 1024;
		s->users = 3 * SIM_WORKERS;
		for (unsigned k = 0; k < s->users; k++)
			s->user[k].bytes = 500;
		sim_open(s);
		become_one(s);
		passed = send_many(s, runs[i], NOW_US);
		assert_in_range(passed, 1024 * 1024 - 532, 1024 * 1024);
		/* a tenth of a second later: what the rate brought */
		passed = send_many(s, runs[i], NOW_US + 100000);
		assert_in_range(passed, 100000 - 532, 100000 + 532);
		sim_free(s);
	}
}

static void
test_an_allocation_passes_its_burst_and_no_more(void **state)
{
	struct sim *s = sim_new(0, 0);

	(void)state;
	s->conf.caps.rate_per_allocation = 8000000;
	s->conf.caps.burst_per_allocation = 256 * 1024;
	s->users = 2 * SIM_WORKERS;
	for (unsigned k = 0; k < s->users; k++)
		s->user[k].bytes = 500;
	sim_open(s);
	become_one(s);
	assert_in_range(
	    send_many(s, 8, NOW_US), 2 * (256 * 1024 - 532), 2 * 256 * 1024);
	sim_free(s);
}

/* One who came first lives on what is spare, then on his share's burst. */
static void
test_a_lease_from_above_the_reserve_is_for_anybody(void **state)
{
	const uint64_t burst = 3125000;
	const uint64_t held = (burst - SLIP) * 3 / 4;
	struct sim *s = sim_new(100000000, burst);

	(void)state;
	s->users = 1;
	s->user[0].bytes = 1000;
	sim_open(s);
	assert_in_range(
	    send_many(s, 8, NOW_US), held - 3 * CHUNK, held + 3 * CHUNK);
	assert_true(s->stats[0]->drop[STATS_DROP_SHARE] > 0);
	assert_int_equal(s->stats[0]->drop[STATS_DROP_CAP_OUT], 0);
	sim_free(s);
}

static void
test_a_quota_holds_for_the_usual_packet(void **state)
{
	struct sim *s = sim_new(100000000, 3125000);

	(void)state;
	s->users = 1;
	s->user[0].bytes = 500;
	sim_open(s);
	budget_host_quota(s->host, true);
	budget_host_grant(s->host, 20 * (532 + 528));
	assert_int_equal(send_many(s, 8, NOW_US), 20 * 532);
	sim_free(s);
}

#define CASE cmocka_unit_test

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(test_allocations_of_a_user_pass_his_burst_and_no_more),
		CASE(test_an_allocation_passes_its_burst_and_no_more),
		CASE(test_a_lease_from_above_the_reserve_is_for_anybody),
		CASE(test_a_quota_holds_for_the_usual_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
