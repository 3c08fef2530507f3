/*
 * alloc: an allocation: one client's session, its relayed transport
 * addresses, permissions and channels (RFC 8656, sections 3.2 and 5).
 *
 * OWNER: worker.
 */
#ifndef RELAY_TURN_ALLOC_H
#define RELAY_TURN_ALLOC_H

#include <netinet/in.h>
#include <stdbool.h>

#include "budget/budget.h"
#include "common/list.h"
#include "common/wheel.h"
#include "turn/channel.h"
#include "turn/drops.h"
#include "turn/leg.h"
#include "turn/perm.h"
#include "turn/session.h"

struct turn;
struct turn_request;
struct turn_want;

enum {
	TURN_ALLOC_LEGS = 2,
	/* expired permissions and channels are freed this often */
	TURN_ALLOC_SWEEP_MS = 60 * 1000,
};

/* First what each packet of a channel asks for, in four cache lines: among
 * thousands of allocations every line is a wait. */
struct turn_alloc {
	struct turn *turn; /* borrowed */
	uint64_t up_packets, up_bytes;
	uint64_t down_packets, down_bytes;
	uint64_t dropped;
	struct turn_channel_set channels;
	struct turn_session session;           /* flow: key in turn->flows */
	struct turn_leg legs[TURN_ALLOC_LEGS]; /* IPv4, IPv6 */
	struct turn_perm_set perms;
	struct budget_chain chain; /* whom packets are charged to */
	struct turn_drops drops;
	struct list node; /* in turn->allocs, last thing done */
	struct wheel_timer timer;
	uint64_t id;
	mono_ms opened;
	/* for the same answer again (RFC 8656, section 7.2) */
	bool has_token;
	int16_t missing; /* 440 or 508: the other family's, 0 = none */
	uint8_t tid[STUN_TID_LEN];
	uint8_t token[STUN_TOKEN_LEN];
};

_Static_assert(offsetof(struct turn_alloc, session) % 64 == 0,
    "an IPv4 flow lies in one line");
_Static_assert(offsetof(struct turn_alloc, legs[0].at) <= 5 * 64,
    "what finds the way for a packet lies in front");

/* The allocation of flow, or NULL.  Per packet. */
struct turn_alloc *turn_alloc_find(struct turn *t, const struct net_flow *flow);

/*
 * Opens what want asks for and what rq, which is authenticated, brings.
 * Returns 0 and *out, owned by the turn's table; else 440, 486 or 508.
 */
MUST_CHECK int turn_alloc_open(struct turn_alloc **out,
    const struct turn_request *rq, const struct turn_want *want);
/* Finds out again which network its client is in. */
void turn_alloc_locate(struct turn_alloc *al);
/* Ends it; why is for the log.  Accepts a half-built one, and NULL. */
void turn_alloc_close(struct turn_alloc *al, const char *why);

/* The open leg of family, or NULL. */
static inline struct turn_leg *
turn_alloc_leg(struct turn_alloc *al, int family)
{
	struct turn_leg *leg = &al->legs[family == AF_INET6];

	return turn_leg_is_open(leg) ? leg : NULL;
}

/*
 * Gives the leg of family (0: all) lifetime_s more, or closes it (0), and
 * the allocation with the last one.  Returns 0, or 443 (no leg of family).
 */
MUST_CHECK int turn_alloc_refresh(
    struct turn_alloc *al, int family, uint32_t lifetime_s, mono_ms now);

/* Whole seconds, rounded up, that the longest leg still has. */
uint32_t turn_alloc_left_s(const struct turn_alloc *al, mono_ms now);

#endif
