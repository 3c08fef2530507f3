/*
 * bench_hist: a histogram of times in fixed memory.
 *
 * 32 steps to each power of two: a value is told with an error of at most
 * 1/32, whatever its size, up to 2^40 ns (18 minutes).
 */
#ifndef TESTS_SUPPORT_BENCH_HIST_H
#define TESTS_SUPPORT_BENCH_HIST_H

#include <stdint.h>

enum {
	BENCH_HIST_STEP_BITS = 5,
	BENCH_HIST_POWERS = 40,
	BENCH_HIST_CELLS = BENCH_HIST_POWERS << BENCH_HIST_STEP_BITS,
};

struct bench_hist {
	uint64_t count;
	uint32_t cells[BENCH_HIST_CELLS];
};

void bench_hist_add(struct bench_hist *h, uint64_t ns);
/* The value below which a share (0..1) of them lie; 0 when there are none. */
uint64_t bench_hist_at(const struct bench_hist *h, double share);

#endif
