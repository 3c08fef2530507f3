#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "net/proxy.h"

static const uint8_t V4[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
			    "\xc6\x33\x64\x01\xcb\x00\x71\x05\x10\x00\x0d\x96";
static const uint8_t V6[] = "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24"
			    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"
			    "\x10\x00\x0d\x96";
static const uint8_t LOCAL[] = "\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0";

static void
check_addr(const struct addr *a, const char *want)
{
	char text[ADDR_TEXT_MAX];

	assert_string_equal(addr_format(a, text), want);
}

static void
test_addresses_are_read(void **state)
{
	struct net_proxy p;

	(void)state;
	assert_int_equal(net_proxy_parse(&p, V4, sizeof(V4) - 1), 0);
	assert_false(p.is_local);
	check_addr(&p.client, "198.51.100.1:4096");
	check_addr(&p.local, "203.0.113.5:3478");
	assert_int_equal(net_proxy_parse(&p, V6, sizeof(V6) - 1), 0);
	check_addr(&p.client, "[2001:db8::1]:4096");
	check_addr(&p.local, "[2001:db8::2]:3478");
}

static void
test_ipv4_inside_of_ipv6_is_ipv4(void **state)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	uint8_t b[sizeof(V6) - 1];
	struct net_proxy p;

	(void)state;
	memcpy(b, V6, sizeof(b));
	memcpy(b + 16, mapped, sizeof(mapped));
	/* one alone is left: both ends are of one family */
	assert_int_equal(net_proxy_parse(&p, b, sizeof(b)), 0);
	check_addr(&p.client, "[::ffff:0.0.0.1]:4096");
	memcpy(b + 32, mapped, sizeof(mapped));
	assert_int_equal(net_proxy_parse(&p, b, sizeof(b)), 0);
	check_addr(&p.client, "0.0.0.1:4096");
	check_addr(&p.local, "0.0.0.2:3478");
}

static void
test_health_check_has_no_addresses(void **state)
{
	struct net_proxy p;

	(void)state;
	assert_int_equal(net_proxy_parse(&p, LOCAL, sizeof(LOCAL) - 1), 0);
	assert_true(p.is_local);
}

static void
test_options_are_stepped_over(void **state)
{
	uint8_t b[sizeof(V4) - 1 + 7];
	struct net_proxy p;
	size_t size;

	(void)state;
	memcpy(b, V4, sizeof(V4) - 1);
	memset(b + sizeof(V4) - 1, 0xee, 7);
	b[15] = 12 + 7;
	assert_int_equal(net_proxy_size(&size, b), 0);
	assert_int_equal(size, sizeof(b));
	assert_int_equal(net_proxy_parse(&p, b, sizeof(b)), 0);
	check_addr(&p.client, "198.51.100.1:4096");
}

/* Every byte of the head but the length's matters. */
static void
test_other_heads_are_refused(void **state)
{
	uint8_t b[sizeof(V4) - 1];
	struct net_proxy p = { .is_local = true };

	(void)state;
	for (size_t i = 0; i < PROXY_HEAD_LEN; i++) {
		memcpy(b, V4, sizeof(b));
		b[i] ^= 0x02;
		assert_int_equal(net_proxy_parse(&p, b, sizeof(b)), EBADMSG);
	}
	for (size_t len = 0; len < sizeof(b); len++)
		assert_int_equal(net_proxy_parse(&p, V4, len), EBADMSG);
	assert_true(p.is_local); /* untouched */
}

static void
test_endless_header_is_refused(void **state)
{
	uint8_t b[PROXY_HEAD_LEN];
	size_t size;

	(void)state;
	memcpy(b, V4, sizeof(b));
	b[14] = 0x04;
	b[15] = 0x00;
	assert_int_equal(net_proxy_size(&size, b), 0);
	b[15] = 0x01;
	assert_int_equal(net_proxy_size(&size, b), EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_are_read),
		cmocka_unit_test(test_ipv4_inside_of_ipv6_is_ipv4),
		cmocka_unit_test(test_health_check_has_no_addresses),
		cmocka_unit_test(test_options_are_stepped_over),
		cmocka_unit_test(test_other_heads_are_refused),
		cmocka_unit_test(test_endless_header_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
