#include "policy/network.h"

#include "common/mem.h"
#include "policy/own.h"
#include "policy/policy.h"
#include "policy/ranges.h"
#include "relay/snapshot.h"

struct policy_networks {
	/* FROZEN: after policy_networks_new */
	struct policy_ranges *ranges; /* marks are numbers of networks */
	enum snapshot_members members_only;
	unsigned count;
	bool relays[SNAPSHOT_NETWORKS_MAX];
};

static void
add(struct policy_networks *n, const struct snapshot_network *conf)
{
	n->relays[n->count++] = conf->relay;
	for (size_t i = 0; i < conf->prefixes.count; i++)
		policy_ranges_add(n->ranges, &conf->prefixes.at[i],
		    (enum policy_mark)n->count);
}

struct policy_networks *
policy_networks_new(const struct snapshot *conf)
{
	struct policy_networks *n;
	size_t room = 0;

	if ((n = mem_try(1, sizeof(*n))) == NULL)
		return NULL;
	for (size_t i = 0; i < conf->network_count; i++)
		room += conf->networks[i].prefixes.count;
	if ((n->ranges = policy_ranges_new(room)) == NULL)
		goto fail;
	n->members_only = conf->relay.members_only;
	for (size_t i = 0; i < conf->network_count; i++)
		add(n, &conf->networks[i]);
	policy_ranges_seal(n->ranges);
	return n;

fail:
	policy_networks_free(n);
	return NULL;
}

void
policy_networks_free(struct policy_networks *n)
{
	if (n == NULL)
		return;
	policy_ranges_free(n->ranges);
	mem_free(n);
}

unsigned
policy_network(const struct policy *p, const struct addr *a)
{
	const struct policy_networks *n = policy_networks_of(p);
	struct addr folded;
	unsigned number;

	if (n->count == 0)
		return 0;
	if ((number = policy_ranges_find(n->ranges, a)) != 0)
		return number;
	addr_canonical(&folded, a);
	return policy_ranges_find(n->ranges, &folded);
}

static bool
relays(const struct policy_networks *n, unsigned number)
{
	return number == 0 || n->relays[number - 1];
}

bool
policy_client_may(const struct policy *p, unsigned network)
{
	const struct policy_networks *n = policy_networks_of(p);

	if (!relays(n, network))
		return false;
	return n->members_only != SNAPSHOT_BOTH_ENDS || network != 0;
}

bool
policy_pair_may(const struct policy *p, unsigned network,
    const struct addr *peer, unsigned peer_network)
{
	const struct policy_networks *n = policy_networks_of(p);

	if (!relays(n, network) || !relays(n, peer_network))
		return false;
	switch (n->members_only) {
	case SNAPSHOT_ANYONE:
		return true;
	case SNAPSHOT_ONE_END:
		return network != 0 || peer_network != 0;
	case SNAPSHOT_BOTH_ENDS:
		return network != 0 &&
		    (peer_network != 0 || policy_is_relay_host(p, peer));
	}
	return false;
}
