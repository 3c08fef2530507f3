#include "budget/share.h"

#include "budget/fair.h"
#include "budget/scope.h"
#include "common/mem.h"

enum {
	MS = 1000 * 1000, /* ns */
	LOOK_NS = 100 * MS,
	/* after somebody came; more where looking takes longer */
	SOON_NS = 2 * MS,
	USER_NS = 1000,
	/* what is offered in less is no rate */
	RATE_NS = 40 * MS,
	ROOM_MIN = 64,
	PERMILLE = 1000,
	/* of a burst, below the reserve: less is what packets do */
	LACK = 125,
};

struct look {
	struct budget_limit *limit;
	int64_t span;      /* since the last */
	uint64_t capacity; /* bytes a second */
	size_t count;
};

/* Bytes a second that p asks for: the mean of the looks at which he asked at
 * all. */
static uint64_t
demand_of(const struct budget_party *p)
{
	uint64_t sum = 0;
	unsigned count = 0;

	for (unsigned i = 0; i < BUDGET_LOOKS; i++) {
		sum += p->look[i];
		count += p->look[i] > 0;
	}
	return count > 0 ? sum / count : 0;
}

static uint64_t
per_second(uint64_t bytes, int64_t ns)
{
	return (uint64_t)((unsigned __int128)bytes * BUDGET_NS_PER_S /
	    (uint64_t)ns);
}

/* What p offered since the last look. */
static void
note(const struct look *k, struct budget_party *p)
{
	const uint64_t offered = atomic_load(&p->offered);
	const uint64_t more = offered - p->seen;
	uint64_t *at = &p->look[k->limit->looks % BUDGET_LOOKS];

	if (atomic_exchange(&p->is_hungry, false)) {
		*at = k->capacity;
	} else if (k->span >= RATE_NS) {
		*at = per_second(more, k->span);
	} else if (more > 0 && demand_of(p) == 0) {
		/* new, and how much he wants is not known yet */
		*at = k->capacity;
	} else {
		return; /* seen at the next look */
	}
	p->seen = offered;
}

static void
add(void *arg, struct budget_party *p)
{
	struct look *k = arg;
	uint64_t demand;

	note(k, p);
	demand = demand_of(p);
	if (demand > 0 && k->count < k->limit->room)
		k->limit->demand[k->count++] = demand;
}

/* Room for all users; what cannot be had leaves the last ones out. */
static void
make_room(struct budget_limit *l)
{
	const size_t users = budget_scope_users(l->users);
	size_t room = l->room > 0 ? l->room : ROOM_MIN;
	uint64_t *demand;

	while (room < users)
		room *= 2;
	if (room == l->room ||
	    (demand = mem_try(room, sizeof(*demand))) == NULL)
		return;
	mem_free(l->demand);
	l->demand = demand;
	l->room = room;
}

/* How full the emptier bucket is: 0 its reserve and more, else how many
 * thousandths of a burst below it. */
static int64_t
lack_of(const struct budget_limit *l, const struct budget_rate *r, int64_t now)
{
	int64_t most = 0;

	for (unsigned dir = 0; dir < STATS_DIRS; dir++) {
		const int64_t used = atomic_load(&l->bucket[dir].full) - now;
		const int64_t lack = used - r->burst / 2;

		most = lack > most ? lack : most;
	}
	return most * PERMILLE / (r->burst > 0 ? r->burst : 1);
}

/* Less than the rate while the reserve is short: others than users (answers,
 * handshakes) draw from it, too. */
static uint64_t
capacity_of(
    const struct budget_limit *l, const struct budget_rate *r, int64_t now)
{
	const int64_t lack = lack_of(l, r, now);
	uint64_t part = PERMILLE;

	if (lack >= PERMILLE) /* in debt */
		part = PERMILLE / 2;
	else if (lack > LACK)
		part -= (uint64_t)(lack - LACK) / 2;
	return (uint64_t)((unsigned __int128)r->bits / 8 * part / PERMILLE);
}

static void
publish(struct budget_limit *l, const struct look *k, uint64_t share)
{
	unsigned held = 0;

	for (size_t i = 0; i < k->count; i++)
		held += l->demand[i] > share;
	atomic_store(&l->share, share * 8);
	atomic_store(&l->active, (unsigned)k->count);
	atomic_store(&l->held, held);
	atomic_store(&l->binds, held > 0);
}

static void
look(struct budget_limit *l, int64_t now)
{
	const uint64_t bits = atomic_load(&l->rate);
	struct look k = { .limit = l, .span = now - l->looked };
	struct budget_rate rate;

	if (bits == 0 || k.span < 0)
		return;
	if (l->looked == 0)
		k.span = 0; /* nobody knows since when */
	budget_rate_init(&rate, bits, atomic_load(&l->burst));
	k.capacity = capacity_of(l, &rate, now);
	make_room(l);
	budget_scope_each(l->users, add, &k);
	publish(l, &k, budget_fair_share(l->demand, k.count, k.capacity));
	if (k.span >= RATE_NS || l->looked == 0) {
		l->looked = now;
		l->looks++;
	}
}

void
budget_share_look(struct budget_limit *l, int64_t now)
{
	if (now < atomic_load_explicit(&l->due, memory_order_relaxed) ||
	    atomic_exchange(&l->is_looked_at, true))
		return;
	look(l, now);
	atomic_store(&l->due, now + LOOK_NS);
	atomic_store(&l->is_looked_at, false);
}

void
budget_share_hurry(
    struct budget_limit *l, const struct budget_rate *r, int64_t now)
{
	const int64_t due = atomic_load_explicit(&l->due, memory_order_relaxed);
	const int64_t soon = SOON_NS +
	    (int64_t)atomic_load_explicit(&l->active, memory_order_relaxed) *
		USER_NS;

	if (now < due && now >= due - LOOK_NS + soon &&
	    lack_of(l, r, now) >= LACK)
		atomic_store(&l->due, now);
}
