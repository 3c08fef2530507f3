#include "tests/unit/quota_bed.h"

static void
test_nothing_passes_beyond_the_quota(void **state)
{
	struct fixture *f = *state;
	uint64_t passed;

	start(f, "quota-day = \"4MB\" at-quota = \"signalling\"");
	assert_true(said(f)->relay);
	passed = relay_all(f, 10 * MB);
	assert_in_range(passed, 4 * MB - 70 * 1000, 4 * MB + 2 * PACKET);
	settle(f);
	assert_false(said(f)->relay);
	assert_non_null(strstr(said(f)->reason, "quota-day of 4MB"));
	assert_non_null(strstr(said(f)->reason, "2026-11-27T00:00:00"));
	assert_true(relay(f, MB) == 0);
}

static void
test_a_trickle_goes_on(void **state)
{
	struct fixture *f = *state;

	start(f, "quota-day = \"2MB\" trickle = \"64kbit/s\"");
	relay_all(f, 3 * MB);
	settle(f);
	assert_true(said(f)->relay);
	assert_int_equal(said(f)->rate, 64000);
	/* the rate is consent's; what it lets through is charged all the same
	 */
	assert_true(relay_all(f, MB) == MB);
	assert_true(used(f, 0) >= 3 * MB);
}

static void
test_off_lets_nothing_through(void **state)
{
	struct fixture *f = *state;

	start(f, "quota-month = \"2MB\" at-quota = \"off\"");
	relay_all(f, 3 * MB);
	settle(f);
	assert_false(said(f)->relay);
	assert_int_equal(said(f)->rate, 1);
	assert_non_null(strstr(said(f)->reason, "2026-12-01T00:00:00"));
}

static void
test_the_next_period_opens_it_again(void **state)
{
	struct fixture *f = *state;

	start(f, "quota-day = \"2MB\" at-quota = \"signalling\"");
	relay_all(f, 3 * MB);
	settle(f);
	assert_false(said(f)->relay);
	wait_s(f, 86400);
	settle(f);
	assert_true(said(f)->relay && relay_all(f, MB) == MB);
}

static void
test_a_jump_of_the_clock_does_not(void **state)
{
	struct fixture *f = *state;

	start(f, "quota-day = \"2MB\" at-quota = \"signalling\"");
	relay_all(f, 3 * MB);
	settle(f);
	f->clock.wall_s += 40 * 86400;
	settle(f);
	assert_false(said(f)->relay);
	f->clock.wall_s -= 80 * 86400;
	settle(f);
	assert_false(said(f)->relay);
	assert_true(relay(f, MB) == 0);
}

static void
test_warnings_come_at_80_and_95(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *line;
	} rows[] = {
		{ 3900 * 1000, "{period=\"day\"} 0\n" },
		{ 200 * 1000, "{period=\"day\"} 80\n" },
		{ 700 * 1000, "{period=\"day\"} 95\n" },
		{ 1000 * 1000, "{period=\"day\"} 100\n" },
	};
	struct fixture *f = *state;

	start(f, "quota-day = \"5MB\"");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		relay_all(f, rows[i].bytes);
		quota_metrics(f->quota, out);
		fclose(out);
		assert_non_null(strstr(text, rows[i].line));
		free(text);
	}
}

static void
test_months_are_reported_when_they_are_over(void **state)
{
	struct fixture *f = *state;
	char why[QUOTA_WHY_MAX];
	uint64_t passed;
	json_t *r;

	start(f, "quota-month = \"1GB\"");
	passed = relay_all(f, MB);
	settle(f);
	wait_s(f, 10 * 86400);
	settle(f);
	assert_int_equal(used(f, 1), 0);
	r = quota_report(f->quota, "2026-11", &f->clock, why);
	assert_non_null(r);
	assert_int_equal(json_integer_value(json_object_get(
			     json_object_get(r, "total"), "bytes")),
	    passed);
	assert_true(json_is_true(json_object_get(r, "complete")));
	json_decref(r);
	assert_null(quota_report(f->quota, "2026-10", &f->clock, why));
	assert_string_equal(why, "no report of 2026-10 is kept");
	assert_null(quota_report(f->quota, "November", &f->clock, why));
	r = quota_report(f->quota, NULL, &f->clock, why);
	assert_string_equal(
	    json_string_value(json_object_get(r, "month")), "2026-12");
	json_decref(r);
}

static void
test_a_reload_changes_the_limit_at_once(void **state)
{
	struct fixture *f = *state;

	start(f, "quota-day = \"2MB\" at-quota = \"signalling\"");
	relay_all(f, 3 * MB);
	settle(f);
	assert_false(said(f)->relay);
	apply(f, "quota-day = \"5MB\" at-quota = \"signalling\"");
	settle(f);
	assert_true(said(f)->relay);
	assert_true(relay_all(f, 9 * MB) <= 3 * MB + 10 * PACKET);
	apply(f, "");
	settle(f);
	assert_true(said(f)->relay);
	assert_true(relay_all(f, 9 * MB) == 9 * MB);
	apply(f, "quota-day = \"5MB\" at-quota = \"signalling\"");
	settle(f);
	assert_false(said(f)->relay);
}

/* What the network around the host says: the stricter holds. */
static void
test_the_sites_month_holds_where_it_is_stricter(void **state)
{
	struct fixture *f = *state;

	start(f, "at-quota = \"signalling\"");
	assert_true(relay_all(f, 3 * MB) == 3 * MB);
	quota_site(f->quota, 5 * MB, &f->clock);
	settle(f);
	assert_true(said(f)->relay);
	assert_true(relay_all(f, 9 * MB) <= 2 * MB + 10 * PACKET);
	settle(f);
	assert_false(said(f)->relay);
	/* looser, then no word at all */
	quota_site(f->quota, 8 * MB, &f->clock);
	settle(f);
	assert_true(said(f)->relay);
	apply(f, "quota-month = \"6MB\" at-quota = \"signalling\"");
	settle(f);
	assert_true(relay_all(f, 9 * MB) <= 1 * MB + 10 * PACKET);
	settle(f);
	assert_false(said(f)->relay);
	apply(f, "");
	quota_site(f->quota, 0, &f->clock);
	settle(f);
	assert_true(relay_all(f, 9 * MB) == 9 * MB);
}

/* What comes at once, after a pause, finds a grant: by the rate it would be
 * 313 kB. */
static void
test_a_burst_finds_a_grant(void **state)
{
	struct fixture *f = *state;

	start(f, "rate = \"20Mbit/s\" burst = \"1MB\" quota-month = \"640MB\"");
	settle(f);
	assert_true(relay(f, MB) >= MB);
	settle(f);
	/* but of no quota more than a 64th */
	stop(f, false);
	start(f, "rate = \"20Mbit/s\" burst = \"1GB\" quota-month = \"64MB\"");
	settle(f);
	assert_true(budget_host_granted(f->host) <= 1 * MB);
}

/* 20MB grants 256 KiB at most: at 20 Mbit/s that lasts for two ticks. */
static void
test_ticks_come_sooner_under_load(void **state)
{
	struct fixture *f = *state;

	start(f, "quota-month = \"20MB\"");
	assert_int_equal(quota_tick_ms(f->quota), QUOTA_TICK_MS);
	relay(f, 100 * PACKET);
	assert_int_equal(quota_tick_ms(f->quota), QUOTA_TICK_SOON_MS);
	settle(f);
	assert_int_equal(quota_tick_ms(f->quota), QUOTA_TICK_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_passes_beyond_the_quota),
		TEST(a_trickle_goes_on),
		TEST(off_lets_nothing_through),
		TEST(the_next_period_opens_it_again),
		TEST(a_jump_of_the_clock_does_not),
		TEST(warnings_come_at_80_and_95),
		TEST(months_are_reported_when_they_are_over),
		TEST(a_burst_finds_a_grant),
		TEST(a_reload_changes_the_limit_at_once),
		TEST(the_sites_month_holds_where_it_is_stricter),
		TEST(ticks_come_sooner_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
