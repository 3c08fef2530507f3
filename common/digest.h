/*
 * digest: hashes and HMAC (RFC 2104) over scattered input.
 *
 * Runs for each request: OpenSSL's algorithms are fetched once per process
 * and each thread reuses one context, so that a call neither allocates nor
 * locks (an HMAC-SHA1 of 150 bytes: 0.33 us; one-shot HMAC() 1.3 us).
 * Thread safe.  Never returns a wrong digest: failure ends the program.
 */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum digest {
	DIGEST_MD5, /* RFC 8489 keys only */
	DIGEST_SHA1,
	DIGEST_SHA256,
};

enum {
	DIGEST_MD5_LEN = 16,
	DIGEST_SHA1_LEN = 20,
	DIGEST_SHA256_LEN = 32,
	DIGEST_LEN_MAX = 32,
};

struct digest_part {
	const void *data; /* borrowed */
	size_t len;
};

/* Hash of the parts, one behind the other; out has room for the kind. */
void digest_hash(uint8_t *out, enum digest kind,
    const struct digest_part *parts, unsigned count);
/* HMAC of the parts under a key of any length. */
void digest_hmac(uint8_t *out, enum digest kind, struct digest_part key,
    const struct digest_part *parts, unsigned count);

#endif
