#include "turn/drops.h"

#include <string.h>

_Static_assert(STATS_DROP_COUNT <= UINT8_MAX, "a reason fits a byte");

void
turn_drops_add(struct turn_drops *d, enum stats_drop why)
{
	uint32_t count = 0;
	unsigned i = 0;

	while (i < TURN_DROPS_MAX - 1 && d->count[i] != 0 && d->why[i] != why)
		i++;
	if (d->count[i] != 0 && d->why[i] == why)
		count = d->count[i];
	memmove(d->count + 1, d->count, i * sizeof(d->count[0]));
	memmove(d->why + 1, d->why, i * sizeof(d->why[0]));
	d->count[0] = count < UINT32_MAX ? count + 1 : count;
	d->why[0] = (uint8_t)why;
}
