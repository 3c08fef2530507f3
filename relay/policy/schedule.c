#include "policy/schedule.h"

#include "common/zone.h"
#include "relay/snapshot.h"

enum {
	/* a week, and a day whose clock was changed */
	LOOK_AHEAD_S = 8 * DATE_DAY_S,
	MINUTE_S = 60,
};

bool
policy_schedule_is_open(
    const struct snapshot_schedule *w, unsigned weekday, unsigned minute)
{
	const bool began_today = w->days >> weekday & 1;
	const bool began_yesterday = w->days >> (weekday + 6) % 7 & 1;

	if (w->from < w->to)
		return began_today && minute >= w->from && minute < w->to;
	return (began_today && minute >= w->from) ||
	    (began_yesterday && minute < w->to);
}

/* 0 is unlimited */
static bool
is_lower(uint64_t rate, uint64_t than)
{
	return rate != 0 && (than == 0 || rate < than);
}

struct policy_schedule
policy_schedule_at(const struct snapshot_schedule *w, size_t count,
    const struct zone *z, int64_t s)
{
	const struct date_clock c = zone_clock(z, s);
	struct policy_schedule said = { POLICY_SCHEDULE_NONE,
		POLICY_SCHEDULE_NONE };

	for (size_t i = 0; i < count; i++) {
		if (!policy_schedule_is_open(&w[i], c.weekday, c.minute))
			continue;
		if (!w[i].relay && said.off == POLICY_SCHEDULE_NONE)
			said.off = (int)i;
		if (!w[i].has_rate)
			continue;
		if (said.rate == POLICY_SCHEDULE_NONE ||
		    is_lower(w[i].rate, w[said.rate].rate))
			said.rate = (int)i;
	}
	return said;
}

int64_t
policy_schedule_change(const struct snapshot_schedule *w, size_t count,
    const struct zone *z, int64_t s)
{
	const struct policy_schedule now = policy_schedule_at(w, count, z, s);

	for (int64_t t = s - s % MINUTE_S + MINUTE_S; t <= s + LOOK_AHEAD_S;
	     t += MINUTE_S) {
		const struct policy_schedule then =
		    policy_schedule_at(w, count, z, t);

		if (then.off != now.off || then.rate != now.rate)
			return t;
	}
	return -1;
}
