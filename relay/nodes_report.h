/* nodes_report: the signalling in `status` and in the metrics. */
#ifndef RELAY_NODES_REPORT_H
#define RELAY_NODES_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "relay/stats.h"

struct server;

/* NULL when memory is short. */
json_t *nodes_report_json(const struct server *s, const struct stats *sum);
/* What the counters do not have: the directory's. */
void nodes_report_metrics(const struct server *s, FILE *out);

#endif
