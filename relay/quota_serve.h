/*
 * quota_serve: quotas and schedules in the main thread: their clocks, their
 * verbs.  OWNER: main.
 */
#ifndef RELAY_QUOTA_SERVE_H
#define RELAY_QUOTA_SERVE_H

#include <jansson.h>
#include <stdio.h>

#include "common/code.h"
#include "relay/control.h"

struct server;

/* Makes s->quota and s->schedule; s->consent, s->budget and s->audit are
 * there, workers are not.  Returns 0 or ENOMEM. */
MUST_CHECK int quota_serve_open(struct server *s);
/* A new configuration has been published. */
void quota_serve_apply(struct server *s);
/* Workers have ended and can still be summed. */
void quota_serve_sum(struct server *s);
/* Workers are freed: what they had left is the ledger's again. */
void quota_serve_close(struct server *s);

/* Adds "quota" and "schedule" to status. */
void quota_serve_status(struct server *s, json_t *status);
void quota_serve_metrics(struct server *s, FILE *out);

/* No arguments; {"month":"2026-11"}. */
void quota_serve_verb(void *arg, struct control_call *call, const json_t *args);
void
quota_serve_report(void *arg, struct control_call *call, const json_t *args);

#endif
