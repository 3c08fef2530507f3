/*
 * audit_watch: the main thread's part of the audit log: whether relaying may
 * go on without it (audit.on-failure), and what an operator sees of it.
 *
 * OWNER: main.
 */
#ifndef RELAY_AUDIT_WATCH_H
#define RELAY_AUDIT_WATCH_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "common/code.h"

struct server;

/* Opens s->audit.  Returns 0, or an errno with a sentence in why. */
MUST_CHECK int audit_watch_open(struct server *s, char *why, size_t why_size);
/* Every second, and after a reload: says CONSENT_AUDIT. */
void audit_watch_tick(struct server *s);
/* What `supernodectl audit` shows; the caller's. */
json_t *audit_watch_json(const struct server *s);

void audit_watch_metrics(const struct server *s, FILE *out);

#endif
