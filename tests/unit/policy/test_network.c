#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "policy/policy.h"
#include "relay/snapshot.h"

static struct addr_prefix campus[2], lab[1], world[1];
static struct addr relays[1];
static struct snapshot_network networks[3];
static struct snapshot conf;
static struct policy *policy;

static struct addr
at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static void
put_prefix(struct addr_prefix *p, const char *text)
{
	assert_int_equal(addr_prefix_parse(p, text), 0);
}

/* 1: campus, 2: a lab in it that does not relay, 3: what folds */
static void
open_policy(enum snapshot_members members)
{
	memset(&conf, 0, sizeof(conf));
	put_prefix(&campus[0], "9.0.0.0/8");
	put_prefix(&campus[1], "2001:4860::/32");
	put_prefix(&lab[0], "9.7.0.0/16");
	put_prefix(&world[0], "64:ff9b::/96");
	networks[0] = (struct snapshot_network){
		.name = "campus", .prefixes = { campus, 2 }, .relay = true
	};
	networks[1] =
	    (struct snapshot_network){ .name = "lab", .prefixes = { lab, 1 } };
	networks[2] = (struct snapshot_network){
		.name = "nat64", .prefixes = { world, 1 }, .relay = true
	};
	relays[0] = at("8.8.8.7");
	conf.networks = networks;
	conf.network_count = 3;
	conf.relay.addresses = (struct snapshot_addrs){ relays, 1 };
	conf.relay.members_only = members;
	assert_non_null(policy = policy_new(&conf, NULL, 0));
}

static void
test_the_longest_prefix_decides(void **state)
{
	static const struct {
		const char *host;
		unsigned network;
	} rows[] = {
		{ "9.1.2.3", 1 },
		{ "9.7.2.3", 2 },
		{ "9.8.0.0", 1 },
		{ "8.255.255.255", 0 },
		{ "10.0.0.0", 0 },
		{ "2001:4860::1", 1 },
		{ "2001:4861::1", 0 },
		/* folded: the outer form first */
		{ "::ffff:9.7.0.1", 2 },
		{ "2002:901:203::1", 1 },
		{ "64:ff9b::9.7.0.1", 3 },
	};

	(void)state;
	open_policy(SNAPSHOT_ANYONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct addr a = at(rows[i].host);

		assert_int_equal(policy_network(policy, &a), rows[i].network);
	}
	policy_free(policy);
}

/* Who may reach whom: by network of the client, then of the peer. */
static void
check_pairs(enum snapshot_members members, const char *expected)
{
	static const char *const peers[] = { "8.1.1.1", "9.1.1.1", "9.7.1.1",
		"8.8.8.7" };

	open_policy(members);
	for (unsigned client = 0; client <= 2; client++) {
		for (unsigned i = 0; i < 4; i++) {
			const struct addr peer = at(peers[i]);
			const bool may = policy_pair_may(policy, client, &peer,
			    policy_network(policy, &peer));

			if (may != (*expected++ == 'y'))
				fail_msg("%u to %s: %d", client, peers[i], may);
		}
	}
	policy_free(policy);
}

static void
test_members_only_asks_for_so_many_ends(void **state)
{
	(void)state;
	/* peers outside, in the campus, in the lab, our own relay */
	check_pairs(SNAPSHOT_ANYONE,
	    "yyny"
	    "yyny"
	    "nnnn");
	check_pairs(SNAPSHOT_ONE_END,
	    "nynn"
	    "yyny"
	    "nnnn");
	check_pairs(SNAPSHOT_BOTH_ENDS,
	    "nnnn"
	    "nyny"
	    "nnnn");
}

static void
test_a_client_must_be_in_a_network_that_relays(void **state)
{
	(void)state;
	open_policy(SNAPSHOT_ONE_END);
	assert_true(policy_client_may(policy, 0));
	assert_true(policy_client_may(policy, 1));
	assert_false(policy_client_may(policy, 2));
	policy_free(policy);
	open_policy(SNAPSHOT_BOTH_ENDS);
	assert_false(policy_client_may(policy, 0));
	assert_true(policy_client_may(policy, 1));
	policy_free(policy);
}

static void
test_without_networks_there_is_none(void **state)
{
	const struct addr a = at("9.1.1.1");

	(void)state;
	memset(&conf, 0, sizeof(conf));
	assert_non_null(policy = policy_new(&conf, NULL, 0));
	assert_int_equal(policy_network(policy, &a), 0);
	assert_true(policy_client_may(policy, 0));
	policy_free(policy);
}

static void
test_building_survives_every_failing_allocation(void **state)
{
	long n;

	(void)state;
	open_policy(SNAPSHOT_ANYONE);
	policy_free(policy);
	policy = NULL;
	for (n = 0; policy == NULL && n < 100; n++) {
		mem_fail_at(n);
		policy = policy_new(&conf, NULL, 0);
		mem_fail_at(-1);
	}
	assert_true(n > 10);
	policy_free(policy);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_longest_prefix_decides),
		cmocka_unit_test(test_members_only_asks_for_so_many_ends),
		cmocka_unit_test(
		    test_a_client_must_be_in_a_network_that_relays),
		cmocka_unit_test(test_without_networks_there_is_none),
		cmocka_unit_test(
		    test_building_survives_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
