/* splice: two ends at two workers keep to the host's rate, to each user's and
 * to each network's, and use what there is. */
#include "tests/unit/budget/sim.h"

enum { STEPS = 4000, WARM = 1000, PIECE = 16384, HELD_MAX = 256 * 1024 };

static struct snapshot_network networks[2];

/* A sender at one worker, a receiver at the next; the wire of each. */
struct run {
	uint64_t in, out; /* bytes, since WARM */
};

static struct sim *
open_sim(uint64_t rate, uint64_t user_rate, uint64_t one, uint64_t other)
{
	struct sim *s = sim_new(rate, rate / 32);

	networks[0] = (struct snapshot_network){
		.name = "one", .rate = one, .burst = one / 32, .relay = true
	};
	networks[1] = (struct snapshot_network){ .name = "other",
		.rate = other,
		.burst = other / 32,
		.relay = true };
	s->conf.networks = networks;
	s->conf.network_count = 2;
	s->conf.caps.rate_per_user = user_rate;
	s->conf.caps.burst_per_user = user_rate / 32;
	s->users = 2;
	s->user[0] = (struct sim_user){ .network = 1 };
	s->user[1] = (struct sim_user){ .network = 2 };
	sim_open(s);
	return s;
}

static size_t
move(struct sim *s, unsigned i, enum stats_dir dir, size_t want, int64_t now)
{
	struct budget *b = s->budget[i];
	size_t room = budget_splice_room(b, &s->user[i].chain, dir, now);

	if (room > want)
		room = want;
	if (room > PIECE)
		room = PIECE;
	if (room == 0)
		return 0;
	budget_charge(b, dir, STATS_CLIENT_SIGNALLING, room, now);
	budget_splice_charge(b, &s->user[i].chain, dir, room, now);
	return room;
}

static struct run
run(struct sim *s)
{
	struct run r = { 0, 0 };
	uint64_t held = 0;

	for (unsigned step = 0; step < STEPS; step++) {
		const int64_t now = (SIM_START_MS + (int64_t)step) * 1000;
		size_t in = 0, out;

		if (held < HELD_MAX)
			in = move(s, 0, STATS_IN, PIECE, now);
		held += in;
		out = move(s, 1, STATS_OUT, held, now);
		held -= out;
		budget_turn_end(s->budget[0], now);
		budget_turn_end(s->budget[1], now);
		if (step >= WARM) {
			r.in += in;
			r.out += out;
		}
	}
	return r;
}

/* bits a second */
static uint64_t
rate(uint64_t bytes)
{
	return bytes * 8 * 1000 / (STEPS - WARM);
}

static void
assert_keeps_to(struct sim *s, uint64_t bits)
{
	const struct run r = run(s);

	assert_in_range(rate(r.in), bits * 95 / 100, bits * 102 / 100);
	assert_in_range(rate(r.out), bits * 95 / 100, bits * 102 / 100);
	sim_free(s);
}

static void
test_a_splice_keeps_to_the_hosts_rate(void **state)
{
	(void)state;
	assert_keeps_to(open_sim(8000000, 0, 0, 0), 8000000);
}

static void
test_a_splice_keeps_to_its_users_rate(void **state)
{
	(void)state;
	assert_keeps_to(open_sim(0, 4000000, 0, 0), 4000000);
}

static void
test_a_splice_keeps_to_the_senders_network(void **state)
{
	(void)state;
	assert_keeps_to(open_sim(80000000, 0, 2000000, 0), 2000000);
}

static void
test_a_splice_keeps_to_the_receivers_network(void **state)
{
	(void)state;
	assert_keeps_to(open_sim(80000000, 0, 0, 2000000), 2000000);
}

static void
test_without_a_cap_all_passes(void **state)
{
	(void)state;
	assert_keeps_to(open_sim(0, 0, 0, 0), (uint64_t)PIECE * 8 * 1000);
}

static void
sum_networks(void *arg, const struct budget_account *a)
{
	uint64_t(*sum)[STATS_DIRS] = arg;
	const unsigned i = strcmp(a->name, "one") == 0 ? 0 : 1;

	sum[i][STATS_IN] += a->bytes[STATS_IN];
	sum[i][STATS_OUT] += a->bytes[STATS_OUT];
}

static void
test_networks_count_what_their_end_moved(void **state)
{
	struct sim *s = open_sim(8000000, 0, 4000000, 0);
	uint64_t sum[2][STATS_DIRS] = { 0 };

	(void)state;
	run(s);
	budget_host_networks(s->host, sum_networks, sum);
	assert_int_equal(sum[0][STATS_IN], s->user[0].chain.bytes[STATS_IN]);
	assert_int_equal(sum[0][STATS_OUT], 0);
	assert_int_equal(sum[1][STATS_OUT], s->user[1].chain.bytes[STATS_OUT]);
	assert_int_equal(sum[1][STATS_IN], 0);
	assert_true(sum[1][STATS_OUT] > 0);
	sim_free(s);
}

static void
test_a_barred_network_bars_its_splices(void **state)
{
	struct sim *s = open_sim(8000000, 0, 0, 0);
	struct run r;

	(void)state;
	budget_host_set_network(s->host, "other", BUDGET_BARRED);
	assert_true(budget_splice_is_barred(s->budget[1], &s->user[1].chain));
	assert_false(budget_splice_is_barred(s->budget[0], &s->user[0].chain));
	r = run(s);
	assert_int_equal(r.out, 0);
	sim_free(s);
}

/* As a stream writes: until there is no more room. */
static size_t
take_all(struct sim *s, unsigned i, struct budget_chain *c, enum stats_dir dir,
    int64_t now)
{
	size_t room, all = 0;

	while ((room = budget_splice_room(s->budget[i], c, dir, now)) > 0) {
		budget_splice_charge(s->budget[i], c, dir, room, now);
		all += room;
	}
	return all;
}

/* Four ends of one user at four workers, always asked in the same order, as
 * timers are. */
static void
assert_take_turns(enum stats_dir dir)
{
	enum { ENDS = 4, EVERY_MS = 16 };
	struct sim *s = open_sim(0, 4000000, 0, 0);
	struct budget_chain chain[ENDS] = { 0 };
	uint64_t got[ENDS] = { 0 }, all = 0;

	for (unsigned i = 0; i < ENDS; i++)
		assert_int_equal(
		    budget_admit(s->budget[i], &chain[i], "me", 2), 0);
	for (unsigned step = 0; step < STEPS; step += EVERY_MS)
		for (unsigned i = 0; i < ENDS; i++) {
			const size_t bytes = take_all(s, i, &chain[i], dir,
			    (SIM_START_MS + (int64_t)step) * 1000);

			got[i] += bytes;
			all += bytes;
		}
	assert_in_range(all * 8 * 1000 / STEPS, 3800000, 4300000);
	for (unsigned i = 0; i < ENDS; i++) {
		assert_in_range(got[i], all * 8 / 10 / ENDS, all);
		budget_release(s->budget[i], &chain[i]);
	}
	sim_free(s);
}

static void
test_ends_of_a_user_take_turns(void **state)
{
	(void)state;
	assert_take_turns(STATS_IN);
	assert_take_turns(STATS_OUT);
}

/* Who was next and has gone holds the others up for a moment only. */
static void
test_who_does_not_come_loses_the_turn(void **state)
{
	struct sim *s = open_sim(0, 4000000, 0, 0);
	struct budget_chain a = { 0 }, b = { 0 };
	int64_t now = (int64_t)SIM_START_MS * 1000;
	size_t room;

	(void)state;
	assert_int_equal(budget_admit(s->budget[0], &a, "me", 2), 0);
	assert_int_equal(budget_admit(s->budget[1], &b, "me", 2), 0);
	room = budget_splice_room(s->budget[0], &a, STATS_OUT, now);
	budget_splice_charge(s->budget[0], &a, STATS_OUT, room, now);
	assert_int_equal(
	    budget_splice_room(s->budget[1], &b, STATS_OUT, now), 0);
	now += 20 * 1000;
	assert_int_equal(
	    budget_splice_room(s->budget[0], &a, STATS_OUT, now), 0);
	budget_release(s->budget[1], &b);
	now += 40 * 1000;
	assert_true(budget_splice_room(s->budget[0], &a, STATS_OUT, now) > 0);
	budget_release(s->budget[0], &a);
	sim_free(s);
}

/* network.counts-to-quota = false, at both ends. */
static void
test_what_does_not_count_needs_no_grant(void **state)
{
	enum { GRANT = 100 };
	struct sim *s = open_sim(0, 0, 0, 0);
	struct budget_chain *c = &s->user[0].chain;
	const int64_t now = (int64_t)SIM_START_MS * 1000;

	(void)state;
	budget_host_quota(s->host, true);
	budget_host_grant(s->host, GRANT);
	/* the other end is not known yet */
	assert_int_equal(move(s, 0, STATS_IN, PIECE, now), 0);
	c->peer_network = 2;
	assert_int_equal(move(s, 0, STATS_IN, PIECE, now), PIECE);
	assert_int_equal(move(s, 0, STATS_OUT, PIECE, now), PIECE);
	budget_free(s->budget[0]);
	s->budget[0] = NULL;
	assert_int_equal(budget_host_granted(s->host), GRANT);
	s->budget[0] = budget_new(s->host, s->stats[0]);
	networks[1].counts_to_quota = true;
	budget_host_apply(s->host, &s->conf);
	budget_apply(s->budget[0], &s->conf);
	assert_int_equal(move(s, 0, STATS_IN, PIECE, now), 0);
	sim_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_splice_keeps_to_the_hosts_rate),
		cmocka_unit_test(test_a_splice_keeps_to_its_users_rate),
		cmocka_unit_test(test_a_splice_keeps_to_the_senders_network),
		cmocka_unit_test(test_a_splice_keeps_to_the_receivers_network),
		cmocka_unit_test(test_without_a_cap_all_passes),
		cmocka_unit_test(test_networks_count_what_their_end_moved),
		cmocka_unit_test(test_a_barred_network_bars_its_splices),
		cmocka_unit_test(test_what_does_not_count_needs_no_grant),
		cmocka_unit_test(test_ends_of_a_user_take_turns),
		cmocka_unit_test(test_who_does_not_come_loses_the_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
