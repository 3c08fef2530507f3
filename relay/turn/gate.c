#include "turn/gate.h"

#include <stdatomic.h>

#include "relay/barred.h"
#include "relay/snapshot.h"
#include "turn/context.h"
#include "turn/request.h"

void
turn_shared_gate(struct turn_shared *s, enum turn_gate gate)
{
	atomic_store(&s->gate, gate);
}

bool
turn_gate_is_shut(const struct turn *t)
{
	return atomic_load(&t->shared->gate) == TURN_GATE_SHUT;
}

/* The next one of family, or NULL. */
static const struct addr *
next_alternate(struct turn *t, int family)
{
	const struct snapshot_addrs *all = &t->conf->relay.alternates;

	for (size_t tried = 0; tried < all->count; tried++) {
		const struct addr *a = &all->at[t->alternate++ % all->count];

		if (addr_family(a) == family)
			return a;
	}
	return NULL;
}

int
turn_gate_admit(struct turn_request *rq)
{
	struct turn *t = rq->turn;

	if (barred_until(t->shared->barred, rq->id.user, rq->id.user_len,
		rq->auth.wall_s) != 0) {
		stats_add(&t->stats->auth[STATS_AUTH_BARRED], 1);
		rq->auth_failure = STATS_AUTH_BARRED;
		return 403;
	}
	switch (atomic_load(&t->shared->gate)) {
	case TURN_GATE_OPEN:
		return 0;
	case TURN_GATE_SHUT:
		return 403;
	}
	rq->alternate = next_alternate(t, addr_family(&rq->flow->client));
	return rq->alternate != NULL ? 300 : 508;
}
