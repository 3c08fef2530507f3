#include "budget/fair.h"

static uint64_t
min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Moves those below level to the front; returns how many, and their sum. */
static size_t
part(uint64_t *demand, size_t count, uint64_t level, uint64_t *sum)
{
	size_t below = 0;

	*sum = 0;
	for (size_t i = 0; i < count; i++) {
		const uint64_t d = demand[i];

		if (d > level)
			continue;
		*sum += d;
		demand[i] = demand[below];
		demand[below++] = d;
	}
	return below;
}

/* Nobody is above the share: what is left is spare. */
static uint64_t
lend(const uint64_t *demand, size_t count, uint64_t spare)
{
	uint64_t most = 0;

	for (size_t i = 0; i < count; i++)
		most = demand[i] > most ? demand[i] : most;
	return most + spare / count;
}

uint64_t
budget_fair_share(uint64_t *demand, size_t count, uint64_t capacity)
{
	uint64_t *rest = demand;
	uint64_t left = capacity, sum;
	size_t above = count, below;

	/* no demand beyond it matters, and sums stay in range */
	for (size_t i = 0; i < count; i++)
		demand[i] = min(demand[i], capacity);
	/* who asks for less than an even share of what is left is served;
	 * that raises the share of the others */
	while (above > 0) {
		below = part(rest, above, left / above, &sum);
		if (below == 0)
			return left / above;
		rest += below;
		above -= below;
		left -= sum;
	}
	return count > 0 ? lend(demand, count, left) : capacity;
}
