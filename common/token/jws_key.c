#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "common/base64url.h"
#include "common/digest.h"
#include "common/secret.h"
#include "common/signature.h"
#include "common/token/jws.h"

enum {
	COORDINATE_LEN = 32,
	POINT_LEN = 1 + 2 * COORDINATE_LEN, /* uncompressed, SEC 1 */
	/* two INTEGERs of up to 33 bytes in a SEQUENCE */
	DER_MAX = 2 + 2 * (2 + 1 + COORDINATE_LEN),
	JWK_TEXT_MAX = 160,
};

/* ---- reading */

/* Is the member, where it is there, this text? */
static bool
may_be(const json_t *jwk, const char *name, const char *text)
{
	const json_t *j = json_object_get(jwk, name);

	return j == NULL ||
	    (json_is_string(j) && strcmp(json_string_value(j), text) == 0);
}

static bool
is(const json_t *jwk, const char *name, const char *text)
{
	return json_object_get(jwk, name) != NULL && may_be(jwk, name, text);
}

/* What the key's owner lets it be used for (RFC 7517, sections 4.2, 4.3). */
static bool
may_verify(const json_t *jwk)
{
	const json_t *ops = json_object_get(jwk, "key_ops"), *op;
	size_t i;

	if (!may_be(jwk, "use", "sig"))
		return false;
	if (ops == NULL)
		return true;
	json_array_foreach(ops, i, op)
	{
		if (json_is_string(op) &&
		    strcmp(json_string_value(op), "verify") == 0)
			return true;
	}
	return false;
}

static int
read_coordinate(uint8_t out[COORDINATE_LEN], const json_t *j)
{
	size_t len;

	if (!json_is_string(j) ||
	    base64url_read(out, COORDINATE_LEN, &len, json_string_value(j),
		json_string_length(j)) != 0 ||
	    len != COORDINATE_LEN)
		return EINVAL;
	return 0;
}

/* ---- P-256 */

/* NULL: no point of the curve, or no memory. */
static EVP_PKEY *
open_p256(const uint8_t at[2 * COORDINATE_LEN])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	uint8_t point[POINT_LEN] = { 4 };
	char group[] = "P-256";
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
		    OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(
		    OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};

	memcpy(point + 1, at, 2 * COORDINATE_LEN);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* A signature as JWS has it (r and s, RFC 7518, section 3.4) as OpenSSL wants
 * it.  Returns its length; 0: no memory. */
static size_t
write_der(uint8_t out[DER_MAX], const uint8_t signature[JWS_SIGNATURE_LEN])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, COORDINATE_LEN, NULL);
	BIGNUM *s = BN_bin2bn(signature + COORDINATE_LEN, COORDINATE_LEN, NULL);
	int len = 0;

	if (sig == NULL || r == NULL || s == NULL ||
	    ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else {
		len = i2d_ECDSA_SIG(sig, &out);
	}
	ECDSA_SIG_free(sig);
	return len > 0 ? (size_t)len : 0;
}

static bool
p256_signed(const struct jws_key *key,
    const uint8_t signature[JWS_SIGNATURE_LEN], const void *data, size_t len)
{
	uint8_t der[DER_MAX];
	const size_t der_len = write_der(der, signature);
	EVP_PKEY *pkey = open_p256(key->at);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok;

	ok = der_len > 0 && pkey != NULL && md != NULL &&
	    EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, pkey) == 1 &&
	    EVP_DigestVerify(md, der, der_len, data, len) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(pkey);
	return ok;
}

/* ---- keys */

static int
read_ed25519(struct jws_key *out, const json_t *jwk)
{
	if (!is(jwk, "crv", "Ed25519") ||
	    (!may_be(jwk, "alg", "EdDSA") && !may_be(jwk, "alg", "Ed25519")))
		return ENOTSUP;
	out->alg = JWS_EDDSA;
	return read_coordinate(out->at, json_object_get(jwk, "x"));
}

static int
read_p256(struct jws_key *out, const json_t *jwk)
{
	EVP_PKEY *pkey;

	if (!is(jwk, "crv", "P-256") || !may_be(jwk, "alg", "ES256"))
		return ENOTSUP;
	out->alg = JWS_ES256;
	if (read_coordinate(out->at, json_object_get(jwk, "x")) != 0 ||
	    read_coordinate(
		out->at + COORDINATE_LEN, json_object_get(jwk, "y")) != 0)
		return EINVAL;
	pkey = open_p256(out->at);
	EVP_PKEY_free(pkey);
	return pkey != NULL ? 0 : EINVAL;
}

int
jws_key_read(struct jws_key *out, const json_t *jwk)
{
	struct jws_key key = { 0 };
	int rc = ENOTSUP;

	if (!json_is_object(jwk))
		return EINVAL;
	/* "d" of RSA, EC and OKP; "k" is a shared secret */
	if (json_object_get(jwk, "d") != NULL ||
	    json_object_get(jwk, "k") != NULL)
		return EPERM;
	if (!json_is_string(json_object_get(jwk, "kty")))
		return EINVAL;
	if (!may_verify(jwk))
		return ENOTSUP;
	if (is(jwk, "kty", "OKP"))
		rc = read_ed25519(&key, jwk);
	else if (is(jwk, "kty", "EC"))
		rc = read_p256(&key, jwk);
	if (rc == 0)
		*out = key;
	return rc;
}

void
jws_key_thumbprint(uint8_t out[JWS_THUMBPRINT_LEN], const struct jws_key *key)
{
	char x[BASE64URL_LEN(COORDINATE_LEN) + 1];
	char y[BASE64URL_LEN(COORDINATE_LEN) + 1];
	char text[JWK_TEXT_MAX];
	int len;

	base64url_write(x, key->at, COORDINATE_LEN);
	base64url_write(y, key->at + COORDINATE_LEN, COORDINATE_LEN);
	/* the members that a key must have, in the order of their names */
	if (key->alg == JWS_EDDSA)
		len = snprintf(text, sizeof(text),
		    "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x);
	else
		len = snprintf(text, sizeof(text),
		    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\","
		    "\"y\":\"%s\"}",
		    x, y);
	digest_hash(
	    out, DIGEST_SHA256, &(struct digest_part){ text, (size_t)len }, 1);
}

bool
jws_key_signed(const struct jws_key *key,
    const uint8_t signature[JWS_SIGNATURE_LEN], const void *data, size_t len)
{
	if (key->alg == JWS_EDDSA)
		return signature_is_good(signature, key->at, data, len);
	return p256_signed(key, signature, data, len);
}
