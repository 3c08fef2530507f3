/* The chain of budgets: networks, users, allocations, quota. */
#include "tests/unit/budget/sim.h"

enum { STEPS = 4000, WARM = 1000 };

static struct snapshot_network networks[2];

/* Two networks without prefixes: who is in them is policy's. */
static void
add_networks(struct sim *s, uint64_t one, uint64_t other)
{
	networks[0] = (struct snapshot_network){ .name = "one",
		.rate = one,
		.burst = one / 32,
		.counts_to_quota = false,
		.relay = true };
	networks[1] = (struct snapshot_network){ .name = "other",
		.rate = other,
		.burst = other / 32,
		.counts_to_quota = false,
		.relay = true };
	s->conf.networks = networks;
	s->conf.network_count = 2;
}

static uint64_t
rate_of(const struct sim *s, unsigned i)
{
	return s->user[i].passed * 8 * 1000 / (STEPS - s->counted);
}

static void
test_a_network_keeps_to_its_rate_and_others_do_not_feel_it(void **state)
{
	struct sim *s = sim_new(100000000, 3125000);

	(void)state;
	add_networks(s, 1000000, 0);
	s->users = 4;
	s->counted = WARM;
	/* a client in it, one with a peer in it, a voice in it, a stranger */
	s->user[0] =
	    (struct sim_user){ .bits = 4000000, .bytes = 1000, .network = 1 };
	s->user[1] =
	    (struct sim_user){ .bits = 4000000, .bytes = 1000, .peer = 1 };
	s->user[2] = (struct sim_user){
		.bits = 50000, .bytes = 100, .network = 1, .peer = 1
	};
	s->user[3] = (struct sim_user){ .bits = 9000000, .bytes = 1000 };
	sim_open(s);
	sim_run(s, STEPS);
	assert_int_equal(s->user[2].passed, s->user[2].sent);
	assert_int_equal(s->user[3].passed, s->user[3].sent);
	assert_true(rate_of(s, 0) > 475000 * 97 / 100);
	assert_true(rate_of(s, 1) > 475000 * 97 / 100);
	assert_true(rate_of(s, 0) + rate_of(s, 1) + rate_of(s, 2) <= 1010000);
	sim_free(s);
}

static void
test_a_packet_between_networks_keeps_to_both(void **state)
{
	struct sim *s = sim_new(0, 0);

	(void)state;
	add_networks(s, 2000000, 1000000);
	s->users = 2;
	s->counted = WARM;
	s->user[0] = (struct sim_user){
		.bits = 4000000, .bytes = 1000, .network = 1, .peer = 2
	};
	s->user[1] = (struct sim_user){
		.bits = 4000000, .bytes = 1000, .network = 1, .is_stream = true
	};
	sim_open(s);
	sim_run(s, STEPS);
	assert_true(rate_of(s, 0) <= 1010000);
	assert_true(rate_of(s, 0) > 960000);
	/* the stream has the rest of the first */
	assert_true(rate_of(s, 0) + rate_of(s, 1) <= 2040000);
	assert_true(rate_of(s, 0) + rate_of(s, 1) > 1940000);
	sim_free(s);
}

static void
test_users_and_allocations_have_caps_of_their_own(void **state)
{
	struct sim *s = sim_new(0, 0);

	(void)state;
	s->conf.caps.rate_per_user = 1000000;
	s->conf.caps.burst_per_user = 31250;
	s->conf.caps.rate_per_allocation = 600000;
	s->conf.caps.burst_per_allocation = 18750;
	s->users = 4;
	s->counted = WARM;
	for (unsigned i = 0; i < 4; i++)
		s->user[i] = (struct sim_user){
			.bits = 2000000, .bytes = 1000, .is_stream = i == 2
		};
	sim_open(s);
	/* the first two are one user's */
	budget_release(s->budget[1], &s->user[1].chain);
	memset(&s->user[1].chain, 0, sizeof(s->user[1].chain));
	assert_int_equal(
	    budget_admit(s->budget[1], &s->user[1].chain, "u0", 2), 0);
	sim_run(s, STEPS);
	assert_true(rate_of(s, 0) + rate_of(s, 1) <= 1010000);
	assert_true(rate_of(s, 0) + rate_of(s, 1) > 980000);
	assert_true(rate_of(s, 0) <= 610000);
	assert_true(rate_of(s, 2) <= 610000);
	assert_true(rate_of(s, 2) > 590000);
	assert_true(s->stats[0]->drop[STATS_DROP_CAP_USER] +
		s->stats[1]->drop[STATS_DROP_CAP_USER] >
	    0);
	assert_true(rate_of(s, 3) <= 610000);
	assert_true(rate_of(s, 3) > 590000);
	assert_true(s->stats[3]->drop[STATS_DROP_CAP_ALLOCATION] > 0);
	sim_free(s);
}

/* ---- one packet at a time */

static struct sim *
open_pair(unsigned network, unsigned peer)
{
	struct sim *s = sim_new(0, 0);

	add_networks(s, 0, 0);
	s->users = 1;
	s->user[0] =
	    (struct sim_user){ .bytes = 100, .network = network, .peer = peer };
	sim_open(s);
	return s;
}

/* 132 bytes in, 128 out. */
static bool
passes(struct sim *s)
{
	const uint64_t was = s->user[0].passed;

	sim_datagram(s, &s->user[0], s->budget[0], 0, SIM_START_MS * 1000);
	budget_turn_end(s->budget[0], SIM_START_MS * 1000);
	return s->user[0].passed > was;
}

static int64_t
left(struct sim *s)
{
	/* what the worker holds comes back when it ends */
	return budget_host_granted(s->host);
}

static void
test_without_a_grant_nothing_is_relayed(void **state)
{
	struct sim *s = open_pair(0, 0);

	(void)state;
	budget_host_quota(s->host, true);
	assert_false(passes(s));
	assert_int_equal(s->stats[0]->drop[STATS_DROP_QUOTA], 1);
	/* what was refused does not count */
	assert_int_equal(
	    s->stats[0]->wire_bytes[STATS_IN][STATS_CLIENT_UDP], 0);
	assert_int_equal(left(s), -132);
	budget_host_grant(s->host, 132 + 260);
	assert_true(passes(s));
	assert_false(passes(s));
	sim_free(s);
}

static void
test_traffic_between_networks_may_be_free(void **state)
{
	static const struct {
		unsigned network, peer;
		bool is_free;
	} rows[] = { { 1, 2, true }, { 1, 1, true }, { 1, 0, false },
		{ 0, 2, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sim *s = open_pair(rows[i].network, rows[i].peer);

		budget_host_quota(s->host, true);
		assert_int_equal(passes(s), rows[i].is_free);
		sim_free(s);
	}
}

static void
test_who_is_barred_is_not_relayed(void **state)
{
	struct sim *s = open_pair(1, 2);

	(void)state;
	assert_true(passes(s));
	budget_host_set_user(s->host, "u0", 2, BUDGET_BARRED);
	assert_false(passes(s));
	budget_host_set_user(s->host, "u0", 2, BUDGET_OPEN);
	assert_true(passes(s));
	budget_host_set_network(s->host, "other", BUDGET_BARRED);
	assert_false(passes(s));
	assert_int_equal(s->user[0].chain.why, STATS_DROP_QUOTA);
	assert_int_equal(s->stats[0]->drop[STATS_DROP_QUOTA], 2);
	sim_free(s);
}

static void
test_a_trickle_is_a_rate_of_the_user(void **state)
{
	struct sim *s = sim_new(0, 0);

	(void)state;
	s->conf.caps.trickle = 64000;
	s->users = 1;
	s->counted = WARM;
	s->user[0] = (struct sim_user){ .bits = 1000000, .bytes = 200 };
	sim_open(s);
	budget_host_set_user(s->host, "u0", 2, BUDGET_TRICKLE);
	sim_run(s, STEPS);
	assert_true(rate_of(s, 0) <= 65000);
	assert_true(rate_of(s, 0) > 62000);
	sim_free(s);
}

static void
test_a_network_nobody_knows_has_no_part(void **state)
{
	struct sim *s = open_pair(0, 3);

	(void)state;
	assert_false(passes(s));
	assert_int_equal(s->stats[0]->drop[STATS_DROP_NETWORK], 1);
	sim_free(s);
}

/* ---- accounts */

static void
copy_account(void *arg, const struct budget_account *a)
{
	struct budget_account *to = arg;

	*to = *a;
}

static enum budget_state
enter_barred(void *arg, const char *user, size_t len)
{
	(void)arg;
	assert_memory_equal(user, "u0", len);
	return BUDGET_BARRED;
}

static void
test_accounts_tell_what_was_used(void **state)
{
	struct budget_account last = { 0 }, a = { 0 };
	struct sim *s = open_pair(1, 0);
	const struct budget_watch watch = { .arg = &last,
		.leave = copy_account };

	(void)state;
	budget_host_watch(s->host, &watch);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(passes(s));
	budget_host_users(s->host, copy_account, &a);
	assert_int_equal(a.len, 2);
	assert_int_equal(a.allocations, 1);
	/* not all of it yet */
	assert_true(a.bytes[STATS_IN] + BUDGET_CHAIN_SLACK >= 132000);
	assert_true(a.bytes[STATS_IN] <= 132000);
	budget_release(s->budget[0], &s->user[0].chain);
	assert_int_equal(last.bytes[STATS_IN], 132000);
	assert_int_equal(last.bytes[STATS_OUT], 128000);
	/* the one that was made first comes last */
	budget_host_networks(s->host, copy_account, &a);
	assert_string_equal(a.name, "one");
	assert_int_equal(a.bytes[STATS_IN], 132000);
	assert_int_equal(a.bytes[STATS_OUT], 128000);
	sim_free(s);
}

static void
test_who_is_barred_is_not_admitted(void **state)
{
	const struct budget_watch watch = { .enter = enter_barred };
	struct sim *s = open_pair(0, 0);

	(void)state;
	budget_host_watch(s->host, &watch);
	budget_release(s->budget[0], &s->user[0].chain);
	assert_int_equal(
	    budget_admit(s->budget[0], &s->user[0].chain, "u0", 2), 486);
	assert_null(s->user[0].chain.user);
	budget_host_set_network(s->host, "one", BUDGET_BARRED);
	budget_host_watch(s->host, &(struct budget_watch){ .arg = NULL });
	s->user[0].chain = (struct budget_chain){ .network = 1 };
	budget_turn_end(s->budget[0], SIM_START_MS * 1000);
	assert_int_equal(
	    budget_admit(s->budget[0], &s->user[0].chain, "u1", 2), 486);
	s->user[0].chain = (struct budget_chain){ .network = 2 };
	assert_int_equal(
	    budget_admit(s->budget[0], &s->user[0].chain, "u1", 2), 0);
	assert_false(budget_is_barred(s->budget[0], &s->user[0].chain));
	budget_host_set_network(s->host, "other", BUDGET_BARRED);
	assert_true(budget_is_barred(s->budget[0], &s->user[0].chain));
	assert_int_equal(budget_stream_room(s->budget[0], &s->user[0].chain,
			     STATS_IN, SIM_START_MS * 1000),
	    0);
	sim_free(s);
}

static void
test_a_trickle_is_a_rate_of_a_network_too(void **state)
{
	struct sim *s = sim_new(0, 0);

	(void)state;
	add_networks(s, 0, 400000);
	s->conf.caps.trickle = 64000;
	s->users = 3;
	s->counted = WARM;
	s->user[0] =
	    (struct sim_user){ .bits = 300000, .bytes = 200, .network = 1 };
	s->user[1] =
	    (struct sim_user){ .bits = 300000, .bytes = 200, .network = 1 };
	s->user[2] =
	    (struct sim_user){ .bits = 300000, .bytes = 200, .network = 2 };
	sim_open(s);
	budget_host_set_network(s->host, "one", BUDGET_TRICKLE);
	/* a reload does not end it */
	budget_host_apply(s->host, &s->conf);
	sim_run(s, STEPS);
	assert_true(rate_of(s, 0) + rate_of(s, 1) <= 66000);
	assert_true(rate_of(s, 0) + rate_of(s, 1) > 60000);
	assert_true(rate_of(s, 2) > 290000);
	budget_host_set_network(s->host, "one", BUDGET_OPEN);
	assert_false(budget_is_barred(s->budget[0], &s->user[0].chain));
	sim_free(s);
}

static void
test_without_a_grant_nothing_is_read_of_a_stream(void **state)
{
	struct sim *s = open_pair(0, 0);

	(void)state;
	s->user[0].is_stream = true;
	budget_host_quota(s->host, true);
	assert_false(
	    sim_piece(s, &s->user[0], s->budget[0], 0, SIM_START_MS * 1000));
	assert_int_equal(s->stats[0]->drop[STATS_DROP_QUOTA], 0);
	budget_host_grant(s->host, 100000);
	assert_true(
	    sim_piece(s, &s->user[0], s->budget[0], 0, SIM_START_MS * 1000));
	sim_free(s);
}

static void
test_a_reload_keeps_what_a_network_used(void **state)
{
	struct sim *s = open_pair(1, 0);
	struct budget_account a = { 0 };

	(void)state;
	assert_true(passes(s));
	/* the other way round, and one is gone for a while */
	s->conf.network_count = 0;
	budget_host_apply(s->host, &s->conf);
	budget_apply(s->budget[0], &s->conf);
	budget_host_networks(s->host, copy_account, &a);
	assert_null(a.name);
	s->conf.network_count = 1;
	budget_host_apply(s->host, &s->conf);
	budget_apply(s->budget[0], &s->conf);
	budget_host_networks(s->host, copy_account, &a);
	assert_int_equal(a.bytes[STATS_IN], 132);
	sim_free(s);
}

#define CASE cmocka_unit_test

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(
		    test_a_network_keeps_to_its_rate_and_others_do_not_feel_it),
		CASE(test_a_packet_between_networks_keeps_to_both),
		CASE(test_users_and_allocations_have_caps_of_their_own),
		CASE(test_without_a_grant_nothing_is_relayed),
		CASE(test_traffic_between_networks_may_be_free),
		CASE(test_who_is_barred_is_not_relayed),
		CASE(test_a_trickle_is_a_rate_of_the_user),
		CASE(test_a_network_nobody_knows_has_no_part),
		CASE(test_accounts_tell_what_was_used),
		CASE(test_who_is_barred_is_not_admitted),
		CASE(test_a_trickle_is_a_rate_of_a_network_too),
		CASE(test_without_a_grant_nothing_is_read_of_a_stream),
		CASE(test_a_reload_keeps_what_a_network_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
