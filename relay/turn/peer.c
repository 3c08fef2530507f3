#include "turn/peer.h"

#include "common/stun/attr.h"
#include "policy/policy.h"
#include "turn/alloc.h"
#include "turn/context.h"

int
turn_peer_read(struct addr *out, struct turn_alloc *al,
    const struct stun_msg *m, const struct stun_attr *a)
{
	struct addr peer;

	if (a == NULL || stun_attr_xor_addr(&peer, m, a) != 0)
		return 400;
	if (turn_alloc_leg(al, addr_family(&peer)) == NULL)
		return 443;
	turn_ports_inside(al->turn->shared->ports, &peer);
	*out = peer;
	return 0;
}

bool
turn_peer_is_allowed(const struct turn *t, const struct addr *peer)
{
	/* as it will be sent: an address that only folds to one of ours is
	 * none of ours */
	const bool is_live = turn_ports_is_live(t->shared->ports, peer);

	return policy_peer(t->policy, peer, true, is_live) == POLICY_ALLOW;
}

bool
turn_peer_judge(const struct turn *t, struct turn_channel *ch, uint32_t mark)
{
	ch->allowed =
	    policy_peer(t->policy, &ch->peer, true, mark != 0) == POLICY_ALLOW;
	ch->generation = t->generation;
	ch->mark = mark;
	return ch->allowed;
}
