/* Whether a relayed packet may pass. */
#include "budget/easy.h"
#include "budget/own.h"
#include "budget/share.h"

enum { ENDS = 2 /* client, peer */ };

/* No reason to drop. */
static const enum stats_drop NONE = STATS_DROP_COUNT;

/* What one packet is about. */
struct bill {
	struct budget *b;
	struct budget_chain *c;
	const struct budget_packet *p;
	size_t in, out;
	int64_t now;
	unsigned count; /* networks with a stake */
	struct budget_stake *stake[ENDS];
	struct budget_party *member[ENDS]; /* NULL: no fair user of it */
	/* passes by a share: the host's, a network's */
	bool by_share;
	bool by_member[ENDS];
};

/* Adds the network of that number.  False: nothing is known of it. */
static bool
add_stake(struct bill *x, unsigned number)
{
	struct budget_stake *stake;

	if (number == 0)
		return true;
	if (number > x->b->networks)
		return false;
	stake = &x->b->stakes[number - 1];
	if (stake->network == NULL)
		return false;
	if (x->count > 0 && x->stake[0] == stake)
		return true;
	x->stake[x->count] = stake;
	x->member[x->count++] = budget_chain_member(x->c, stake);
	return true;
}

static bool
is_exempt(const struct bill *x)
{
	if (x->c->network == 0 || x->p->network == 0)
		return false;
	for (unsigned i = 0; i < x->count; i++) {
		if (x->stake[i]->counts)
			return false;
	}
	return true;
}

/* ---- judging */

static size_t
cost_of(const struct bill *x)
{
	return x->in > x->out ? x->in : x->out;
}

/* Is there more than all shares need?  What is on its way in has been taken
 * from the host already, but not from a network. */
static bool
has_spare(const struct bill *x, const struct budget_hold *h, size_t in)
{
	return budget_hold_has_spare(h, STATS_OUT, x->out, x->now) &&
	    budget_hold_has_spare(h, STATS_IN, in, x->now);
}

/* Is the packet within the share of p? */
static bool
has_share(const struct bill *x, struct budget_hold *h, struct budget_party *p)
{
	budget_share_hurry(h->limit, &h->rate, x->now);
	return p != NULL &&
	    budget_meter_lets(
		&p->share, budget_hold_pace(h), cost_of(x), x->now);
}

/* Within the shares, or is there spare?  Shares are touched only where there
 * is none: those of a user with allocations everywhere are everybody's. */
static bool
is_fair(struct bill *x)
{
	struct budget_hold *h = &x->b->hold;

	if (h->rate.bits != 0 && !has_spare(x, h, 0)) {
		if (!has_share(x, h, x->c->user))
			return false;
		x->by_share = true;
	}
	return true;
}

static bool
is_fair_in_networks(struct bill *x)
{
	for (unsigned i = 0; i < x->count; i++) {
		struct budget_hold *h = &x->stake[i]->hold;

		if (h->rate.bits == 0 || has_spare(x, h, x->in))
			continue;
		if (!has_share(x, h, x->member[i]))
			return false;
		x->by_member[i] = true;
	}
	return true;
}

static bool
is_barred(const struct bill *x)
{
	if (!x->b->has_states)
		return false;
	for (unsigned i = 0; i < x->count; i++) {
		if (atomic_load_explicit(&x->stake[i]->network->state,
			memory_order_relaxed) == BUDGET_BARRED)
			return true;
	}
	return atomic_load_explicit(&x->c->user->state, memory_order_relaxed) ==
	    BUDGET_BARRED;
}

static bool
has_both(const struct bill *x, budget_meter m[STATS_DIRS],
    const struct budget_pace *p)
{
	return budget_meter_has(&m[STATS_IN], p, x->in, x->now) &&
	    budget_meter_has(&m[STATS_OUT], p, x->out, x->now);
}

/* Why the packet must not pass, or NONE; takes nothing. */
static enum stats_drop
judge(struct bill *x)
{
	struct budget *b = x->b;

	if (is_barred(x))
		return STATS_DROP_QUOTA;
	if (b->has_quota && !is_exempt(x) &&
	    !budget_has_grant(b, x->out + b->paid))
		return STATS_DROP_QUOTA;
	if (x->p->is_stream)
		return NONE;
	if (!is_fair(x))
		return STATS_DROP_SHARE;
	if (!is_fair_in_networks(x))
		return STATS_DROP_SHARE_NETWORK;
	if (!has_both(x, x->c->user->cap, budget_chain_pace(x->c, x->b)))
		return STATS_DROP_CAP_USER;
	if (!has_both(x, x->c->cap, &b->alloc))
		return STATS_DROP_CAP_ALLOCATION;
	return NONE;
}

/* ---- taking */

/* Takes both directions from a network, or nothing. */
static bool
take_network(const struct bill *x, struct budget_hold *h)
{
	if (h->rate.bits == 0)
		return true;
	if (x->p->is_stream) {
		budget_hold_force(h, STATS_IN, x->in, x->now);
		budget_hold_force(h, STATS_OUT, x->out, x->now);
		return true;
	}
	if (!budget_hold_take(h, STATS_IN, x->in, x->now))
		return false;
	if (budget_hold_take(h, STATS_OUT, x->out, x->now))
		return true;
	budget_hold_undo(h, STATS_IN, x->in);
	return false;
}

/* What leaves is paid for now: the user it is for is not known any more
 * when it does. */
static bool
pay_host(const struct bill *x)
{
	struct budget *b = x->b;

	if (b->hold.rate.bits == 0)
		return true;
	if (x->p->is_stream)
		budget_hold_force(&b->hold, STATS_OUT, x->out, x->now);
	else if (!budget_hold_take(&b->hold, STATS_OUT, x->out, x->now))
		return false;
	b->paid += x->out;
	return true;
}

static void
unpay_host(const struct bill *x)
{
	if (x->b->hold.rate.bits == 0)
		return;
	x->b->paid -= x->out;
	budget_hold_undo(&x->b->hold, STATS_OUT, x->out);
}

static enum stats_drop
take_hard(const struct bill *x)
{
	unsigned i;

	if (!pay_host(x))
		return STATS_DROP_CAP_OUT;
	for (i = 0; i < x->count; i++) {
		if (!take_network(x, &x->stake[i]->hold))
			goto fail;
	}
	return NONE;

fail:
	unpay_host(x);
	while (i-- > 0) {
		if (x->stake[i]->hold.rate.bits == 0)
			continue;
		budget_hold_undo(&x->stake[i]->hold, STATS_IN, x->in);
		budget_hold_undo(&x->stake[i]->hold, STATS_OUT, x->out);
	}
	return STATS_DROP_CAP_NETWORK;
}

static void
take_share(const struct bill *x, struct budget_hold *h, struct budget_party *p)
{
	if (p != NULL && h->rate.bits != 0)
		budget_meter_take(
		    &p->share, budget_hold_pace(h), cost_of(x), x->now);
}

static void
take_soft(const struct bill *x)
{
	struct budget *b = x->b;
	const struct budget_pace *user = budget_chain_pace(x->c, x->b);

	if (x->by_share)
		take_share(x, &b->hold, x->c->user);
	if (!x->p->is_stream) {
		budget_meter_take(
		    &x->c->user->cap[STATS_IN], user, x->in, x->now);
		budget_meter_take(
		    &x->c->cap[STATS_IN], &b->alloc, x->in, x->now);
	}
	budget_meter_take(&x->c->user->cap[STATS_OUT], user, x->out, x->now);
	budget_meter_take(&x->c->cap[STATS_OUT], &b->alloc, x->out, x->now);
	for (unsigned i = 0; i < x->count; i++) {
		if (x->p->is_stream || x->by_member[i])
			take_share(x, &x->stake[i]->hold, x->member[i]);
	}
	if (b->has_quota && is_exempt(x))
		b->grant += (int64_t)(x->in + x->out);
}

/* ---- counting */

static void
offer(const struct bill *x)
{
	const size_t cost = cost_of(x);

	budget_chain_offer(x->c,
	    x->b->hold.rate.bits != 0 && !x->p->is_stream ? cost : 0, x->now);
	for (unsigned i = 0; i < x->count; i++) {
		if (x->member[i] != NULL)
			atomic_fetch_add_explicit(
			    &x->member[i]->offered, cost, memory_order_relaxed);
	}
}

/* As if it had never been taken. */
static bool
refuse(const struct bill *x, enum stats_drop why)
{
	struct budget *b = x->b;

	stats_dropped(b->stats, why);
	x->c->dropped++;
	x->c->why = why;
	atomic_fetch_add_explicit(
	    &x->c->user->dropped, 1, memory_order_relaxed);
	for (unsigned i = 0; i < x->count; i++)
		atomic_fetch_add_explicit(
		    &x->stake[i]->network->dropped, 1, memory_order_relaxed);
	if (!x->p->is_stream)
		budget_untake(b);
	return false;
}

static bool
relay(struct bill *x)
{
	enum stats_drop why = NONE;

	if (!add_stake(x, x->c->network) || !add_stake(x, x->p->network))
		return refuse(x, STATS_DROP_NETWORK);
	offer(x);
	if ((why = judge(x)) != NONE || (why = take_hard(x)) != NONE)
		return refuse(x, why);
	take_soft(x);
	for (unsigned i = 0; i < x->count; i++)
		budget_stake_count(x->b, x->stake[i], x->in, x->out);
	budget_chain_count(x->c, x->p->is_stream ? 0 : x->in, x->out);
	return true;
}

bool
budget_relay(struct budget *b, struct budget_chain *c,
    const struct budget_packet *p, int64_t now_us)
{
	struct bill x;
	bool passes;

	budget_catch_up(b);
	if (b->is_free) {
		budget_chain_count(c, p->is_stream ? 0 : b->taken, p->out);
		return true;
	}
	if (budget_easy_relay(b, c, p, now_us * 1000))
		return true;
	budget_easy_settle(b);
	x.b = b;
	x.c = c;
	x.p = p;
	/* of a stream it is not known, but for some bytes the same */
	x.in = p->is_stream ? p->out : b->taken;
	x.out = p->out;
	x.now = now_us * 1000;
	x.count = 0;
	x.by_share = false;
	x.by_member[0] = x.by_member[1] = false;
	passes = relay(&x);
	b->taken = 0;
	return passes;
}
