#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "policy/policy.h"
#include "relay/snapshot.h"

/* Written out again, so that a slip in the table shows. */
static const char *const ranges[] = { "0.0.0.0/8", "10.0.0.0/8",
	"100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/128", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48",
	"100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "2002::/16",
	"2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
	"fec0::/10", "ff00::/8" };
enum { RANGES = sizeof(ranges) / sizeof(*ranges) };

static const struct snapshot nothing;

static struct addr
at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static struct addr_prefix
net(const char *text)
{
	struct addr_prefix p;

	assert_int_equal(addr_prefix_parse(&p, text), 0);
	return p;
}

static enum policy_verdict
ask(const struct policy *p, const char *peer)
{
	const struct addr a = at(peer);

	return policy_peer(p, &a, addr_port(&a) != 0, false);
}

static bool
is_listed(const struct addr *a)
{
	for (size_t i = 0; i < RANGES; i++) {
		const struct addr_prefix p = net(ranges[i]);

		if (addr_prefix_has(&p, a))
			return true;
	}
	return false;
}

static bool
expect_denied(const struct addr *a)
{
	struct addr c;

	addr_canonical(&c, a);
	return is_listed(a) || is_listed(&c);
}

/* a + 1 or a - 1; false when there is none. */
static bool
step(struct addr *a, int by)
{
	size_t len;
	uint8_t host[16];

	memcpy(host, addr_host(a, &len), 4);
	memcpy(host, addr_host(a, &len), len);
	for (size_t i = len; i-- > 0;) {
		host[i] = (uint8_t)(host[i] + by);
		if (host[i] != (by > 0 ? 0 : 0xff)) {
			addr_make(a, host, len, 0);
			return true;
		}
	}
	return false;
}

static struct addr
last_of(const struct addr_prefix *p)
{
	size_t len;
	const uint8_t *base = addr_host(&p->base, &len);
	uint8_t host[16];
	struct addr a;

	memcpy(host, base, len);
	for (size_t bit = p->bits; bit < len * 8; bit++)
		host[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	addr_make(&a, host, len, 0);
	return a;
}

static void
check(const struct policy *p, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];
	const bool passed = policy_peer(p, a, false, false) == POLICY_ALLOW;

	if (passed == expect_denied(a))
		fail_msg("%s %s", addr_format_host(a, text),
		    passed ? "passed" : "denied");
}

static void
test_ranges_are_denied_from_first_to_last(void **state)
{
	struct policy *p = policy_new(&nothing, NULL, 0);
	size_t open = 0;

	(void)state;
	for (size_t i = 0; i < RANGES; i++) {
		const struct addr_prefix range = net(ranges[i]);
		struct addr a = range.base, z = last_of(&range);

		assert_int_not_equal(
		    policy_peer(p, &a, false, false), POLICY_ALLOW);
		assert_int_not_equal(
		    policy_peer(p, &z, false, false), POLICY_ALLOW);
		if (step(&a, -1)) {
			check(p, &a);
			open += !expect_denied(&a);
		}
		if (step(&z, 1)) {
			check(p, &z);
			open += !expect_denied(&z);
		}
	}
	/* the neighbours are really outside, most of them */
	assert_true(open > RANGES);
	policy_free(p);
}

static void
test_public_hosts_pass(void **state)
{
	struct policy *p = policy_new(&nothing, NULL, 0);

	(void)state;
	assert_int_equal(ask(p, "8.8.8.8:53"), POLICY_ALLOW);
	assert_int_equal(ask(p, "[2606:4700::1]:443"), POLICY_ALLOW);
	policy_free(p);
}

static void
test_a_folded_address_is_judged_as_both(void **state)
{
	static const char *const folded[] = { "::ffff:10.0.0.1", "::10.0.0.1",
		"2002:a00:1::", "64:ff9b::10.0.0.1",
		"2001:0:808:808::f5ff:fffe", "64:ff9b::169.254.169.254",
		/* public inside, yet no way we go */
		"2002:808:808::", "64:ff9b::8.8.8.8" };
	struct policy *p = policy_new(&nothing, NULL, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(folded) / sizeof(*folded); i++)
		assert_int_equal(ask(p, folded[i]), POLICY_DENY_RANGE);
	policy_free(p);
}

static void
test_an_allowed_prefix_does_not_free_what_is_folded_in(void **state)
{
	struct addr_prefix allow[] = { net("64:ff9b::/96") };
	struct snapshot conf = nothing;
	struct policy *p;

	(void)state;
	conf.relay.allow = (struct snapshot_prefixes){ allow, 1 };
	p = policy_new(&conf, NULL, 0);
	assert_int_equal(ask(p, "64:ff9b::8.8.8.8"), POLICY_ALLOW);
	assert_int_equal(ask(p, "64:ff9b::10.0.0.1"), POLICY_DENY_RANGE);
	policy_free(p);
}

static void
test_multicast_and_broadcast_never_pass(void **state)
{
	static const char *const never[] = { "224.0.0.1", "239.255.255.255",
		"0.0.0.0", "255.255.255.255", "::", "ff02::1",
		"::ffff:224.0.0.1", "::ffff:0.0.0.0" };
	struct addr_prefix allow[] = { net("0.0.0.0/0"), net("::/0") };
	struct snapshot conf = nothing;
	struct policy *p;

	(void)state;
	conf.relay.allow = (struct snapshot_prefixes){ allow, 2 };
	p = policy_new(&conf, NULL, 0);
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		assert_int_equal(ask(p, never[i]), POLICY_DENY_RANGE);
	assert_int_equal(ask(p, "10.0.0.1"), POLICY_ALLOW);
	assert_int_equal(ask(p, "fc00::1"), POLICY_ALLOW);
	policy_free(p);
}

static void
test_the_longest_prefix_wins_and_deny_on_a_tie(void **state)
{
	struct addr_prefix allow[] = { net("10.0.0.0/8"), net("10.1.2.0/24"),
		net("9.0.0.0/8"), net("0.0.0.0/1"), net("127.255.255.255/32") };
	struct addr_prefix deny[] = { net("10.1.0.0/16"), net("9.0.0.0/8"),
		net("8.8.8.8/32") };
	struct snapshot conf = nothing;
	struct policy *p;

	(void)state;
	conf.relay.allow = (struct snapshot_prefixes){ allow, 5 };
	conf.relay.deny = (struct snapshot_prefixes){ deny, 3 };
	p = policy_new(&conf, NULL, 0);
	assert_int_equal(ask(p, "10.0.255.255"), POLICY_ALLOW);
	assert_int_equal(ask(p, "10.1.0.0"), POLICY_DENY_RANGE);
	assert_int_equal(ask(p, "10.1.1.255"), POLICY_DENY_RANGE);
	assert_int_equal(ask(p, "10.1.2.0"), POLICY_ALLOW);
	assert_int_equal(ask(p, "10.1.2.255"), POLICY_ALLOW);
	assert_int_equal(ask(p, "10.1.3.0"), POLICY_DENY_RANGE);
	assert_int_equal(ask(p, "10.2.0.0"), POLICY_ALLOW);
	assert_int_equal(ask(p, "9.1.1.1"), POLICY_DENY_RANGE);
	assert_int_equal(ask(p, "8.8.8.8"), POLICY_DENY_RANGE);
	assert_int_equal(ask(p, "8.8.8.9"), POLICY_ALLOW);
	assert_int_equal(ask(p, "127.0.0.1"), POLICY_ALLOW);
	assert_int_equal(ask(p, "127.255.255.255"), POLICY_ALLOW);
	assert_int_equal(ask(p, "192.168.0.1"), POLICY_DENY_RANGE);
	assert_int_equal(ask(p, "::ffff:10.1.0.1"), POLICY_DENY_RANGE);
	policy_free(p);
}

static void
test_our_listeners_are_no_peers_whatever_is_allowed(void **state)
{
	struct addr_prefix allow[] = { net("0.0.0.0/0") };
	struct addr udp[] = { at("0.0.0.0:3478") }, own[] = { at("5.6.7.8") };
	struct snapshot conf = nothing;
	struct policy *p;

	(void)state;
	conf.relay.allow = (struct snapshot_prefixes){ allow, 1 };
	conf.listen.udp = (struct snapshot_addrs){ udp, 1 };
	conf.admin.listen = at("127.0.0.1:9641");
	p = policy_new(&conf, own, 1);
	assert_int_equal(ask(p, "5.6.7.8:3478"), POLICY_DENY_OWN);
	assert_int_equal(ask(p, "127.0.0.1:9641"), POLICY_DENY_OWN);
	assert_int_equal(ask(p, "127.9.9.9:3478"), POLICY_DENY_OWN);
	assert_int_equal(ask(p, "[::ffff:5.6.7.8]:3478"), POLICY_DENY_OWN);
	assert_int_equal(ask(p, "[::1]:3478"), POLICY_DENY_OWN);
	assert_int_equal(ask(p, "5.6.7.8:3479"), POLICY_ALLOW);
	assert_int_equal(ask(p, "5.6.7.9:3478"), POLICY_ALLOW);
	policy_free(p);

	conf.relay.allow.count = 0;
	p = policy_new(&conf, own, 1);
	assert_int_equal(ask(p, "5.6.7.8:3479"), POLICY_DENY_OWN);
	assert_int_equal(ask(p, "5.6.7.8"), POLICY_DENY_OWN);
	policy_free(p);
}

static void
test_relayed_addresses_of_ours_are_peers(void **state)
{
	struct addr relays[] = { at("10.0.0.7") }, tcp[] = { at("0.0.0.0:80") };
	struct snapshot_external ext[] = { { at("5.6.7.8"), at("10.0.0.7") } };
	struct snapshot conf = nothing;
	const struct addr port = at("5.6.7.8:50000"), host = at("5.6.7.8");
	const struct addr listener = at("5.6.7.8:80"), other = at("5.6.7.9");
	struct policy *p;

	(void)state;
	conf.relay.addresses = (struct snapshot_addrs){ relays, 1 };
	conf.relay.external = ext;
	conf.relay.external_count = 1;
	conf.listen.tcp = (struct snapshot_addrs){ tcp, 1 };
	p = policy_new(&conf, NULL, 0);
	assert_true(policy_is_relay_host(p, &host));
	assert_true(policy_is_relay_host(p, &relays[0]));
	assert_false(policy_is_relay_host(p, &other));
	assert_int_equal(policy_peer(p, &host, false, false), POLICY_ALLOW);
	assert_int_equal(
	    policy_peer(p, &relays[0], false, false), POLICY_ALLOW);
	assert_int_equal(policy_peer(p, &port, true, true), POLICY_ALLOW);
	assert_int_equal(policy_peer(p, &port, true, false), POLICY_DENY_OWN);
	assert_int_equal(
	    policy_peer(p, &listener, true, true), POLICY_DENY_OWN);
	policy_free(p);
}

static void
test_building_survives_every_failing_allocation(void **state)
{
	struct policy *p = NULL;
	long n;

	(void)state;
	for (n = 0; p == NULL && n < 100; n++) {
		mem_fail_at(n);
		p = policy_new(&nothing, NULL, 0);
		mem_fail_at(-1);
	}
	assert_non_null(p);
	assert_true(n > 4);
	policy_free(p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges_are_denied_from_first_to_last),
		cmocka_unit_test(test_public_hosts_pass),
		cmocka_unit_test(test_a_folded_address_is_judged_as_both),
		cmocka_unit_test(
		    test_an_allowed_prefix_does_not_free_what_is_folded_in),
		cmocka_unit_test(test_multicast_and_broadcast_never_pass),
		cmocka_unit_test(
		    test_the_longest_prefix_wins_and_deny_on_a_tie),
		cmocka_unit_test(
		    test_our_listeners_are_no_peers_whatever_is_allowed),
		cmocka_unit_test(test_relayed_addresses_of_ours_are_peers),
		cmocka_unit_test(
		    test_building_survives_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
