#include "common/mem.h"
#include "relay/snapshot.h"
#include "signalling/counts.h"
#include "signalling/own.h"
#include "signalling/ticket.h"

struct signalling_shared *
signalling_shared_new(const struct signalling_shared_config *config)
{
	const unsigned n = config->conf->node.workers;
	struct signalling_shared *s = mem_try(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->config = *config;
	s->workers = n > 0 ? n : 1;
	s->gate = config->conf->relay.enabled ? SIGNALLING_GATE_OPEN
					      : SIGNALLING_GATE_OFF;
	if ((s->boxes = signal_boxes_new(s->workers)) == NULL ||
	    (s->tickets = signal_tickets_new()) == NULL ||
	    (s->counts = signal_counts_new()) == NULL)
		goto fail;
	return s;

fail:
	signalling_shared_free(s);
	return NULL;
}

void
signalling_shared_free(struct signalling_shared *s)
{
	if (s == NULL)
		return;
	signal_boxes_free(s->boxes);
	signal_tickets_free(s->tickets);
	signal_counts_free(s->counts);
	mem_free(s);
}

void
signalling_shared_gate(struct signalling_shared *s, enum signalling_gate gate)
{
	atomic_store_explicit(&s->gate, (int)gate, memory_order_relaxed);
}
