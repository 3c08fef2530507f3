#include "turn/leg.h"

#include <errno.h>

#include "turn/context.h"

int
turn_leg_adopt(struct turn_leg *leg, struct turn *t, const struct addr *at)
{
	int rc;

	if ((rc = net_relayed_open(&leg->socket, t->net, at, leg)) == 0) {
		leg->at = *at;
		turn_ports_opened(t->shared->ports, at, t->worker, leg);
		return 0;
	}
	turn_ports_give(t->shared->ports, at);
	return rc == EADDRINUSE ? EADDRINUSE : 508;
}

int
turn_leg_open(struct turn_leg *leg, struct turn *t,
    const struct turn_leg_want *want, mono_ms now)
{
	int rc = EADDRINUSE;

	for (int i = 0; i < TURN_LEG_TRIES && rc == EADDRINUSE; i++) {
		struct addr at;

		rc = turn_ports_take(&at, t->shared->ports, want->family,
		    want->ports, want->token, now);
		if (rc == 0)
			rc = turn_leg_adopt(leg, t, &at);
	}
	return rc == EADDRINUSE ? 508 : rc;
}

void
turn_leg_close(struct turn_leg *leg, struct turn *t)
{
	if (leg->socket == NULL)
		return;
	net_relayed_close(leg->socket);
	leg->socket = NULL;
	turn_ports_give(t->shared->ports, &leg->at);
}
