/*
 * report: the server's state, gathered for the control socket and the admin
 * listener.
 *
 * OWNER: main.
 */
#ifndef RELAY_REPORT_H
#define RELAY_REPORT_H

#include <jansson.h>
#include <stdio.h>

struct server;

/* Returns a new object, NULL when memory is short. */
json_t *report_status(struct server *s);
/* Writes the metrics. */
void report_metrics(struct server *s, FILE *out);

#endif
