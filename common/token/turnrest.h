/*
 * turnrest: time-limited TURN credentials (draft-uberti-behave-turn-rest-00).
 *
 *	username = expiry | expiry ":" user | user ":" expiry
 *	password = base64(HMAC-SHA1(secret, username))
 */
#ifndef COMMON_TOKEN_TURNREST_H
#define COMMON_TOKEN_TURNREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

enum {
	TURNREST_PASSWORD_MAX = 32, /* base64 of 20 bytes and NUL: 29 */
	TURNREST_DIGITS_MAX = 18,   /* fits int64_t */
};

struct turnrest_name {
	int64_t expiry;   /* seconds since 1970 */
	const char *user; /* borrowed, not terminated; len 0 if bare */
	size_t user_len;
};

/*
 * Splits a username.  The part before the first colon is the expiry when it
 * is all digits, else the part behind the last colon; users may contain
 * colons themselves.  Returns 0 or EINVAL (not of this form).
 */
MUST_CHECK int
turnrest_parse(struct turnrest_name *out, const char *username, size_t len);

void turnrest_password(char out[TURNREST_PASSWORD_MAX], const char *secret,
    const char *username, size_t len);

#endif
