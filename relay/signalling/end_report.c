#include "signalling/end_report.h"

#include <string.h>

#include "common/log.h"
#include "relay/audit.h"
#include "signalling/end.h"

static struct audit_session
describe(const struct signal_end *e)
{
	return (struct audit_session){ .id = e->place.number,
		.user = e->name,
		.user_len = strlen(e->name),
		.transport = "stream",
		.client = &e->client };
}

void
signal_end_report_open(const struct signal_end *e)
{
	const struct audit_session a = describe(e);
	char client[ADDR_TEXT_MAX];

	audit_opened(e->s->config.audit, &a);
	log_limited(LOG_LEVEL_INFO,
	    "stream: end opened id=%llu user=%s client=%s transport=%s",
	    (unsigned long long)a.id, e->name, addr_format(&e->client, client),
	    net_transport_name(e->transport));
}

void
signal_end_report_close(const struct signal_end *e, const char *why)
{
	struct audit_session a = describe(e);
	char client[ADDR_TEXT_MAX];

	a.why = why;
	a.age_ms = signalling_now(e->s) - e->opened;
	a.up_packets = e->pieces_in;
	a.up_bytes = e->bytes_in;
	a.down_packets = e->pieces_out;
	a.down_bytes = e->bytes_out;
	audit_closed(e->s->config.audit, &a);
	log_limited(LOG_LEVEL_INFO,
	    "stream: end closed id=%llu user=%s client=%s why=\"%s\" "
	    "up_bytes=%llu down_bytes=%llu",
	    (unsigned long long)a.id, e->name, addr_format(&e->client, client),
	    why, (unsigned long long)e->bytes_in,
	    (unsigned long long)e->bytes_out);
}
