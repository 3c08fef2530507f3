/*
 * perm: which peers may reach an allocation (RFC 8656, section 9).
 *
 * A permission is a peer's host without port and lives five minutes.  An
 * expired one stays until the sweep, which no packet can tell.
 * OWNER: worker.
 */
#ifndef RELAY_TURN_PERM_H
#define RELAY_TURN_PERM_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/code.h"
#include "common/mono.h"
#include "turn/context.h"
#include "turn/index.h"

enum {
	TURN_PERM_LIFETIME_MS = 300 * 1000, /* RFC 8656, section 9 */
	/* of one allocation.  A browser makes one a remote candidate, some
	 * dozens; 256 cost their owner 16 KiB */
	TURN_PERM_MAX = 256,
};

struct turn_perm {
	struct turn_node node; /* in turn_perm_set.by_host */
	struct addr host;      /* port 0 */
	mono_ms expires;
	uint32_t generation; /* of the policy that gave allowed */
	uint16_t channels;   /* bindings that point here */
	bool allowed;
	uint16_t network;          /* of host, by that policy */
	struct turn_perm_set *set; /* borrowed: whose it is */
};

struct turn_perm_set {
	struct turn *turn; /* borrowed */
	unsigned client;   /* the network of the client */
	struct turn_index by_host;
};

void turn_perm_init(struct turn_perm_set *set, struct turn *t);
void turn_perm_fini(struct turn_perm_set *set);

/* The permission of peer's host, live or not, or NULL.  Per packet. */
struct turn_perm *
turn_perm_find(const struct turn_perm_set *set, const struct addr *peer);

/* The same, made if there is none: it lets nobody in until refreshed, so
 * that a request of many peers is all or nothing.  What has expired takes
 * room until turn_perm_sweep, so that those of one request stay where they
 * are.  Returns 0, 403 (policy) or 508 (full). */
MUST_CHECK int turn_perm_get(struct turn_perm **out, struct turn_perm_set *set,
    const struct addr *peer, mono_ms now);
void turn_perm_refresh(struct turn_perm *perm, mono_ms now);

static inline bool
turn_perm_is_live(const struct turn_perm *perm, mono_ms now)
{
	return now < perm->expires;
}

/* Asks the policy; remembers what it says. */
bool turn_perm_judge(struct turn_perm *perm, const struct turn *t);

/* Does policy let the host pass?  Remembered until the policy is replaced.
 * Per packet. */
static inline bool
turn_perm_is_allowed(struct turn_perm *perm, const struct turn *t)
{
	if (perm->generation == t->generation)
		return perm->allowed;
	return turn_perm_judge(perm, t);
}

/* Frees what has expired and no channel points to. */
void turn_perm_sweep(struct turn_perm_set *set, mono_ms now);
/* Frees those of a family; no channel may point to one. */
void turn_perm_drop(struct turn_perm_set *set, int family);
unsigned turn_perm_count(const struct turn_perm_set *set, mono_ms now);

#endif
