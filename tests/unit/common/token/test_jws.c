#include "tests/unit/token_bed.h"

#include "common/mem.h"

enum { NOW = 1700000000 };

#define ED     "{\"alg\":\"EdDSA\"}"
#define ES     "{\"alg\":\"ES256\"}"
#define ISSUED "\"iss\":\"https://i\",\"aud\":\"sn\",\"sub\":\"alice\""
#define GOOD   "{" ISSUED ",\"exp\":1700000100}"

static const struct jws_expected expected = { "https://i", "sn", "sub", NOW };

static struct jws_key
ed25519(uint8_t which)
{
	char text[256];

	return bed_key(bed_ed25519_jwk(text, which));
}

/* RFC 7515, appendix A.3 */
#define RFC7515_JWK                                              \
	"\"kty\":\"EC\",\"crv\":\"P-256\","                      \
	"\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

static void
test_the_token_of_rfc_7515_is_good(void **state)
{
	static const char text[] =
	    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAs"
	    "DQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L3"
	    "8VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-"
	    "Kg6NU1Q";
	struct jws_key key = bed_key(RFC7515_JWK);
	struct jws j;

	(void)state;
	assert_int_equal(jws_parse(&j, text, strlen(text)), 0);
	assert_string_equal(j.issuer, "joe");
	assert_true(jws_is_signed_by(&j, &key));
	key = bed_key(bed_p256_jwk((char[256]){ 0 }));
	assert_false(jws_is_signed_by(&j, &key));
	jws_fini(&j);
}

/* ---- good tokens */

static enum jws_verdict
judge(struct jws_subject *out, const char *claims)
{
	const struct jws_key key = ed25519(1);
	char *text = bed_token(1, ED, claims);
	enum jws_verdict v;
	struct jws j;

	assert_int_equal(jws_parse(&j, text, strlen(text)), 0);
	assert_true(jws_is_signed_by(&j, &key));
	v = jws_judge(out, &j, &expected);
	jws_fini(&j);
	free(text);
	return v;
}

static void
test_a_good_token_names_its_subject(void **state)
{
	struct jws_subject s;

	(void)state;
	assert_int_equal(judge(&s, GOOD), JWS_GOOD);
	assert_string_equal(s.name, "alice");
	assert_int_equal(s.name_len, 5);
	assert_int_equal(s.expiry, 1700000100);
	assert_int_equal(s.binding, JWS_BEARER);
}

static void
test_both_algorithms_and_every_name_of_them_pass(void **state)
{
	static const struct {
		unsigned signer;
		const char *header;
		const char *kid;
	} rows[] = {
		{ 1, ED, "" },
		{ 1, "{\"alg\":\"Ed25519\",\"kid\":\"k1\"}", "k1" },
		{ 1, "{\"typ\":\"JWT\",\"alg\":\"EdDSA\",\"kid\":\"\"}", "" },
		{ 1, "{\"typ\":\"at+jwt\",\"alg\":\"EdDSA\"}", "" },
		{ 1, "{\"typ\":\"application/AT+JWT\",\"alg\":\"EdDSA\"}", "" },
		{ BED_ES256, ES, "" },
	};
	struct jws j;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = bed_token(rows[i].signer, rows[i].header, GOOD);
		char jwk[256];
		const struct jws_key key = rows[i].signer == BED_ES256
		    ? bed_key(bed_p256_jwk(jwk))
		    : ed25519(1);

		assert_int_equal(jws_parse(&j, text, strlen(text)), 0);
		assert_true(jws_is_signed_by(&j, &key));
		assert_string_equal(j.kid, rows[i].kid);
		jws_fini(&j);
		free(text);
	}
}

/* ---- bad tokens */

#define KID_129                                                            \
	"0123456789012345678901234567890123456789012345678901234567890123" \
	"01234567890123456789012345678901234567890123456789012345678901234"

static void
test_bad_headers_are_refused(void **state)
{
	static const struct {
		unsigned signer;
		const char *header;
		int rc;
	} rows[] = {
		{ BED_NONE, "{\"alg\":\"none\"}", ENOTSUP },
		{ 1, "{\"alg\":\"none\"}", ENOTSUP },
		{ BED_HS256, "{\"alg\":\"HS256\"}", ENOTSUP },
		{ 1, "{\"alg\":\"RS256\"}", ENOTSUP },
		{ 1, "{\"alg\":\"eddsa\"}", ENOTSUP },
		{ 1, "{\"alg\":\"Ed448\"}", ENOTSUP },
		{ 1, "{\"alg\":7}", EINVAL },
		{ 1, "{}", EINVAL },
		{ 1, "[]", EINVAL },
		{ 1, "{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\"}", EINVAL },
		{ 1, "{\"alg\":\"EdDSA\",\"crit\":[\"b64\"]}", EINVAL },
		{ 1, "{\"alg\":\"EdDSA\",\"crit\":[]}", EINVAL },
		{ 1, "{\"alg\":\"EdDSA\",\"typ\":\"dpop+jwt\"}", EINVAL },
		{ 1, "{\"alg\":\"EdDSA\",\"typ\":7}", EINVAL },
		{ 1, "{\"alg\":\"EdDSA\",\"kid\":7}", EINVAL },
		{ 1, "{\"alg\":\"EdDSA\",\"kid\":\"a\\u0000b\"}", EINVAL },
		{ 1, "{\"alg\":\"EdDSA\",\"kid\":\"" KID_129 "\"}", EINVAL },
		{ 1, "{\"alg\":\"EdDSA\"} x", EINVAL },
	};
	struct jws j;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = bed_token(rows[i].signer, rows[i].header, GOOD);

		if (jws_parse(&j, text, strlen(text)) != rows[i].rc)
			fail_msg("%s", rows[i].header);
		free(text);
	}
}

static void
test_the_key_says_the_algorithm(void **state)
{
	/* a good signature under a header that names the other one */
	char *text = bed_token(1, ES, GOOD);
	struct jws_key key = ed25519(1);
	char jwk[256];
	struct jws j;

	(void)state;
	assert_int_equal(jws_parse(&j, text, strlen(text)), 0);
	assert_false(jws_is_signed_by(&j, &key));
	key = bed_key(bed_p256_jwk(jwk));
	assert_false(jws_is_signed_by(&j, &key));
	jws_fini(&j);
	free(text);
}

static void
test_a_changed_or_foreign_token_is_not_signed(void **state)
{
	const struct jws_key key = ed25519(1);
	char *text = bed_token(2, ED, GOOD), *other;
	struct jws j;

	(void)state;
	assert_int_equal(jws_parse(&j, text, strlen(text)), 0);
	assert_false(jws_is_signed_by(&j, &key));
	jws_fini(&j);
	free(text);

	/* the claims of one under the signature of another */
	text = bed_token(1, ED, GOOD);
	other = bed_token(1, ED, "{" ISSUED ",\"exp\":1900000000}");
	strcpy(strrchr(other, '.'), strrchr(text, '.'));
	assert_int_equal(jws_parse(&j, other, strlen(other)), 0);
	assert_false(jws_is_signed_by(&j, &key));
	jws_fini(&j);
	free(other);
	free(text);
}

static void
expect_malformed(const char *text)
{
	struct jws j;

	if (jws_parse(&j, text, strlen(text)) != EINVAL)
		fail_msg("%.200s", text);
}

static void
test_what_is_no_token_is_refused(void **state)
{
	char *good = bed_token(1, ED, GOOD), *text;
	const char *dot = strrchr(good, '.');

	(void)state;
	expect_malformed("");
	expect_malformed(".");
	expect_malformed("..");
	expect_malformed("a.b.c");
	text = malloc(strlen(good) + 64);
	/* padding, a dot or a blank behind, or a part more */
	sprintf(text, "%s=", good);
	expect_malformed(text);
	sprintf(text, "%s==", good);
	expect_malformed(text);
	sprintf(text, "%s.", good);
	expect_malformed(text);
	sprintf(text, "%s ", good);
	expect_malformed(text);
	sprintf(text, " %s", good);
	expect_malformed(text);
	sprintf(text, "%s.e30", good);
	expect_malformed(text);
	/* another signature: none, short, long */
	sprintf(text, "%.*s", (int)(dot - good), good);
	expect_malformed(text);
	sprintf(text, "%.*s.", (int)(dot - good), good);
	expect_malformed(text);
	sprintf(text, "%.*s.AAAA", (int)(dot - good), good);
	expect_malformed(text);
	sprintf(text, "%sAAAA", good);
	expect_malformed(text);
	free(text);
	free(good);
}

static void
test_claims_are_one_object_without_a_member_twice(void **state)
{
	static const char *const bad[] = { "[]", "", "\"a\"", "{\"a\":1,}",
		"{" ISSUED ",\"exp\":1700000100,\"sub\":\"bob\"}",
		"{" ISSUED ",\"exp\":1700000100} {}", "{\"a\":\"\xff\"}",
		"{\"sub\":\"a\\u0000b\"}",
		"{\"exp\":99999999999999999999999999}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *text = bed_token(1, ED, bad[i]);

		expect_malformed(text);
		free(text);
	}
}

static void
test_a_huge_or_deep_token_is_refused(void **state)
{
	char *claims = malloc(BED_TEXT_MAX), *text;

	(void)state;
	memset(claims, ' ', BED_TEXT_MAX);
	memcpy(claims, "{\"a\":1", 6);
	strcpy(claims + JWS_TOKEN_MAX, "}");
	text = bed_token(1, ED, claims);
	expect_malformed(text);
	free(text);

	memset(claims, '[', 6000);
	memcpy(claims, "{\"a\":", 5);
	claims[6000] = '\0';
	text = bed_token(1, ED, claims);
	expect_malformed(text);
	free(text);
	free(claims);
}

/* ---- claims */

static const struct {
	const char *claims;
	enum jws_verdict verdict;
} judged[] = {
	/* who, for whom */
	{ "{\"iss\":\"https://j\",\"aud\":\"sn\",\"sub\":\"a\","
	  "\"exp\":1700000100}",
	    JWS_OTHER_ISSUER },
	{ "{\"aud\":\"sn\",\"sub\":\"a\",\"exp\":1700000100}",
	    JWS_OTHER_ISSUER },
	{ "{\"iss\":7,\"aud\":\"sn\",\"sub\":\"a\",\"exp\":1700000100}",
	    JWS_OTHER_ISSUER },
	{ "{\"iss\":\"https://i\",\"aud\":\"sn2\",\"sub\":\"a\","
	  "\"exp\":1700000100}",
	    JWS_OTHER_AUDIENCE },
	{ "{\"iss\":\"https://i\",\"sub\":\"a\",\"exp\":1700000100}",
	    JWS_OTHER_AUDIENCE },
	{ "{\"iss\":\"https://i\",\"aud\":[],\"sub\":\"a\","
	  "\"exp\":1700000100}",
	    JWS_OTHER_AUDIENCE },
	{ "{\"iss\":\"https://i\",\"aud\":[7,\"x\",\"sn\"],"
	  "\"sub\":\"a\",\"exp\":1700000100}",
	    JWS_GOOD },
	{ "{\"iss\":\"https://i\",\"aud\":{\"sn\":1},\"sub\":\"a\","
	  "\"exp\":1700000100}",
	    JWS_OTHER_AUDIENCE },
	/* when: 60 s of skew */
	{ "{" ISSUED "}", JWS_MALFORMED },
	{ "{" ISSUED ",\"exp\":\"1700000100\"}", JWS_MALFORMED },
	{ "{" ISSUED ",\"exp\":-1}", JWS_MALFORMED },
	{ "{" ISSUED ",\"exp\":1e300}", JWS_MALFORMED },
	{ "{" ISSUED ",\"exp\":null}", JWS_MALFORMED },
	{ "{" ISSUED ",\"exp\":1699999940}", JWS_EXPIRED },
	{ "{" ISSUED ",\"exp\":1699999941}", JWS_GOOD },
	{ "{" ISSUED ",\"exp\":1700000100.5}", JWS_GOOD },
	{ "{" ISSUED ",\"exp\":1700000100,\"nbf\":1700000060}", JWS_GOOD },
	{ "{" ISSUED ",\"exp\":1700000100,\"nbf\":1700000061}", JWS_NOT_YET },
	{ "{" ISSUED ",\"exp\":1700000100,\"iat\":1700000061}", JWS_NOT_YET },
	{ "{" ISSUED ",\"exp\":1700000100,\"nbf\":true}", JWS_MALFORMED },
	/* name */
	{ "{\"iss\":\"https://i\",\"aud\":\"sn\",\"exp\":1700000100}",
	    JWS_MALFORMED },
	{ "{\"iss\":\"https://i\",\"aud\":\"sn\",\"exp\":1700000100,"
	  "\"sub\":\"\"}",
	    JWS_MALFORMED },
	{ "{\"iss\":\"https://i\",\"aud\":\"sn\",\"exp\":1700000100,"
	  "\"sub\":7}",
	    JWS_MALFORMED },
	/* a binding that cannot be checked is not left out */
	{ "{" ISSUED ",\"exp\":1700000100,\"cnf\":{}}", JWS_MALFORMED },
	{ "{" ISSUED ",\"exp\":1700000100,\"cnf\":null}", JWS_MALFORMED },
	{ "{" ISSUED ",\"exp\":1700000100,"
	  "\"cnf\":{\"x5t#S256\":\"AA\"}}",
	    JWS_MALFORMED },
	{ "{" ISSUED ",\"exp\":1700000100,\"cnf\":{\"jkt\":\"AA\"}}",
	    JWS_MALFORMED },
	{ "{" ISSUED ",\"exp\":1700000100,\"cnf\":{\"jwk\":{}}}",
	    JWS_MALFORMED },
};

static void
test_claims_are_judged(void **state)
{
	struct jws_subject s;

	(void)state;
	for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
		if (judge(&s, judged[i].claims) != judged[i].verdict)
			fail_msg("%s", judged[i].claims);
	}
}

static void
test_a_long_name_is_refused(void **state)
{
	char claims[600], name[JWS_NAME_MAX + 2];
	struct jws_subject s;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[JWS_NAME_MAX] = '\0';
	snprintf(claims, sizeof(claims),
	    "{\"iss\":\"https://i\",\"aud\":\"sn\",\"exp\":1700000100,"
	    "\"sub\":\"%s\"}",
	    name);
	assert_int_equal(judge(&s, claims), JWS_GOOD);
	assert_int_equal(s.name_len, JWS_NAME_MAX);
	snprintf(claims, sizeof(claims),
	    "{\"iss\":\"https://i\",\"aud\":\"sn\",\"exp\":1700000100,"
	    "\"sub\":\"%sn\"}",
	    name);
	assert_int_equal(judge(&s, claims), JWS_MALFORMED);
}

/* ---- proof of possession */

static const uint8_t challenge[JWS_CHALLENGE_LEN] = { 1, 2, 3 };

/* What PROTOCOL.md says that a node signs. */
static const char *
prove(char out[128], uint8_t which, const char *node, uint8_t first)
{
	static const char context[] = "supernode.v1 hello";
	uint8_t text[256], seed[SIGNATURE_SEED_LEN], made[SIGNATURE_LEN];
	size_t len = sizeof(context);

	memcpy(text, context, len);
	memcpy(text + len, node, strlen(node) + 1);
	len += strlen(node) + 1;
	memcpy(text + len, challenge, sizeof(challenge));
	text[len] = first;
	len += sizeof(challenge);
	bed_seed(seed, which);
	assert_int_equal(signature_make(made, seed, text, len), 0);
	base64url_write(out, made, sizeof(made));
	return out;
}

static bool
is_proved(const char *cnf, const char *signature, const char *jwk)
{
	struct jws_proof p = { "sn1", challenge, signature, NULL };
	char claims[1024], text[512];
	struct jws_subject s;
	json_t *key = NULL;
	bool ok;

	snprintf(claims, sizeof(claims),
	    "{" ISSUED ",\"exp\":1700000100,\"cnf\":%s}", cnf);
	assert_int_equal(judge(&s, claims), JWS_GOOD);
	if (jwk != NULL) {
		snprintf(text, sizeof(text), "{%s}", jwk);
		p.key = key = json_loads(text, 0, NULL);
		assert_non_null(key);
	}
	ok = jws_is_proved(&s, &p);
	json_decref(key);
	return ok;
}

static void
test_a_bound_key_must_sign_the_challenge(void **state)
{
	char jwk[256], cnf[300], proof[128];

	(void)state;
	snprintf(cnf, sizeof(cnf), "{\"jwk\":{%s}}", bed_ed25519_jwk(jwk, 7));
	assert_true(is_proved(cnf, prove(proof, 7, "sn1", 1), NULL));
	assert_false(is_proved(cnf, NULL, NULL));
	assert_false(is_proved(cnf, "", NULL));
	assert_false(is_proved(cnf, "AAAA", NULL));
	/* another's signature, for another node, of another challenge */
	assert_false(is_proved(cnf, prove(proof, 8, "sn1", 1), NULL));
	assert_false(is_proved(cnf, prove(proof, 7, "sn2", 1), NULL));
	assert_false(is_proved(cnf, prove(proof, 7, "sn1", 2), NULL));
	/* a key beside it does not help */
	assert_false(
	    is_proved(cnf, prove(proof, 8, "sn1", 1), bed_ed25519_jwk(jwk, 8)));
}

/* The example of docs/PROTOCOL.md. */
static void
test_the_proof_of_the_documentation_is_good(void **state)
{
	static const uint8_t zeros[JWS_CHALLENGE_LEN];
	struct jws_proof p = { "sn1.example.edu", zeros,
		"LS39aZCdCvy4LT_mw3tGIZEkb9FPK7-pToAMcSKdmUWrEYINK_G8YQQKjX8r"
		"TO4CgeREzwzn8XzlAtc5yZkAAg",
		NULL };
	const struct jws_subject s = { .binding = JWS_BOUND_KEY,
		.key = bed_key("\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
			       "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
			       "\"") };

	(void)state;
	assert_true(jws_is_proved(&s, &p));
	p.node = "sn2.example.edu";
	assert_false(jws_is_proved(&s, &p));
}

static void
test_a_thumbprint_needs_its_key(void **state)
{
	const struct jws_key key = ed25519(7);
	uint8_t print[JWS_THUMBPRINT_LEN];
	char jwk[256], cnf[300], proof[128], text[64];

	(void)state;
	jws_key_thumbprint(print, &key);
	snprintf(cnf, sizeof(cnf), "{\"jkt\":\"%s\"}",
	    base64url_write(text, print, sizeof(print)));
	prove(proof, 7, "sn1", 1);
	assert_true(is_proved(cnf, proof, bed_ed25519_jwk(jwk, 7)));
	assert_false(is_proved(cnf, proof, NULL));
	prove(proof, 8, "sn1", 1);
	assert_false(is_proved(cnf, proof, bed_ed25519_jwk(jwk, 8)));
	assert_false(is_proved(cnf, proof, bed_ed25519_jwk(jwk, 7)));
}

static void
test_a_bearer_proves_nothing(void **state)
{
	const struct jws_proof p = { "sn1", challenge, NULL, NULL };
	struct jws_subject s;

	(void)state;
	assert_int_equal(judge(&s, GOOD), JWS_GOOD);
	assert_true(jws_is_proved(&s, &p));
}

static void
test_parsing_survives_every_failing_allocation(void **state)
{
	char *text = bed_token(1, ED, GOOD);
	struct jws j;
	int rc = ENOMEM;

	(void)state;
	for (long n = 0; rc != 0; n++) {
		mem_fail_at(n);
		rc = jws_parse(&j, text, strlen(text));
		assert_true(rc == 0 || rc == ENOMEM);
		assert_true(n < 100);
	}
	mem_fail_at(-1);
	jws_fini(&j);
	free(text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_token_of_rfc_7515_is_good),
		cmocka_unit_test(test_a_good_token_names_its_subject),
		cmocka_unit_test(
		    test_both_algorithms_and_every_name_of_them_pass),
		cmocka_unit_test(test_bad_headers_are_refused),
		cmocka_unit_test(test_the_key_says_the_algorithm),
		cmocka_unit_test(test_a_changed_or_foreign_token_is_not_signed),
		cmocka_unit_test(test_what_is_no_token_is_refused),
		cmocka_unit_test(
		    test_claims_are_one_object_without_a_member_twice),
		cmocka_unit_test(test_a_huge_or_deep_token_is_refused),
		cmocka_unit_test(test_claims_are_judged),
		cmocka_unit_test(test_a_long_name_is_refused),
		cmocka_unit_test(test_a_bound_key_must_sign_the_challenge),
		cmocka_unit_test(test_the_proof_of_the_documentation_is_good),
		cmocka_unit_test(test_a_thumbprint_needs_its_key),
		cmocka_unit_test(test_a_bearer_proves_nothing),
		cmocka_unit_test(
		    test_parsing_survives_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
