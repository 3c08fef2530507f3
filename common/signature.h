/*
 * signature: Ed25519 (RFC 8032).
 *
 * Thread safe.  The seed is the secret; keep it by secret.h.
 */
#ifndef COMMON_SIGNATURE_H
#define COMMON_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

enum {
	SIGNATURE_SEED_LEN = 32,
	SIGNATURE_PUBLIC_LEN = 32,
	SIGNATURE_LEN = 64,
};

/* The public key of seed.  Returns 0 or ENOMEM. */
MUST_CHECK int signature_public(
    uint8_t out[SIGNATURE_PUBLIC_LEN], const uint8_t seed[SIGNATURE_SEED_LEN]);
/* Returns 0 or ENOMEM. */
MUST_CHECK int signature_make(uint8_t out[SIGNATURE_LEN],
    const uint8_t seed[SIGNATURE_SEED_LEN], const void *data, size_t len);
/* Did the holder of the key sign data? */
bool signature_is_good(const uint8_t signature[SIGNATURE_LEN],
    const uint8_t public_key[SIGNATURE_PUBLIC_LEN], const void *data,
    size_t len);

#endif
