/*
 * gate: carries what consent decides to where it holds: the rate to the
 * host's budget, whether to relay to the TURN servers of all workers.
 *
 * OWNER: main.
 */
#ifndef RELAY_GATE_H
#define RELAY_GATE_H

#include <stdbool.h>

#include "common/code.h"
#include "relay/consent.h"

struct gate;
struct server;
struct snapshot;

/* Makes s->consent and s->gate; the configuration has said its word.
 * s->budget and s->turn are there, workers may not be.  Returns 0 or
 * ENOMEM. */
MUST_CHECK int gate_open(struct server *s);
/* After the workers have ended.  NULL is legal. */
void gate_free(struct gate *g);

/* The word of a new configuration, before the budget has it: then it gets
 * the rate that is in force. */
void gate_configure(struct server *s, const struct snapshot *conf);

/* Whether allocations go on while who, and nobody else, says no.  At first
 * only those of CONSENT_DRAIN do. */
void gate_spare(struct server *s, enum consent_who who, bool spares);

#endif
