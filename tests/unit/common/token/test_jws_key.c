#include "tests/unit/token_bed.h"

static int
read_jwk(const char *text)
{
	json_t *jwk = json_loads(text, JSON_DECODE_ANY, NULL);
	struct jws_key key;
	const int rc = jws_key_read(&key, jwk);

	json_decref(jwk);
	return rc;
}

/* ---- vectors */

/* RFC 8037, appendix A */
#define RFC8037_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define RFC8037_JWK \
	"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC8037_X "\""

static void
test_the_signature_of_rfc_8037_is_good(void **state)
{
	static const char text[] = "eyJhbGciOiJFZERTQSJ9."
				   "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
	static const char signature[] =
	    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"
	    "hVsPt9g7sVvpAr_MuM0KAg";
	const struct jws_key key = bed_key(RFC8037_JWK);
	uint8_t bytes[JWS_SIGNATURE_LEN];
	size_t len;

	(void)state;
	assert_int_equal(base64url_read(bytes, sizeof(bytes), &len, signature,
			     strlen(signature)),
	    0);
	assert_true(jws_key_signed(&key, bytes, text, strlen(text)));
	bytes[40] ^= 1;
	assert_false(jws_key_signed(&key, bytes, text, strlen(text)));
}

static void
test_thumbprints_are_those_of_the_rfcs(void **state)
{
	const struct jws_key key = bed_key(RFC8037_JWK);
	uint8_t bytes[JWS_THUMBPRINT_LEN];
	char text[64];

	(void)state;
	jws_key_thumbprint(bytes, &key);
	assert_string_equal(base64url_write(text, bytes, sizeof(bytes)),
	    "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

/* ---- what is a key */

static void
test_only_keys_for_verifying_are_read(void **state)
{
	char ed[256], ec[256], text[600];
	static const struct {
		const char *more;
		int rc;
	} rows[] = {
		{ "", 0 },
		{ ",\"use\":\"sig\",\"alg\":\"EdDSA\"", 0 },
		{ ",\"alg\":\"Ed25519\"", 0 },
		{ ",\"key_ops\":[\"sign\",\"verify\"]", 0 },
		{ ",\"use\":\"enc\"", ENOTSUP },
		{ ",\"use\":7", ENOTSUP },
		{ ",\"key_ops\":[\"sign\"]", ENOTSUP },
		{ ",\"key_ops\":\"verify\"", ENOTSUP },
		{ ",\"alg\":\"ES256\"", ENOTSUP },
		{ ",\"alg\":\"HS256\"", ENOTSUP },
		{ ",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"",
		    EPERM },
	};

	(void)state;
	bed_ed25519_jwk(ed, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "{%s%s}", ed, rows[i].more);
		assert_int_equal(read_jwk(text), rows[i].rc);
	}
	snprintf(
	    text, sizeof(text), "{%s,\"alg\":\"ES256\"}", bed_p256_jwk(ec));
	assert_int_equal(read_jwk(text), 0);
	snprintf(text, sizeof(text), "{%s,\"alg\":\"EdDSA\"}", ec);
	assert_int_equal(read_jwk(text), ENOTSUP);
}

static void
test_keys_of_other_kinds_and_broken_ones_are_not(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} rows[] = {
		{ "[]", EINVAL },
		{ "{}", EINVAL },
		{ "{\"kty\":1}", EINVAL },
		{ "{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\"}", ENOTSUP },
		{ "{\"kty\":\"RSA\",\"d\":\"AQ\"}", EPERM },
		{ "{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}", EPERM },
		{ "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" RFC8037_X
		  "\"}",
		    ENOTSUP },
		{ "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", EINVAL },
		{ "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ\"}",
		    EINVAL },
		{ "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC8037_X
		  "=\"}",
		    EINVAL },
		{ "{\"kty\":\"EC\",\"crv\":\"P-384\"}", ENOTSUP },
		/* no point of the curve */
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC8037_X
		  "\",\"y\":\"" RFC8037_X "\"}",
		    EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (read_jwk(rows[i].text) != rows[i].rc)
			fail_msg("%s", rows[i].text);
	}
}

/* Neither r nor s may be 0: all is signed by it in careless libraries. */
static void
test_an_es256_signature_of_zeros_is_none(void **state)
{
	char jwk[256];
	const struct jws_key key = bed_key(bed_p256_jwk(jwk));
	uint8_t zeros[JWS_SIGNATURE_LEN] = { 0 };

	(void)state;
	assert_false(jws_key_signed(&key, zeros, "x", 1));
	memset(zeros, 0xff, sizeof(zeros));
	assert_false(jws_key_signed(&key, zeros, "x", 1));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_signature_of_rfc_8037_is_good),
		cmocka_unit_test(test_thumbprints_are_those_of_the_rfcs),
		cmocka_unit_test(test_only_keys_for_verifying_are_read),
		cmocka_unit_test(
		    test_keys_of_other_kinds_and_broken_ones_are_not),
		cmocka_unit_test(test_an_es256_signature_of_zeros_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
