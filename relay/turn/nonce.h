/*
 * nonce: stateless nonces (RFC 8489, sections 9.2 and 10): a time stamp and
 * an HMAC-SHA256 over it and the client's address under a key of the
 * process, behind the cookie "obMatJos2" with the security features.
 */
#ifndef RELAY_TURN_NONCE_H
#define RELAY_TURN_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/code.h"

enum {
	TURN_NONCE_KEY_LEN = 32,
	TURN_NONCE_MAX = 48,
	TURN_NONCE_LIFETIME_S = 600,
};

/* Security features (RFC 8489, section 18.1); bit 0 is the least significant
 * one of the 24, as appendix B.1 has it ("AAAC") and every client. */
enum turn_nonce_features {
	TURN_NONCE_PASSWORD_ALGORITHMS = 1 << 0,
	TURN_NONCE_USERNAME_ANONYMITY = 1 << 1,
};

struct turn_nonce_key {
	uint8_t bytes[TURN_NONCE_KEY_LEN];
};

/* Writes a nonce for client at now_s (any clock in seconds that the same
 * process checks with); returns its length, no NUL.  features 0: without the
 * cookie, for answers that must be short. */
size_t
turn_nonce_make(char out[TURN_NONCE_MAX], const struct turn_nonce_key *key,
    const struct addr *client, int64_t now_s, unsigned features);

/* The features a nonce's cookie claims, unproved; 0 without a cookie.  For
 * the checks that RFC 8489, section 9.2.4 puts before the nonce's own. */
unsigned turn_nonce_claims(const void *nonce, size_t len);

/* Returns 0 and the features it was made with, or 438 (not ours, another
 * client's, older than TURN_NONCE_LIFETIME_S, or changed). */
MUST_CHECK int
turn_nonce_check(unsigned *features, const struct turn_nonce_key *key,
    const struct addr *client, int64_t now_s, const void *nonce, size_t len);

#endif
