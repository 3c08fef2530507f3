#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/zone.h"
#include "policy/schedule.h"
#include "relay/snapshot.h"

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

enum {
	MON = 1 << 0,
	FRI = 1 << 4,
	SAT = 1 << 5,
	SUN = 1 << 6,
	WORKDAYS = 0x1f,
	EVERY_DAY = 0x7f,
};

enum { H = 60 };

static struct zone *berlin;

static int
setup(void **state)
{
	(void)state;
	return zone_of_rule(&berlin, BERLIN);
}

static int
teardown(void **state)
{
	(void)state;
	zone_free(berlin);
	return 0;
}

/* The UTC second at which the clock in Berlin first shows text. */
static int64_t
at(const char *text)
{
	struct date d = { 0, 0, 0 };
	unsigned hour, minute;

	assert_int_equal(sscanf(text, "%d-%u-%u %u:%u", &d.year, &d.month,
			     &d.day, &hour, &minute),
	    5);
	return zone_when(
	    berlin, date_days(&d) * DATE_DAY_S + hour * 3600 + minute * 60);
}

static void
test_windows_open_on_their_days_and_minutes(void **state)
{
	static const struct {
		unsigned days, from, to, weekday, minute;
		bool is_open;
	} rows[] = {
		/* within a day */
		{ WORKDAYS, 8 * H, 18 * H, 0, 8 * H, true },
		{ WORKDAYS, 8 * H, 18 * H, 0, 8 * H - 1, false },
		{ WORKDAYS, 8 * H, 18 * H, 4, 18 * H - 1, true },
		{ WORKDAYS, 8 * H, 18 * H, 4, 18 * H, false },
		{ WORKDAYS, 8 * H, 18 * H, 5, 12 * H, false },
		/* over night: of Friday until Saturday, not of Sunday */
		{ WORKDAYS, 20 * H, 6 * H, 4, 20 * H, true },
		{ WORKDAYS, 20 * H, 6 * H, 5, 6 * H - 1, true },
		{ WORKDAYS, 20 * H, 6 * H, 5, 6 * H, false },
		{ WORKDAYS, 20 * H, 6 * H, 5, 20 * H, false },
		{ WORKDAYS, 20 * H, 6 * H, 0, 3 * H, false },
		{ WORKDAYS, 20 * H, 6 * H, 1, 3 * H, true },
		/* over the end of the week */
		{ SUN, 22 * H, 2 * H, 6, 23 * H, true },
		{ SUN, 22 * H, 2 * H, 0, 1 * H, true },
		{ SUN, 22 * H, 2 * H, 6, 1 * H, false },
		/* 24 hours */
		{ SAT, 0, 0, 5, 0, true },
		{ SAT, 0, 0, 5, 24 * H - 1, true },
		{ SAT, 0, 0, 6, 0, false },
		{ MON, 9 * H, 9 * H, 0, 9 * H - 1, false },
		{ MON, 9 * H, 9 * H, 0, 9 * H, true },
		{ MON, 9 * H, 9 * H, 1, 9 * H - 1, true },
		{ MON, 9 * H, 9 * H, 1, 9 * H, false },
		{ EVERY_DAY, 0, 0, 3, 12 * H, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct snapshot_schedule w = {
			.days = (uint8_t)rows[i].days,
			.from = (uint16_t)rows[i].from,
			.to = (uint16_t)rows[i].to,
		};

		assert_int_equal(policy_schedule_is_open(
				     &w, rows[i].weekday, rows[i].minute),
		    rows[i].is_open);
	}
}

static void
test_the_strictest_open_window_counts(void **state)
{
	const struct snapshot_schedule w[] = {
		{ .days = EVERY_DAY,
		    .has_rate = true,
		    .rate = 0,
		    .relay = true },
		{ .days = EVERY_DAY,
		    .from = 8 * H,
		    .to = 18 * H,
		    .has_rate = true,
		    .rate = 5000000,
		    .relay = true },
		{ .days = EVERY_DAY,
		    .from = 12 * H,
		    .to = 13 * H,
		    .has_rate = true,
		    .rate = 9000000,
		    .relay = true },
		{ .days = FRI, .from = 17 * H, .to = 19 * H, .relay = false },
	};
	struct policy_schedule said;

	(void)state;
	said = policy_schedule_at(w, 4, berlin, at("2026-11-27 07:59"));
	assert_int_equal(said.off, POLICY_SCHEDULE_NONE);
	assert_int_equal(said.rate, 0);
	said = policy_schedule_at(w, 4, berlin, at("2026-11-27 12:30"));
	assert_int_equal(said.rate, 1);
	said = policy_schedule_at(w, 4, berlin, at("2026-11-27 17:00"));
	assert_int_equal(said.off, 3);
	assert_int_equal(said.rate, 1);
	said = policy_schedule_at(w, 4, berlin, at("2026-11-27 18:00"));
	assert_int_equal(said.off, 3);
	assert_int_equal(said.rate, 0);
	said = policy_schedule_at(w, 0, berlin, at("2026-11-27 18:00"));
	assert_int_equal(said.rate, POLICY_SCHEDULE_NONE);
}

static void
test_the_next_change_is_the_minute_it_changes(void **state)
{
	const struct snapshot_schedule night = {
		.days = WORKDAYS, .from = 20 * H, .to = 6 * H, .relay = false
	};
	const struct snapshot_schedule always = { .days = EVERY_DAY,
		.relay = false };

	(void)state;
	assert_true(policy_schedule_change(&night, 1, berlin,
			at("2026-11-27 12:00") + 17) == at("2026-11-27 20:00"));
	assert_true(policy_schedule_change(&night, 1, berlin,
			at("2026-11-27 20:00")) == at("2026-11-28 06:00"));
	/* a weekend without one */
	assert_true(policy_schedule_change(&night, 1, berlin,
			at("2026-11-28 06:00")) == at("2026-11-30 20:00"));
	assert_true(policy_schedule_change(
			&always, 1, berlin, at("2026-11-28 06:00")) == -1);
	assert_true(policy_schedule_change(NULL, 0, berlin, 0) == -1);
}

static void
test_the_clock_on_the_wall_decides_when_it_is_changed(void **state)
{
	const struct snapshot_schedule night = {
		.days = EVERY_DAY, .from = 20 * H, .to = 6 * H, .relay = false
	};
	const struct snapshot_schedule gone = { .days = SUN,
		.from = 2 * H + 10,
		.to = 2 * H + 50,
		.relay = false };

	(void)state;
	/* 9 hours and 11 hours long */
	assert_true(
	    policy_schedule_change(&night, 1, berlin, at("2026-03-28 20:00")) -
		at("2026-03-28 20:00") ==
	    9 * 3600);
	assert_true(
	    policy_schedule_change(&night, 1, berlin, at("2026-10-24 20:00")) -
		at("2026-10-24 20:00") ==
	    11 * 3600);
	/* 02:10 was never shown on that Sunday, but on the next */
	assert_true(policy_schedule_change(&gone, 1, berlin,
			at("2026-03-28 12:00")) == at("2026-04-05 02:10"));
	/* and twice in autumn */
	assert_true(
	    policy_schedule_change(&gone, 1, berlin, at("2026-10-25 02:50")) ==
	    at("2026-10-25 02:10") + 3600);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows_open_on_their_days_and_minutes),
		cmocka_unit_test(test_the_strictest_open_window_counts),
		cmocka_unit_test(test_the_next_change_is_the_minute_it_changes),
		cmocka_unit_test(
		    test_the_clock_on_the_wall_decides_when_it_is_changed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
