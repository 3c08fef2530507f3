#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/stun/attr.h"
#include "common/stun/integrity.h"
#include "tests/unit/common/stun/vectors.h"

enum { ROOM = 2048 };

static const uint8_t tid[STUN_TID_LEN] = "abcdefghijkl";

static struct pen
begin(uint8_t out[ROOM])
{
	struct pen p;

	stun_msg_begin(&p, out, ROOM, STUN_ALLOCATE, STUN_REQUEST, tid);
	return p;
}

static void
test_every_vector_parses_with_its_attributes(void **state)
{
	static const struct {
		const uint8_t *data;
		size_t len;
		enum stun_class class;
		unsigned count;
		bool sha1, sha256, fingerprint;
	} rows[] = {
		{ vector_request, sizeof(vector_request), STUN_REQUEST, 6, true,
		    false, true },
		{ vector_ipv4, sizeof(vector_ipv4), STUN_SUCCESS, 4, true,
		    false, true },
		{ vector_ipv6, sizeof(vector_ipv6), STUN_SUCCESS, 4, true,
		    false, true },
		{ vector_long_term, sizeof(vector_long_term), STUN_REQUEST, 4,
		    true, false, false },
		{ vector_sha256, sizeof(vector_sha256), STUN_REQUEST, 5, false,
		    true, false },
	};
	struct stun_msg m;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(
		    stun_msg_parse(&m, rows[i].data, rows[i].len), 0);
		assert_int_equal(m.method, STUN_BINDING);
		assert_int_equal(m.class, rows[i].class);
		assert_int_equal(m.count, rows[i].count);
		assert_ptr_equal(m.tid, rows[i].data + 8);
		assert_int_equal(m.integrity != NULL, rows[i].sha1);
		assert_int_equal(m.integrity256 != NULL, rows[i].sha256);
		assert_int_equal(m.fingerprint != NULL, rows[i].fingerprint);
	}
}

static void
test_a_message_cut_at_any_length_is_refused(void **state)
{
	struct stun_msg m;

	(void)state;
	for (size_t n = 0; n < sizeof(vector_request); n++) {
		uint8_t *exact = test_malloc(n + 1);

		/* at the end of a heap block, so that sanitizers see more */
		memcpy(exact, vector_request, n);
		assert_int_equal(stun_msg_parse(&m, exact, n), EBADMSG);
		test_free(exact);
	}
}

static void
test_bytes_behind_the_message_are_refused(void **state)
{
	uint8_t buf[sizeof(vector_long_term) + 4] = { 0 };
	struct stun_msg m;

	(void)state;
	memcpy(buf, vector_long_term, sizeof(vector_long_term));
	for (size_t n = 1; n <= 4; n++)
		assert_int_equal(
		    stun_msg_parse(&m, buf, sizeof(vector_long_term) + n),
		    EBADMSG);
}

static void
test_only_stun_looks_like_stun(void **state)
{
	static const struct {
		uint8_t bytes[8];
		bool is;
	} rows[] = {
		{ { 0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42 }, true },
		{ { 0x3F, 0xFF, 0xFF, 0xFC, 0x21, 0x12, 0xA4, 0x42 }, true },
		{ { 0x40, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42 }, false },
		{ { 0x80, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42 }, false },
		{ { 0, 1, 0, 1, 0x21, 0x12, 0xA4, 0x42 }, false },
		{ { 0, 1, 0, 2, 0x21, 0x12, 0xA4, 0x42 }, false },
		{ { 0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x43 }, false },
		{ { 0, 1, 0, 0, 0x20, 0x12, 0xA4, 0x42 }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(stun_msg_is(rows[i].bytes, 8), rows[i].is);
	assert_false(stun_msg_is(rows[0].bytes, 7));
}

static void
test_every_method_and_class_survives_the_type_field(void **state)
{
	uint8_t out[STUN_HEADER_LEN];
	struct stun_msg m;
	struct pen p;

	(void)state;
	for (unsigned method = 0; method <= 0xFFF; method++) {
		for (unsigned class = 0; class < 4; class ++) {
			stun_msg_begin(&p, out, sizeof(out),
			    (enum stun_method)method, (enum stun_class) class,
			    tid);
			assert_int_equal(stun_msg_end(&p), STUN_HEADER_LEN);
			assert_int_equal(
			    stun_msg_parse(&m, out, sizeof(out)), 0);
			assert_int_equal(m.method, method);
			assert_int_equal(m.class, class);
		}
	}
}

/* Known types on the wire, so that both directions cannot err alike. */
static void
test_types_have_their_registered_numbers(void **state)
{
	static const struct {
		enum stun_method method;
		enum stun_class class;
		uint8_t bytes[2];
	} rows[] = {
		{ STUN_BINDING, STUN_REQUEST, { 0x00, 0x01 } },
		{ STUN_BINDING, STUN_SUCCESS, { 0x01, 0x01 } },
		{ STUN_ALLOCATE, STUN_ERROR, { 0x01, 0x13 } },
		{ STUN_SEND, STUN_INDICATION, { 0x00, 0x16 } },
		{ STUN_DATA, STUN_INDICATION, { 0x00, 0x17 } },
		{ STUN_CHANNEL_BIND, STUN_REQUEST, { 0x00, 0x09 } },
	};
	uint8_t out[STUN_HEADER_LEN];
	struct pen p;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		stun_msg_begin(
		    &p, out, sizeof(out), rows[i].method, rows[i].class, tid);
		assert_memory_equal(out, rows[i].bytes, 2);
	}
}

static void
test_an_attribute_over_the_end_is_refused(void **state)
{
	uint8_t out[ROOM];
	struct stun_msg m;
	struct pen p = begin(out);
	size_t len;

	(void)state;
	stun_put(&p, STUN_ATTR_DATA, "1234", 4);
	len = stun_msg_end(&p);
	assert_int_equal(stun_msg_parse(&m, out, len), 0);
	for (unsigned told = 5; told <= 0xFFFF; told += 257) {
		out[22] = (uint8_t)(told >> 8);
		out[23] = (uint8_t)told;
		assert_int_equal(stun_msg_parse(&m, out, len), EBADMSG);
	}
}

static void
test_a_short_value_may_hide_anything_in_its_padding(void **state)
{
	uint8_t out[ROOM];
	struct stun_msg m;
	struct pen p = begin(out);
	size_t len;

	(void)state;
	stun_put(&p, STUN_ATTR_DATA, "1", 1);
	len = stun_msg_end(&p);
	memset(out + len - 3, 0xFF, 3);
	assert_int_equal(stun_msg_parse(&m, out, len), 0);
	assert_int_equal(m.attrs[0].len, 1);
	assert_int_equal(m.attrs[0].value[0], '1');
}

static void
test_all_attributes_pass_and_one_more_does_not(void **state)
{
	uint8_t out[ROOM];
	struct stun_msg m;
	struct pen p = begin(out);

	(void)state;
	for (unsigned i = 0; i < STUN_ATTRS_MAX; i++)
		stun_put_u32(&p, STUN_ATTR_LIFETIME, i);
	assert_int_equal(stun_msg_parse(&m, out, stun_msg_end(&p)), 0);
	assert_int_equal(m.count, STUN_ATTRS_MAX);
	stun_put_u32(&p, STUN_ATTR_LIFETIME, 0);
	assert_int_equal(stun_msg_parse(&m, out, stun_msg_end(&p)), EBADMSG);
}

static void
test_a_message_within_a_message_stays_a_value(void **state)
{
	uint8_t out[ROOM];
	struct stun_msg m, inner;
	struct pen p = begin(out);

	(void)state;
	stun_put(&p, STUN_ATTR_DATA, vector_request, sizeof(vector_request));
	assert_int_equal(stun_msg_parse(&m, out, stun_msg_end(&p)), 0);
	assert_int_equal(m.count, 1);
	assert_null(m.integrity);
	assert_null(m.fingerprint);
	assert_int_equal(
	    stun_msg_parse(&inner, m.attrs[0].value, m.attrs[0].len), 0);
}

static void
test_attributes_behind_integrity_are_ignored(void **state)
{
	const struct stun_key key = { "k", 1 };
	uint8_t out[ROOM];
	struct stun_msg m;
	struct pen p = begin(out);

	(void)state;
	stun_put(&p, STUN_ATTR_USERNAME, "real", 4);
	stun_put_integrity(&p, &key);
	stun_put(&p, STUN_ATTR_USERNAME, "fake", 4);
	stun_put_u32(&p, STUN_ATTR_LIFETIME, 0);
	stun_put_integrity(&p, &key);
	stun_put_integrity256(&p, &key);
	stun_put_integrity256(&p, &key);
	stun_put_u32(&p, 0x7777, 0);
	stun_put_fingerprint(&p);
	assert_int_equal(stun_msg_parse(&m, out, stun_msg_end(&p)), 0);
	assert_int_equal(m.count, 4);
	assert_memory_equal(m.attrs[0].value, "real", 4);
	assert_ptr_equal(m.integrity, &m.attrs[1]);
	assert_ptr_equal(m.integrity256, &m.attrs[2]);
	assert_ptr_equal(m.fingerprint, &m.attrs[3]);
	assert_true(stun_integrity_ok(&m, &key));
	assert_true(stun_integrity256_ok(&m, &key));
}

static void
test_sha1_behind_sha256_is_ignored(void **state)
{
	const struct stun_key key = { "k", 1 };
	uint8_t out[ROOM];
	struct stun_msg m;
	struct pen p = begin(out);

	(void)state;
	stun_put_integrity256(&p, &key);
	stun_put_integrity(&p, &key);
	assert_int_equal(stun_msg_parse(&m, out, stun_msg_end(&p)), 0);
	assert_int_equal(m.count, 1);
	assert_null(m.integrity);
	assert_non_null(m.integrity256);
}

static void
test_a_fingerprint_must_be_right_and_last(void **state)
{
	uint8_t out[ROOM];
	struct stun_msg m;
	struct pen p = begin(out);
	size_t len;

	(void)state;
	stun_put_fingerprint(&p);
	len = stun_msg_end(&p);
	assert_int_equal(stun_msg_parse(&m, out, len), 0);
	for (unsigned bit = 0; bit < len * 8; bit++) {
		out[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* bits of its own type make it another, unknown attribute */
		if (bit / 8 < STUN_HEADER_LEN || bit / 8 >= 22)
			assert_int_equal(stun_msg_parse(&m, out, len), EBADMSG);
		out[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	stun_put_u32(&p, STUN_ATTR_LIFETIME, 0);
	assert_int_equal(stun_msg_parse(&m, out, stun_msg_end(&p)), EBADMSG);
}

static void
test_repeated_attributes_are_found_in_order(void **state)
{
	const struct stun_attr *a;
	uint8_t out[ROOM];
	struct stun_msg m;
	struct pen p = begin(out);

	(void)state;
	stun_put_u32(&p, STUN_ATTR_XOR_PEER_ADDRESS, 1);
	stun_put_u32(&p, STUN_ATTR_LIFETIME, 2);
	stun_put_u32(&p, STUN_ATTR_XOR_PEER_ADDRESS, 3);
	assert_int_equal(stun_msg_parse(&m, out, stun_msg_end(&p)), 0);
	a = stun_msg_find(&m, STUN_ATTR_XOR_PEER_ADDRESS);
	assert_ptr_equal(a, &m.attrs[0]);
	a = stun_msg_find_next(&m, a);
	assert_ptr_equal(a, &m.attrs[2]);
	assert_null(stun_msg_find_next(&m, a));
	assert_null(stun_msg_find(&m, STUN_ATTR_REALM));
}

static void
test_unknown_required_attributes_are_listed_once(void **state)
{
	uint16_t types[STUN_UNKNOWN_MAX];
	uint8_t out[ROOM];
	struct stun_msg m;
	struct pen p = begin(out);

	(void)state;
	stun_put_u32(&p, STUN_ATTR_LIFETIME, 0);
	stun_put_u32(&p, 0x7F00, 0);
	stun_put_u32(&p, 0xFF00, 0);
	stun_put_u32(&p, 0x7F00, 0);
	stun_put_u32(&p, 0x0003, 0);
	assert_int_equal(stun_msg_parse(&m, out, stun_msg_end(&p)), 0);
	assert_int_equal(stun_msg_unknown(&m, types), 2);
	assert_int_equal(types[0], 0x7F00);
	assert_int_equal(types[1], 0x0003);

	p = begin(out);
	for (unsigned i = 0; i < STUN_UNKNOWN_MAX + 4; i++)
		stun_put_u32(&p, (uint16_t)(0x7000 + i), 0);
	assert_int_equal(stun_msg_parse(&m, out, stun_msg_end(&p)), 0);
	assert_int_equal(stun_msg_unknown(&m, types), STUN_UNKNOWN_MAX);
}

static void
test_a_message_that_does_not_fit_has_no_length(void **state)
{
	static uint8_t big[70000], payload[UINT16_MAX];
	struct pen p;

	(void)state;
	for (size_t room = 0; room < 28; room++) {
		stun_msg_begin(&p, big, room, STUN_BINDING, STUN_REQUEST, tid);
		stun_put_u32(&p, STUN_ATTR_LIFETIME, 0);
		assert_int_equal(stun_msg_end(&p), 0);
	}
	stun_msg_begin(&p, big, sizeof(big), STUN_BINDING, STUN_REQUEST, tid);
	stun_put(&p, STUN_ATTR_DATA, payload, UINT16_MAX - 7);
	assert_int_equal(stun_msg_end(&p), STUN_HEADER_LEN + UINT16_MAX - 3);
	stun_put(&p, STUN_ATTR_DATA, NULL, 0);
	assert_int_equal(stun_msg_end(&p), 0);
}

static void
test_every_method_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(stun_method_name(STUN_ALLOCATE), "Allocate");
	assert_string_equal(
	    stun_method_name(STUN_CREATE_PERMISSION), "CreatePermission");
	for (unsigned i = 0; i < 0x1000; i++)
		assert_non_null(stun_method_name((enum stun_method)i));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_vector_parses_with_its_attributes),
		cmocka_unit_test(test_a_message_cut_at_any_length_is_refused),
		cmocka_unit_test(test_bytes_behind_the_message_are_refused),
		cmocka_unit_test(test_only_stun_looks_like_stun),
		cmocka_unit_test(
		    test_every_method_and_class_survives_the_type_field),
		cmocka_unit_test(test_types_have_their_registered_numbers),
		cmocka_unit_test(test_an_attribute_over_the_end_is_refused),
		cmocka_unit_test(
		    test_a_short_value_may_hide_anything_in_its_padding),
		cmocka_unit_test(
		    test_all_attributes_pass_and_one_more_does_not),
		cmocka_unit_test(test_a_message_within_a_message_stays_a_value),
		cmocka_unit_test(test_attributes_behind_integrity_are_ignored),
		cmocka_unit_test(test_sha1_behind_sha256_is_ignored),
		cmocka_unit_test(test_a_fingerprint_must_be_right_and_last),
		cmocka_unit_test(test_repeated_attributes_are_found_in_order),
		cmocka_unit_test(
		    test_unknown_required_attributes_are_listed_once),
		cmocka_unit_test(
		    test_a_message_that_does_not_fit_has_no_length),
		cmocka_unit_test(test_every_method_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
