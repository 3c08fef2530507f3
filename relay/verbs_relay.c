#include "relay/verbs_relay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "relay/consent.h"
#include "relay/drain.h"
#include "relay/opt_out.h"
#include "relay/server.h"
#include "relay/snapshot.h"

enum { WHY_MAX = 256 };

/* Time that may be left, or absent (then *ms stays); false: nonsense. */
static bool
read_deadline(uint64_t *ms, const json_t *args, uint64_t max)
{
	const json_t *given = json_object_get(args, "deadline_ms");
	const json_int_t n = json_integer_value(given);

	if (given == NULL)
		return true;
	if (!json_is_integer(given) || n < 0 || (uint64_t)n > max)
		return false;
	*ms = (uint64_t)n;
	return true;
}

static bool
has_only(const json_t *args, const char *const *keys)
{
	const char *const *k;
	const char *key;
	const json_t *value;

	json_object_foreach((json_t *)args, key, value)
	{
		for (k = keys; *k != NULL && strcmp(*k, key) != 0; k++)
			;
		if (*k == NULL)
			return false;
	}
	return true;
}

static json_int_t
allocations(const struct server *s)
{
	struct stats sum = { 0 };

	server_sum(s, &sum);
	return (json_int_t)sum.counter[STATS_ALLOCATIONS];
}

/* ---- relay */

static bool
read_order(struct opt_out_order *o, const json_t *args)
{
	static const char *const keys[] = { "relay", "deadline_ms", "reason",
		NULL };
	const json_t *relay = json_object_get(args, "relay");
	const json_t *reason = json_object_get(args, "reason");

	*o = (struct opt_out_order){ .relay = json_is_true(relay),
		.reason = "" };
	if (!json_is_boolean(relay) || !has_only(args, keys) ||
	    !read_deadline(&o->deadline_ms, args, OPT_OUT_DEADLINE_MAX_MS) ||
	    (o->relay && json_object_get(args, "deadline_ms") != NULL))
		return false;
	if (reason == NULL)
		return true;
	o->reason = json_string_value(reason);
	return control_is_text(reason, SWITCH_REASON_MAX - 1);
}

static json_t *
relay_answer(
    const struct server *s, const struct opt_out_order *o, json_int_t before)
{
	const struct consent_effect *e = consent_effect(s->consent);
	struct opt_out_view v;

	opt_out_view(s, &v);
	return json_pack("{s:b,s:b,s:s?,s:s,s:I,s:I,s:s}", "operator", o->relay,
	    "relay", e->relay, "by",
	    e->relay ? NULL : consent_who_name(e->relay_by), "reason",
	    e->relay_reason, "allocations", before, "deadline_ms",
	    (json_int_t)o->deadline_ms, "alarm", v.alarm);
}

void
verbs_relay(void *arg, struct control_call *call, const json_t *args)
{
	struct server *s = arg;
	struct opt_out_order o;
	json_int_t before;
	char why[WHY_MAX];
	int rc;

	if (!read_order(&o, args)) {
		control_refuse(call,
		    "relay takes on, or off with a deadline of at most 7d and "
		    "a reason of at most 99 bytes on one line without quotes");
		return;
	}
	o.who = control_caller(call);
	before = allocations(s);
	if ((rc = opt_out_set(s, &o)) != 0) {
		snprintf(why, sizeof(why),
		    "relaying stays off: %.160s/switch cannot be written: %s",
		    s->conf->node.state, code_text(rc));
		control_refuse(call, why);
		return;
	}
	control_answer(call, relay_answer(s, &o, before));
}

/* ---- drain */

static bool
read_drain(uint64_t *deadline_ms, bool *cancel, const json_t *args)
{
	static const char *const keys[] = { "deadline_ms", "cancel", NULL };
	const json_t *wish = json_object_get(args, "cancel");

	*cancel = json_is_true(wish);
	*deadline_ms = DRAIN_DEADLINE_MS;
	return has_only(args, keys) && (wish == NULL || *cancel) &&
	    (!*cancel || json_object_size(args) == 1) &&
	    read_deadline(deadline_ms, args, DRAIN_DEADLINE_MAX_MS);
}

static void
cancel_drain(struct server *s, struct control_call *call)
{
	const struct control_caller who = control_caller(call);

	if (drain_cancel(s, &who))
		control_answer(call, json_pack("{s:b}", "draining", false));
	else
		control_refuse(call, "it does not drain");
}

void
verbs_drain(void *arg, struct control_call *call, const json_t *args)
{
	const struct control_caller who = control_caller(call);
	struct server *s = arg;
	struct drain_view v;
	uint64_t deadline_ms;
	bool cancel;

	if (!read_drain(&deadline_ms, &cancel, args)) {
		control_refuse(
		    call, "drain takes a deadline of at most 7d, or --cancel");
		return;
	}
	if (cancel) {
		cancel_drain(s, call);
		return;
	}
	if (s->state != SERVER_SERVING ||
	    drain_begin(s, deadline_ms, &who) != 0 || !drain_view(s, &v)) {
		control_refuse(call, "out of memory, or ending already");
		return;
	}
	control_answer(call,
	    json_pack("{s:b,s:I,s:I,s:I}", "draining", true, "allocations",
		(json_int_t)v.allocations, "left_ms", (json_int_t)v.left_ms,
		"ends", (json_int_t)v.ends_s));
}
