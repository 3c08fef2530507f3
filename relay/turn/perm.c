#include "turn/perm.h"

#include <assert.h>

#include "common/pool.h"
#include "policy/policy.h"
#include "relay/stats.h"
#include "turn/context.h"

typedef bool perm_test(const struct turn_perm *perm, mono_ms arg);

void
turn_perm_init(struct turn_perm_set *set, struct turn *t)
{
	set->turn = t;
	turn_index_init(&set->by_host);
}

static struct turn_perm *
perm_of(struct turn_node *node)
{
	return node == NULL ? NULL : LIST_ITEM(node, struct turn_perm, node);
}

static void
free_perm(struct turn_perm_set *set, struct turn_perm *perm)
{
	assert(perm->channels == 0);
	turn_index_remove(&set->by_host, &perm->node);
	stats_count(set->turn->stats, STATS_PERMISSIONS, -1);
	pool_put(set->turn->perm_pool, perm);
}

/* Frees every one that test names. */
static void
free_where(struct turn_perm_set *set, perm_test *test, mono_ms arg)
{
	for (uint32_t i = 0; i <= set->by_host.mask; i++) {
		struct turn_node *node = set->by_host.heads[i], *next;

		for (; node != NULL; node = next) {
			next = node->next;
			if (test(perm_of(node), arg))
				free_perm(set, perm_of(node));
		}
	}
}

static bool
is_any(const struct turn_perm *perm, mono_ms unused)
{
	(void)perm;
	(void)unused;
	return true;
}

static bool
is_useless(const struct turn_perm *perm, mono_ms now)
{
	return !turn_perm_is_live(perm, now) && perm->channels == 0;
}

static bool
is_family(const struct turn_perm *perm, mono_ms family)
{
	return addr_family(&perm->host) == (int)family;
}

void
turn_perm_fini(struct turn_perm_set *set)
{
	free_where(set, is_any, 0);
	turn_index_fini(&set->by_host);
}

static struct turn_perm *
find(const struct turn_perm_set *set, const struct addr *peer, uint32_t hash)
{
	struct turn_node *node = turn_index_first(&set->by_host, hash);

	while (node != NULL && !addr_equal_host(&perm_of(node)->host, peer))
		node = turn_index_next(node);
	return perm_of(node);
}

struct turn_perm *
turn_perm_find(const struct turn_perm_set *set, const struct addr *peer)
{
	return find(set, peer, turn_index_hash_host(peer));
}

static bool
is_host_allowed(
    const struct turn_perm_set *set, const struct addr *host, uint16_t *network)
{
	const struct policy *p = set->turn->policy;

	*network = (uint16_t)policy_network(p, host);
	return policy_peer(p, host, false, false) == POLICY_ALLOW &&
	    policy_pair_may(p, set->client, host, *network);
}

bool
turn_perm_judge(struct turn_perm *perm, const struct turn *t)
{
	perm->allowed = is_host_allowed(perm->set, &perm->host, &perm->network);
	perm->generation = t->generation;
	return perm->allowed;
}

/* A new one, not live yet, or NULL: full. */
static struct turn_perm *
add(struct turn_perm_set *set, const struct addr *peer, uint32_t hash,
    mono_ms now)
{
	struct turn_perm *perm;

	if (set->by_host.count >= TURN_PERM_MAX ||
	    (perm = pool_get(set->turn->perm_pool)) == NULL)
		return NULL;
	perm->host = *peer;
	addr_set_port(&perm->host, 0);
	perm->expires = now;
	perm->generation = set->turn->generation;
	perm->allowed = true;
	perm->set = set;
	turn_index_add(&set->by_host, &perm->node, hash);
	stats_count(set->turn->stats, STATS_PERMISSIONS, 1);
	return perm;
}

int
turn_perm_get(struct turn_perm **out, struct turn_perm_set *set,
    const struct addr *peer, mono_ms now)
{
	const uint32_t hash = turn_index_hash_host(peer);
	struct turn_perm *perm;
	uint16_t network;

	if (!is_host_allowed(set, peer, &network))
		return 403;
	if ((perm = find(set, peer, hash)) == NULL &&
	    (perm = add(set, peer, hash, now)) == NULL)
		return 508;
	perm->network = network;
	*out = perm;
	return 0;
}

void
turn_perm_refresh(struct turn_perm *perm, mono_ms now)
{
	perm->expires = now + TURN_PERM_LIFETIME_MS;
}

void
turn_perm_sweep(struct turn_perm_set *set, mono_ms now)
{
	free_where(set, is_useless, now);
}

void
turn_perm_drop(struct turn_perm_set *set, int family)
{
	free_where(set, is_family, family);
}

unsigned
turn_perm_count(const struct turn_perm_set *set, mono_ms now)
{
	unsigned n = 0;

	for (uint32_t i = 0; i <= set->by_host.mask; i++) {
		struct turn_node *node = set->by_host.heads[i];

		for (; node != NULL; node = node->next)
			n += turn_perm_is_live(perm_of(node), now);
	}
	return n;
}
