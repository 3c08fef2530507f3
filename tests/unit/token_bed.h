/* Keys and tokens that the tests of tokens make. */
#ifndef TESTS_UNIT_TOKEN_BED_H
#define TESTS_UNIT_TOKEN_BED_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "common/base64url.h"
#include "common/digest.h"
#include "common/signature.h"
#include "common/token/jws.h"

enum { BED_TEXT_MAX = 16 * 1024 };

/* Ed25519 keys are seeds of one repeated byte. */
static inline void
bed_seed(uint8_t out[SIGNATURE_SEED_LEN], uint8_t which)
{
	memset(out, which, SIGNATURE_SEED_LEN);
}

/* Members of a public JWK, without braces. */
static inline const char *
bed_ed25519_jwk(char out[256], uint8_t which)
{
	uint8_t seed[SIGNATURE_SEED_LEN], key[SIGNATURE_PUBLIC_LEN];
	char x[64];

	bed_seed(seed, which);
	assert_int_equal(signature_public(key, seed), 0);
	snprintf(out, 256, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"",
	    base64url_write(x, key, sizeof(key)));
	return out;
}

/* One P-256 key for all. */
static inline EVP_PKEY *
bed_p256(void)
{
	static EVP_PKEY *key;

	if (key == NULL)
		key = EVP_EC_gen("P-256");
	assert_non_null(key);
	return key;
}

static inline const char *
bed_p256_jwk(char out[256])
{
	char x[64], y[64];
	uint8_t point[65];
	size_t len;

	assert_int_equal(
	    EVP_PKEY_get_octet_string_param(bed_p256(), OSSL_PKEY_PARAM_PUB_KEY,
		point, sizeof(point), &len),
	    1);
	assert_int_equal(len, 65);
	snprintf(out, 256,
	    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"",
	    base64url_write(x, point + 1, 32),
	    base64url_write(y, point + 33, 32));
	return out;
}

static inline void
bed_p256_sign(uint8_t out[JWS_SIGNATURE_LEN], const void *data, size_t len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t der[128];
	const uint8_t *at = der;
	size_t der_len = sizeof(der);
	ECDSA_SIG *sig;

	assert_int_equal(
	    EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, bed_p256()), 1);
	assert_int_equal(EVP_DigestSign(md, der, &der_len, data, len), 1);
	sig = d2i_ECDSA_SIG(NULL, &at, (long)der_len);
	assert_non_null(sig);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(md);
}

/* The key of a JWK's members. */
static inline struct jws_key
bed_key(const char *members)
{
	struct jws_key key;
	char text[512];
	json_t *jwk;

	snprintf(text, sizeof(text), "{%s}", members);
	jwk = json_loads(text, 0, NULL);
	assert_int_equal(jws_key_read(&key, jwk), 0);
	json_decref(jwk);
	return key;
}

/* What signs a token: an Ed25519 key, or one of these. */
enum { BED_ES256 = 256, BED_NONE = 257, BED_HS256 = 258 };

static inline size_t
bed_sign(uint8_t out[JWS_SIGNATURE_LEN], unsigned signer, const char *text)
{
	uint8_t seed[SIGNATURE_SEED_LEN], key[SIGNATURE_PUBLIC_LEN];

	if (signer == BED_NONE)
		return 0;
	if (signer == BED_ES256) {
		bed_p256_sign(out, text, strlen(text));
		return JWS_SIGNATURE_LEN;
	}
	if (signer == BED_HS256) { /* the public key as the secret */
		bed_seed(seed, 1);
		assert_int_equal(signature_public(key, seed), 0);
		digest_hmac(out, DIGEST_SHA256,
		    (struct digest_part){ key, sizeof(key) },
		    &(struct digest_part){ text, strlen(text) }, 1);
		return DIGEST_SHA256_LEN;
	}
	bed_seed(seed, (uint8_t)signer);
	assert_int_equal(signature_make(out, seed, text, strlen(text)), 0);
	return JWS_SIGNATURE_LEN;
}

/* A token out of JSON texts; the caller's (free). */
static inline char *
bed_token(unsigned signer, const char *header, const char *claims)
{
	char *text = malloc(BED_TEXT_MAX * 2);
	uint8_t signature[JWS_SIGNATURE_LEN];
	size_t len;

	assert_non_null(text);
	base64url_write(text, header, strlen(header));
	strcat(text, ".");
	base64url_write(text + strlen(text), claims, strlen(claims));
	len = bed_sign(signature, signer, text);
	strcat(text, ".");
	base64url_write(text + strlen(text), signature, len);
	return text;
}

#endif
