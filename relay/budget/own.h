/*
 * own: what the files of budget/ share: the host's and a worker's state.
 */
#ifndef RELAY_BUDGET_OWN_H
#define RELAY_BUDGET_OWN_H

#include "budget/budget.h"
#include "budget/check.h"
#include "budget/limit.h"
#include "budget/scope.h"
#include "relay/snapshot.h"

/* A network by its name, for as long as the process runs. */
struct budget_network {
	struct budget_limit limit;
	/* SHARED: atomic */
	_Alignas(64) _Atomic uint64_t bytes[STATS_DIRS];
	_Atomic uint64_t dropped;
	_Atomic int state;   /* enum budget_state */
	_Atomic bool counts; /* to the quota */
	_Atomic bool is_configured;
	_Atomic(struct budget_network *) next;
	/* OWNER: main */
	uint64_t conf_rate, conf_burst;
	char name[SNAPSHOT_TITLE_MAX + 1]; /* FROZEN */
};

struct budget_host {
	struct budget_limit limit;
	/* SHARED: atomic, written by the main thread under limit.edition */
	_Alignas(64) _Atomic unsigned allocations_max;
	_Atomic unsigned per_user_max;
	_Atomic uint64_t user_rate, user_burst;
	_Atomic uint64_t alloc_rate, alloc_burst;
	_Atomic uint64_t trickle;
	_Atomic bool has_quota;
	_Atomic bool has_networks;
	_Atomic bool has_states; /* some user's or network's is not open */
	_Atomic(struct budget_network *) networks; /* ours, only added to */
	/* OWNER: main */
	uint64_t conf_rate, conf_burst;
	struct budget_check check;
	_Atomic uint64_t error_bytes; /* of check; SHARED: atomic */
	struct budget_watch watch;    /* FROZEN */

	/* SHARED: atomic */
	_Alignas(64) _Atomic int64_t granted;
	_Alignas(64) _Atomic unsigned allocations;
};

/* A worker's hold on a network. */
struct budget_stake {
	struct budget_network *network; /* borrowed; NULL: none */
	struct budget_hold hold;
	bool counts;
	bool is_dirty;              /* in budget.dirty */
	uint64_t bytes[STATS_DIRS]; /* not told to the network yet */
};

enum { BUDGET_TABS = 2 /* a hairpin goes from one to another */ };

/* What an allocation's meters were not told of yet: see easy.h. */
struct budget_tab {
	struct budget_chain *chain; /* borrowed; NULL: nothing */
	int64_t now;
	uint64_t room; /* bytes */
	uint64_t bytes[STATS_DIRS];
};

struct budget {
	/* OWNER: worker */
	struct budget_host *host; /* borrowed */
	struct stats *stats;      /* borrowed */
	struct budget_hold hold;
	uint64_t edition; /* of what follows, up to is_free */
	struct budget_pace user, alloc, trickle;
	bool has_quota;
	bool has_states;
	bool is_free;    /* nothing is asked of a packet */
	bool is_plain;   /* no networks, all accounts open */
	bool has_meters; /* of users, of allocations */
	struct budget_tab tabs[BUDGET_TABS];
	unsigned next_tab;
	int64_t grant; /* bytes leased from host->granted */
	size_t taken;  /* on the wire: what came in last */
	size_t paid;   /* of OUT: taken before it is sent */
	enum stats_kind taken_kind;
	unsigned networks; /* stakes in use: the i-th is number i + 1 */
	unsigned dirty_count;
	uint16_t dirty[SNAPSHOT_NETWORKS_MAX];
	struct budget_stake stakes[SNAPSHOT_NETWORKS_MAX];
};

/* The network of that name, or NULL; made if there is none (main thread;
 * NULL: no memory). */
struct budget_network *
budget_network_find(struct budget_host *h, const char *name);
struct budget_network *
budget_network_get(struct budget_host *h, const char *name);
void budget_network_apply(struct budget_host *h, const struct snapshot *conf);
void budget_network_free_all(struct budget_host *h);
/* What a trickle may pass at once, bytes. */
uint64_t budget_trickle_burst(uint64_t bits);

void budget_account_of(struct budget_account *a, const struct budget_party *p);

/* c's account in the network of stake, which it becomes a user of; NULL: the
 * network has no rate, or c no account. */
struct budget_party *
budget_chain_member(struct budget_chain *c, struct budget_stake *stake);
/* Tells the user's account what was not yet: offered, and relayed. */
void budget_chain_tell_offer(struct budget_chain *c, int64_t now);
void budget_chain_tell(struct budget_chain *c);

/* Bytes were offered, to the host's rate. */
static inline void
budget_chain_offer(struct budget_chain *c, size_t bytes, int64_t now)
{
	/* this often: it is shared by all workers on which he has an
	 * allocation */
	enum { OFFER_NS = 2 * 1000 * 1000 };

	c->offered += bytes;
	if (now - c->offered_at >= OFFER_NS)
		budget_chain_tell_offer(c, now);
}

/* Bytes were relayed. */
static inline void
budget_chain_count(struct budget_chain *c, size_t in, size_t out)
{
	c->bytes[STATS_IN] += in;
	c->bytes[STATS_OUT] += out;
	if (c->bytes[STATS_IN] - c->told[STATS_IN] + c->bytes[STATS_OUT] -
		c->told[STATS_OUT] >
	    BUDGET_CHAIN_SLACK)
		budget_chain_tell(c);
}

/* The stake in the network of that number; NULL: none, or not known yet. */
static inline struct budget_stake *
budget_stake_of(struct budget *b, unsigned number)
{
	if (number == 0 || number > b->networks ||
	    b->stakes[number - 1].network == NULL)
		return NULL;
	return &b->stakes[number - 1];
}

/* Counts what was relayed to the network of stake. */
static inline void
budget_stake_count(
    struct budget *b, struct budget_stake *stake, size_t in, size_t out)
{
	stake->bytes[STATS_IN] += in;
	stake->bytes[STATS_OUT] += out;
	if (stake->is_dirty)
		return;
	stake->is_dirty = true;
	b->dirty[b->dirty_count++] = (uint16_t)(stake - b->stakes);
}

/* The meters of c's user go by this: caps.rate-per-user, or the trickle. */
const struct budget_pace *
budget_chain_pace(const struct budget_chain *c, const struct budget *b);

/* Does the grant cover need bytes?  Leases more of it. */
bool budget_has_grant(struct budget *b, size_t need);
/* The packet taken last was not: it is not counted, and gives back. */
void budget_untake(struct budget *b);

/* Reads what the main thread has changed. */
void budget_refresh(struct budget *b);

static inline void
budget_catch_up(struct budget *b)
{
	if (atomic_load_explicit(
		&b->host->limit.edition, memory_order_relaxed) != b->edition)
		budget_refresh(b);
}

#endif
