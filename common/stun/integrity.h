/*
 * integrity: MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256, FINGERPRINT and
 * the long-term keys behind them (RFC 8489, sections 9.2, 14.5-14.7, 18.5.1).
 */
#ifndef COMMON_STUN_INTEGRITY_H
#define COMMON_STUN_INTEGRITY_H

#include "common/stun/attr.h"

enum {
	STUN_SHA1_LEN = 20,
	STUN_SHA256_LEN = 32,
	STUN_MD5_LEN = 16,
	STUN_KEY_MAX = 64, /* short-term passwords in tests are longer */
	STUN_FINGERPRINT_XOR = 0x5354554e,
};

/* A long-term key: MD5(user:realm:password) or SHA-256 of the same. */
struct stun_key {
	uint8_t bytes[STUN_KEY_MAX];
	size_t len;
};

/* Derives the key of algorithm (STUN_ALGORITHM_*).  Strings are used as
 * they are (OpaqueString-prepared by the caller).  Returns 0, or EINVAL. */
MUST_CHECK int stun_key_derive(struct stun_key *out, uint16_t algorithm,
    const char *user, const char *realm, const char *password);
/* The same for a username of len bytes that is not terminated. */
MUST_CHECK int stun_key_derive_n(struct stun_key *out, uint16_t algorithm,
    const void *user, size_t len, const char *realm, const char *password);
/* USERHASH = SHA-256(user ":" realm), RFC 8489, section 14.4. */
void stun_userhash(
    uint8_t out[STUN_USERHASH_LEN], const char *user, const char *realm);

/* Does m's attribute match under key?  Constant time.  False when m has no
 * such attribute.  SHA-256 may be truncated to 16..32 bytes, % 4. */
bool stun_integrity_ok(const struct stun_msg *m, const struct stun_key *key);
bool stun_integrity256_ok(const struct stun_msg *m, const struct stun_key *key);

/* Appends the attribute over what p holds; comes before FINGERPRINT. */
void stun_put_integrity(struct pen *p, const struct stun_key *key);
void stun_put_integrity256(struct pen *p, const struct stun_key *key);
/* Appends FINGERPRINT, as the last attribute. */
void stun_put_fingerprint(struct pen *p);

/* CRC-32 of RFC 8489, section 14.7 (ITU V.42). */
uint32_t stun_crc32(const uint8_t *data, size_t len);

#endif
