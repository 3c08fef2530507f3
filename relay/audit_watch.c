#include "relay/audit_watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/log.h"
#include "relay/audit.h"
#include "relay/consent.h"
#include "relay/server.h"
#include "relay/snapshot.h"

enum { STATE_MODE = 0750 };

int
audit_watch_open(struct server *s, char *why, size_t why_size)
{
	const char *state = s->conf->node.state;

	if (s->conf->audit.file[0] != '\0' && mkdir(state, STATE_MODE) < 0 &&
	    errno != EEXIST)
		log_warn("audit: node.state not made path=%s reason=%s", state,
		    code_text(errno));
	return audit_open(&s->audit, s->conf, why, why_size);
}

void
audit_watch_tick(struct server *s)
{
	struct consent_say say = { .relay = true };
	struct audit_view v;

	audit_view(s->audit, &v);
	if (v.failing != 0 &&
	    s->conf->audit.on_failure == SNAPSHOT_STOP_RELAYING) {
		say.relay = false;
		snprintf(say.reason, sizeof(say.reason),
		    "the audit log cannot be written: %s",
		    code_text(v.failing));
	}
	if (say.relay == consent_get(s->consent, CONSENT_AUDIT)->relay)
		return;
	consent_set(s->consent, CONSENT_AUDIT, &say);
}

json_t *
audit_watch_json(const struct server *s)
{
	const struct snapshot *conf = s->conf;
	struct audit_view v;

	audit_view(s->audit, &v);
	return json_pack("{s:s,s:s,s:I,s:I,s:I,s:s,s:b}", "file",
	    v.is_on ? conf->audit.file : "", "key", v.key, "lines",
	    (json_int_t)v.lines, "sealed", (json_int_t)v.sealed, "lost",
	    (json_int_t)v.lost, "failing",
	    v.failing != 0 ? code_text(v.failing) : "", "stops_relaying",
	    conf->audit.on_failure == SNAPSHOT_STOP_RELAYING);
}

void
audit_watch_metrics(const struct server *s, FILE *out)
{
	struct audit_view v;

	audit_view(s->audit, &v);
	fprintf(out,
	    "# HELP supernode_audit_lines_total Lines of the audit log on "
	    "disk.\n"
	    "# TYPE supernode_audit_lines_total counter\n"
	    "supernode_audit_lines_total %" PRIu64 "\n"
	    "# HELP supernode_audit_lost_total Lines of the audit log that "
	    "were lost.\n"
	    "# TYPE supernode_audit_lost_total counter\n"
	    "supernode_audit_lost_total %" PRIu64 "\n"
	    "# HELP supernode_audit_failing 1 while the audit log cannot be "
	    "written.\n"
	    "# TYPE supernode_audit_failing gauge\n"
	    "supernode_audit_failing %d\n",
	    v.lines, v.lost, v.failing != 0);
}
