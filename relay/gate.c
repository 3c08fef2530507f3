#include "relay/gate.h"

#include <errno.h>
#include <stdio.h>

#include "budget/budget.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/units.h"
#include "relay/audit.h"
#include "relay/live.h"
#include "relay/server.h"
#include "relay/snapshot.h"
#include "relay/worker.h"
#include "signalling/signalling.h"
#include "turn/turn.h"

enum {
	/* who is full, not unwilling: clients are sent elsewhere */
	GATE_ELSEWHERE = 1U << CONSENT_DRAIN | 1U << CONSENT_QUOTA,
};

struct gate {
	/* OWNER: main */
	struct server *server;
	unsigned spared;  /* bit 1 << consent_who */
	unsigned waiting; /* workers that have not ended theirs yet */
	bool again;       /* asked for meanwhile */
	/* FROZEN: while waiting */
	const char *why;
};

/* For the log line of an allocation that ends. */
static const char *const endings[CONSENT_WHOS] = {
	[CONSENT_CONFIG] = "relaying is off: configuration",
	[CONSENT_OPERATOR] = "relaying is off: operator",
	[CONSENT_DRAIN] = "drained",
	[CONSENT_SITE] = "relaying is off: site",
	[CONSENT_SCHEDULE] = "relaying is off: schedule",
	[CONSENT_QUOTA] = "relaying is off: quota",
	[CONSENT_AUDIT] = "relaying is off: audit",
};

/* ---- ending allocations: one message under way for each worker */

static void end_all(struct gate *g);

/* In the main thread, once per worker. */
static void
on_ended(void *context, void *arg)
{
	struct gate *g = arg;

	(void)context;
	if (--g->waiting > 0 || !g->again)
		return;
	g->again = false;
	end_all(g);
}

/* In each worker. */
static void
on_end(void *context, void *arg)
{
	struct gate *g = arg;

	turn_end(worker_turn(context), g->why);
	if (worker_signalling(context) != NULL)
		signalling_end_streams(worker_signalling(context), g->why);
	server_post(g->server, on_ended, g);
}

/* Those who want relaying to end now. */
static unsigned
enders(const struct gate *g)
{
	return consent_effect(g->server->consent)->refusing & ~g->spared;
}

static const char *
why_of(unsigned who)
{
	return endings[__builtin_ctz(who)];
}

static void
end_all(struct gate *g)
{
	if (enders(g) == 0)
		return;
	if (g->waiting > 0) {
		g->again = true;
		return;
	}
	g->why = why_of(enders(g));
	g->waiting = g->server->worker_count;
	server_post_all(g->server, on_end, g);
}

/* ---- what consent says */

static enum turn_gate
turn_of(unsigned refusing)
{
	if (refusing == 0)
		return TURN_GATE_OPEN;
	return (refusing & ~(unsigned)GATE_ELSEWHERE) == 0 ? TURN_GATE_ELSEWHERE
							   : TURN_GATE_SHUT;
}

/* The same, for streams. */
static enum signalling_gate
signalling_of(unsigned refusing)
{
	if (refusing == 0)
		return SIGNALLING_GATE_OPEN;
	if ((refusing & ~(unsigned)GATE_ELSEWHERE) != 0)
		return SIGNALLING_GATE_OFF;
	return (refusing & 1U << CONSENT_DRAIN) != 0 ? SIGNALLING_GATE_DRAIN
						     : SIGNALLING_GATE_QUOTA;
}

static void
report(struct audit *audit, const struct consent_effect *e)
{
	char rate[UNITS_TEXT_MAX] = "unlimited";

	if (e->rate != 0)
		units_format_rate(e->rate, rate);
	log_info("consent: changed relay=%s by=%s why=\"%s\" rate=%s by=%s "
		 "why=\"%s\"",
	    e->relay ? "on" : "off",
	    e->relay ? "-" : consent_who_name(e->relay_by), e->relay_reason,
	    rate, e->rate == 0 ? "-" : consent_who_name(e->rate_by),
	    e->rate_reason);
	audit_event(audit, "consent",
	    json_pack("{s:b,s:s?,s:s,s:I,s:s?,s:s}", "relay", e->relay, "by",
		e->relay ? NULL : consent_who_name(e->relay_by), "reason",
		e->relay_reason, "rate_bit_s", (json_int_t)e->rate, "rate_by",
		e->rate == 0 ? NULL : consent_who_name(e->rate_by),
		"rate_reason", e->rate_reason));
}

static void
on_effect(void *arg, const struct consent_effect *now)
{
	struct gate *g = arg;
	struct server *s = g->server;

	report(s->audit, now);
	budget_host_set_rate(s->budget, now->rate);
	/* first nothing new, then an end of what is there */
	turn_shared_gate(s->turn, turn_of(now->refusing));
	signalling_shared_gate(s->signalling, signalling_of(now->refusing));
	end_all(g);
}

void
gate_configure(struct server *s, const struct snapshot *conf)
{
	struct consent_say say = { .relay = conf->relay.enabled,
		.rate = conf->caps.rate,
		.is_firm = live_has(s, "rate") };
	const char *rate = say.is_firm ? "caps rate, live" : "caps.rate";

	snprintf(say.reason, sizeof(say.reason), "%s",
	    say.relay ? rate : "relay.enabled is false");
	consent_set(s->consent, CONSENT_CONFIG, &say);
}

void
gate_spare(struct server *s, enum consent_who who, bool spares)
{
	struct gate *g = s->gate;

	if (spares)
		g->spared |= 1U << who;
	else
		g->spared &= ~(1U << who);
	end_all(g);
}

int
gate_open(struct server *s)
{
	struct gate *g;

	if ((g = mem_try(1, sizeof(*g))) == NULL)
		return ENOMEM;
	s->gate = g;
	g->server = s;
	g->spared = 1U << CONSENT_DRAIN;
	if ((s->consent = consent_new(on_effect, g)) == NULL)
		return ENOMEM;
	gate_configure(s, s->conf);
	return 0;
}

void
gate_free(struct gate *g)
{
	mem_free(g);
}
