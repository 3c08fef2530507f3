#include "tests/unit/budget/sim.h"

#include "relay/status_budget.h"

static json_int_t
number(const json_t *from, const char *key)
{
	return json_integer_value(json_object_get(from, key));
}

static const char *
string(const json_t *from, const char *key)
{
	return json_string_value(json_object_get(from, key));
}

/* The i-th user relays i packets of 132 bytes in and 128 out. */
static void
test_the_users_with_most_come_first(void **state)
{
	struct sim *s = sim_new(0, 0);
	json_t *users;

	(void)state;
	s->users = STATUS_BUDGET_USERS + 2;
	for (unsigned i = 0; i < s->users; i++)
		s->user[i] = (struct sim_user){ .bytes = 100 };
	sim_open(s);
	for (unsigned i = 0; i < s->users; i++) {
		/* more than what is not told yet */
		for (unsigned n = 0; n < 200 * (i + 1); n++)
			sim_datagram(s, &s->user[i], s->budget[i % SIM_WORKERS],
			    0, SIM_START_MS * 1000);
	}
	users = status_budget_users(s->host);
	assert_int_equal(json_array_size(users), STATUS_BUDGET_USERS);
	assert_string_equal(string(json_array_get(users, 0), "name"), "u11");
	assert_string_equal(string(json_array_get(users, 9), "name"), "u2");
	assert_true(number(json_array_get(users, 0), "in_bytes") > 250000);
	assert_string_equal(string(json_array_get(users, 0), "state"), "open");
	assert_true(json_is_null(
	    json_object_get(json_array_get(users, 0), "rate_bit_s")));
	json_decref(users);
	sim_free(s);
}

static void
test_every_network_is_shown(void **state)
{
	struct snapshot_network networks[2] = { { .name = "one",
						    .rate = 1000000,
						    .burst = 31250,
						    .relay = true },
		{ .name = "other", .relay = true } };
	struct sim *s = sim_new(0, 0);
	json_t *all, *one;

	(void)state;
	s->conf.networks = networks;
	s->conf.network_count = 2;
	s->users = 1;
	s->user[0] = (struct sim_user){ .bytes = 100, .network = 1 };
	sim_open(s);
	sim_datagram(s, &s->user[0], s->budget[0], 0, SIM_START_MS * 1000);
	budget_turn_end(s->budget[0], SIM_START_MS * 1000);
	budget_host_set_network(s->host, "other", BUDGET_BARRED);
	all = status_budget_networks(s->host);
	assert_int_equal(json_array_size(all), 2);
	one = json_array_get(all, 1);
	assert_string_equal(string(one, "name"), "one");
	assert_int_equal(number(one, "in_bytes"), 132);
	assert_int_equal(number(one, "out_bytes"), 128);
	assert_int_equal(number(one, "rate_bit_s"), 1000000);
	assert_string_equal(string(json_array_get(all, 0), "state"), "barred");
	json_decref(all);
	sim_free(s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_users_with_most_come_first),
		cmocka_unit_test(test_every_network_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
