#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "budget/ledger.h"
#include "common/mem.h"
#include "common/zone.h"

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

enum { HOUR = 3600, DAY = 24 * HOUR };

static struct zone *berlin;
static struct budget_calendar calendar;

static int
setup(void **state)
{
	(void)state;
	calendar = (struct budget_calendar){ NULL, 1, 0 };
	if (zone_of_rule(&berlin, BERLIN) != 0)
		return -1;
	calendar.zone = berlin;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	zone_free(berlin);
	return 0;
}

/* The UTC second at which the clock shows noon of a day. */
static int64_t
noon(int32_t year, unsigned month, unsigned day)
{
	const struct date d = { year, month, day };

	return zone_when(berlin, date_days(&d) * DATE_DAY_S + 12 * HOUR);
}

static struct budget_ledger *
ledger(int64_t now)
{
	struct budget_ledger *l = budget_ledger_new(&calendar, now);

	assert_non_null(l);
	return l;
}

static void
move(struct budget_ledger *l, struct budget_entry *a, uint64_t bytes,
    int64_t now)
{
	const struct budget_count c = {
		.in = bytes / 2, .out = bytes - bytes / 2, .counted = bytes
	};

	budget_ledger_add(l, a, &c, now);
}

static struct budget_entry *
user(struct budget_ledger *l, const char *name)
{
	return budget_ledger_user(l, name, strlen(name));
}

static uint64_t
used(struct budget_ledger *l, enum budget_period_kind kind)
{
	return budget_count_used(&budget_ledger_host(l)->now[kind]);
}

static uint64_t
at(const json_t *o, const char *a, const char *b)
{
	return (uint64_t)json_integer_value(
	    json_object_get(json_object_get(o, a), b));
}

static void
test_a_new_period_begins_at_zero(void **state)
{
	struct budget_ledger *l = ledger(noon(2026, 11, 29));

	(void)state;
	move(l, budget_ledger_host(l), 1000, noon(2026, 11, 29));
	assert_false(
	    budget_ledger_turn(l, &calendar, noon(2026, 11, 30), false));
	assert_int_equal(used(l, BUDGET_DAY), 0);
	assert_int_equal(used(l, BUDGET_MONTH), 1000);
	move(l, budget_ledger_host(l), 500, noon(2026, 11, 30));
	assert_true(budget_ledger_turn(l, &calendar, noon(2026, 12, 1), false));
	assert_int_equal(used(l, BUDGET_DAY), 0);
	assert_int_equal(used(l, BUDGET_MONTH), 0);
	assert_int_equal(
	    budget_ledger_host(l)->before[BUDGET_MONTH].counted, 1500);
	budget_ledger_free(l);
}

static void
test_a_jump_ahead_opens_no_quota(void **state)
{
	struct budget_ledger *l = ledger(noon(2026, 11, 23));

	(void)state;
	move(l, budget_ledger_host(l), 1000, noon(2026, 11, 23));
	move(l, user(l, "alice"), 1000, noon(2026, 11, 23));
	budget_ledger_turn(l, &calendar, noon(2037, 1, 1), true);
	assert_int_equal(used(l, BUDGET_DAY), 1000);
	assert_int_equal(used(l, BUDGET_MONTH), 1000);
	assert_int_equal(
	    budget_count_used(&user(l, "alice")->now[BUDGET_MONTH]), 1000);
	move(l, budget_ledger_host(l), 7, noon(2037, 1, 1));
	/* and back again: both are one, nothing counts twice */
	budget_ledger_turn(l, &calendar, noon(2026, 11, 23) + 60, true);
	assert_int_equal(used(l, BUDGET_DAY), 1007);
	assert_int_equal(used(l, BUDGET_MONTH), 1007);
	assert_int_equal(
	    budget_ledger_host(l)->now[BUDGET_MONTH].counted, 1007);
	assert_int_equal(budget_ledger_before(l), -1);
	budget_ledger_free(l);
}

static void
test_a_jump_back_loses_no_entry(void **state)
{
	struct budget_ledger *l = ledger(noon(2026, 11, 30));

	(void)state;
	move(l, budget_ledger_host(l), 1000, noon(2026, 11, 30));
	budget_ledger_turn(l, &calendar, noon(2026, 12, 1), false);
	move(l, budget_ledger_host(l), 300, noon(2026, 12, 1));
	/* a minute before the first of December, again */
	budget_ledger_turn(l, &calendar, noon(2026, 11, 30), true);
	assert_int_equal(used(l, BUDGET_MONTH), 1300);
	assert_int_equal(used(l, BUDGET_DAY), 1300);
	/* to a month that was never seen: its quota does not open either */
	budget_ledger_turn(l, &calendar, noon(2026, 6, 1), true);
	assert_int_equal(used(l, BUDGET_MONTH), 1300);
	assert_int_equal(used(l, BUDGET_DAY), 1300);
	budget_ledger_free(l);
}

static void
test_users_are_bounded_and_the_idlest_is_folded(void **state)
{
	const int64_t now = noon(2026, 11, 23);
	struct budget_ledger *l = ledger(now);
	char name[32];

	(void)state;
	move(l, user(l, "spared"), 1, now);
	user(l, "spared")->is_spared = true;
	for (int i = 0; i < BUDGET_LEDGER_USERS_MAX - 1; i++) {
		snprintf(name, sizeof(name), "u%d", i);
		move(l, user(l, name), 10, now);
	}
	move(l, user(l, "u0"), 10, now); /* now u1 is the idlest */
	move(l, user(l, "one more"), 10, now);
	assert_int_equal(budget_ledger_users(l), BUDGET_LEDGER_USERS_MAX);
	assert_int_equal(
	    budget_ledger_others(l)->now[BUDGET_MONTH].counted, 10);
	assert_int_equal(user(l, "u0")->now[BUDGET_MONTH].counted, 20);
	assert_int_equal(user(l, "spared")->now[BUDGET_MONTH].counted, 1);
	assert_int_equal(user(l, "u1")->now[BUDGET_MONTH].counted, 0);
	budget_ledger_free(l);
}

static void
test_a_name_that_is_no_text_is_of_the_others(void **state)
{
	struct budget_ledger *l = ledger(0);
	char large[BUDGET_LEDGER_NAME_MAX + 1];

	(void)state;
	memset(large, 'x', sizeof(large));
	assert_ptr_equal(user(l, ""), budget_ledger_others(l));
	assert_ptr_equal(user(l, "\xff\xfe"), budget_ledger_others(l));
	assert_ptr_equal(
	    budget_ledger_user(l, "a\0b", 3), budget_ledger_others(l));
	assert_ptr_equal(budget_ledger_user(l, large, sizeof(large)),
	    budget_ledger_others(l));
	assert_ptr_not_equal(budget_ledger_user(l, large, sizeof(large) - 1),
	    budget_ledger_others(l));
	budget_ledger_free(l);
}

static void
test_a_report_adds_up(void **state)
{
	const int64_t now = noon(2026, 11, 23);
	struct budget_ledger *l = ledger(now);
	json_t *r;

	(void)state;
	move(l, user(l, "alice"), 100, now);
	move(l, user(l, "bob"), 700, now);
	move(l, budget_ledger_others(l), 50, now);
	move(l, budget_ledger_network(l, "campus"), 60, now);
	move(l, budget_ledger_host(l), 1000, now);
	user(l, "silent");
	r = budget_ledger_month(l, false);
	assert_non_null(r);
	assert_string_equal(
	    json_string_value(json_object_get(r, "month")), "2026-11");
	assert_int_equal(at(r, "total", "bytes"), 1000);
	assert_int_equal(at(r, "others", "bytes"), 50);
	assert_int_equal(at(r, "unattributed", "bytes"), 150);
	assert_int_equal(json_array_size(json_object_get(r, "users")), 2);
	assert_string_equal(
	    json_string_value(json_object_get(
		json_array_get(json_object_get(r, "users"), 0), "name")),
	    "bob");
	assert_int_equal(json_array_size(json_object_get(r, "networks")), 1);
	json_decref(r);
	/* the month before is there until it is kept, then its users go */
	budget_ledger_turn(l, &calendar, noon(2026, 12, 1), false);
	move(l, user(l, "alice"), 1, now);
	r = budget_ledger_month(l, true);
	assert_int_equal(at(r, "total", "bytes"), 1000);
	assert_int_equal(json_array_size(json_object_get(r, "users")), 2);
	json_decref(r);
	budget_ledger_kept(l);
	assert_int_equal(budget_ledger_users(l), 1);
	assert_false(budget_ledger_is_to_keep(l));
	budget_ledger_free(l);
}

static void
test_the_last_24_hours_are_remembered(void **state)
{
	const int64_t start = 1000 * DAY;
	struct budget_ledger *l = ledger(start);
	struct budget_entry *host = budget_ledger_host(l);
	int64_t seconds;

	(void)state;
	move(l, host, 5, start + 10);
	assert_int_equal(budget_ledger_last_day(l, start + 1800, &seconds), 5);
	assert_int_equal(seconds, 1800);
	for (int h = 1; h < 48; h++)
		move(l, host, 100, start + h * HOUR);
	assert_int_equal(
	    budget_ledger_last_day(l, start + 47 * HOUR + 60, &seconds), 2400);
	assert_int_equal(seconds, 23 * HOUR + 60);
	/* silence */
	assert_int_equal(
	    budget_ledger_last_day(l, start + 60 * HOUR, &seconds), 1100);
	assert_int_equal(
	    budget_ledger_last_day(l, start + 100 * HOUR, &seconds), 0);
	move(l, host, 9, start + 200 * HOUR);
	assert_int_equal(
	    budget_ledger_last_day(l, start + 200 * HOUR, &seconds), 9);
	/* the clock went back */
	move(l, host, 3, start + 2 * HOUR);
	assert_int_equal(
	    budget_ledger_last_day(l, start + 2 * HOUR + 9, &seconds), 3);
	assert_true(seconds > 0);
	budget_ledger_free(l);
}

/* Thirteen months, an hour at a time, over both changes of the clock: every
 * month's report holds what its hours moved, to the byte. */
static void
test_a_year_of_hours_adds_up_month_by_month(void **state)
{
	int64_t now = noon(2026, 1, 31);
	const int64_t end = noon(2027, 3, 1);
	struct budget_ledger *l = ledger(now);
	struct budget_entry *host = budget_ledger_host(l);
	uint64_t month = 0, day = 0, all = 0, reported = 0;
	uint32_t seed = 1;
	int months = 0;

	(void)state;
	for (; now < end; now += HOUR) {
		const int32_t before = budget_ledger_id(l, BUDGET_DAY);

		if (budget_ledger_turn(l, &calendar, now, false)) {
			json_t *r = budget_ledger_month(l, true);

			assert_int_equal(at(r, "total", "bytes"), month);
			reported += at(r, "total", "bytes");
			json_decref(r);
			budget_ledger_kept(l);
			month = 0;
			months++;
		}
		if (budget_ledger_id(l, BUDGET_DAY) != before)
			day = 0;
		seed = seed * 1664525 + 1013904223;
		move(l, host, seed >> 8, now);
		move(l, user(l, seed & 1 ? "alice" : "bob"), seed >> 9, now);
		month += seed >> 8;
		day += seed >> 8;
		all += seed >> 8;
		assert_int_equal(used(l, BUDGET_DAY), day);
		assert_int_equal(used(l, BUDGET_MONTH), month);
	}
	assert_int_equal(months, 14);
	assert_int_equal(reported + month, all);
	budget_ledger_free(l);
}

static void
test_what_is_saved_is_loaded_again(void **state)
{
	const int64_t now = noon(2026, 11, 30);
	struct budget_ledger *l = ledger(now), *again = NULL;
	char *a, *b;
	json_t *o;

	(void)state;
	move(l, budget_ledger_host(l), 1000, now);
	move(l, user(l, "alice"), 100, now);
	user(l, "alice")->reserve = 77;
	move(l, budget_ledger_network(l, "campus"), 60, now);
	budget_ledger_turn(l, &calendar, noon(2026, 12, 1), true);
	move(l,
	    user(l,
		"b\xc3\xb6"
		"b"),
	    3, now);
	move(l, budget_ledger_others(l), 4, now);
	o = budget_ledger_save(l);
	assert_int_equal(budget_ledger_load(&again, o), 0);
	a = json_dumps(o, 0);
	json_decref(o);
	o = budget_ledger_save(again);
	b = json_dumps(o, 0);
	json_decref(o);
	assert_string_equal(a, b);
	assert_true(budget_ledger_is_to_keep(again));
	free(a);
	free(b);
	budget_ledger_free(l);
	budget_ledger_free(again);
}

static void
test_what_is_no_ledger_is_refused(void **state)
{
	static const struct {
		const char *key, *value;
	} wrong[] = {
		{ "format", "2" },
		{ "day", "\"x\"" },
		{ "month", "-2" },
		{ "month", "99999999" },
		{ "hours", "[1,2,3]" },
		{ "hour", "-1" },
		{ "host", "[]" },
		{ "host", "{\"day\":[1,2,3]}" },
		{ "host", "{\"day\":[1,2,3,-4]}" },
		{ "host", "{\"day\":[1,2,3,9223372036854775807]}" },
		{ "others", "null" },
		{ "others", "{\"reserve\":-1}" },
		{ "networks", "{}" },
		{ "networks", "[{}]" },
		{ "networks", "[{\"name\":\"a\"},{\"name\":\"a\"}]" },
		{ "users", "[{\"name\":7}]" },
		{ "users", "[{\"name\":\"\"}]" },
		{ "users", "[{\"name\":\"a\"},{\"name\":\"a\"}]" },
		{ "users", "[{\"name\":\"a\",\"month\":[1,2,3,\"4\"]}]" },
	};
	struct budget_ledger *l = ledger(0), *again = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		json_t *o = budget_ledger_save(l);

		json_object_set_new(o, wrong[i].key,
		    json_loads(wrong[i].value, JSON_DECODE_ANY, NULL));
		assert_int_equal(budget_ledger_load(&again, o), EINVAL);
		json_object_del(o, wrong[i].key);
		assert_int_equal(budget_ledger_load(&again, o), EINVAL);
		json_decref(o);
	}
	budget_ledger_free(l);
}

static void
test_short_memory_is_told_or_shared(void **state)
{
	struct budget_ledger *l = NULL;
	long n = 0;

	(void)state;
	do
		mem_fail_at(n);
	while ((l = budget_ledger_new(&calendar, 0)) == NULL && n++ < 100);
	assert_true(n >= 4);
	mem_fail_at(0);
	assert_ptr_equal(user(l, "alice"), budget_ledger_others(l));
	mem_fail_at(0);
	assert_ptr_equal(
	    budget_ledger_network(l, "campus"), budget_ledger_others(l));
	mem_fail_at(-1);
	budget_ledger_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_period_begins_at_zero),
		cmocka_unit_test(test_a_jump_ahead_opens_no_quota),
		cmocka_unit_test(test_a_jump_back_loses_no_entry),
		cmocka_unit_test(
		    test_users_are_bounded_and_the_idlest_is_folded),
		cmocka_unit_test(test_a_name_that_is_no_text_is_of_the_others),
		cmocka_unit_test(test_a_report_adds_up),
		cmocka_unit_test(test_the_last_24_hours_are_remembered),
		cmocka_unit_test(test_a_year_of_hours_adds_up_month_by_month),
		cmocka_unit_test(test_what_is_saved_is_loaded_again),
		cmocka_unit_test(test_what_is_no_ledger_is_refused),
		cmocka_unit_test(test_short_memory_is_told_or_shared),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
