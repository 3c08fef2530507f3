/*
 * schedule: which windows of the configuration are open at a local time, and
 * what they say.
 *
 * A window opens on its days at `from` and closes at `to`, on the next day
 * where `to` is not behind `from` (equal: 24 hours).  What the clock shows
 * decides: a time that is skipped opens nothing that day, one that is shown
 * twice opens twice.  Pure.
 */
#ifndef RELAY_POLICY_SCHEDULE_H
#define RELAY_POLICY_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snapshot_schedule;
struct zone;

enum { POLICY_SCHEDULE_NONE = -1 };

/* Of all windows open: relaying is off where one says so, and the lowest rate
 * counts.  Indexes are of the window whose word it is, or
 * POLICY_SCHEDULE_NONE. */
struct policy_schedule {
	int off;
	int rate;
};

/* Is the window open when the clock shows minute (after midnight) on weekday
 * (0: Monday)? */
bool policy_schedule_is_open(
    const struct snapshot_schedule *w, unsigned weekday, unsigned minute);

/* What the windows say at the UTC second s. */
struct policy_schedule policy_schedule_at(const struct snapshot_schedule *w,
    size_t count, const struct zone *z, int64_t s);

/* The first whole UTC minute behind s at which that changes; -1 when it does
 * not within eight days. */
int64_t policy_schedule_change(const struct snapshot_schedule *w, size_t count,
    const struct zone *z, int64_t s);

#endif
