#include "relay/verbs_proof.h"

#include "relay/audit_watch.h"
#include "relay/explain.h"
#include "relay/server.h"
#include "relay/site.h"

void
verbs_audit(void *arg, struct control_call *call, const json_t *args)
{
	json_t *answer = audit_watch_json(arg);
	json_t *show = json_object_get(args, "show");

	if (json_is_string(show))
		json_object_set(answer, "show", show);
	control_answer(call, answer);
}

void
verbs_policy(void *arg, struct control_call *call, const json_t *args)
{
	struct server *s = arg;

	if (json_is_true(json_object_get(args, "refresh")))
		site_ask(s->site);
	control_answer(call, site_json(s->site));
}

void
verbs_explain(void *arg, struct control_call *call, const json_t *args)
{
	const char *what = json_string_value(json_object_get(args, "what"));

	if (what == NULL || what[0] == '\0')
		control_refuse(call,
		    "what is an allocation's number, a user or an address");
	else
		explain_begin(arg, call, what);
}
