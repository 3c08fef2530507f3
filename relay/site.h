/*
 * site: obeys what the network around this host publishes (policy/site.h), in
 * DNS under each of policy.sites and in policy.file.
 *
 * Asked at the start, every hour with jitter, after a reload and when the
 * operator says so; a failure is tried again with growing pauses.  Whoever
 * does not answer keeps the last word, which outlives a restart in
 * node.state/site.json.  A network that was never heard holds relaying back
 * until it answers, or for SITE_WAIT_MS.
 *
 * OWNER: main.
 */
#ifndef RELAY_SITE_H
#define RELAY_SITE_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "common/code.h"

struct server;
struct site;

enum {
	SITE_WAIT_MS = 10 * 1000,
	SITE_EVERY_MS = 3600 * 1000, /* each time a tenth more or less */
	SITE_FILE_MS = 60 * 1000,
	/* after a failure, then twice as long, up to SITE_EVERY_MS */
	SITE_RETRY_MS = 15 * 1000,
};

/* Makes s->site, says CONSENT_SITE and asks.  s->consent, s->base and s->conf
 * are there.  Returns 0 or ENOMEM. */
MUST_CHECK int site_open(struct server *s);
/* NULL is legal. */
void site_free(struct site *site);

/* After a reload: other networks, another resolver; asks. */
void site_configure(struct site *site);
/* Asks now. */
void site_ask(struct site *site);

/* Bytes a month that the strictest network allows; 0: no word about it.
 * NULL is legal. */
uint64_t site_month(const struct site *site);

/* What `supernodectl policy` shows; the caller's. */
json_t *site_json(const struct site *site);

void site_metrics(const struct site *site, FILE *out);

#endif
