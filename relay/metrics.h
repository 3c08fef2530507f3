/*
 * metrics: the counters as Prometheus text (version 0.0.4).
 *
 * Pure: what it writes depends on its argument alone.  No label names a
 * user or an address.
 */
#ifndef RELAY_METRICS_H
#define RELAY_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "relay/process.h"
#include "relay/stats.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct consent;
struct drain_view;

struct metrics {
	const struct stats *sum;
	struct process process;
	int64_t started_wall_s;
	int64_t uptime_ms;
	unsigned workers;
	bool is_serving; /* not on its way down */
	bool relay_enabled;
	const struct consent *consent;
	const struct drain_view *drain; /* NULL: it does not */
	bool switch_alarm;
	uint64_t rate_bits; /* in force, 0 = unlimited */
	uint64_t burst_bytes;
	unsigned allocations_max;
	uint64_t reloads_done, reloads_failed;
};

void metrics_render(FILE *out, const struct metrics *m);

#endif
