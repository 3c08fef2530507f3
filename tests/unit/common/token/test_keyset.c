#include "tests/unit/token_bed.h"

#include "common/mem.h"
#include "common/token/keyset.h"

static struct keyset *
parse(const char *text, struct keyset_report *report)
{
	struct keyset *s = NULL;

	assert_int_equal(keyset_parse(&s, text, strlen(text), report), 0);
	return s;
}

/* A set of an Ed25519 key "a", a P-256 key "b", and more. */
static const char *
set_of(char out[4096], const char *more)
{
	char ed[256], ec[256];

	snprintf(out, 4096,
	    "{\"keys\":[{\"kid\":\"a\",%s},{\"kid\":\"b\",%s}%s]}",
	    bed_ed25519_jwk(ed, 1), bed_p256_jwk(ec), more);
	return out;
}

static void
test_keys_are_found_by_kid_and_algorithm(void **state)
{
	struct keyset_report report;
	char text[4096];
	struct keyset *s = parse(set_of(text, ""), &report);

	(void)state;
	assert_int_equal(report.used, 2);
	assert_int_equal(keyset_find(s, "a", JWS_EDDSA)->alg, JWS_EDDSA);
	assert_int_equal(keyset_find(s, "b", JWS_ES256)->alg, JWS_ES256);
	assert_null(keyset_find(s, "a", JWS_ES256));
	assert_null(keyset_find(s, "b", JWS_EDDSA));
	assert_null(keyset_find(s, "c", JWS_EDDSA));
	keyset_free(s);
}

static void
test_a_token_without_kid_gets_the_only_key_it_can_mean(void **state)
{
	char text[4096], more[512], ed[256];
	struct keyset *s = parse(set_of(text, ""), NULL);

	(void)state;
	assert_ptr_equal(
	    keyset_find(s, "", JWS_EDDSA), keyset_find(s, "a", JWS_EDDSA));
	keyset_free(s);
	snprintf(more, sizeof(more), ",{%s}", bed_ed25519_jwk(ed, 2));
	s = parse(set_of(text, more), NULL);
	assert_null(keyset_find(s, "", JWS_EDDSA));
	assert_non_null(keyset_find(s, "", JWS_ES256));
	assert_non_null(keyset_find(s, "a", JWS_EDDSA));
	keyset_free(s);
}

static void
test_keys_of_no_use_are_left_out_and_counted(void **state)
{
	char text[4096], more[2048], ed[256];
	struct keyset_report report;
	struct keyset *s;

	(void)state;
	bed_ed25519_jwk(ed, 2);
	snprintf(more, sizeof(more),
	    ",{\"kid\":\"r\",\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\"}"
	    ",{\"kid\":\"e\",\"use\":\"enc\",%s},7,{\"kid\":7,%s}"
	    ",{\"kid\":\"s\",%s,\"d\":\"AQ\"}"
	    ",{\"kid\":\"o\",\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}",
	    ed, ed, ed);
	s = parse(set_of(text, more), &report);
	assert_int_equal(report.used, 2);
	assert_int_equal(report.other, 4);
	assert_int_equal(report.secret, 2);
	assert_null(keyset_find(s, "s", JWS_EDDSA));
	keyset_free(s);
}

static void
test_of_two_keys_with_one_name_the_first_counts(void **state)
{
	char text[4096], more[512], ed[256], first[300];
	struct keyset_report report;
	struct keyset *s;
	struct jws_key key;
	json_t *jwk;

	(void)state;
	snprintf(
	    more, sizeof(more), ",{\"kid\":\"a\",%s}", bed_ed25519_jwk(ed, 2));
	s = parse(set_of(text, more), &report);
	assert_int_equal(report.used, 2);
	assert_int_equal(report.other, 1);
	snprintf(first, sizeof(first), "{%s}", bed_ed25519_jwk(ed, 1));
	jwk = json_loads(first, 0, NULL);
	assert_int_equal(jws_key_read(&key, jwk), 0);
	json_decref(jwk);
	assert_memory_equal(
	    keyset_find(s, "a", JWS_EDDSA)->at, key.at, sizeof(key.at));
	keyset_free(s);
}

static void
test_what_is_no_set_is_refused(void **state)
{
	static const char *const bad[] = { "", "[]", "{}", "{\"keys\":{}}",
		"{\"keys\":[],\"keys\":[]}", "{\"keys\":[]} x", "\xff" };
	struct keyset *s = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    keyset_parse(&s, bad[i], strlen(bad[i]), NULL), EINVAL);
		assert_null(s);
	}
}

static void
test_a_set_is_bounded_in_bytes_and_keys(void **state)
{
	char *text = calloc(1, KEYSET_BYTES_MAX + 2);
	struct keyset *s = NULL;

	(void)state;
	strcpy(text, "{\"keys\":[");
	for (unsigned i = 0; i < KEYSET_KEYS_MAX; i++)
		strcat(text, "{},");
	strcpy(text + strlen(text) - 1, "]}");
	keyset_free(parse(text, NULL));
	strcpy(text + strlen(text) - 2, ",{}]}");
	assert_int_equal(keyset_parse(&s, text, strlen(text), NULL), EFBIG);
	memset(text, ' ', KEYSET_BYTES_MAX + 1);
	memcpy(text, "{\"keys\":[]}", 11);
	assert_int_equal(
	    keyset_parse(&s, text, KEYSET_BYTES_MAX + 1, NULL), EFBIG);
	assert_null(s);
	keyset_free(parse("{\"keys\":[]}", NULL));
	free(text);
}

static void
test_parsing_survives_a_failing_allocation(void **state)
{
	struct keyset *s = NULL;
	char text[4096];

	(void)state;
	set_of(text, "");
	mem_fail_at(0);
	assert_int_equal(keyset_parse(&s, text, strlen(text), NULL), ENOMEM);
	mem_fail_at(-1);
	keyset_free(parse(text, NULL));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_are_found_by_kid_and_algorithm),
		cmocka_unit_test(
		    test_a_token_without_kid_gets_the_only_key_it_can_mean),
		cmocka_unit_test(test_keys_of_no_use_are_left_out_and_counted),
		cmocka_unit_test(
		    test_of_two_keys_with_one_name_the_first_counts),
		cmocka_unit_test(test_what_is_no_set_is_refused),
		cmocka_unit_test(test_a_set_is_bounded_in_bytes_and_keys),
		cmocka_unit_test(test_parsing_survives_a_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
