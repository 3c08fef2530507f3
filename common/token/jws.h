/*
 * jws: signed tokens: JWT (RFC 7519) in compact JWS form (RFC 7515), signed
 * by Ed25519 (RFC 8037, 9864) or ES256, and the proof that a node holds the
 * key its token names (RFC 7800).
 *
 * A key knows its algorithm; a token whose header names another is refused,
 * and so are `none`, shared secrets and `crit`.  Pure: time comes in.
 */
#ifndef COMMON_TOKEN_JWS_H
#define COMMON_TOKEN_JWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

enum {
	JWS_TOKEN_MAX = 8 * 1024, /* characters */
	JWS_KID_MAX = 128,
	JWS_NAME_MAX = 255,
	JWS_SKEW_S = 60, /* by which clocks may differ */
	JWS_SIGNATURE_LEN = 64,
	JWS_THUMBPRINT_LEN = 32, /* RFC 7638, SHA-256 */
	JWS_CHALLENGE_LEN = 32,
};

/* ---- keys */

enum jws_alg { JWS_EDDSA, JWS_ES256 };

/* A public key, a plain value. */
struct jws_key {
	enum jws_alg alg;
	uint8_t at[64]; /* Ed25519: x; P-256: x and y */
};

/* Reads a JWK (RFC 7517).  Returns 0; ENOTSUP (of another kind: kty, crv,
 * alg, or use and key_ops are not for verifying), EPERM (it holds a private
 * part) or EINVAL. */
MUST_CHECK int jws_key_read(struct jws_key *out, const json_t *jwk);
void
jws_key_thumbprint(uint8_t out[JWS_THUMBPRINT_LEN], const struct jws_key *key);
/* Did key sign data?  Any thread. */
bool jws_key_signed(const struct jws_key *key,
    const uint8_t signature[JWS_SIGNATURE_LEN], const void *data, size_t len);

/* ---- tokens */

/* A token taken apart.  Nothing in it is true before jws_is_signed_by. */
struct jws {
	const char *text; /* borrowed */
	size_t signed_len;
	uint8_t signature[JWS_SIGNATURE_LEN];
	enum jws_alg alg;          /* as its header says */
	char kid[JWS_KID_MAX + 1]; /* "": none */
	json_t *claims;            /* ours; an object */
	const char *issuer;        /* in claims; "": none */
};

/* Returns 0; EINVAL (malformed, too long, a member twice, `crit`, another
 * `typ`), ENOTSUP (another `alg`, none and HS256 among them) or ENOMEM. */
MUST_CHECK int jws_parse(struct jws *out, const char *text, size_t len);
void jws_fini(struct jws *j);

bool jws_is_signed_by(const struct jws *j, const struct jws_key *key);

/* What a token must say. */
struct jws_expected {
	const char *issuer;     /* `iss` */
	const char *audience;   /* `aud`, or one of it */
	const char *name_claim; /* which claim is the name */
	int64_t now_s;          /* wall clock */
};

/* What a token binds its bearer to (`cnf`). */
enum jws_binding { JWS_BEARER, JWS_BOUND_KEY, JWS_BOUND_THUMBPRINT };

struct jws_subject {
	char name[JWS_NAME_MAX + 1]; /* not empty; without NUL in it */
	size_t name_len;
	int64_t expiry; /* `exp`, wall seconds */
	enum jws_binding binding;
	struct jws_key key;                     /* JWS_BOUND_KEY */
	uint8_t thumbprint[JWS_THUMBPRINT_LEN]; /* JWS_BOUND_THUMBPRINT */
};

enum jws_verdict {
	JWS_GOOD,
	JWS_MALFORMED, /* a claim is missing, or of the wrong kind */
	JWS_OTHER_ISSUER,
	JWS_OTHER_AUDIENCE,
	JWS_EXPIRED,
	JWS_NOT_YET, /* nbf or iat are ahead */
};

/* Judges the claims of a token whose signature is good.  *out is set only
 * with JWS_GOOD. */
enum jws_verdict jws_judge(
    struct jws_subject *out, const struct jws *j, const struct jws_expected *e);

/* ---- proof of possession */

/*
 * What a node signs by the key of its token, so that a token which others
 * have seen is worth nothing to them:
 *
 *	"supernode.v1 hello" NUL node NUL challenge
 *
 * node: the `node` of welcome, challenge: its 32 bytes.
 */
struct jws_proof {
	const char *node; /* terminated */
	const uint8_t *challenge;
	const char *signature; /* base64url, terminated; NULL: none */
	const json_t *key;     /* JWK from hello; NULL: none */
};

/* Is p by the key that s is bound to?  True for JWS_BEARER, which asks for
 * none. */
bool jws_is_proved(const struct jws_subject *s, const struct jws_proof *p);

#endif
