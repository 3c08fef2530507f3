#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/stun/attr.h"
#include "tests/unit/common/stun/vectors.h"

enum { ROOM = 2048 };

static const uint8_t tid[STUN_TID_LEN] = "abcdefghijkl";
static const uint8_t bytes[64] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static struct stun_attr
attr(const void *value, size_t len)
{
	return (struct stun_attr){ 0, (uint16_t)len, value };
}

static struct addr
address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

/* A message in a dirty buffer. */
static struct pen
begin(uint8_t out[ROOM])
{
	struct pen p;

	memset(out, 0xAA, ROOM);
	stun_msg_begin(&p, out, ROOM, STUN_ALLOCATE, STUN_ERROR, tid);
	return p;
}

static void
test_the_vectors_mapped_addresses_come_out(void **state)
{
	const struct addr v4 = address("192.0.2.1:32853");
	const struct addr v6 =
	    address("[2001:db8:1234:5678:11:2233:4455:6677]:32853");
	const struct stun_attr *a;
	struct stun_msg m;
	struct addr got;

	(void)state;
	assert_int_equal(
	    stun_msg_parse(&m, vector_ipv4, sizeof(vector_ipv4)), 0);
	a = stun_msg_find(&m, STUN_ATTR_XOR_MAPPED_ADDRESS);
	assert_int_equal(stun_attr_xor_addr(&got, &m, a), 0);
	assert_true(addr_equal(&got, &v4));

	assert_int_equal(
	    stun_msg_parse(&m, vector_ipv6, sizeof(vector_ipv6)), 0);
	a = stun_msg_find(&m, STUN_ATTR_XOR_MAPPED_ADDRESS);
	assert_int_equal(stun_attr_xor_addr(&got, &m, a), 0);
	assert_true(addr_equal(&got, &v6));
}

static void
test_the_vectors_mapped_addresses_are_rebuilt(void **state)
{
	const struct addr v4 = address("192.0.2.1:32853");
	const struct addr v6 =
	    address("[2001:db8:1234:5678:11:2233:4455:6677]:32853");
	uint8_t out[64];
	struct pen p;

	(void)state;
	memset(out, 0xAA, sizeof(out));
	pen_init(&p, out, sizeof(out));
	stun_put_xor_addr(
	    &p, STUN_ATTR_XOR_MAPPED_ADDRESS, &v4, vector_ipv4 + 8);
	assert_int_equal(pen_len(&p), 12);
	assert_memory_equal(out, vector_ipv4 + 36, 12);

	pen_init(&p, out, sizeof(out));
	stun_put_xor_addr(
	    &p, STUN_ATTR_XOR_MAPPED_ADDRESS, &v6, vector_ipv6 + 8);
	assert_int_equal(pen_len(&p), 24);
	assert_memory_equal(out, vector_ipv6 + 36, 24);
}

static void
test_plain_addresses_are_not_xored(void **state)
{
	static const uint8_t want[] = { 0x80, 0x23, 0, 8, 0, 1, 0x0D, 0x96, 192,
		0, 2, 1 };
	const struct addr v4 = address("192.0.2.1:3478");
	uint8_t out[64];
	struct pen p;

	(void)state;
	pen_init(&p, out, sizeof(out));
	stun_put_addr(&p, STUN_ATTR_ALTERNATE_SERVER, &v4);
	assert_int_equal(pen_len(&p), sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
}

static void
test_addresses_of_wrong_family_or_length_are_refused(void **state)
{
	uint8_t value[32] = { 0 };
	struct stun_msg m;
	struct addr got;

	(void)state;
	assert_int_equal(
	    stun_msg_parse(&m, vector_ipv4, sizeof(vector_ipv4)), 0);
	for (unsigned family = 0; family < 256; family++)
		for (size_t len = 0; len <= sizeof(value); len++) {
			const struct stun_attr a = attr(value, len);
			const bool good = (family == 1 && len == 8) ||
			    (family == 2 && len == 20);

			value[1] = (uint8_t)family;
			assert_int_equal(stun_attr_xor_addr(&got, &m, &a),
			    good ? 0 : EBADMSG);
		}
}

/* Each reader takes exactly one length and leaves out alone otherwise. */
static void
test_values_of_wrong_length_are_refused(void **state)
{
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		const struct stun_attr a = attr(bytes, len);
		const int four = len == 4 ? 0 : EBADMSG;
		uint32_t u32 = 99;
		uint16_t u16 = 99;
		uint8_t u8 = 99;
		bool reserve = true;

		assert_int_equal(stun_attr_u32(&u32, &a), four);
		assert_int_equal(u32, four == 0 ? 0x01020304 : 99);
		assert_int_equal(stun_attr_channel(&u16, &a), four);
		assert_int_equal(u16, four == 0 ? 0x0102 : 99);
		assert_int_equal(stun_attr_transport(&u8, &a), four);
		assert_int_equal(u8, four == 0 ? 1 : 99);
		u8 = 99;
		assert_int_equal(stun_attr_family(&u8, &a), four);
		assert_int_equal(u8, four == 0 ? 1 : 99);
		assert_int_equal(
		    stun_attr_even_port(&reserve, &a), len == 1 ? 0 : EBADMSG);
		assert_int_equal(reserve, len != 1);
	}
	(void)state;
}

static void
test_even_port_reserves_by_its_top_bit_only(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		const uint8_t byte = (uint8_t)v;
		const struct stun_attr a = attr(&byte, 1);
		bool reserve;

		assert_int_equal(stun_attr_even_port(&reserve, &a), 0);
		assert_int_equal(reserve, v >= 0x80);
	}
}

static void
test_password_algorithm_with_parameters_is_refused(void **state)
{
	static const struct {
		uint8_t value[8];
		size_t len;
		int rc;
		uint16_t want;
	} rows[] = {
		{ { 0, 2, 0, 0 }, 4, 0, 2 },
		{ { 0x12, 0x34, 0, 0 }, 4, 0, 0x1234 },
		{ { 0, 2, 0, 1 }, 4, EBADMSG, 0 },
		{ { 0, 2, 1, 0 }, 4, EBADMSG, 0 },
		{ { 0, 2, 0, 4, 1, 1, 1, 1 }, 8, EBADMSG, 0 },
		{ { 0, 2, 0, 0 }, 8, EBADMSG, 0 },
		{ { 0, 2, 0 }, 3, EBADMSG, 0 },
		{ { 0 }, 0, EBADMSG, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct stun_attr a = attr(rows[i].value, rows[i].len);
		uint16_t got = 0;

		assert_int_equal(stun_attr_algorithm(&got, &a), rows[i].rc);
		assert_int_equal(got, rows[i].want);
	}
}

static void
test_error_codes_are_read_as_they_were_written(void **state)
{
	static const int codes[] = { 300, 400, 401, 403, 405, 420, 437, 438,
		440, 441, 442, 443, 446, 447, 486, 487, 500, 508, 699 };
	uint8_t out[ROOM];
	struct stun_msg m;
	int code;

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		const char *text = code_text(codes[i]);
		struct pen p = begin(out);

		stun_put_error(&p, codes[i]);
		assert_int_equal(stun_msg_parse(&m, out, stun_msg_end(&p)), 0);
		assert_int_equal(m.attrs[0].type, STUN_ATTR_ERROR_CODE);
		assert_int_equal(stun_attr_error(&code, &m.attrs[0]), 0);
		assert_int_equal(code, codes[i]);
		assert_int_equal(m.attrs[0].len, 4 + strlen(text));
		assert_memory_equal(m.attrs[0].value + 4, text, strlen(text));
	}
}

static void
test_error_codes_out_of_range_are_refused(void **state)
{
	static const struct {
		uint8_t value[4];
		size_t len;
		int rc;
	} rows[] = {
		{ { 0, 0, 3, 0 }, 4, 0 },
		{ { 0, 0, 6, 99 }, 4, 0 },
		{ { 0xFF, 0xFF, 0xFC, 1 }, 4, 0 },
		{ { 0, 0, 2, 0 }, 4, EBADMSG },
		{ { 0, 0, 7, 0 }, 4, EBADMSG },
		{ { 0, 0, 4, 100 }, 4, EBADMSG },
		{ { 0, 0, 4, 1 }, 3, EBADMSG },
		{ { 0 }, 0, EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct stun_attr a = attr(rows[i].value, rows[i].len);
		int code;

		assert_int_equal(stun_attr_error(&code, &a), rows[i].rc);
	}
}

static void
test_address_error_carries_family_and_code(void **state)
{
	static const uint8_t head[] = { STUN_FAMILY_IPV6, 0, 4, 40 };
	uint8_t out[ROOM];
	struct stun_msg m;
	struct pen p = begin(out);

	(void)state;
	stun_put_address_error(&p, STUN_FAMILY_IPV6, 440);
	assert_int_equal(stun_msg_parse(&m, out, stun_msg_end(&p)), 0);
	assert_int_equal(m.attrs[0].type, STUN_ATTR_ADDRESS_ERROR_CODE);
	assert_memory_equal(m.attrs[0].value, head, sizeof(head));
}

/* Whatever the length, no byte of the buffer's past is sent. */
static void
test_padding_is_zero(void **state)
{
	static const uint16_t types[] = { 0x7F00, 0x7F01, 0x7F02 };
	uint8_t out[ROOM];

	(void)state;
	for (size_t len = 0; len <= 9; len++) {
		struct pen p = begin(out);
		const size_t end = STUN_HEADER_LEN + 4 + len;

		stun_put(&p, STUN_ATTR_DATA, bytes, len);
		assert_int_equal(stun_msg_end(&p), stun_padded(end));
		assert_memory_equal(out + STUN_HEADER_LEN + 4, bytes, len);
		for (size_t i = end; i < stun_padded(end); i++)
			assert_int_equal(out[i], 0);
		assert_int_equal(out[stun_padded(end)], 0xAA);
	}
	for (int code = 300; code <= 699; code++) {
		struct pen p = begin(out);
		const size_t end =
		    STUN_HEADER_LEN + 8 + strlen(code_text(code));

		stun_put_error(&p, code);
		for (size_t i = end; i < stun_padded(end); i++)
			assert_int_equal(out[i], 0);
	}
	for (unsigned n = 0; n <= 3; n++) {
		struct pen p = begin(out);

		stun_put_unknown(&p, types, n);
		assert_int_equal(
		    stun_msg_end(&p), STUN_HEADER_LEN + 4 + (n + 1) / 2 * 4);
		if (n % 2 == 1) {
			assert_int_equal(p.at[-1], 0);
			assert_int_equal(p.at[-2], 0);
		}
	}
}

static void
test_unknown_types_are_listed_in_network_order(void **state)
{
	static const uint16_t types[] = { 0x7F00, 0x0003 };
	static const uint8_t want[] = { 0, 0x0A, 0, 4, 0x7F, 0, 0, 3 };
	uint8_t out[16];
	struct pen p;

	(void)state;
	pen_init(&p, out, sizeof(out));
	stun_put_unknown(&p, types, 2);
	assert_int_equal(pen_len(&p), sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
}

static void
test_only_our_own_algorithm_list_passes_the_bid_down_check(void **state)
{
	static const uint8_t want[] = { 0x80, 0x02, 0, 8, 0, 2, 0, 0, 0, 1, 0,
		0 };
	uint8_t out[16], value[12] = { 0 };
	struct stun_attr a;
	struct pen p;

	(void)state;
	pen_init(&p, out, sizeof(out));
	stun_put_algorithms(&p);
	assert_int_equal(pen_len(&p), sizeof(want));
	assert_memory_equal(out, want, sizeof(want));

	memcpy(value, out + 4, 8);
	a = attr(value, 8);
	a.type = STUN_ATTR_PASSWORD_ALGORITHMS;
	assert_true(stun_attr_is_algorithms(&a));
	for (size_t bit = 0; bit < 64; bit++) {
		value[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(stun_attr_is_algorithms(&a));
		value[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	a.len = 4;
	assert_false(stun_attr_is_algorithms(&a));
	a.len = 12;
	assert_false(stun_attr_is_algorithms(&a));
	a.len = 8;
	a.type = STUN_ATTR_PASSWORD_ALGORITHM;
	assert_false(stun_attr_is_algorithms(&a));
}

static void
test_a_value_too_long_for_its_length_field_spoils_the_pen(void **state)
{
	static uint8_t big[3 * 65536];
	struct pen p;

	(void)state;
	pen_init(&p, big + 65536, 2 * 65536);
	stun_put(&p, STUN_ATTR_DATA, big, 65536);
	assert_true(p.bad);
	pen_init(&p, big + 65536, 2 * 65536);
	stun_put(&p, STUN_ATTR_DATA, big, 65535);
	assert_false(p.bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_vectors_mapped_addresses_come_out),
		cmocka_unit_test(test_the_vectors_mapped_addresses_are_rebuilt),
		cmocka_unit_test(test_plain_addresses_are_not_xored),
		cmocka_unit_test(
		    test_addresses_of_wrong_family_or_length_are_refused),
		cmocka_unit_test(test_values_of_wrong_length_are_refused),
		cmocka_unit_test(test_even_port_reserves_by_its_top_bit_only),
		cmocka_unit_test(
		    test_password_algorithm_with_parameters_is_refused),
		cmocka_unit_test(
		    test_error_codes_are_read_as_they_were_written),
		cmocka_unit_test(test_error_codes_out_of_range_are_refused),
		cmocka_unit_test(test_address_error_carries_family_and_code),
		cmocka_unit_test(test_padding_is_zero),
		cmocka_unit_test(
		    test_unknown_types_are_listed_in_network_order),
		cmocka_unit_test(
		    test_only_our_own_algorithm_list_passes_the_bid_down_check),
		cmocka_unit_test(
		    test_a_value_too_long_for_its_length_field_spoils_the_pen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
