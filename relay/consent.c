#include "relay/consent.h"

#include <stdio.h>
#include <string.h>

#include "common/mem.h"

struct consent {
	/* OWNER: main */
	struct consent_say say[CONSENT_WHOS];
	struct consent_effect effect;
	consent_fn *fn;
	void *arg;
};

static const char *const names[CONSENT_WHOS] = {
	[CONSENT_CONFIG] = "configuration",
	[CONSENT_OPERATOR] = "operator",
	[CONSENT_DRAIN] = "drain",
	[CONSENT_SITE] = "site",
	[CONSENT_SCHEDULE] = "schedule",
	[CONSENT_QUOTA] = "quota",
	[CONSENT_AUDIT] = "audit",
};

const char *
consent_who_name(enum consent_who who)
{
	return names[who];
}

/* ---- the strictest of all */

static void
merge_relay(
    struct consent_effect *e, const struct consent_say *say, unsigned who)
{
	if (say->relay)
		return;
	e->refusing |= 1U << who;
	if (!e->relay)
		return;
	e->relay = false;
	e->relay_by = (enum consent_who)who;
	e->relay_reason = say->reason;
}

static void
merge_rate(
    struct consent_effect *e, const struct consent_say *say, unsigned who)
{
	if (say->rate == 0 || (e->rate != 0 && e->rate <= say->rate))
		return;
	e->rate = say->rate;
	e->rate_by = (enum consent_who)who;
	e->rate_reason = say->reason;
}

static struct consent_effect
merge(const struct consent *c)
{
	struct consent_effect e = {
		.relay = true, .relay_reason = "", .rate_reason = ""
	};

	for (unsigned who = 0; who < CONSENT_WHOS; who++) {
		merge_relay(&e, &c->say[who], who);
		if (who != CONSENT_CONFIG ||
		    !c->say[CONSENT_SCHEDULE].is_instead ||
		    c->say[CONSENT_CONFIG].is_firm)
			merge_rate(&e, &c->say[who], who);
	}
	return e;
}

/* Reasons are ours and told apart by their place: the word of the one whom
 * they name is compared where it is replaced. */
static bool
is_same(const struct consent_effect *a, const struct consent_effect *b)
{
	return a->relay == b->relay && a->relay_by == b->relay_by &&
	    a->refusing == b->refusing && a->rate == b->rate &&
	    a->rate_by == b->rate_by;
}

static bool
is_named(const struct consent_effect *e, enum consent_who who)
{
	return (!e->relay && e->relay_by == who) ||
	    (e->rate != 0 && e->rate_by == who);
}

/* ---- for others */

struct consent *
consent_new(consent_fn *fn, void *arg)
{
	struct consent *c;

	if ((c = mem_try(1, sizeof(*c))) == NULL)
		return NULL;
	c->fn = fn;
	c->arg = arg;
	for (unsigned who = 0; who < CONSENT_WHOS; who++)
		c->say[who].relay = true;
	c->effect = merge(c);
	return c;
}

void
consent_free(struct consent *c)
{
	mem_free(c);
}

void
consent_set(
    struct consent *c, enum consent_who who, const struct consent_say *say)
{
	struct consent_say *mine = &c->say[who];
	const struct consent_effect before = c->effect;
	const bool is_reworded =
	    strncmp(mine->reason, say->reason, CONSENT_REASON_MAX) != 0;

	mine->relay = say->relay;
	mine->rate = say->rate;
	mine->is_instead = say->is_instead;
	mine->is_firm = say->is_firm;
	if (is_reworded)
		snprintf(mine->reason, sizeof(mine->reason), "%s", say->reason);
	c->effect = merge(c);
	if (is_same(&before, &c->effect) &&
	    !(is_reworded && is_named(&c->effect, who)))
		return;
	c->fn(c->arg, &c->effect);
}

const struct consent_say *
consent_get(const struct consent *c, enum consent_who who)
{
	return &c->say[who];
}

const struct consent_effect *
consent_effect(const struct consent *c)
{
	return &c->effect;
}
