/*
 * session: who is at the other end of an allocation: the 5-tuple, the user
 * that proved itself and the key, so that later requests cost one HMAC.
 *
 * OWNER: worker.
 */
#ifndef RELAY_TURN_SESSION_H
#define RELAY_TURN_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/code.h"
#include "net/net.h"
#include "turn/auth.h"

enum {
	TURN_SESSION_LABEL_MAX = 64, /* of a user in a log line */
};

struct turn_session {
	struct net_flow flow;
	char *username; /* as sent; ours, freed by turn_session_fini */
	uint16_t username_len;
	uint16_t user_at; /* the part that quotas use, within username */
	uint16_t user_len;
	bool sha256;
	uint8_t key_len; /* 0: none is remembered */
	uint8_t key[STUN_SHA256_LEN];
	int64_t expiry; /* of the credential, wall seconds, 0 = none */
};

/* Returns 0 or 508 (no memory). */
MUST_CHECK int turn_session_init(struct turn_session *s,
    const struct net_flow *flow, const struct turn_identity *id);
void turn_session_fini(struct turn_session *s);

uint32_t turn_session_hash(const struct net_flow *flow);

/* Is s the session of flow: same client, same address of ours, transport? */
static inline bool
turn_session_is(const struct turn_session *s, const struct net_flow *flow)
{
	return s->flow.transport == flow->transport &&
	    addr_equal(&s->flow.client, &flow->client) &&
	    addr_equal(&s->flow.local, &flow->local);
}

/* Is id the user that s belongs to? */
bool turn_session_belongs(
    const struct turn_session *s, const struct turn_identity *id);

/* The same by the part of the name that quotas use. */
bool
turn_session_is_of(const struct turn_session *s, const char *user, size_t len);

/*
 * Authenticates by the remembered key.  False says nothing about the
 * request: turn_auth_check then decides, and finds the code.  Whether the
 * credential has expired is not asked.
 */
bool turn_session_auth(struct turn_identity *out, const struct turn_session *s,
    const struct turn_auth_input *in);
/* Takes over the key that id was checked with; forgets it. */
void
turn_session_remember(struct turn_session *s, const struct turn_identity *id);
void turn_session_forget(struct turn_session *s);

/* The user for a log line: bytes that could end it are shown as '?'. */
const char *turn_session_label(
    const struct turn_session *s, char out[TURN_SESSION_LABEL_MAX]);

#endif
