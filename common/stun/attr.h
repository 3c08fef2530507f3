/*
 * attr: reading and writing single attributes (RFC 8489, section 14;
 * RFC 8656, section 18).  Readers return EBADMSG (answer 400) when the value
 * has a wrong length or content; *out is set only on success.
 */
#ifndef COMMON_STUN_ATTR_H
#define COMMON_STUN_ATTR_H

#include "common/stun/msg.h"

enum {
	STUN_FAMILY_IPV4 = 0x01, /* RFC 8489, section 14.1 */
	STUN_FAMILY_IPV6 = 0x02,
	STUN_TRANSPORT_UDP = 17, /* IANA protocol numbers */
	STUN_TRANSPORT_TCP = 6,
	STUN_TOKEN_LEN = 8, /* RESERVATION-TOKEN */
	STUN_USERHASH_LEN = 32,
	STUN_ALGORITHM_MD5 = 0x0001, /* RFC 8489, section 18.5 */
	STUN_ALGORITHM_SHA256 = 0x0002,
	/* RFC 8489, sections 14.3, 14.9, 14.10 */
	STUN_USERNAME_MAX = 513,
	STUN_REALM_MAX = 763,
	STUN_NONCE_MAX = 763,
	STUN_PADDING = 4,
};

static inline size_t
stun_padded(size_t n)
{
	return (n + 3u) & ~(size_t)3;
}

MUST_CHECK int stun_attr_u32(uint32_t *out, const struct stun_attr *a);
/* XOR-MAPPED/PEER/RELAYED-ADDRESS of m. */
MUST_CHECK int stun_attr_xor_addr(
    struct addr *out, const struct stun_msg *m, const struct stun_attr *a);
/* CHANNEL-NUMBER: the number as sent, range not checked. */
MUST_CHECK int stun_attr_channel(uint16_t *out, const struct stun_attr *a);
/* REQUESTED-TRANSPORT: protocol; REQUESTED/ADDITIONAL-ADDRESS-FAMILY: one of
 * STUN_FAMILY_* (EBADMSG for a wrong length only; an unknown family comes
 * out as it is, the caller answers 440); EVEN-PORT: the R bit. */
MUST_CHECK int stun_attr_transport(uint8_t *out, const struct stun_attr *a);
MUST_CHECK int stun_attr_family(uint8_t *out, const struct stun_attr *a);
MUST_CHECK int stun_attr_even_port(bool *reserve, const struct stun_attr *a);
/* ERROR-CODE of a response: the code (300-699). */
MUST_CHECK int stun_attr_error(int *code, const struct stun_attr *a);
/* PASSWORD-ALGORITHM: its number; parameters must be empty. */
MUST_CHECK int stun_attr_algorithm(uint16_t *out, const struct stun_attr *a);

void stun_put(struct pen *p, uint16_t type, const void *value, size_t len);
void stun_put_u32(struct pen *p, uint16_t type, uint32_t value);
void stun_put_xor_addr(struct pen *p, uint16_t type, const struct addr *a,
    const uint8_t tid[STUN_TID_LEN]);
/* ALTERNATE-SERVER and MAPPED-ADDRESS are not xored. */
void stun_put_addr(struct pen *p, uint16_t type, const struct addr *a);
/* ERROR-CODE with code_text(code) as reason. */
void stun_put_error(struct pen *p, int code);
/* ADDRESS-ERROR-CODE (RFC 8656, section 18.12). */
void stun_put_address_error(struct pen *p, uint8_t family, int code);
void stun_put_unknown(struct pen *p, const uint16_t *types, unsigned count);
/* PASSWORD-ALGORITHMS: SHA-256 and MD5, in that order of preference.
 * PASSWORD-ALGORITHM (one) is stun_put_algorithm. */
void stun_put_algorithms(struct pen *p);
void stun_put_algorithm(struct pen *p, uint16_t algorithm);
/* Is a exactly the list stun_put_algorithms writes (bid-down check)? */
bool stun_attr_is_algorithms(const struct stun_attr *a);

#endif
