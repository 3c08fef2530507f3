/* Who an allocation's packets are charged to. */
#include <limits.h>

#include "budget/easy.h"
#include "budget/own.h"

enum { STUN_QUOTA = 486, STUN_CAPACITY = 508 };

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
	/* two workers may admit him at once, one of them asks */
	if (w->enter != NULL && atomic_exchange(&c->user->is_new, false))
		atomic_store(&c->user->state, (int)w->enter(w->arg, user, len));
	if (atomic_load(&c->user->state) != BUDGET_OPEN) {
		/* other workers look when he comes to them */
		b->has_states = true;
		b->is_free = b->is_plain = false;
	}
	if (!budget_is_barred(b, c))
		return 0;
	budget_release(b, c);
	return STUN_QUOTA;
}

bool
budget_has_barred(const struct budget *b)
{
	return b->has_states;
}

static bool
is_network_barred(const struct budget *b, unsigned number)
{
	const struct budget_network *n = number == 0 || number > b->networks
	    ? NULL
	    : b->stakes[number - 1].network;

	return n != NULL &&
	    atomic_load_explicit(&n->state, memory_order_relaxed) ==
	    BUDGET_BARRED;
}

bool
budget_is_barred(const struct budget *b, const struct budget_chain *c)
{
	return b->has_states &&
	    (atomic_load_explicit(&c->user->state, memory_order_relaxed) ==
		    BUDGET_BARRED ||
		is_network_barred(b, c->network));
}

void
budget_chain_tell(struct budget_chain *c)
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
	budget_easy_settle(b);
	budget_chain_tell(c);
	leave_networks(c);
	budget_scope_leave(h->limit.users, c->user, on_last, &h->watch);
	c->user = NULL;
	atomic_fetch_sub(&h->allocations, 1);
}

/* ---- networks */

struct budget_party *
budget_chain_member(struct budget_chain *c, struct budget_stake *stake)
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

/* ---- what it used */

void
budget_chain_tell_offer(struct budget_chain *c, int64_t now)
{
	if (c->offered == 0)
		return;
	atomic_fetch_add_explicit(
	    &c->user->offered, c->offered, memory_order_relaxed);
	c->offered = 0;
	c->offered_at = now;
}

const struct budget_pace *
budget_chain_pace(const struct budget_chain *c, const struct budget *b)
{
	const bool is_trickle = b->has_states &&
	    atomic_load_explicit(&c->user->state, memory_order_relaxed) ==
		BUDGET_TRICKLE;

	/* the slower one */
	return is_trickle && b->trickle.cost > b->user.cost ? &b->trickle
							    : &b->user;
}
