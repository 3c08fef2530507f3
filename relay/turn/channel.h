/*
 * channel: numbers that stand for a peer's transport address in ChannelData
 * (RFC 8656, section 12).
 *
 * A binding lives ten minutes and keeps a pointer to the permission of its
 * peer.  OWNER: worker.
 */
#ifndef RELAY_TURN_CHANNEL_H
#define RELAY_TURN_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "common/code.h"
#include "common/list.h"
#include "common/mono.h"
#include "turn/index.h"
#include "turn/perm.h"
#include "turn/ports.h"

enum {
	TURN_CHANNEL_LIFETIME_MS = 600 * 1000, /* RFC 8656, section 12 */
	TURN_CHANNEL_MAX = 256,                /* of one allocation */
};

/* First what each packet asks for. */
struct turn_channel {
	struct turn_node by_number;
	const struct turn_port *port; /* peer's; NULL: none of ours */
	mono_ms expires;
	uint16_t number;
	bool allowed;
	/* of what gave allowed: the policy, and the opening of port */
	uint32_t generation;
	uint32_t mark;
	struct addr peer;
	struct turn_node by_peer;
	struct turn_perm *perm; /* borrowed; counts us */
};
_Static_assert(offsetof(struct turn_channel, peer.u.in4.sin_zero) <= 64,
    "a packet to an IPv4 peer touches one cache line");

struct turn_channel_set {
	struct turn *turn;         /* borrowed */
	struct turn_channel *last; /* found by its peer; NULL: none */
	struct turn_index by_number;
	struct turn_index by_peer;
};

void turn_channel_init(struct turn_channel_set *set, struct turn *t);
/* Comes before turn_perm_fini of the same allocation. */
void turn_channel_fini(struct turn_channel_set *set);

/*
 * Binds number to peer or refreshes that binding; the permission of peer
 * (perm, in the allocation's set) is not refreshed here.  Returns 0, 400
 * (number stands for another peer, peer has another number) or 508 (full).
 */
MUST_CHECK int turn_channel_bind(struct turn_channel_set *set, uint16_t number,
    const struct addr *peer, struct turn_perm *perm, mono_ms now);

/* The binding of peer, live or not, or NULL; the next look is for it. */
struct turn_channel *
turn_channel_look_up(struct turn_channel_set *set, const struct addr *peer);

/* A live binding, or NULL.  Per packet. */
static inline struct turn_channel *
turn_channel_by_number(
    const struct turn_channel_set *set, uint16_t number, mono_ms now)
{
	/* the number is its own hash: equal hash, equal number */
	struct turn_node *node = turn_index_first(&set->by_number, number);
	struct turn_channel *ch;

	if (node == NULL)
		return NULL;
	ch = LIST_ITEM(node, struct turn_channel, by_number);
	return now < ch->expires ? ch : NULL;
}

static inline struct turn_channel *
turn_channel_by_peer(
    struct turn_channel_set *set, const struct addr *peer, mono_ms now)
{
	struct turn_channel *ch = set->last;

	/* the peer that sent last sends most */
	if (ch == NULL || !addr_equal(&ch->peer, peer))
		ch = turn_channel_look_up(set, peer);
	return ch != NULL && now < ch->expires ? ch : NULL;
}

/* Frees what has expired; those of a family. */
void turn_channel_sweep(struct turn_channel_set *set, mono_ms now);
void turn_channel_drop(struct turn_channel_set *set, int family);
unsigned turn_channel_count(const struct turn_channel_set *set, mono_ms now);

#endif
