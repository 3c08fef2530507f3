/*
 * jwks: a key set as an issuer's server might send it: bounded, every member
 * counted once, keys found by the algorithm they are of only.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/token/keyset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_key(const struct jws_key *key, enum jws_alg alg)
{
	static const uint8_t zeros[JWS_SIGNATURE_LEN];
	uint8_t print[JWS_THUMBPRINT_LEN];

	if (key == NULL)
		return;
	if (key->alg != alg)
		abort();
	jws_key_thumbprint(print, key);
	/* of Ed25519 there are keys of small order, which sign anything */
	if (alg == JWS_ES256 && jws_key_signed(key, zeros, "x", 1))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keyset_report r;
	struct keyset *s;
	/* exactly as long as it is, so that a read beyond is seen */
	char *text = calloc(1, size > 0 ? size : 1);

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	if (keyset_parse(&s, text, size, &r) == 0) {
		if (r.used + r.other + r.secret > KEYSET_KEYS_MAX)
			abort();
		if (r.used == 0 &&
		    (keyset_find(s, "", JWS_EDDSA) != NULL ||
			keyset_find(s, "", JWS_ES256) != NULL))
			abort();
		check_key(keyset_find(s, "", JWS_EDDSA), JWS_EDDSA);
		check_key(keyset_find(s, "", JWS_ES256), JWS_ES256);
		check_key(keyset_find(s, "a", JWS_EDDSA), JWS_EDDSA);
		check_key(keyset_find(s, "a", JWS_ES256), JWS_ES256);
		keyset_free(s);
	}
	free(text);
	return 0;
}
