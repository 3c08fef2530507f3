#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "turn/nonce.h"

enum {
	NOW_S = 5000,
	SHORT_LEN = 16,
	LONG_LEN = 13 + 16,
	BOTH = TURN_NONCE_PASSWORD_ALGORITHMS | TURN_NONCE_USERNAME_ANONYMITY,
};

static const struct turn_nonce_key key = { "the key of this process" };

static struct addr
client(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

/* 0 or 438 for a nonce made at NOW_S for 192.0.2.1:5000 */
static int
check(const char *from, int64_t now_s, const void *nonce, size_t len)
{
	const struct addr a = client(from);
	unsigned features;

	return turn_nonce_check(&features, &key, &a, now_s, nonce, len);
}

static size_t
make(char out[TURN_NONCE_MAX], const char *from, unsigned features)
{
	const struct addr a = client(from);

	return turn_nonce_make(out, &key, &a, NOW_S, features);
}

static void
test_features_come_back_as_they_were_made(void **state)
{
	static const unsigned sets[] = { 0, TURN_NONCE_PASSWORD_ALGORITHMS,
		TURN_NONCE_USERNAME_ANONYMITY, BOTH };
	const struct addr a = client("192.0.2.1:5000");
	char nonce[TURN_NONCE_MAX];
	unsigned features;
	size_t len;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		features = 99;
		len = turn_nonce_make(nonce, &key, &a, NOW_S, sets[i]);
		assert_int_equal(len, sets[i] == 0 ? SHORT_LEN : LONG_LEN);
		assert_int_equal(
		    turn_nonce_check(&features, &key, &a, NOW_S, nonce, len),
		    0);
		assert_int_equal(features, sets[i]);
		assert_int_equal(turn_nonce_claims(nonce, len), sets[i]);
	}
}

static void
test_cookie_is_written_as_appendix_b_has_it(void **state)
{
	static const struct {
		unsigned features;
		const char *cookie;
	} rows[] = {
		{ TURN_NONCE_PASSWORD_ALGORITHMS, "obMatJos2AAAB" },
		{ TURN_NONCE_USERNAME_ANONYMITY, "obMatJos2AAAC" },
		{ BOTH, "obMatJos2AAAD" },
	};
	char nonce[TURN_NONCE_MAX];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		make(nonce, "192.0.2.1:5000", rows[i].features);
		assert_memory_equal(nonce, rows[i].cookie, 13);
	}
	assert_int_equal(turn_nonce_claims("obMatJos2AAA", 12), 0);
	assert_int_equal(turn_nonce_claims("obMatJos2AAAB", 13), 1);
	assert_int_equal(turn_nonce_claims("obMatJos2A!AB", 13), 0);
	assert_int_equal(turn_nonce_claims("obMatJos3AAAB", 13), 0);
	assert_int_equal(turn_nonce_claims("obMatJos2////", 13), 0xFFFFFF);
	assert_int_equal(turn_nonce_claims("", 0), 0);
}

static void
test_nonce_lives_its_lifetime_and_not_a_second_more(void **state)
{
	const int64_t end = NOW_S + TURN_NONCE_LIFETIME_S;
	char nonce[TURN_NONCE_MAX];
	const size_t len = make(nonce, "192.0.2.1:5000", BOTH);

	(void)state;
	assert_int_equal(check("192.0.2.1:5000", end, nonce, len), 0);
	assert_int_equal(check("192.0.2.1:5000", end + 1, nonce, len), 438);
	assert_int_equal(check("192.0.2.1:5000", NOW_S - 1, nonce, len), 438);
}

static void
test_nonce_of_another_client_is_stale(void **state)
{
	char nonce[TURN_NONCE_MAX];
	size_t len = make(nonce, "192.0.2.1:5000", BOTH);

	(void)state;
	assert_int_equal(check("192.0.2.2:5000", NOW_S, nonce, len), 438);
	assert_int_equal(check("192.0.2.1:5001", NOW_S, nonce, len), 438);
	len = make(nonce, "[2001:db8::1]:5000", 0);
	assert_int_equal(check("[2001:db8::1]:5000", NOW_S, nonce, len), 0);
	assert_int_equal(check("[2001:db8::2]:5000", NOW_S, nonce, len), 438);
}

static void
test_nonce_under_another_key_is_stale(void **state)
{
	static const struct turn_nonce_key other = { "another" };
	const struct addr a = client("192.0.2.1:5000");
	char nonce[TURN_NONCE_MAX];
	const size_t len = make(nonce, "192.0.2.1:5000", BOTH);
	unsigned features;

	(void)state;
	assert_int_equal(
	    turn_nonce_check(&features, &other, &a, NOW_S, nonce, len), 438);
}

/* Cookie included: features cannot be bid down. */
static void
test_any_changed_letter_makes_a_nonce_stale(void **state)
{
	char nonce[TURN_NONCE_MAX];
	const size_t len = make(nonce, "192.0.2.1:5000", BOTH);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		const char kept = nonce[i];

		nonce[i] = kept == 'B' ? 'C' : 'B';
		assert_int_equal(
		    check("192.0.2.1:5000", NOW_S, nonce, len), 438);
		nonce[i] = '"';
		assert_int_equal(
		    check("192.0.2.1:5000", NOW_S, nonce, len), 438);
		nonce[i] = kept;
	}
	assert_int_equal(check("192.0.2.1:5000", NOW_S, nonce, len), 0);
}

static void
test_cut_or_longer_nonces_are_stale(void **state)
{
	char nonce[TURN_NONCE_MAX] = { 0 };
	const size_t len = make(nonce, "192.0.2.1:5000", BOTH);

	(void)state;
	for (size_t n = 0; n < len; n++)
		assert_int_equal(check("192.0.2.1:5000", NOW_S, nonce, n), 438);
	assert_int_equal(check("192.0.2.1:5000", NOW_S, nonce, len + 1), 438);
	/* without its cookie */
	assert_int_equal(
	    check("192.0.2.1:5000", NOW_S, nonce + 13, len - 13), 438);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_features_come_back_as_they_were_made),
		cmocka_unit_test(test_cookie_is_written_as_appendix_b_has_it),
		cmocka_unit_test(
		    test_nonce_lives_its_lifetime_and_not_a_second_more),
		cmocka_unit_test(test_nonce_of_another_client_is_stale),
		cmocka_unit_test(test_nonce_under_another_key_is_stale),
		cmocka_unit_test(test_any_changed_letter_makes_a_nonce_stale),
		cmocka_unit_test(test_cut_or_longer_nonces_are_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
