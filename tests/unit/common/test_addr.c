#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/addr.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct addr
parsed(const char *text)
{
	struct addr a;

	if (addr_parse(&a, text) != 0)
		fail_msg("%s: refused", text);
	return a;
}

static void
test_what_is_parsed_formats_in_its_shortest_form(void **state)
{
	static const struct {
		const char *text, *whole, *host;
	} rows[] = {
		{ "1.2.3.4", "1.2.3.4:0", "1.2.3.4" },
		{ "1.2.3.4:5", "1.2.3.4:5", "1.2.3.4" },
		{ "255.255.255.255:65535", "255.255.255.255:65535",
		    "255.255.255.255" },
		{ "2001:db8::1", "[2001:db8::1]:0", "2001:db8::1" },
		{ "[2001:DB8:0::1]:5", "[2001:db8::1]:5", "2001:db8::1" },
		{ "[::]", "[::]:0", "::" },
		{ "::ffff:1.2.3.4", "[::ffff:1.2.3.4]:0", "::ffff:1.2.3.4" },
		{ "[1111:2222:3333:4444:5555:6666:255.255.255.255]:65535",
		    "[1111:2222:3333:4444:5555:6666:ffff:ffff]:65535",
		    "1111:2222:3333:4444:5555:6666:ffff:ffff" },
	};
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct addr a = parsed(rows[i].text);

		assert_string_equal(addr_format(&a, text), rows[i].whole);
		assert_string_equal(addr_format_host(&a, text), rows[i].host);
		a = parsed(rows[i].whole);
		assert_string_equal(addr_format(&a, text), rows[i].whole);
	}
}

static void
test_what_is_no_address_is_refused(void **state)
{
	static const char *rows[] = { "", ":", "1.2.3", "1.2.3.4.5",
		"1.2.3.256", "01.2.3.4", " 1.2.3.4", "1.2.3.4 ",
		"1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:+1",
		"1.2.3.4:5x", "1.2.3.4: 5", "1.2.3.4:000005", "[1.2.3.4]:5",
		"[1.2.3.4]", "[::1", "[::1]5", "[::1]:", "[::1]:65536", "[]:5",
		"[", "]", "::1]:5", ":::", "fe80::1%eth0", "localhost",
		"localhost:5", "1.2.3.4/8", "[[::1]]:5", "[::1]:5:6",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999",
		"11111111111111111111111111111111111111111111111111111111" };
	struct addr a;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		memset(&a, 0x5a, sizeof(a));
		if (addr_parse(&a, rows[i]) != EINVAL)
			fail_msg("\"%s\" was taken", rows[i]);
		assert_int_equal(a.u.sa.sa_family, 0x5a5a);
	}
}

static void
test_no_address_formats_as_none(void **state)
{
	struct addr a = { .u.sa.sa_family = 0 };
	char text[ADDR_TEXT_MAX];

	(void)state;
	assert_true(addr_is_none(&a));
	assert_string_equal(addr_format(&a, text), "none");
	assert_string_equal(addr_format_host(&a, text), "none");
}

static void
test_make_and_host_are_inverse(void **state)
{
	static const uint8_t raw[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
		13, 14, 15, 16 };
	struct addr a;
	size_t len;

	(void)state;
	for (size_t n = 4; n <= 16; n += 12) {
		memset(&a, 0xff, sizeof(a));
		addr_make(&a, raw, n, 4711);
		assert_int_equal(addr_family(&a), n == 4 ? AF_INET : AF_INET6);
		assert_int_equal(addr_port(&a), 4711);
		assert_memory_equal(addr_host(&a, &len), raw, n);
		assert_int_equal(len, n);
	}
	assert_int_equal(a.u.in6.sin6_flowinfo, 0);
	assert_int_equal(a.u.in6.sin6_scope_id, 0);
}

static void
test_from_sockaddr_takes_ip_of_full_length_only(void **state)
{
	const struct addr v4 = parsed("1.2.3.4:5"), v6 = parsed("[::7]:8");
	struct sockaddr_in6 flow = v6.u.in6;
	struct sockaddr un = { .sa_family = AF_UNIX };
	struct addr a = { .u.sa.sa_family = 0 };

	(void)state;
	assert_false(addr_from_sockaddr(&a, &v4.u.sa, sizeof(v4.u.in4) - 1));
	assert_false(addr_from_sockaddr(&a, &v6.u.sa, sizeof(v6.u.in6) - 1));
	assert_false(addr_from_sockaddr(&a, &un, sizeof(un)));
	assert_true(addr_is_none(&a));
	assert_true(addr_from_sockaddr(&a, &v4.u.sa, addr_len(&v4)));
	assert_true(addr_equal(&a, &v4));
	flow.sin6_flowinfo = 9;
	assert_true(addr_from_sockaddr(
	    &a, (const struct sockaddr *)&flow, sizeof(flow)));
	assert_true(addr_equal(&a, &v6));
	assert_int_equal(a.u.in6.sin6_flowinfo, 0);
}

static void
test_equal_means_family_host_and_port(void **state)
{
	static const struct {
		const char *a, *b;
		bool whole, host;
	} rows[] = {
		{ "1.2.3.4:5", "1.2.3.4:5", true, true },
		{ "1.2.3.4:5", "1.2.3.4:6", false, true },
		{ "1.2.3.4:5", "1.2.3.5:5", false, false },
		{ "1.2.3.4:5", "[::ffff:1.2.3.4]:5", false, false },
		{ "0.0.0.0:5", "[::]:5", false, false },
		{ "[::1]:5", "[::1]:5", true, true },
		{ "[::1]:5", "[::1]:6", false, true },
		{ "[::1]:5", "[1::1]:5", false, false },
		{ "[2001::1]:5", "[2001::2]:5", false, false },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct addr a = parsed(rows[i].a), b = parsed(rows[i].b);

		assert_int_equal(addr_equal(&a, &b), rows[i].whole);
		assert_int_equal(addr_equal(&b, &a), rows[i].whole);
		assert_int_equal(addr_equal_host(&a, &b), rows[i].host);
		assert_int_equal(addr_equal_host(&b, &a), rows[i].host);
	}
}

static void
test_equal_looks_at_nothing_else(void **state)
{
	struct addr a = parsed("1.2.3.4:5"), b = a, none;

	(void)state;
	memset(b.u.in4.sin_zero, 0xff, sizeof(b.u.in4.sin_zero));
	assert_true(addr_equal(&a, &b));
	a = b = parsed("[fe80::1]:5");
	b.u.in6.sin6_flowinfo = 7;
	b.u.in6.sin6_scope_id = 7;
	assert_true(addr_equal(&a, &b));
	memset(&none, 0, sizeof(none));
	assert_true(addr_equal(&none, &none));
	assert_false(addr_equal(&a, &none));
}

static void
test_folded_ipv4_comes_out_as_ipv4(void **state)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		/* mapped and its neighbours */
		{ "[::ffff:10.1.2.3]:9", "10.1.2.3:9" },
		{ "[::ffff:0.0.0.0]:9", "0.0.0.0:9" },
		{ "[::fffe:10.1.2.3]:9", "[::fffe:a01:203]:9" },
		{ "[::1:ffff:10.1.2.3]:9", "[::1:ffff:a01:203]:9" },
		/* compatible; "::" and "::1" are no IPv4 */
		{ "[::10.1.2.3]:9", "10.1.2.3:9" },
		{ "[::2]:9", "0.0.0.2:9" },
		{ "[::]:9", "[::]:9" },
		{ "[::1]:9", "[::1]:9" },
		/* 6to4 */
		{ "[2002:a01:203::]:9", "10.1.2.3:9" },
		{ "[2002:7f00:1:1:2:3:4:5]:9", "127.0.0.1:9" },
		{ "[2003:a01:203::]:9", "[2003:a01:203::]:9" },
		{ "[2001:ffff::]:9", "[2001:ffff::]:9" },
		/* NAT64; the local-use prefix stays */
		{ "[64:ff9b::10.1.2.3]:9", "10.1.2.3:9" },
		{ "[64:ff9b:1::10.1.2.3]:9", "[64:ff9b:1::a01:203]:9" },
		{ "[64:ff9b::1:10.1.2.3]:9", "[64:ff9b::1:a01:203]:9" },
		{ "[64:ff9a::10.1.2.3]:9", "[64:ff9a::a01:203]:9" },
		/* Teredo: the client, not the server 65.54.227.120 */
		{ "[2001:0:4136:e378:8000:63bf:3fff:fdd2]:9", "192.0.2.45:9" },
		{ "[2001::80ff:fffe]:9", "127.0.0.1:9" },
		{ "[2001:1::f5fe:fdfc]:9", "[2001:1::f5fe:fdfc]:9" },
		/* others */
		{ "10.1.2.3:9", "10.1.2.3:9" },
		{ "[2001:db8::a01:203]:9", "[2001:db8::a01:203]:9" },
		{ "[fe80::1]:9", "[fe80::1]:9" },
	};
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct addr a = parsed(rows[i].from), out;

		addr_canonical(&out, &a);
		assert_string_equal(addr_format(&out, text), rows[i].to);
		addr_canonical(&a, &a);
		assert_true(addr_equal(&a, &out));
	}
}

static void
test_any_and_loopback_are_recognised(void **state)
{
	static const struct {
		const char *text;
		bool any, loopback;
	} rows[] = {
		{ "0.0.0.0:5", true, false },
		{ "[::]:5", true, false },
		{ "0.0.0.1", false, false },
		{ "::1", false, true },
		{ "::2", false, false },
		{ "127.0.0.0", false, true },
		{ "127.255.255.255", false, true },
		{ "126.255.255.255", false, false },
		{ "128.0.0.0", false, false },
	};
	struct addr none = { .u.sa.sa_family = 0 };

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct addr a = parsed(rows[i].text);

		assert_int_equal(addr_is_any(&a), rows[i].any);
		assert_int_equal(addr_is_loopback(&a), rows[i].loopback);
	}
	assert_false(addr_is_any(&none));
	assert_false(addr_is_loopback(&none));
}

static void
test_a_prefix_ends_at_its_last_bit(void **state)
{
	static const struct {
		const char *prefix, *first, *last, *below, *above;
	} rows[] = {
		{ "10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255",
		    "11.0.0.0" },
		{ "100.64.0.0/10", "100.64.0.0", "100.127.255.255",
		    "100.63.255.255", "100.128.0.0" },
		{ "192.0.2.128/25", "192.0.2.128", "192.0.2.255", "192.0.2.127",
		    "192.0.3.0" },
		{ "192.0.2.4/31", "192.0.2.4", "192.0.2.5", "192.0.2.3",
		    "192.0.2.6" },
		{ "192.0.2.4", "192.0.2.4", "192.0.2.4", "192.0.2.3",
		    "192.0.2.5" },
		{ "128.0.0.0/1", "128.0.0.0", "255.255.255.255",
		    "127.255.255.255", "0.0.0.0" },
		{ "0.0.0.0/0", "0.0.0.0", "255.255.255.255", "::", "::1" },
		{ "2001:db8::/32",
		    "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
		    "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::" },
		{ "fe80::/10",
		    "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "fe7f::", "fec0::" },
		{ "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "0.0.0.0", "255.255.255.255" },
		{ "::1/128", "::1", "::1", "::", "::2" },
	};
	struct addr_prefix p;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct addr first = parsed(rows[i].first);
		const struct addr last = parsed(rows[i].last);
		const struct addr below = parsed(rows[i].below);
		const struct addr above = parsed(rows[i].above);

		assert_int_equal(addr_prefix_parse(&p, rows[i].prefix), 0);
		assert_true(addr_prefix_has(&p, &first));
		assert_true(addr_prefix_has(&p, &last));
		assert_false(addr_prefix_has(&p, &below));
		assert_false(addr_prefix_has(&p, &above));
	}
}

static void
test_no_address_is_in_no_prefix(void **state)
{
	struct addr none = { .u.sa.sa_family = 0 };
	struct addr_prefix p;

	(void)state;
	assert_int_equal(addr_prefix_parse(&p, "0.0.0.0/0"), 0);
	assert_false(addr_prefix_has(&p, &none));
}

static void
test_a_faulty_prefix_is_refused(void **state)
{
	static const char *rows[] = { "", "/8", "10.0.0.0/", "10.0.0.0/33",
		"10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/ 8", "10.0.0.0/8/8",
		"10.0.0.1/8", "10.0.0.1/31", "192.0.2.128/24", "10.0.0.0:5/8",
		"2001:db8::/129", "2001:db8::1/32", "[2001:db8::]/32", "name",
		"::1/127" };
	struct addr_prefix p = { .bits = 99 };

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		if (addr_prefix_parse(&p, rows[i]) != EINVAL)
			fail_msg("\"%s\" was taken", rows[i]);
		assert_int_equal(p.bits, 99);
	}
}

static void
test_a_prefix_formats_with_its_length(void **state)
{
	static const char *rows[][2] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "192.0.2.1", "192.0.2.1/32" },
		{ "2001:DB8::/32", "2001:db8::/32" },
		{ "::1", "::1/128" },
	};
	char text[ADDR_TEXT_MAX];
	struct addr_prefix p;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_int_equal(addr_prefix_parse(&p, rows[i][0]), 0);
		assert_string_equal(addr_prefix_format(&p, text), rows[i][1]);
	}
}

static void
test_mask_cuts_host_bits_and_port(void **state)
{
	static const struct {
		const char *from;
		unsigned v4, v6;
		const char *to;
	} rows[] = {
		{ "1.2.3.4:5", 24, 56, "1.2.3.0:0" },
		{ "255.255.255.255:5", 23, 56, "255.255.254.0:0" },
		{ "1.2.3.4:5", 32, 0, "1.2.3.4:0" },
		{ "1.2.3.4:5", 0, 56, "0.0.0.0:0" },
		{ "[2001:db8:1:2ff::9]:5", 24, 56, "[2001:db8:1:200::]:0" },
		{ "[ffff:ffff::1]:5", 24, 17, "[ffff:8000::]:0" },
		{ "[2001:db8::1]:5", 0, 128, "[2001:db8::1]:0" },
	};
	char text[ADDR_TEXT_MAX];
	struct addr out, none = { .u.sa.sa_family = 0 };

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		const struct addr a = parsed(rows[i].from);

		addr_mask(&out, &a, rows[i].v4, rows[i].v6);
		assert_string_equal(addr_format(&out, text), rows[i].to);
	}
	addr_mask(&out, &none, 24, 56);
	assert_true(addr_is_none(&out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_what_is_parsed_formats_in_its_shortest_form),
		cmocka_unit_test(test_what_is_no_address_is_refused),
		cmocka_unit_test(test_no_address_formats_as_none),
		cmocka_unit_test(test_make_and_host_are_inverse),
		cmocka_unit_test(
		    test_from_sockaddr_takes_ip_of_full_length_only),
		cmocka_unit_test(test_equal_means_family_host_and_port),
		cmocka_unit_test(test_equal_looks_at_nothing_else),
		cmocka_unit_test(test_folded_ipv4_comes_out_as_ipv4),
		cmocka_unit_test(test_any_and_loopback_are_recognised),
		cmocka_unit_test(test_a_prefix_ends_at_its_last_bit),
		cmocka_unit_test(test_no_address_is_in_no_prefix),
		cmocka_unit_test(test_a_faulty_prefix_is_refused),
		cmocka_unit_test(test_a_prefix_formats_with_its_length),
		cmocka_unit_test(test_mask_cuts_host_bits_and_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
