#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/digest.h"
#include "common/stun/integrity.h"
#include "tests/unit/common/stun/vectors.h"

enum { ROOM = 512 };

static const uint8_t tid[STUN_TID_LEN] = "abcdefghijkl";

static const struct stun_key short_key = {
	.bytes = VECTOR_PASSWORD,
	.len = sizeof(VECTOR_PASSWORD) - 1,
};

static struct stun_key
long_key(uint16_t algorithm)
{
	struct stun_key key;

	assert_int_equal(stun_key_derive(&key, algorithm, VECTOR_LONG_USER,
			     VECTOR_LONG_REALM, VECTOR_LONG_PASSWORD),
	    0);
	return key;
}

static void
test_crc_matches_the_known_check_value(void **state)
{
	(void)state;
	assert_int_equal(
	    stun_crc32((const uint8_t *)"123456789", 9), 0xCBF43926);
	assert_int_equal(stun_crc32(NULL, 0), 0);
}

static void
test_short_term_vectors_verify(void **state)
{
	static const struct {
		const uint8_t *data;
		size_t len;
	} rows[] = {
		{ vector_request, sizeof(vector_request) },
		{ vector_ipv4, sizeof(vector_ipv4) },
		{ vector_ipv6, sizeof(vector_ipv6) },
	};
	struct stun_key wrong = short_key;
	struct stun_msg m;

	(void)state;
	wrong.bytes[0] ^= 1;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    stun_msg_parse(&m, rows[i].data, rows[i].len), 0);
		assert_true(stun_integrity_ok(&m, &short_key));
		assert_false(stun_integrity_ok(&m, &wrong));
		assert_false(stun_integrity256_ok(&m, &short_key));
	}
}

static void
test_long_term_vector_verifies_and_is_rebuilt(void **state)
{
	const struct stun_key key = long_key(STUN_ALGORITHM_MD5);
	uint8_t out[ROOM];
	struct stun_msg m;
	struct pen p;

	(void)state;
	assert_int_equal(
	    stun_msg_parse(&m, vector_long_term, sizeof(vector_long_term)), 0);
	assert_true(stun_integrity_ok(&m, &key));

	memset(out, 0xAA, sizeof(out));
	stun_msg_begin(&p, out, ROOM, STUN_BINDING, STUN_REQUEST, m.tid);
	stun_put(&p, STUN_ATTR_USERNAME, VECTOR_LONG_USER,
	    sizeof(VECTOR_LONG_USER) - 1);
	stun_put(&p, STUN_ATTR_NONCE, VECTOR_LONG_NONCE,
	    sizeof(VECTOR_LONG_NONCE) - 1);
	stun_put(&p, STUN_ATTR_REALM, VECTOR_LONG_REALM,
	    sizeof(VECTOR_LONG_REALM) - 1);
	stun_put_integrity(&p, &key);
	assert_int_equal(stun_msg_end(&p), sizeof(vector_long_term));
	assert_memory_equal(out, vector_long_term, sizeof(vector_long_term));
}

static void
test_sha256_vector_verifies_and_is_rebuilt(void **state)
{
	const struct stun_key key = long_key(STUN_ALGORITHM_SHA256);
	uint8_t out[ROOM], hash[STUN_USERHASH_LEN];
	struct stun_msg m;
	struct pen p;

	(void)state;
	assert_int_equal(
	    stun_msg_parse(&m, vector_sha256, sizeof(vector_sha256)), 0);
	assert_true(stun_integrity256_ok(&m, &key));
	assert_false(stun_integrity_ok(&m, &key));

	memset(out, 0xAA, sizeof(out));
	stun_userhash(hash, VECTOR_LONG_USER, VECTOR_LONG_REALM);
	stun_msg_begin(&p, out, ROOM, STUN_BINDING, STUN_REQUEST, m.tid);
	stun_put(&p, STUN_ATTR_USERHASH, hash, sizeof(hash));
	stun_put(&p, STUN_ATTR_NONCE, VECTOR_SHA256_NONCE,
	    sizeof(VECTOR_SHA256_NONCE) - 1);
	stun_put(&p, STUN_ATTR_REALM, VECTOR_LONG_REALM,
	    sizeof(VECTOR_LONG_REALM) - 1);
	stun_put_algorithm(&p, STUN_ALGORITHM_SHA256);
	stun_put_integrity256(&p, &key);
	assert_int_equal(stun_msg_end(&p), sizeof(vector_sha256));
	assert_memory_equal(out, vector_sha256, sizeof(vector_sha256));
}

/* The other vectors pad with spaces, so their prefix is taken as it is. */
static void
test_signing_the_vectors_prefix_gives_the_vectors_end(void **state)
{
	static const struct {
		const uint8_t *data;
		size_t len;
	} rows[] = {
		{ vector_request, sizeof(vector_request) },
		{ vector_ipv4, sizeof(vector_ipv4) },
		{ vector_ipv6, sizeof(vector_ipv6) },
	};
	uint8_t out[ROOM];
	struct pen p;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		pen_init(&p, out, sizeof(out));
		pen_bytes(&p, rows[i].data, rows[i].len - 8 - 24);
		stun_put_integrity(&p, &short_key);
		stun_put_fingerprint(&p);
		assert_int_equal(stun_msg_end(&p), rows[i].len);
		assert_memory_equal(out, rows[i].data, rows[i].len);
	}
}

/* Refused: does not parse, or neither integrity holds any more. */
static bool
is_accepted(const uint8_t *data, size_t len, const struct stun_key *key)
{
	struct stun_msg m;

	return stun_msg_parse(&m, data, len) == 0 &&
	    (stun_integrity_ok(&m, key) || stun_integrity256_ok(&m, key));
}

static void
check_flips(const uint8_t *data, size_t len, const struct stun_key *key)
{
	uint8_t copy[ROOM];

	memcpy(copy, data, len);
	assert_true(is_accepted(copy, len, key));
	for (size_t bit = 0; bit < len * 8; bit++) {
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(is_accepted(copy, len, key));
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void
test_every_flipped_bit_of_a_signed_message_is_refused(void **state)
{
	const struct stun_key md5 = long_key(STUN_ALGORITHM_MD5);
	const struct stun_key sha = long_key(STUN_ALGORITHM_SHA256);

	(void)state;
	check_flips(vector_long_term, sizeof(vector_long_term), &md5);
	check_flips(vector_sha256, sizeof(vector_sha256), &sha);
}

/* A FINGERPRINT whose type is flipped becomes an attribute to ignore, which
 * changes nothing that is signed: only those 16 bits may be accepted. */
static void
test_flips_outside_the_fingerprint_type_are_refused(void **state)
{
	const size_t type_at = sizeof(vector_request) - 8;
	uint8_t copy[sizeof(vector_request)];

	(void)state;
	memcpy(copy, vector_request, sizeof(copy));
	for (size_t bit = 0; bit < sizeof(copy) * 8; bit++) {
		if (bit / 8 == type_at || bit / 8 == type_at + 1)
			continue;
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(is_accepted(copy, sizeof(copy), &short_key));
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* A right digest, cut or stretched with zeroes to len. */
static size_t
put_resized(uint8_t *out, enum digest kind, size_t len)
{
	const bool sha1 = kind == DIGEST_SHA1;
	uint8_t mac[64] = { 0 };
	struct digest_part all = { out, STUN_HEADER_LEN };
	struct pen p;

	stun_msg_begin(&p, out, ROOM, STUN_BINDING, STUN_REQUEST, tid);
	stun_msg_set_length(&p, 4 + stun_padded(len));
	digest_hmac(mac, kind,
	    (struct digest_part){ short_key.bytes, short_key.len }, &all, 1);
	stun_put(&p,
	    sha1 ? STUN_ATTR_MESSAGE_INTEGRITY
		 : STUN_ATTR_MESSAGE_INTEGRITY_SHA256,
	    mac, len);
	return stun_msg_end(&p);
}

static void
test_sha256_may_be_cut_to_sixteen_bytes_but_not_below(void **state)
{
	uint8_t out[ROOM];
	struct stun_msg m;

	(void)state;
	for (size_t len = 0; len <= 64; len++) {
		const size_t n = put_resized(out, DIGEST_SHA256, len);

		assert_int_equal(stun_msg_parse(&m, out, n), 0);
		assert_int_equal(stun_integrity256_ok(&m, &short_key),
		    len >= 16 && len <= STUN_SHA256_LEN && len % 4 == 0);
	}
}

static void
test_sha1_of_any_other_length_is_refused(void **state)
{
	uint8_t out[ROOM];
	struct stun_msg m;

	(void)state;
	for (size_t len = 0; len <= 64; len++) {
		const size_t n = put_resized(out, DIGEST_SHA1, len);

		assert_int_equal(stun_msg_parse(&m, out, n), 0);
		assert_int_equal(
		    stun_integrity_ok(&m, &short_key), len == STUN_SHA1_LEN);
	}
}

static void
test_keys_come_out_as_the_rfc_says(void **state)
{
	/* MD5("user:realm:pass"), RFC 8489, section 9.2.2 */
	static const uint8_t md5[] = { 0x84, 0x93, 0xfb, 0xc5, 0x3b, 0xa5, 0x82,
		0xfb, 0x4c, 0x04, 0x4c, 0x45, 0x6b, 0xdc, 0x40, 0xeb };
	struct stun_key a, b;

	(void)state;
	assert_int_equal(
	    stun_key_derive(&a, STUN_ALGORITHM_MD5, "user", "realm", "pass"),
	    0);
	assert_int_equal(a.len, sizeof(md5));
	assert_memory_equal(a.bytes, md5, sizeof(md5));
	assert_int_equal(stun_key_derive_n(&b, STUN_ALGORITHM_MD5, "username",
			     4, "realm", "pass"),
	    0);
	assert_memory_equal(b.bytes, md5, sizeof(md5));
	assert_int_equal(
	    stun_key_derive(&a, STUN_ALGORITHM_SHA256, "u", "r", "p"), 0);
	assert_int_equal(a.len, STUN_SHA256_LEN);
	assert_int_equal(stun_key_derive(&a, 3, "u", "r", "p"), EINVAL);
	assert_int_equal(stun_key_derive(&a, 0, "u", "r", "p"), EINVAL);
}

/* RFC 2202 and RFC 4231, case 6: a key longer than a block is hashed. */
static void
test_hmac_takes_keys_longer_than_a_block(void **state)
{
	static const char text[] =
	    "Test Using Larger Than Block-Size Key - Hash Key First";
	static const uint8_t sha1[] = { 0xaa, 0x4a, 0xe5, 0xe1, 0x52, 0x72,
		0xd0, 0x0e, 0x95, 0x70, 0x56, 0x37, 0xce, 0x8a, 0x3b, 0x55,
		0xed, 0x40, 0x21, 0x12 };
	static const uint8_t sha256[] = { 0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0,
		0xb6, 0x7f, 0x0d, 0x8a, 0x26, 0xaa, 0xcb, 0xf5, 0xb7, 0x7f,
		0x8e, 0x0b, 0xc6, 0x21, 0x37, 0x28, 0xc5, 0x14, 0x05, 0x46,
		0x04, 0x0f, 0x0e, 0xe3, 0x7f, 0x54 };
	uint8_t key[131], out[DIGEST_LEN_MAX];
	const struct digest_part parts[] = { { text, 10 },
		{ text + 10, sizeof(text) - 11 } };

	(void)state;
	memset(key, 0xaa, sizeof(key));
	digest_hmac(
	    out, DIGEST_SHA1, (struct digest_part){ key, 80 }, parts, 2);
	assert_memory_equal(out, sha1, sizeof(sha1));
	digest_hmac(
	    out, DIGEST_SHA256, (struct digest_part){ key, 131 }, parts, 2);
	assert_memory_equal(out, sha256, sizeof(sha256));
}

static void *
verify_often(void *arg)
{
	struct stun_msg m;
	bool *ok = arg;

	*ok = true;
	for (unsigned i = 0; i < 1000; i++)
		*ok = *ok &&
		    stun_msg_parse(
			&m, vector_request, sizeof(vector_request)) == 0 &&
		    stun_integrity_ok(&m, &short_key);
	return NULL;
}

static void
test_threads_verify_at_the_same_time(void **state)
{
	pthread_t threads[4];
	bool ok[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, verify_often, &ok[i]), 0);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_true(ok[i]);
	}
}

static void
test_a_signature_that_does_not_fit_spoils_the_message(void **state)
{
	uint8_t out[STUN_HEADER_LEN + 24 + 8];
	struct pen p;

	(void)state;
	for (size_t room = 0; room < sizeof(out); room++) {
		stun_msg_begin(&p, out, room, STUN_BINDING, STUN_REQUEST, tid);
		stun_put_integrity(&p, &short_key);
		stun_put_fingerprint(&p);
		assert_int_equal(stun_msg_end(&p), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc_matches_the_known_check_value),
		cmocka_unit_test(test_short_term_vectors_verify),
		cmocka_unit_test(test_long_term_vector_verifies_and_is_rebuilt),
		cmocka_unit_test(test_sha256_vector_verifies_and_is_rebuilt),
		cmocka_unit_test(
		    test_signing_the_vectors_prefix_gives_the_vectors_end),
		cmocka_unit_test(
		    test_every_flipped_bit_of_a_signed_message_is_refused),
		cmocka_unit_test(
		    test_flips_outside_the_fingerprint_type_are_refused),
		cmocka_unit_test(
		    test_sha256_may_be_cut_to_sixteen_bytes_but_not_below),
		cmocka_unit_test(test_sha1_of_any_other_length_is_refused),
		cmocka_unit_test(test_keys_come_out_as_the_rfc_says),
		cmocka_unit_test(test_hmac_takes_keys_longer_than_a_block),
		cmocka_unit_test(test_threads_verify_at_the_same_time),
		cmocka_unit_test(
		    test_a_signature_that_does_not_fit_spoils_the_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
