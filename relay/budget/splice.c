/* How far the ends of a spliced pair are held back. */
#include "budget/own.h"

enum {
	SPLICE_ROOM_MIN = 512,
	/* so long others of its user wait for who is next: it asks again within
	 * STREAM_RETRY_MS and a tick of the wheel */
	SPLICE_NEXT_NS = 50 * 1000 * 1000,
};

static uint64_t
min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What the grant covers; SIZE_MAX without a quota. */
static uint64_t
grant_room(struct budget *b)
{
	if (!b->has_quota)
		return SIZE_MAX;
	return budget_has_grant(b, SPLICE_ROOM_MIN) ? (uint64_t)b->grant : 0;
}

/* Both ends are in networks that do not count to the host's quota. */
static bool
is_exempt(struct budget *b, const struct budget_chain *c)
{
	const struct budget_stake *here = budget_stake_of(b, c->network);
	const struct budget_stake *there = budget_stake_of(b, c->peer_network);

	return here != NULL && there != NULL && !here->counts && !there->counts;
}

static uint64_t
network_room(struct budget *b, const struct budget_chain *c, int64_t now)
{
	struct budget_stake *stake = budget_stake_of(b, c->network);

	if (stake == NULL || !budget_hold_is_capped(&stake->hold))
		return SIZE_MAX;
	return budget_hold_peek(&stake->hold, STATS_OUT, now);
}

/* What leaves was judged, for whom it is from, when it came; this is about
 * whom it goes to. */
static uint64_t
out_room(struct budget *b, struct budget_chain *c, int64_t now)
{
	uint64_t room = network_room(b, c, now);

	room = min(room,
	    budget_meter_room(
		&c->user->cap[STATS_OUT], budget_chain_pace(c, b), now));
	return min(room, budget_meter_room(&c->cap[STATS_OUT], &b->alloc, now));
}

static uint64_t
find_room(struct budget *b, struct budget_chain *c, enum stats_dir dir,
    int64_t now_us)
{
	uint64_t room = is_exempt(b, c) ? SIZE_MAX : grant_room(b);

	if (dir == STATS_OUT)
		room = min(room, out_room(b, c, now_us * 1000));
	if (room < SPLICE_ROOM_MIN)
		return 0;
	return min(room, budget_stream_room(b, c, dir, now_us));
}

/* The ends of a user take turns: whoever asked first after each refill would
 * else have all of it. */
static bool
must_wait(const struct budget_chain *c, enum stats_dir dir, int64_t now)
{
	const uintptr_t next =
	    atomic_load_explicit(&c->user->next[dir], memory_order_relaxed);

	return next != 0 && next != (uintptr_t)c &&
	    now -
		atomic_load_explicit(
		    &c->user->next_since[dir], memory_order_relaxed) <
	    SPLICE_NEXT_NS;
}

/* But for the one that has just had its turn. */
static void
be_next(struct budget_chain *c, enum stats_dir dir, int64_t now)
{
	if (atomic_load_explicit(&c->user->last[dir], memory_order_relaxed) ==
	    (uintptr_t)c)
		return;
	atomic_store_explicit(
	    &c->user->next_since[dir], now, memory_order_relaxed);
	atomic_store_explicit(
	    &c->user->next[dir], (uintptr_t)c, memory_order_relaxed);
}

static void
take_turn(struct budget_chain *c, enum stats_dir dir)
{
	atomic_store_explicit(
	    &c->user->last[dir], (uintptr_t)c, memory_order_relaxed);
	if (atomic_load_explicit(&c->user->next[dir], memory_order_relaxed) ==
	    (uintptr_t)c)
		atomic_store_explicit(
		    &c->user->next[dir], 0, memory_order_relaxed);
}

size_t
budget_splice_room(struct budget *b, struct budget_chain *c, enum stats_dir dir,
    int64_t now_us)
{
	const int64_t now = now_us * 1000;
	uint64_t room;

	budget_catch_up(b);
	if (b->is_free)
		return budget_room(b, dir, now_us);
	if (budget_splice_is_barred(b, c) || must_wait(c, dir, now))
		return 0;
	if ((room = find_room(b, c, dir, now_us)) == 0)
		be_next(c, dir, now);
	return room;
}

static void
charge_network(struct budget *b, struct budget_chain *c, enum stats_dir dir,
    size_t wire, int64_t now)
{
	struct budget_stake *stake = budget_stake_of(b, c->network);
	struct budget_party *member;

	if (stake == NULL)
		return;
	budget_stake_count(
	    b, stake, dir == STATS_IN ? wire : 0, dir == STATS_OUT ? wire : 0);
	if (!budget_hold_is_capped(&stake->hold))
		return;
	budget_hold_force(&stake->hold, dir, wire, now);
	if (dir == STATS_OUT ||
	    (member = budget_chain_member(c, stake)) == NULL)
		return;
	atomic_fetch_add_explicit(&member->offered, wire, memory_order_relaxed);
	budget_meter_take(
	    &member->share, budget_hold_pace(&stake->hold), wire, now);
}

void
budget_splice_charge(struct budget *b, struct budget_chain *c,
    enum stats_dir dir, size_t wire, int64_t now_us)
{
	const int64_t now = now_us * 1000;

	take_turn(c, dir);
	if (dir == STATS_IN) {
		budget_stream_charge(b, c, wire, now_us);
	} else {
		budget_catch_up(b);
		budget_chain_count(c, 0, wire);
		budget_meter_take(&c->user->cap[STATS_OUT],
		    budget_chain_pace(c, b), wire, now);
		budget_meter_take(&c->cap[STATS_OUT], &b->alloc, wire, now);
	}
	if (b->is_free)
		return;
	charge_network(b, c, dir, wire, now);
	/* the host's charge took it */
	if (b->has_quota && is_exempt(b, c))
		b->grant += (int64_t)wire;
}

bool
budget_splice_is_barred(struct budget *b, const struct budget_chain *c)
{
	struct budget_stake *stake;

	budget_catch_up(b);
	if (!b->has_states)
		return false;
	stake = budget_stake_of(b, c->network);
	return atomic_load(&c->user->state) == BUDGET_BARRED ||
	    (stake != NULL &&
		atomic_load(&stake->network->state) == BUDGET_BARRED);
}
