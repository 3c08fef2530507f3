/*
 * peer: the transport address of a peer as a client names it.
 *
 * A client may name the outside of one of our own relayed addresses
 * (relay.external); from here on it is the inside, which is what packets go
 * to and come from.
 */
#ifndef RELAY_TURN_PEER_H
#define RELAY_TURN_PEER_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/code.h"

struct stun_attr;
struct stun_msg;
struct turn;
struct turn_alloc;
struct turn_channel;

/* Reads XOR-PEER-ADDRESS.  Returns 0, 400 (missing: a is NULL, or
 * malformed) or 443 (al has no relayed address of that family). */
MUST_CHECK int turn_peer_read(struct addr *out, struct turn_alloc *al,
    const struct stun_msg *m, const struct stun_attr *a);

/* May packets go to peer?  Per packet. */
bool turn_peer_is_allowed(const struct turn *t, const struct addr *peer);
/* The same for a channel's peer, remembered until the policy is replaced or,
 * where the peer is a relayed address of ours, that is closed or opened. */
bool
turn_peer_channel_is_allowed(const struct turn *t, struct turn_channel *ch);

#endif
