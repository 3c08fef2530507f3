#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>
#include <sys/resource.h>

#include "common/mem.h"
#include "net/limits.h"
#include "relay/snapshot.h"

static struct addr
make(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static void
test_prefix_has_a_limit_of_its_own(void **state)
{
	struct snapshot conf = { .caps = { .connections_per_prefix = 2 } };
	struct net_limits *l = net_limits_new();
	const struct addr a = make("198.51.100.1"), b = make("198.51.100.99");
	const struct addr other = make("198.51.101.1");

	(void)state;
	assert_true(net_limits_take(l, &conf, &a));
	assert_true(net_limits_take(l, &conf, &b));
	assert_false(net_limits_take(l, &conf, &a));
	assert_true(net_limits_take(l, &conf, &other));
	net_limits_give(l, &b);
	assert_true(net_limits_take(l, &conf, &a));
	net_limits_free(l);
}

static void
test_ipv6_is_counted_by_56_bits(void **state)
{
	struct snapshot conf = { .caps = { .connections_per_prefix = 1 } };
	struct net_limits *l = net_limits_new();
	const struct addr a = make("2001:db8:0:1::1");
	const struct addr same = make("2001:db8:0:ff::1");
	const struct addr other = make("2001:db8:0:100::1");

	(void)state;
	assert_true(net_limits_take(l, &conf, &a));
	assert_false(net_limits_take(l, &conf, &same));
	assert_true(net_limits_take(l, &conf, &other));
	net_limits_free(l);
}

static void
test_all_together_have_a_limit(void **state)
{
	struct snapshot conf = { .caps = { .connections = 50 } };
	struct net_limits *l = net_limits_new();
	struct addr a = make("10.0.0.1");

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		a.u.in4.sin_addr.s_addr = htonl(0x0a000001 + (i << 8));
		assert_true(net_limits_take(l, &conf, &a));
	}
	assert_false(net_limits_take(l, &conf, &a));
	net_limits_give(l, &a);
	assert_true(net_limits_take(l, &conf, &a));
	net_limits_free(l);
}

static void
check_fds(rlim_t limit, int allowed)
{
	struct rlimit before, now;
	struct net_limits *l;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = (struct rlimit){ limit, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	l = net_limits_new();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(net_limits_has_fd(l, allowed - 1));
	assert_false(net_limits_has_fd(l, allowed));
	net_limits_free(l);
}

static void
test_last_descriptors_are_not_for_clients(void **state)
{
	(void)state;
	check_fds(1000, 1000 - LIMITS_FDS_SPARE);
	check_fds(100, 75);
}

static void
test_constructor_survives_failing_allocations(void **state)
{
	(void)state;
	mem_fail_at(0);
	assert_null(net_limits_new());
	mem_fail_at(-1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix_has_a_limit_of_its_own),
		cmocka_unit_test(test_ipv6_is_counted_by_56_bits),
		cmocka_unit_test(test_all_together_have_a_limit),
		cmocka_unit_test(test_last_descriptors_are_not_for_clients),
		cmocka_unit_test(test_constructor_survives_failing_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
