/*
 * ice: which STUN and TURN servers a node shall use, and its credentials:
 * iceServers as RTCConfiguration wants them, `GET /ice` with a token, and
 * the TURN REST service (draft-uberti-behave-turn-rest-00).
 *
 * No state of its own.
 */
#ifndef RELAY_SIGNALLING_ICE_H
#define RELAY_SIGNALLING_ICE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/web.h"

struct barred;
struct issuers;
struct net_listeners;
struct snapshot;
struct stats;

/* All borrowed. */
struct signal_ice {
	const struct snapshot *conf;
	struct issuers *issuers;
	struct barred *barred;
	const struct net_listeners *listeners;
	struct stats *stats; /* signal_ice_serve counts */
};

struct signal_ice_client {
	const char *name; /* of the credential */
	size_t name_len;
	int64_t expiry_s;         /* of its token; 0: it has none */
	const char *host;         /* Host, as the client sent it */
	const struct addr *local; /* which address it came to */
};

/*
 * An array for "iceServers": stun:, and where auth.secret is set turn: and
 * turns: with a credential that lives signalling.credentials, but no longer
 * than the token.  A barred name gets none.  NULL: memory is short.
 */
json_t *signal_ice_servers(const struct signal_ice *ctx,
    const struct signal_ice_client *c, int64_t now_s);

/* The parts of it: how long the credential is good for, in seconds, 0: there
 * is none for c; and the turn: and turns: URLs, an array. */
int64_t signal_ice_credential(json_t **username, json_t **credential,
    const struct signal_ice *ctx, const struct signal_ice_client *c,
    int64_t now_s);
json_t *signal_ice_uris(
    const struct signal_ice *ctx, const char *host, const struct addr *local);

/*
 * Is r for us, `/ice` or `/?service=turn`?  Then it is answered (GET, POST
 * and OPTIONS; 404 where the service has no keys).
 */
bool signal_ice_serve(const struct signal_ice *ctx, struct net_web *w,
    const struct net_request *r, int64_t now_s);

#endif
