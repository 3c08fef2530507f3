#include "relay/verbs_caps.h"

#include <string.h>

#include "budget/budget.h"
#include "common/mono.h"
#include "relay/consent.h"
#include "relay/live.h"
#include "relay/server.h"
#include "relay/snapshot.h"
#include "relay/verbs.h"

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* 0 is how caps say "none". */
static json_t *
limit(uint64_t n)
{
	return n == 0 ? json_null() : number(n);
}

/* ---- who says what */

static json_t *
says_json(const struct consent *c)
{
	json_t *all = json_array();

	for (int i = 0; i < CONSENT_WHOS; i++) {
		const enum consent_who who = (enum consent_who)i;
		const struct consent_say *say = consent_get(c, who);

		if (say->relay && say->rate == 0)
			continue;
		json_array_append_new(all,
		    json_pack("{s:s,s:b,s:o,s:s}", "who", consent_who_name(who),
			"relay", say->relay, "rate_bit_s", limit(say->rate),
			"reason", say->reason));
	}
	return all;
}

static void
add_effect(json_t *all, const struct consent *c)
{
	const struct consent_effect *e = consent_effect(c);
	json_t *effect =
	    json_pack("{s:b,s:s?,s:s,s:o,s:s?,s:s}", "relay", e->relay,
		"relay_by", e->relay ? NULL : consent_who_name(e->relay_by),
		"relay_reason", e->relay_reason, "rate_bit_s", limit(e->rate),
		"rate_by", e->rate == 0 ? NULL : consent_who_name(e->rate_by),
		"rate_reason", e->rate_reason);

	json_object_set_new(all, "effective", effect);
	json_object_set_new(all, "says", says_json(c));
}

/* ---- use */

/* What a direction could still carry of what it may. */
static json_t *
headroom(uint64_t rate, uint64_t used)
{
	if (rate == 0)
		return json_null();
	return number(rate > used ? rate - used : 0);
}

static void
add_use(json_t *all, struct server *s, const struct budget_usage *u)
{
	const struct rate_view v = rate_view(&s->rate);
	const uint64_t in = v.per_second.bytes[STATS_IN] * 8;
	const uint64_t out = v.per_second.bytes[STATS_OUT] * 8;

	json_object_set_new(all, "use",
	    json_pack("{s:o,s:o,s:I}", "in_bit_s", number(in), "out_bit_s",
		number(out), "window_ms", (json_int_t)v.window_ms));
	json_object_set_new(all, "headroom",
	    json_pack("{s:o,s:o,s:o,s:o}", "in_bit_s", headroom(u->rate, in),
		"out_bit_s", headroom(u->rate, out), "in_bytes_now",
		u->rate == 0 ? json_null() : number(u->room[STATS_IN]),
		"out_bytes_now",
		u->rate == 0 ? json_null() : number(u->room[STATS_OUT])));
}

static void
add_users(json_t *all, const struct budget_usage *u)
{
	json_object_set_new(all, "users",
	    json_pack("{s:i,s:i,s:i,s:o}", "known", (int)u->users, "active",
		(int)u->active, "held_back", (int)u->held, "share_bit_s",
		limit(u->share)));
}

/* Packets that a cap stopped, by whose it was; nothing for a zero. */
static json_t *
dropped_json(const struct stats *sum)
{
	static const enum stats_drop caps[] = { STATS_DROP_CAP_IN,
		STATS_DROP_CAP_OUT, STATS_DROP_SHARE, STATS_DROP_CAP_NETWORK,
		STATS_DROP_SHARE_NETWORK, STATS_DROP_CAP_USER,
		STATS_DROP_CAP_ALLOCATION, STATS_DROP_QUOTA };
	json_t *all = json_object();

	for (size_t i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		if (sum->drop[caps[i]] > 0)
			json_object_set_new(all, stats_drop_label(caps[i]),
			    number(sum->drop[caps[i]]));
	return all;
}

static void
add_counts(json_t *all, const struct server *s)
{
	struct stats sum = { 0 };

	server_sum(s, &sum);
	/* ends of streams are allocations, too */
	json_object_set_new(all, "allocations",
	    json_pack("{s:o,s:I}", "now",
		number(sum.counter[STATS_ALLOCATIONS] +
		    sum.counter[STATS_STREAM_ENDS]),
		"limit", (json_int_t)s->conf->caps.allocations));
	json_object_set_new(all, "connections",
	    json_pack("{s:o,s:I}", "now",
		number(sum.counter[STATS_CONNECTIONS]), "limit",
		(json_int_t)s->conf->caps.connections));
	json_object_set_new(all, "dropped", dropped_json(&sum));
}

static json_t *
caps_json(struct server *s)
{
	struct budget_usage u;
	json_t *all = json_object();

	budget_host_usage(s->budget, &u, mono_now_us());
	add_effect(all, s->consent);
	json_object_set_new(all, "burst_bytes", number(u.burst));
	add_use(all, s, &u);
	add_users(all, &u);
	add_counts(all, s);
	json_object_set_new(all, "limits", live_limits_json(s));
	json_object_set_new(all, "live", live_json(s));
	return all;
}

/* ---- a change */

static void
change(struct server *s, struct control_call *call, const json_t *args)
{
	const struct live_order order = { .key = json_string_value(
					      json_object_get(args, "key")),
		.value = json_string_value(json_object_get(args, "value")),
		.who = control_caller(call) };
	const struct consent_effect *e = consent_effect(s->consent);
	char text[LIVE_TEXT_MAX];

	if (order.key == NULL || order.value == NULL ||
	    json_object_size(args) != 2) {
		control_refuse(
		    call, "caps takes nothing, or a key and a value");
		return;
	}
	if (live_change(s, &order, text) != 0) {
		control_refuse(call, text);
		return;
	}
	live_answer(s, call,
	    json_pack("{s:o,s:o,s:s?,s:s,s:o}", "changes",
		verbs_lines_json(text), "rate_bit_s", limit(e->rate), "rate_by",
		e->rate == 0 ? NULL : consent_who_name(e->rate_by),
		"rate_reason", e->rate_reason, "live", live_json(s)));
}

void
verbs_caps(void *arg, struct control_call *call, const json_t *args)
{
	if (json_object_size(args) > 0)
		change(arg, call, args);
	else
		control_answer(call, caps_json(arg));
}
