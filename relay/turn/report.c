#include "turn/report.h"

#include "common/log.h"
#include "relay/audit.h"
#include "turn/alloc.h"
#include "turn/context.h"

/* What both records tell; relayed has room for the addresses. */
static struct audit_session
describe(const struct turn_alloc *al, struct addr relayed[TURN_ALLOC_LEGS])
{
	const struct turn_session *s = &al->session;
	struct audit_session a = { .id = al->id,
		.user = s->username + s->user_at,
		.user_len = s->user_len,
		.transport = net_transport_name(s->flow.transport),
		.client = &s->flow.client };

	for (unsigned i = 0; i < TURN_ALLOC_LEGS; i++) {
		/* one that has expired by now is remembered, too */
		relayed[i] = al->legs[i].at;
		if (addr_is_none(&relayed[i]))
			continue;
		turn_ports_outside(al->turn->shared->ports, &relayed[i]);
		a.relayed[i] = &relayed[i];
	}
	return a;
}

void
turn_report_open(const struct turn_alloc *al)
{
	const struct turn_session *s = &al->session;
	char user[TURN_SESSION_LABEL_MAX];
	char client[ADDR_TEXT_MAX], v4[ADDR_TEXT_MAX], v6[ADDR_TEXT_MAX];
	struct addr relayed[TURN_ALLOC_LEGS];
	const struct audit_session a = describe(al, relayed);

	audit_opened(al->turn->audit, &a);
	log_limited(LOG_LEVEL_INFO,
	    "turn: allocation opened id=%llu user=%s client=%s transport=%s "
	    "relayed=%s relayed6=%s",
	    (unsigned long long)al->id, turn_session_label(s, user),
	    addr_format(&s->flow.client, client),
	    net_transport_name(s->flow.transport),
	    turn_leg_is_open(&al->legs[0]) ? addr_format(&al->legs[0].at, v4)
					   : "-",
	    turn_leg_is_open(&al->legs[1]) ? addr_format(&al->legs[1].at, v6)
					   : "-");
}

void
turn_report_close(const struct turn_alloc *al, const char *why)
{
	char user[TURN_SESSION_LABEL_MAX], client[ADDR_TEXT_MAX];
	struct addr relayed[TURN_ALLOC_LEGS];
	struct audit_session a = describe(al, relayed);

	a.why = why;
	a.age_ms = net_now(al->turn->net) - al->opened;
	a.up_packets = al->up_packets;
	a.up_bytes = al->up_bytes;
	a.down_packets = al->down_packets;
	a.down_bytes = al->down_bytes;
	a.dropped = al->dropped;
	audit_closed(al->turn->audit, &a);
	log_limited(LOG_LEVEL_INFO,
	    "turn: allocation closed id=%llu user=%s client=%s why=\"%s\" "
	    "up_bytes=%llu down_bytes=%llu dropped=%llu",
	    (unsigned long long)al->id, turn_session_label(&al->session, user),
	    addr_format(&al->session.flow.client, client), why,
	    (unsigned long long)al->up_bytes,
	    (unsigned long long)al->down_bytes,
	    (unsigned long long)al->dropped);
}
