/* Whom a relayed packet is charged to, and whether it may pass. */
#include <limits.h>

#include "budget/own.h"
#include "budget/share.h"

enum {
	STUN_CAPACITY = 508,
	STREAM_ROOM_MIN = 256,
	ENDS = 2, /* client, peer */
};

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
};

/* ---- admission */

/* One more allocation on this host, unless it is full. */
static bool
count_up(struct budget_host *h)
{
	unsigned n = atomic_load(&h->allocations);

	do {
		if (n >= atomic_load(&h->allocations_max))
			return false;
	} while (!atomic_compare_exchange_weak(&h->allocations, &n, n + 1));
	return true;
}

int
budget_admit(
    struct budget *b, struct budget_chain *c, const char *user, size_t len)
{
	struct budget_host *h = b->host;
	const struct budget_watch *w = &h->watch;
	int rc;

	if (!count_up(h))
		return STUN_CAPACITY;
	rc = budget_scope_enter(
	    &c->user, h->limit.users, user, len, atomic_load(&h->per_user_max));
	if (rc != 0) {
		atomic_fetch_sub(&h->allocations, 1);
		return rc;
	}
	if (w->enter != NULL && c->user->count == 1)
		atomic_store(&c->user->state, (int)w->enter(w->arg, user, len));
	return 0;
}

/* Counts to the user what was not yet. */
static void
tell(struct budget_chain *c)
{
	for (unsigned dir = 0; dir < STATS_DIRS; dir++) {
		atomic_fetch_add_explicit(&c->user->bytes[dir],
		    c->bytes[dir] - c->told[dir], memory_order_relaxed);
		c->told[dir] = c->bytes[dir];
	}
}

static void
leave_networks(struct budget_chain *c)
{
	while (c->member_count > 0) {
		struct budget_member *m = &c->member[--c->member_count];

		budget_scope_leave(m->limit->users, m->party, NULL, NULL);
	}
}

void
budget_account_of(struct budget_account *a, const struct budget_party *p)
{
	*a = (struct budget_account){ .name = p->name,
		.len = p->len,
		.allocations = p->count,
		.dropped = atomic_load(&p->dropped),
		.state = (enum budget_state)atomic_load(&p->state) };
	for (unsigned dir = 0; dir < STATS_DIRS; dir++)
		a->bytes[dir] = atomic_load(&p->bytes[dir]);
}

static void
on_last(void *arg, struct budget_party *p)
{
	const struct budget_watch *w = arg;
	struct budget_account a;

	if (w->leave == NULL)
		return;
	budget_account_of(&a, p);
	w->leave(w->arg, &a);
}

void
budget_release(struct budget *b, struct budget_chain *c)
{
	struct budget_host *h = b->host;

	if (c->user == NULL)
		return;
	tell(c);
	leave_networks(c);
	budget_scope_leave(h->limit.users, c->user, on_last, &h->watch);
	c->user = NULL;
	atomic_fetch_sub(&h->allocations, 1);
}

/* ---- networks */

/* c's account in the network of stake; NULL: it has none. */
static struct budget_party *
find_member(struct budget_chain *c, struct budget_stake *stake)
{
	struct budget_limit *l = stake->hold.limit;
	struct budget_member *m;

	if (!budget_hold_is_capped(&stake->hold))
		return NULL;
	for (unsigned i = 0; i < c->member_count; i++) {
		if (c->member[i].limit == l)
			return c->member[i].party;
	}
	if (c->member_count == BUDGET_CHAIN_NETWORKS)
		return NULL;
	m = &c->member[c->member_count];
	if (budget_scope_enter(&m->party, l->users, c->user->name, c->user->len,
		UINT_MAX) != 0)
		return NULL;
	m->limit = l;
	c->member_count++;
	return m->party;
}

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
	x->member[x->count++] = find_member(x->c, stake);
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
	return budget_hold_spare(h, STATS_OUT, x->now) >= x->out &&
	    budget_hold_spare(h, STATS_IN, x->now) > in;
}

/* Is the packet within the share of p, or is there spare? */
static bool
is_fair(const struct bill *x, struct budget_hold *h, struct budget_party *p,
    size_t in)
{
	if (h->rate.bits == 0 || has_spare(x, h, in))
		return true;
	budget_share_hurry(h->limit, &h->rate, x->now);
	return p != NULL &&
	    budget_meter_has(
		&p->share, budget_hold_pace(h), cost_of(x), x->now);
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
is_trickle(const struct bill *x)
{
	return x->b->has_states &&
	    atomic_load_explicit(&x->c->user->state, memory_order_relaxed) ==
	    BUDGET_TRICKLE;
}

static const struct budget_pace *
user_pace(const struct bill *x)
{
	const struct budget *b = x->b;

	return is_trickle(x) && b->trickle.cost > b->user.cost ? &b->trickle
							       : &b->user;
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
judge(const struct bill *x)
{
	struct budget *b = x->b;

	if (is_barred(x))
		return STATS_DROP_QUOTA;
	if (b->has_quota && !is_exempt(x) &&
	    !budget_has_grant(b, x->out + b->paid))
		return STATS_DROP_QUOTA;
	if (x->p->is_stream)
		return NONE;
	if (!is_fair(x, &b->hold, x->c->user, 0))
		return STATS_DROP_SHARE;
	for (unsigned i = 0; i < x->count; i++) {
		if (!is_fair(x, &x->stake[i]->hold, x->member[i], x->in))
			return STATS_DROP_SHARE_NETWORK;
	}
	if (!has_both(x, x->c->user->cap, user_pace(x)))
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
	const struct budget_pace *pace;

	if (p == NULL || h->rate.bits == 0)
		return;
	pace = budget_hold_pace(h);
	if (budget_meter_has(&p->share, pace, cost_of(x), x->now))
		budget_meter_take(&p->share, pace, cost_of(x), x->now);
}

static void
take_soft(const struct bill *x)
{
	struct budget *b = x->b;
	const struct budget_pace *user = user_pace(x);

	if (!x->p->is_stream) {
		take_share(x, &b->hold, x->c->user);
		budget_meter_take(
		    &x->c->user->cap[STATS_IN], user, x->in, x->now);
		budget_meter_take(
		    &x->c->cap[STATS_IN], &b->alloc, x->in, x->now);
	}
	budget_meter_take(&x->c->user->cap[STATS_OUT], user, x->out, x->now);
	budget_meter_take(&x->c->cap[STATS_OUT], &b->alloc, x->out, x->now);
	for (unsigned i = 0; i < x->count; i++)
		take_share(x, &x->stake[i]->hold, x->member[i]);
	if (b->has_quota && is_exempt(x))
		b->grant += (int64_t)(x->in + x->out);
}

/* ---- counting */

static void
count_network(
    struct budget *b, struct budget_stake *stake, size_t in, size_t out)
{
	stake->bytes[STATS_IN] += in;
	stake->bytes[STATS_OUT] += out;
	if (stake->is_dirty)
		return;
	stake->is_dirty = true;
	b->dirty[b->dirty_count++] = (uint16_t)(stake - b->stakes);
}

static void
count(struct budget_chain *c, size_t in, size_t out)
{
	c->bytes[STATS_IN] += in;
	c->bytes[STATS_OUT] += out;
	if (c->bytes[STATS_IN] - c->told[STATS_IN] + c->bytes[STATS_OUT] -
		c->told[STATS_OUT] >
	    BUDGET_CHAIN_SLACK)
		tell(c);
}

static void
offer(const struct bill *x)
{
	const size_t cost = cost_of(x);

	if (x->b->hold.rate.bits != 0 && !x->p->is_stream)
		atomic_fetch_add_explicit(
		    &x->c->user->offered, cost, memory_order_relaxed);
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
		count_network(x->b, x->stake[i], x->in, x->out);
	count(x->c, x->p->is_stream ? 0 : x->in, x->out);
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
		count(c, p->is_stream ? 0 : b->taken, p->out);
		return true;
	}
	x.b = b;
	x.c = c;
	x.p = p;
	/* of a stream it is not known, but for some bytes the same */
	x.in = p->is_stream ? p->out : b->taken;
	x.out = p->out;
	x.now = now_us * 1000;
	x.count = 0;
	passes = relay(&x);
	b->taken = 0;
	return passes;
}

/* ---- streams */

static uint64_t
min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What p may still pass of h, both ways. */
static uint64_t
fair_room(struct budget_hold *h, struct budget_party *p, int64_t now)
{
	const uint64_t share =
	    budget_meter_room(&p->share, budget_hold_pace(h), now);
	const uint64_t spare = min(budget_hold_spare(h, STATS_IN, now),
	    budget_hold_spare(h, STATS_OUT, now));
	const uint64_t room = share > spare ? share : spare;

	return min(room,
	    min(budget_hold_room(h, STATS_IN, now),
		budget_hold_room(h, STATS_OUT, now)));
}

static uint64_t
meters_room(
    budget_meter m[STATS_DIRS], const struct budget_pace *p, int64_t now)
{
	return min(budget_meter_room(&m[STATS_IN], p, now),
	    budget_meter_room(&m[STATS_OUT], p, now));
}

/* Of the networks that c is a user of. */
static uint64_t
networks_room(struct bill *x)
{
	uint64_t room = SIZE_MAX;

	add_stake(x, x->c->network);
	for (unsigned i = 0; i < x->b->networks && x->c->member_count > 0;
	     i++) {
		struct budget_stake *stake = &x->b->stakes[i];
		struct budget_party *p = NULL;

		for (unsigned k = 0; k < x->c->member_count; k++) {
			if (x->c->member[k].limit == stake->hold.limit)
				p = x->c->member[k].party;
		}
		if (p != NULL && budget_hold_is_capped(&stake->hold))
			room = min(room, fair_room(&stake->hold, p, x->now));
	}
	return room;
}

static uint64_t
chain_room(struct bill *x)
{
	struct budget *b = x->b;
	struct budget_chain *c = x->c;
	uint64_t room = SIZE_MAX;

	if (b->hold.rate.bits != 0)
		room = fair_room(&b->hold, c->user, x->now);
	room = min(room, networks_room(x));
	room = min(room, meters_room(c->user->cap, user_pace(x), x->now));
	return min(room, meters_room(c->cap, &b->alloc, x->now));
}

static void
note_hunger(struct budget_chain *c)
{
	atomic_store_explicit(&c->user->is_hungry, true, memory_order_relaxed);
	for (unsigned i = 0; i < c->member_count; i++)
		atomic_store_explicit(
		    &c->member[i].party->is_hungry, true, memory_order_relaxed);
}

size_t
budget_stream_room(struct budget *b, struct budget_chain *c, enum stats_dir dir,
    int64_t now_us)
{
	struct bill x = { .b = b, .c = c, .now = now_us * 1000 };
	uint64_t room;

	budget_catch_up(b);
	/* what leaves was judged when it was relayed */
	if (b->is_free || dir == STATS_OUT)
		return budget_room(b, dir, now_us);
	if ((room = chain_room(&x)) >= STREAM_ROOM_MIN)
		return room;
	note_hunger(c);
	return 0;
}

void
budget_stream_charge(
    struct budget *b, struct budget_chain *c, size_t in, int64_t now_us)
{
	const struct bill x = { .b = b, .c = c, .now = now_us * 1000 };

	budget_catch_up(b);
	count(c, in, 0);
	if (b->is_free)
		return;
	if (b->hold.rate.bits != 0) {
		atomic_fetch_add_explicit(
		    &c->user->offered, in, memory_order_relaxed);
		budget_meter_take(
		    &c->user->share, budget_hold_pace(&b->hold), in, x.now);
	}
	budget_meter_take(&c->user->cap[STATS_IN], user_pace(&x), in, x.now);
	budget_meter_take(&c->cap[STATS_IN], &b->alloc, in, x.now);
}
