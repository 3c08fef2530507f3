/*
 * leg: one relayed transport address of an allocation: its port, its socket
 * and its own lifetime.  A dual allocation (RFC 8656, section 7) has two.
 *
 * OWNER: worker.
 */
#ifndef RELAY_TURN_LEG_H
#define RELAY_TURN_LEG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/code.h"
#include "common/mono.h"
#include "turn/ports.h"

struct net_relayed;
struct turn;
struct turn_alloc;

enum {
	/* ports tried when other programs sit on ours: with 6 of 10 ports
	 * taken, as beside another relay, one in 10^14 allocations finds none
	 */
	TURN_LEG_TRIES = 64,
};

struct turn_leg {
	struct turn_alloc *alloc;   /* borrowed: whom it belongs to */
	struct net_relayed *socket; /* ours; NULL: the leg is not open */
	struct addr at;             /* as bound, inside of relay.external */
	mono_ms expires;
};

struct turn_leg_want {
	int family; /* AF_INET, AF_INET6 */
	enum turn_ports_want ports;
	uint8_t *token; /* out, of TURN_PORTS_PAIR */
};

/* Returns 0, 440 (no relay address of that family) or 508. */
MUST_CHECK int turn_leg_open(struct turn_leg *leg, struct turn *t,
    const struct turn_leg_want *want, mono_ms now);
/* Opens at, a port that was taken; gives it back when that fails.  Returns
 * 0, EADDRINUSE (another program has it) or 508. */
MUST_CHECK int
turn_leg_adopt(struct turn_leg *leg, struct turn *t, const struct addr *at);
/* Legal on a leg that is not open. */
void turn_leg_close(struct turn_leg *leg, struct turn *t);

static inline bool
turn_leg_is_open(const struct turn_leg *leg)
{
	return leg->socket != NULL;
}

#endif
