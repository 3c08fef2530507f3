/* How far streams are held back. */
#include "budget/easy.h"
#include "budget/own.h"

enum { STREAM_ROOM_MIN = 256 };

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
	    min(budget_hold_peek(h, STATS_IN, now),
		budget_hold_peek(h, STATS_OUT, now)));
}

static uint64_t
meters_room(
    budget_meter m[STATS_DIRS], const struct budget_pace *p, int64_t now)
{
	return min(budget_meter_room(&m[STATS_IN], p, now),
	    budget_meter_room(&m[STATS_OUT], p, now));
}

/* c's account in the network of stake, if it is a user of it. */
static struct budget_party *
member_of(const struct budget_chain *c, const struct budget_stake *stake)
{
	for (unsigned i = 0; i < c->member_count; i++) {
		if (c->member[i].limit == stake->hold.limit)
			return c->member[i].party;
	}
	return NULL;
}

/* Of the networks that c is a user of: the client's, and those of peers it
 * has sent to. */
static uint64_t
networks_room(struct budget *b, struct budget_chain *c, int64_t now)
{
	uint64_t room = SIZE_MAX;

	if (c->network > 0 && c->network <= b->networks &&
	    b->stakes[c->network - 1].network != NULL)
		budget_chain_member(c, &b->stakes[c->network - 1]);
	for (unsigned i = 0; i < b->networks && c->member_count > 0; i++) {
		struct budget_stake *stake = &b->stakes[i];
		struct budget_party *p = member_of(c, stake);

		if (p != NULL && budget_hold_is_capped(&stake->hold))
			room = min(room, fair_room(&stake->hold, p, now));
	}
	return room;
}

/* Of what is read each byte is paid for twice, with its headers.  From a
 * network that does not count it may be for another such: who it is for will
 * be known when it is read. */
static uint64_t
grant_room(struct budget *b, const struct budget_chain *c)
{
	const struct budget_stake *stake = budget_stake_of(b, c->network);
	const int64_t owed = (int64_t)b->paid;

	if (!b->has_quota || (stake != NULL && !stake->counts))
		return SIZE_MAX;
	budget_has_grant(b, b->paid + 3 * STREAM_ROOM_MIN);
	return b->grant <= owed ? 0 : (uint64_t)(b->grant - owed) / 3;
}

static uint64_t
chain_room(struct budget *b, struct budget_chain *c, int64_t now)
{
	uint64_t room = min(networks_room(b, c, now), grant_room(b, c));

	if (budget_is_barred(b, c))
		return 0;
	if (b->hold.rate.bits != 0)
		room = min(room, fair_room(&b->hold, c->user, now));
	room =
	    min(room, meters_room(c->user->cap, budget_chain_pace(c, b), now));
	return min(room, meters_room(c->cap, &b->alloc, now));
}

/* What is read goes on at once: both ways must have room. */
static uint64_t
reserve(struct budget_hold *h, uint64_t room, int64_t now)
{
	if (h->rate.bits == 0)
		return room;
	room = min(room, budget_hold_room(h, STATS_IN, room, now));
	if (room > 0)
		room = min(room, budget_hold_room(h, STATS_OUT, room, now));
	return room;
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
	const int64_t now = now_us * 1000;
	uint64_t room;

	budget_catch_up(b);
	/* what leaves was judged when it was relayed */
	if (b->is_free || dir == STATS_OUT)
		return budget_room(b, dir, now_us);
	budget_easy_settle(b);
	if ((room = chain_room(b, c, now)) < STREAM_ROOM_MIN) {
		note_hunger(c);
		return 0;
	}
	return reserve(&b->hold, room, now);
}

void
budget_stream_charge(
    struct budget *b, struct budget_chain *c, size_t in, int64_t now_us)
{
	const int64_t now = now_us * 1000;

	budget_catch_up(b);
	budget_chain_count(c, in, 0);
	if (b->is_free)
		return;
	if (b->hold.rate.bits != 0) {
		atomic_fetch_add_explicit(
		    &c->user->offered, in, memory_order_relaxed);
		budget_meter_take(
		    &c->user->share, budget_hold_pace(&b->hold), in, now);
	}
	budget_meter_take(
	    &c->user->cap[STATS_IN], budget_chain_pace(c, b), in, now);
	budget_meter_take(&c->cap[STATS_IN], &b->alloc, in, now);
}
