#include "relay/verbs.h"

#include <errno.h>
#include <string.h>

#include "common/build.h"
#include "common/mono.h"
#include "relay/barred.h"
#include "relay/issuers.h"
#include "relay/kick.h"
#include "relay/listing.h"
#include "relay/nodes.h"
#include "relay/quota_serve.h"
#include "relay/reload.h"
#include "relay/report.h"
#include "relay/server.h"
#include "relay/status_budget.h"
#include "relay/top.h"
#include "relay/verbs_proof.h"
#include "relay/verbs_caps.h"
#include "relay/verbs_relay.h"

static void
run_status(void *arg, struct control_call *call, const json_t *args)
{
	(void)args;
	struct server *s = arg;
	json_t *all = report_status(s);

	if (all != NULL) {
		json_object_set_new(
		    all, "users", status_budget_users(s->budget));
		json_object_set_new(
		    all, "issuers", issuers_json(s->issuers, mono_wall_s()));
		json_object_set_new(
		    all, "barred", barred_json(s->barred, mono_wall_s()));
	}
	control_answer(call, all);
}

/* args: {"limit":n} */
static void
run_allocations(void *arg, struct control_call *call, const json_t *args)
{
	const json_t *limit = json_object_get(args, "limit");
	json_int_t n = LISTING_ROWS_DEFAULT;

	if (limit != NULL)
		n = json_integer_value(limit);
	if (n <= 0 || n > LISTING_ROWS_DEFAULT)
		control_refuse(call, "limit is a number from 1 to 10000");
	else
		listing_begin(arg, call, (size_t)n);
}

json_t *
verbs_lines_json(const char *text)
{
	json_t *lines = json_array();

	while (*text != '\0') {
		const size_t len = strcspn(text, "\n");

		json_array_append_new(lines, json_stringn(text, len));
		text += len + (text[len] == '\n');
	}
	return lines;
}

static void
run_reload(void *arg, struct control_call *call, const json_t *args)
{
	char text[RELOAD_TEXT_MAX];
	const int rc = reload_begin(arg, text);

	(void)args;
	if (rc != 0 && rc != EBUSY) {
		control_refuse(call, text);
		return;
	}
	/* under way already: another follows, its changes are not known yet */
	control_answer(call,
	    json_pack("{s:b,s:o}", "queued", rc == EBUSY, "changes",
		rc == EBUSY ? json_array() : verbs_lines_json(text)));
}

static void
run_version(void *arg, struct control_call *call, const json_t *args)
{
	(void)arg;
	(void)args;
	control_answer(call,
	    json_pack("{s:s,s:s}", "version", build_version, "revision",
		build_revision));
}

const struct control_verb verbs[] = {
	{ "status", false, run_status },
	{ "allocations", false, run_allocations },
	{ "nodes", false, nodes_verb },
	{ "show", false, nodes_show },
	{ "top", false, top_verb },
	{ "reload", true, run_reload },
	{ "audit", false, verbs_audit },
	{ "policy", false, verbs_policy },
	{ "explain", false, verbs_explain },
	{ "relay", true, verbs_relay },
	{ "drain", true, verbs_drain },
	{ "kick", true, kick_verb },
	{ "quota", false, quota_serve_verb },
	{ "report", false, quota_serve_report },
	{ "caps", false, verbs_caps }, /* a change is logged by live.c */
	{ "version", false, run_version },
	{ NULL, false, NULL },
};
