/*
 * keyset: the public keys of an issuer (JWKS, RFC 7517, section 5).
 *
 * Keys of kinds that jws does not know are left out, private ones too.
 * FROZEN: after keyset_parse.
 */
#ifndef COMMON_TOKEN_KEYSET_H
#define COMMON_TOKEN_KEYSET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/code.h"
#include "common/token/jws.h"

enum {
	KEYSET_BYTES_MAX = 64 * 1024,
	KEYSET_KEYS_MAX = 64, /* members of "keys", useful or not */
};

struct keyset;

struct keyset_report {
	unsigned used;
	unsigned other;  /* of another kind, malformed, kid twice */
	unsigned secret; /* held a private part: refused */
};

/* Returns 0, EINVAL (no JWKS), EFBIG or ENOMEM.  A set without any key of
 * use is legal: report (may be NULL) says so. */
MUST_CHECK int keyset_parse(struct keyset **out, const char *text, size_t len,
    struct keyset_report *report);
void keyset_free(struct keyset *s);

/* The key named kid, for tokens of alg; kid "": the only one of alg.  NULL:
 * there is none. */
const struct jws_key *
keyset_find(const struct keyset *s, const char *kid, enum jws_alg alg);

#endif
