/*
 * drops: why packets of one allocation were dropped: the last few reasons,
 * and how often each.  Costs nothing to packets that pass.
 *
 * OWNER: worker.
 */
#ifndef RELAY_TURN_DROPS_H
#define RELAY_TURN_DROPS_H

#include <stdint.h>

#include "relay/stats.h"

enum { TURN_DROPS_MAX = 4 };

/* The latest reason comes first; count 0: no more.  Counts end at the largest
 * there is. */
struct turn_drops {
	uint32_t count[TURN_DROPS_MAX];
	uint8_t why[TURN_DROPS_MAX]; /* enum stats_drop */
};

/* Counts why; a fifth reason takes the place of the one that is longest
 * ago. */
void turn_drops_add(struct turn_drops *d, enum stats_drop why);

#endif
