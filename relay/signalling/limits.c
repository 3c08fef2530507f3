#include "signalling/limits.h"

/* Buckets count thousandths, so that a rate a second is one a millisecond. */
enum { WHOLE = 1000 };

static int64_t
room_of(uint32_t rate)
{
	return (int64_t)rate * SIGNAL_BURST_S * WHOLE;
}

static void
fill_one(int64_t *level, uint32_t rate, int64_t ms)
{
	const int64_t room = room_of(rate);

	*level = ms >= SIGNAL_BURST_S * 1000 ? room : *level + ms * rate;
	if (*level > room)
		*level = room;
}

static void
fill(struct signal_limits *l, const struct signal_rate *rate, mono_ms now)
{
	const int64_t ms = l->filled == 0 ? INT32_MAX : now - l->filled;

	fill_one(&l->messages, rate->messages, ms);
	fill_one(&l->bytes, rate->bytes, ms);
	l->filled = now;
}

/* In how many ms level is at cost, or full. */
static int64_t
wait_for(int64_t level, int64_t cost, uint32_t rate)
{
	const int64_t goal = cost < room_of(rate) ? cost : room_of(rate);

	return level >= goal ? 0 : (goal - level + rate - 1) / rate;
}

/* What is larger than the whole bucket passes when that is full, and leaves a
 * debt. */
unsigned
signal_limits_take(struct signal_limits *l, const struct signal_rate *rate,
    size_t len, mono_ms now)
{
	const int64_t cost = (int64_t)len * WHOLE;
	int64_t ms, other;

	fill(l, rate, now);
	ms = wait_for(l->messages, WHOLE, rate->messages);
	other = wait_for(l->bytes, cost, rate->bytes);
	if (other > ms)
		ms = other;
	if (ms > 0)
		return ms < SIGNAL_HOLD_MIN_MS ? SIGNAL_HOLD_MIN_MS
					       : (unsigned)ms;
	l->messages -= WHOLE;
	l->bytes -= cost;
	return 0;
}

static void
forget(struct signal_limits *l, mono_ms now)
{
	const int64_t gone = (now - l->struck) / SIGNAL_STRIKE_MS;

	if (l->strikes == 0 || gone >= l->strikes) {
		l->strikes = 0;
		l->struck = now;
	} else {
		l->strikes -= (uint32_t)gone;
		l->struck += gone * SIGNAL_STRIKE_MS;
	}
}

bool
signal_limits_strike(struct signal_limits *l, mono_ms now)
{
	forget(l, now);
	return ++l->strikes > SIGNAL_STRIKES_MAX;
}

static int64_t
lower(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void
signal_limits_inherit(struct signal_limits *l, const struct signal_limits *from,
    const struct signal_rate *rate, mono_ms now)
{
	struct signal_limits old = *from;

	fill(l, rate, now);
	fill(&old, rate, now);
	l->messages = lower(l->messages, old.messages);
	l->bytes = lower(l->bytes, old.bytes);
	forget(l, now);
	forget(&old, now);
	l->strikes += old.strikes;
}
