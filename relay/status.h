/*
 * status: the state of the server as one JSON object, for `supernodectl
 * status` and /status.json.
 *
 * Pure, but for the addresses it asks of listeners.
 */
#ifndef RELAY_STATUS_H
#define RELAY_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "relay/process.h"
#include "relay/rate.h"
#include "relay/stats.h"

struct consent;
struct drain_view;
struct net_listeners;
struct opt_out_view;
struct snapshot;

struct status {
	const struct snapshot *conf;
	const struct net_listeners *listeners; /* NULL: none */
	const struct consent *consent;
	const struct opt_out_view *opt_out; /* NULL: nothing is kept */
	const struct drain_view *drain;     /* NULL: it does not */
	const struct stats *sum;
	const struct process *process;
	const struct memory_heap *heap;
	struct rate_view rate;
	int64_t started_wall_s;
	int64_t uptime_ms;
	unsigned workers;
	bool is_serving;
	bool is_reloading;
};

/* Returns a new object, NULL when memory is short. */
json_t *status_json(const struct status *st);

#endif
