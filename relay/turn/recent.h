/*
 * recent: which allocation a flow's packets belong to, as found last.
 *
 * A small cache in front of turn->flows, one place a flow: packets come in
 * runs, and again and again from the same clients.  Its hash is cheap and can
 * be foreseen, so that a sender may push others out; then the table answers,
 * whose hash cannot.  A place that is empty or another's says nothing.
 *
 * OWNER: worker.
 */
#ifndef RELAY_TURN_RECENT_H
#define RELAY_TURN_RECENT_H

#include <stdint.h>
#include <string.h>

#include "turn/alloc.h"

enum {
	TURN_RECENT_BITS = 8, /* 256 places: 4 KiB */
	TURN_RECENT_PLACES = 1 << TURN_RECENT_BITS,
};

struct turn_recent {
	struct {
		struct turn_alloc *alloc; /* borrowed; NULL: empty */
		/* so that another's allocation is not even touched */
		uint32_t tag;
	} at[TURN_RECENT_PLACES];
};

static inline uint64_t
turn_recent_word(const struct addr *a)
{
	uint64_t low, high;

	/* family, port, IPv4 host */
	memcpy(&low, a, sizeof(low));
	if (addr_family(a) != AF_INET6)
		return low;
	memcpy(&low, &a->u.in6.sin6_addr, sizeof(low));
	memcpy(&high, a->u.in6.sin6_addr.s6_addr + 8, sizeof(high));
	return low * 31 ^ high ^ (uint64_t)a->u.in6.sin6_port << 16;
}

/* The top bits are the place. */
static inline uint32_t
turn_recent_tag(const struct net_flow *flow)
{
	const uint64_t local = turn_recent_word(&flow->local);
	const uint64_t word = turn_recent_word(&flow->client) ^
	    (local << 24 | local >> 40) ^ (uint64_t)flow->transport;

	/* 2^64 divided by the golden ratio */
	return (uint32_t)(word * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* The allocation of flow if it is here, else NULL.  Per packet. */
static inline struct turn_alloc *
turn_recent_find(
    const struct turn_recent *r, const struct net_flow *flow, uint32_t tag)
{
	const unsigned i = tag >> (32 - TURN_RECENT_BITS);

	if (r->at[i].tag != tag || r->at[i].alloc == NULL ||
	    !turn_session_is(&r->at[i].alloc->session, flow))
		return NULL;
	return r->at[i].alloc;
}

static inline void
turn_recent_note(struct turn_recent *r, struct turn_alloc *al, uint32_t tag)
{
	const unsigned i = tag >> (32 - TURN_RECENT_BITS);

	r->at[i].alloc = al;
	r->at[i].tag = tag;
}

/* Comes before al can no longer be found. */
static inline void
turn_recent_forget(struct turn_recent *r, const struct turn_alloc *al)
{
	const uint32_t tag = turn_recent_tag(&al->session.flow);
	const unsigned i = tag >> (32 - TURN_RECENT_BITS);

	if (r->at[i].alloc == al)
		r->at[i].alloc = NULL;
}

#endif
