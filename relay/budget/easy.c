#include "budget/easy.h"

enum { TAB_MAX = 64 * 1024 };

/* ---- the tab */

static void
settle(struct budget *b, struct budget_tab *t)
{
	struct budget_chain *c = t->chain;

	if (c == NULL)
		return;
	for (unsigned dir = 0; dir < STATS_DIRS; dir++) {
		const uint64_t bytes = t->bytes[dir];

		budget_meter_take(&c->user->cap[dir], &b->user, bytes, t->now);
		budget_meter_take(&c->cap[dir], &b->alloc, bytes, t->now);
	}
	t->chain = NULL;
}

void
budget_easy_settle(struct budget *b)
{
	for (unsigned i = 0; i < BUDGET_TABS; i++)
		settle(b, &b->tabs[i]);
}

/* Bytes that m lets pass on a tab, of max. */
static uint64_t
room_of(budget_meter *m, const struct budget_pace *p, uint64_t max, int64_t now)
{
	if (p->cost == 0)
		return max;
	if (budget_meter_from(m, now) > now + p->burst / 2)
		return 0;
	return p->part < max ? p->part : max;
}

/* Settles t and makes it one of c. */
static void
open_tab(
    struct budget *b, struct budget_tab *t, struct budget_chain *c, int64_t now)
{
	uint64_t room = TAB_MAX;

	settle(b, t);
	for (unsigned dir = 0; dir < STATS_DIRS; dir++) {
		room = room_of(&c->user->cap[dir], &b->user, room, now);
		room = room_of(&c->cap[dir], &b->alloc, room, now);
	}
	*t = (struct budget_tab){ .chain = c, .room = room, .now = now };
}

static struct budget_tab *
find_tab(struct budget *b, const struct budget_chain *c)
{
	for (unsigned i = 0; i < BUDGET_TABS; i++) {
		if (b->tabs[i].chain == c)
			return &b->tabs[i];
	}
	b->next_tab = (b->next_tab + 1) % BUDGET_TABS;
	return &b->tabs[b->next_tab];
}

/* The tab of c, or NULL: there is no room for what costs so much. */
static struct budget_tab *
get_tab(struct budget *b, struct budget_chain *c, size_t cost, int64_t now)
{
	struct budget_tab *t = find_tab(b, c);

	if (t->chain != c || t->now != now || t->room < cost)
		open_tab(b, t, c, now);
	return t->room >= cost ? t : NULL;
}

/* ---- packets */

/* Are both ways paid from leases that are for anybody? */
static bool
is_spare(const struct budget_hold *h, size_t out, int64_t now)
{
	return h->rate.bits == 0 ||
	    (budget_hold_is_spare(h, STATS_IN, 0, now) &&
		budget_hold_is_spare(h, STATS_OUT, out, now));
}

static void
pay(struct budget *b, struct budget_chain *c, size_t cost, size_t out,
    int64_t now)
{
	if (b->hold.rate.bits == 0)
		return;
	b->hold.lease[STATS_OUT].left -= out;
	b->paid += out;
	budget_chain_offer(c, cost, now);
}

bool
budget_easy_relay(struct budget *b, struct budget_chain *c,
    const struct budget_packet *p, int64_t now)
{
	const size_t in = b->taken, out = p->out;
	const size_t cost = in > out ? in : out;
	struct budget_tab *t;

	if (!b->is_plain || p->is_stream || !is_spare(&b->hold, out, now))
		return false;
	if (b->has_quota && !budget_has_grant(b, out + b->paid))
		return false;
	if (b->has_meters) {
		if ((t = get_tab(b, c, cost, now)) == NULL)
			return false;
		t->room -= cost;
		t->bytes[STATS_IN] += in;
		t->bytes[STATS_OUT] += out;
	}
	pay(b, c, cost, out, now);
	budget_chain_count(c, in, out);
	b->taken = 0;
	return true;
}
