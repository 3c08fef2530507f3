/* metrics_budget: what the budget shows to Prometheus. */
#ifndef RELAY_METRICS_BUDGET_H
#define RELAY_METRICS_BUDGET_H

#include <stdint.h>
#include <stdio.h>

struct budget_host;

void metrics_budget_render(FILE *out, struct budget_host *h, int64_t now_us);

#endif
