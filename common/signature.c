#include "common/signature.h"

#include <errno.h>
#include <openssl/evp.h>

static EVP_PKEY *
private_key(const uint8_t seed[SIGNATURE_SEED_LEN])
{
	return EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, seed, SIGNATURE_SEED_LEN);
}

int
signature_public(
    uint8_t out[SIGNATURE_PUBLIC_LEN], const uint8_t seed[SIGNATURE_SEED_LEN])
{
	EVP_PKEY *key = private_key(seed);
	size_t len = SIGNATURE_PUBLIC_LEN;
	int ok;

	ok = key != NULL && EVP_PKEY_get_raw_public_key(key, out, &len) == 1;
	EVP_PKEY_free(key);
	return ok ? 0 : ENOMEM;
}

int
signature_make(uint8_t out[SIGNATURE_LEN],
    const uint8_t seed[SIGNATURE_SEED_LEN], const void *data, size_t len)
{
	EVP_PKEY *key = private_key(seed);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t out_len = SIGNATURE_LEN;
	int ok;

	ok = key != NULL && md != NULL &&
	    EVP_DigestSignInit(md, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(md, out, &out_len, data, len) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return ok ? 0 : ENOMEM;
}

bool
signature_is_good(const uint8_t signature[SIGNATURE_LEN],
    const uint8_t public_key[SIGNATURE_PUBLIC_LEN], const void *data,
    size_t len)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, public_key, SIGNATURE_PUBLIC_LEN);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok;

	ok = key != NULL && md != NULL &&
	    EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(md, signature, SIGNATURE_LEN, data, len) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return ok;
}
