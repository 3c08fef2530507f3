#include "budget/check.h"

enum { US_PER_S = 1000 * 1000 };

/* Beyond the cap from one sample to the other; 0: none, or too short. */
static uint64_t
excess(const struct budget_check *c, const struct budget_sample *old,
    const struct budget_sample *new)
{
	/* the widest that the window may have been */
	const int64_t span = new->to_us - old->from_us;
	const uint64_t may = (uint64_t)((unsigned __int128)c->rate *
				 (uint64_t)span / 8 / US_PER_S) +
	    c->burst;
	uint64_t most = 0;

	if (span < BUDGET_CHECK_US)
		return 0;
	for (unsigned dir = 0; dir < STATS_DIRS; dir++) {
		const uint64_t passed = new->bytes[dir] - old->bytes[dir];

		if (passed > may && passed - may > most)
			most = passed - may;
	}
	return most;
}

static uint64_t
find_worst(const struct budget_check *c, const struct budget_sample *s)
{
	uint64_t worst = 0;

	for (unsigned i = 0; i < c->count; i++) {
		const uint64_t over = excess(c, &c->sample[i], s);

		worst = over > worst ? over : worst;
	}
	return worst;
}

void
budget_check_feed(struct budget_check *c, const struct budget_sample *s,
    uint64_t rate, uint64_t burst)
{
	uint64_t worst;

	if (rate != c->rate || burst != c->burst) {
		c->rate = rate;
		c->burst = burst;
		c->count = c->next = 0;
	}
	if (rate == 0)
		return;
	if ((worst = find_worst(c, s)) > 0) {
		c->error_bytes += worst;
		c->count = c->next = 0; /* or it would count again */
	}
	c->sample[c->next] = *s;
	c->next = (c->next + 1) % BUDGET_CHECK_WINDOWS;
	if (c->count < BUDGET_CHECK_WINDOWS)
		c->count++;
}
