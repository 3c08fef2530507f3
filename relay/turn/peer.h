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
#include "turn/channel.h"
#include "turn/context.h"

struct stun_attr;
struct stun_msg;
struct turn_alloc;

/* Reads XOR-PEER-ADDRESS.  Returns 0, 400 (missing: a is NULL, or
 * malformed) or 443 (al has no relayed address of that family). */
MUST_CHECK int turn_peer_read(struct addr *out, struct turn_alloc *al,
    const struct stun_msg *m, const struct stun_attr *a);

/* May packets go to peer?  Per packet. */
bool turn_peer_is_allowed(const struct turn *t, const struct addr *peer);

/* Asks the policy about a channel whose peer's port, if it is one of ours, is
 * marked so; remembers what it says. */
bool
turn_peer_judge(const struct turn *t, struct turn_channel *ch, uint32_t mark);

/* May packets go to the peer of ch?  Remembered until the policy is replaced
 * or, where the peer is a relayed address of ours, that is closed or opened.
 * Per packet. */
static inline bool
turn_peer_channel_is_allowed(const struct turn *t, struct turn_channel *ch)
{
	const uint32_t mark = turn_port_mark(ch->port);

	if (ch->generation == t->generation && ch->mark == mark)
		return ch->allowed;
	return turn_peer_judge(t, ch, mark);
}

#endif
