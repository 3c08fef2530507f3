#include "tests/support/bench_hist.h"

enum { STEPS = 1 << BENCH_HIST_STEP_BITS };

/* Below STEPS each value has its own cell; above, the power of two picks a
 * row of STEPS cells and the bits behind the first one the cell in it. */
static unsigned
cell_of(uint64_t ns)
{
	unsigned power, cell;

	if (ns < STEPS)
		return (unsigned)ns;
	power = 63u - (unsigned)__builtin_clzll(ns) - BENCH_HIST_STEP_BITS;
	cell = (power << BENCH_HIST_STEP_BITS) + (unsigned)(ns >> power);
	return cell < BENCH_HIST_CELLS ? cell : BENCH_HIST_CELLS - 1;
}

/* The largest value of a cell. */
static uint64_t
value_of(unsigned cell)
{
	unsigned power;

	if (cell < STEPS)
		return cell;
	power = (cell >> BENCH_HIST_STEP_BITS) - 1;
	return ((uint64_t)(cell - (power << BENCH_HIST_STEP_BITS) + 1)
		   << power) -
	    1;
}

void
bench_hist_add(struct bench_hist *h, uint64_t ns)
{
	h->count++;
	h->cells[cell_of(ns)]++;
}

uint64_t
bench_hist_at(const struct bench_hist *h, double share)
{
	const uint64_t rank = (uint64_t)((double)h->count * share);
	uint64_t seen = 0;

	for (unsigned i = 0; i < BENCH_HIST_CELLS; i++) {
		seen += h->cells[i];
		if (seen > rank)
			return value_of(i);
	}
	for (unsigned i = BENCH_HIST_CELLS; i > 0; i--) {
		if (h->cells[i - 1] != 0)
			return value_of(i - 1);
	}
	return 0;
}
