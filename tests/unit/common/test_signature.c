#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/hex.h"
#include "common/signature.h"

/* RFC 8032, section 7.1, tests 1 to 3 */
static const struct {
	const char *seed, *public_key, *message, *signature;
	size_t len;
} vectors[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
	    "",
	    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
	    0 },
	{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
	    "r",
	    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
	    1 },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
	    "\xaf\x82",
	    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
	    2 },
};

static void
test_the_vectors_of_the_rfc_are_met(void **state)
{
	uint8_t seed[SIGNATURE_SEED_LEN], key[SIGNATURE_PUBLIC_LEN];
	uint8_t made[SIGNATURE_LEN];
	char text[2 * SIGNATURE_LEN + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		assert_int_equal(
		    hex_read(seed, sizeof(seed), vectors[i].seed), 0);
		assert_int_equal(signature_public(key, seed), 0);
		assert_string_equal(
		    hex_write(text, key, sizeof(key)), vectors[i].public_key);
		assert_int_equal(signature_make(made, seed, vectors[i].message,
				     vectors[i].len),
		    0);
		assert_string_equal(
		    hex_write(text, made, sizeof(made)), vectors[i].signature);
		assert_true(signature_is_good(
		    made, key, vectors[i].message, vectors[i].len));
	}
}

static void
test_every_changed_bit_is_seen(void **state)
{
	uint8_t seed[SIGNATURE_SEED_LEN] = { 7 }, key[SIGNATURE_PUBLIC_LEN];
	uint8_t made[SIGNATURE_LEN];
	char message[] = "seven lines";

	(void)state;
	assert_int_equal(signature_public(key, seed), 0);
	assert_int_equal(
	    signature_make(made, seed, message, sizeof(message)), 0);
	for (unsigned i = 0; i < 8 * SIGNATURE_LEN; i++) {
		made[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(
		    signature_is_good(made, key, message, sizeof(message)));
		made[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	message[0] = 'S';
	assert_false(signature_is_good(made, key, message, sizeof(message)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_vectors_of_the_rfc_are_met),
		cmocka_unit_test(test_every_changed_bit_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
