/*
 * auth: long-term credentials, both mechanisms (RFC 8489, section 9.2):
 * static users and TURN REST names, SHA-1 and SHA-256 integrity,
 * PASSWORD-ALGORITHM with bid-down protection, USERHASH.
 */
#ifndef RELAY_TURN_AUTH_H
#define RELAY_TURN_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/code.h"
#include "common/stun/integrity.h"
#include "relay/stats.h"
#include "turn/nonce.h"

struct snapshot;

/* Who asks, proved.  user is what quotas and logs use: a static user's name,
 * or the user part of a TURN REST name (the whole name when it has none). */
struct turn_identity {
	char username[STUN_USERNAME_MAX + 1]; /* as sent (or of the hash) */
	size_t username_len;
	const char *user; /* into username: a plain copy must set it anew */
	size_t user_len;
	int64_t expiry; /* wall seconds, 0 = none */
	struct stun_key key;
	bool sha256; /* answer with SHA-256 */
};

struct turn_auth_input {
	const struct stun_msg *msg;
	const struct addr *client;
	const struct snapshot *conf;
	const struct turn_nonce_key *nonce_key;
	int64_t mono_s; /* clock of the nonces */
	int64_t wall_s; /* clock of TURN REST expiry */
};

/*
 * Checks msg (RFC 8489, section 9.2.4, in its order).  Returns 0 and *out;
 * else 400, 401 or 438, with *why for the counters.  The answer to 401 and
 * 438 carries turn_auth_put_challenge.  An unknown user costs the same time
 * as a wrong password.
 */
MUST_CHECK int turn_auth_check(struct turn_identity *out, enum stats_auth *why,
    const struct turn_auth_input *in);

/*
 * Appends REALM, NONCE and PASSWORD-ALGORITHMS.  room: bytes that may still
 * be appended (2.5x rule); PASSWORD-ALGORITHMS and the nonce's cookie are
 * left out together when they do not fit.  False when not even realm and
 * nonce fit: do not answer.
 */
bool turn_auth_put_challenge(
    struct pen *p, const struct turn_auth_input *in, size_t room);

/* Appends the integrity attribute that fits how id authenticated. */
void turn_auth_put_integrity(struct pen *p, const struct turn_identity *id);

#endif
