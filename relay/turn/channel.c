#include "turn/channel.h"

#include "common/pool.h"
#include "common/table.h"
#include "relay/stats.h"
#include "turn/context.h"

typedef bool channel_test(const struct turn_channel *ch, mono_ms arg);

void
turn_channel_init(struct turn_channel_set *set, struct turn *t)
{
	set->turn = t;
	set->last = NULL;
	turn_index_init(&set->by_number);
	turn_index_init(&set->by_peer);
}

static struct turn_channel *
of_number(struct turn_node *node)
{
	return LIST_ITEM(node, struct turn_channel, by_number);
}

static struct turn_channel *
of_peer(struct turn_node *node)
{
	return LIST_ITEM(node, struct turn_channel, by_peer);
}

static void
free_channel(struct turn_channel_set *set, struct turn_channel *ch)
{
	if (set->last == ch)
		set->last = NULL;
	ch->perm->channels--;
	turn_index_remove(&set->by_number, &ch->by_number);
	turn_index_remove(&set->by_peer, &ch->by_peer);
	stats_count(set->turn->stats, STATS_CHANNELS, -1);
	pool_put(set->turn->channel_pool, ch);
}

/* Frees every one that test names. */
static void
free_where(struct turn_channel_set *set, channel_test *test, mono_ms arg)
{
	for (uint32_t i = 0; i <= set->by_number.mask; i++) {
		struct turn_node *node = set->by_number.heads[i], *next;

		for (; node != NULL; node = next) {
			next = node->next;
			if (test(of_number(node), arg))
				free_channel(set, of_number(node));
		}
	}
}

static bool
is_any(const struct turn_channel *ch, mono_ms unused)
{
	(void)ch;
	(void)unused;
	return true;
}

static bool
is_expired(const struct turn_channel *ch, mono_ms now)
{
	return now >= ch->expires;
}

static bool
is_family(const struct turn_channel *ch, mono_ms family)
{
	return addr_family(&ch->peer) == (int)family;
}

void
turn_channel_fini(struct turn_channel_set *set)
{
	free_where(set, is_any, 0);
	turn_index_fini(&set->by_number);
	turn_index_fini(&set->by_peer);
}

struct turn_channel *
turn_channel_look_up(struct turn_channel_set *set, const struct addr *peer)
{
	struct turn_node *node;

	if (set->by_peer.count == 0)
		return NULL;
	node = turn_index_first(&set->by_peer, table_hash_addr(peer));
	while (node != NULL && !addr_equal(&of_peer(node)->peer, peer))
		node = turn_index_next(node);
	if (node == NULL)
		return NULL;
	return set->last = of_peer(node);
}

int
turn_channel_bind(struct turn_channel_set *set, uint16_t number,
    const struct addr *peer, struct turn_perm *perm, mono_ms now)
{
	struct turn_channel *ch;

	/* what has expired blocks neither its number nor its peer */
	turn_channel_sweep(set, now);
	ch = turn_channel_by_number(set, number, now);
	if (ch != turn_channel_by_peer(set, peer, now))
		return 400;
	if (ch != NULL) {
		ch->expires = now + TURN_CHANNEL_LIFETIME_MS;
		return 0;
	}
	if (set->by_number.count >= TURN_CHANNEL_MAX ||
	    (ch = pool_get(set->turn->channel_pool)) == NULL)
		return 508;
	ch->peer = *peer;
	ch->number = number;
	ch->port = turn_ports_find(set->turn->shared->ports, peer);
	ch->generation = set->turn->generation - 1;
	ch->expires = now + TURN_CHANNEL_LIFETIME_MS;
	ch->perm = perm;
	perm->channels++;
	turn_index_add(&set->by_number, &ch->by_number, number);
	turn_index_add(&set->by_peer, &ch->by_peer, table_hash_addr(peer));
	stats_count(set->turn->stats, STATS_CHANNELS, 1);
	return 0;
}

void
turn_channel_sweep(struct turn_channel_set *set, mono_ms now)
{
	free_where(set, is_expired, now);
}

void
turn_channel_drop(struct turn_channel_set *set, int family)
{
	free_where(set, is_family, family);
}

unsigned
turn_channel_count(const struct turn_channel_set *set, mono_ms now)
{
	unsigned n = 0;

	for (uint32_t i = 0; i <= set->by_number.mask; i++) {
		struct turn_node *node = set->by_number.heads[i];

		for (; node != NULL; node = node->next)
			n += !is_expired(of_number(node), now);
	}
	return n;
}
