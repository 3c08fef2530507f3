#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "relay/consent.h"

struct heard {
	struct consent_effect last;
	unsigned times;
};

static void
on_effect(void *arg, const struct consent_effect *now)
{
	struct heard *h = arg;

	h->last = *now;
	h->times++;
}

static void
say(struct consent *c, enum consent_who who, bool relay, uint64_t rate,
    const char *reason)
{
	struct consent_say s = { .relay = relay, .rate = rate };

	strncpy(s.reason, reason, sizeof(s.reason) - 1);
	consent_set(c, who, &s);
}

static struct consent *
fresh(struct heard *h)
{
	struct consent *c = consent_new(on_effect, h);

	*h = (struct heard){ 0 };
	assert_non_null(c);
	return c;
}

static void
test_at_first_it_relays_without_a_cap(void **state)
{
	struct heard h;
	struct consent *c = fresh(&h);
	const struct consent_effect *e = consent_effect(c);

	(void)state;
	assert_true(e->relay);
	assert_int_equal(e->refusing, 0);
	assert_int_equal(e->rate, 0);
	assert_string_equal(e->relay_reason, "");
	assert_string_equal(e->rate_reason, "");
	assert_int_equal(h.times, 0);
	consent_free(c);
}

static void
test_one_no_is_enough_and_is_named(void **state)
{
	struct heard h;
	struct consent *c = fresh(&h);

	(void)state;
	say(c, CONSENT_SITE, false, 0, "noc says no");
	assert_int_equal(h.times, 1);
	assert_false(h.last.relay);
	assert_int_equal(h.last.relay_by, CONSENT_SITE);
	assert_string_equal(h.last.relay_reason, "noc says no");
	say(c, CONSENT_OPERATOR, true, 0, "on");
	assert_false(consent_effect(c)->relay);
	say(c, CONSENT_SITE, true, 0, "");
	assert_true(h.last.relay);
	assert_string_equal(h.last.relay_reason, "");
	assert_int_equal(h.times, 2);
	consent_free(c);
}

/* Who relays no more must be told even where the first to say no stays. */
static void
test_a_second_no_is_told_and_the_first_stays_named(void **state)
{
	struct heard h;
	struct consent *c = fresh(&h);

	(void)state;
	say(c, CONSENT_QUOTA, false, 0, "month used up");
	say(c, CONSENT_DRAIN, false, 0, "until 12:00");
	assert_int_equal(h.times, 2);
	assert_int_equal(h.last.relay_by, CONSENT_DRAIN);
	assert_int_equal(
	    h.last.refusing, 1U << CONSENT_DRAIN | 1U << CONSENT_QUOTA);
	say(c, CONSENT_SCHEDULE, false, 0, "daytime");
	assert_int_equal(h.times, 3);
	assert_int_equal(h.last.relay_by, CONSENT_DRAIN);
	say(c, CONSENT_DRAIN, true, 0, "");
	assert_int_equal(h.last.relay_by, CONSENT_SCHEDULE);
	consent_free(c);
}

static void
test_the_lowest_rate_counts_and_zero_is_no_opinion(void **state)
{
	struct heard h;
	struct consent *c = fresh(&h);

	(void)state;
	say(c, CONSENT_CONFIG, true, 5000, "caps.rate");
	say(c, CONSENT_SITE, true, 9000, "rate=9000bit/s");
	assert_int_equal(h.last.rate, 5000);
	assert_int_equal(h.last.rate_by, CONSENT_CONFIG);
	assert_int_equal(h.times, 1);
	say(c, CONSENT_SCHEDULE, true, 2000, "night");
	assert_int_equal(h.last.rate, 2000);
	assert_int_equal(h.last.rate_by, CONSENT_SCHEDULE);
	assert_string_equal(h.last.rate_reason, "night");
	say(c, CONSENT_SCHEDULE, true, 0, "");
	assert_int_equal(h.last.rate, 5000);
	say(c, CONSENT_CONFIG, true, 0, "");
	assert_int_equal(h.last.rate, 9000);
	say(c, CONSENT_SITE, true, 0, "");
	assert_int_equal(h.last.rate, 0);
	assert_string_equal(h.last.rate_reason, "");
	consent_free(c);
}

static void
test_an_open_window_speaks_in_the_place_of_the_configuration(void **state)
{
	struct consent_say night = { .relay = true,
		.rate = 9000,
		.is_instead = true,
		.reason = "night" };
	struct heard h;
	struct consent *c = fresh(&h);

	(void)state;
	say(c, CONSENT_CONFIG, true, 5000, "caps.rate");
	consent_set(c, CONSENT_SCHEDULE, &night);
	assert_int_equal(h.last.rate, 9000);
	assert_int_equal(h.last.rate_by, CONSENT_SCHEDULE);
	/* but of nobody else */
	say(c, CONSENT_SITE, true, 7000, "site");
	assert_int_equal(h.last.rate, 7000);
	night.rate = 0;
	consent_set(c, CONSENT_SCHEDULE, &night);
	say(c, CONSENT_SITE, true, 0, "");
	assert_int_equal(h.last.rate, 0);
	say(c, CONSENT_SCHEDULE, true, 0, "");
	assert_int_equal(h.last.rate, 5000);
	consent_free(c);
}

static void
test_a_rate_given_while_running_is_in_force_in_a_window_too(void **state)
{
	const struct consent_say night = { .relay = true,
		.rate = 9000,
		.is_instead = true,
		.reason = "night" };
	struct consent_say live = {
		.relay = true, .rate = 5000, .is_firm = true, .reason = "live"
	};
	struct heard h;
	struct consent *c = fresh(&h);

	(void)state;
	consent_set(c, CONSENT_SCHEDULE, &night);
	consent_set(c, CONSENT_CONFIG, &live);
	assert_int_equal(h.last.rate, 5000);
	assert_int_equal(h.last.rate_by, CONSENT_CONFIG);
	live.rate = 20000;
	consent_set(c, CONSENT_CONFIG, &live);
	assert_int_equal(h.last.rate, 9000);
	live.rate = 5000;
	live.is_firm = false;
	consent_set(c, CONSENT_CONFIG, &live);
	assert_int_equal(h.last.rate, 9000);
	consent_free(c);
}

static void
test_of_equal_rates_the_first_in_order_is_named(void **state)
{
	struct heard h;
	struct consent *c = fresh(&h);

	(void)state;
	say(c, CONSENT_QUOTA, true, 7000, "trickle");
	say(c, CONSENT_SITE, true, 7000, "site");
	assert_int_equal(h.last.rate_by, CONSENT_SITE);
	assert_int_equal(h.last.rate, 7000);
	consent_free(c);
}

static void
test_nothing_is_told_when_nothing_changes(void **state)
{
	struct heard h;
	struct consent *c = fresh(&h);

	(void)state;
	say(c, CONSENT_SITE, false, 0, "no");
	say(c, CONSENT_SITE, false, 0, "no");
	assert_int_equal(h.times, 1);
	/* the word of one who is not named is nobody's business */
	say(c, CONSENT_AUDIT, true, 0, "fine");
	say(c, CONSENT_AUDIT, true, 0, "quite fine");
	assert_int_equal(h.times, 1);
	/* the named one's is */
	say(c, CONSENT_SITE, false, 0, "no, thanks");
	assert_int_equal(h.times, 2);
	assert_string_equal(h.last.relay_reason, "no, thanks");
	consent_free(c);
}

static void
test_what_was_said_is_kept_and_a_long_reason_cut(void **state)
{
	struct heard h;
	struct consent *c = fresh(&h);
	struct consent_say s = { .relay = false, .rate = 8 };

	(void)state;
	memset(s.reason, 'x', sizeof(s.reason) - 1);
	consent_set(c, CONSENT_AUDIT, &s);
	assert_false(consent_get(c, CONSENT_AUDIT)->relay);
	assert_int_equal(consent_get(c, CONSENT_AUDIT)->rate, 8);
	assert_int_equal(strlen(consent_get(c, CONSENT_AUDIT)->reason),
	    CONSENT_REASON_MAX - 1);
	assert_true(consent_get(c, CONSENT_SITE)->relay);
	consent_free(c);
}

static void
test_each_has_a_name(void **state)
{
	(void)state;
	for (int who = 0; who < CONSENT_WHOS; who++)
		assert_true(
		    strlen(consent_who_name((enum consent_who)who)) > 3);
}

static void
test_short_memory_makes_none(void **state)
{
	struct heard h = { 0 };

	(void)state;
	mem_fail_at(0);
	assert_null(consent_new(on_effect, &h));
	mem_fail_at(-1);
	consent_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_first_it_relays_without_a_cap),
		cmocka_unit_test(test_one_no_is_enough_and_is_named),
		cmocka_unit_test(
		    test_a_second_no_is_told_and_the_first_stays_named),
		cmocka_unit_test(
		    test_the_lowest_rate_counts_and_zero_is_no_opinion),
		cmocka_unit_test(
		    test_of_equal_rates_the_first_in_order_is_named),
		cmocka_unit_test(
		    test_an_open_window_speaks_in_the_place_of_the_configuration),
		cmocka_unit_test(
		    test_a_rate_given_while_running_is_in_force_in_a_window_too),
		cmocka_unit_test(test_nothing_is_told_when_nothing_changes),
		cmocka_unit_test(
		    test_what_was_said_is_kept_and_a_long_reason_cut),
		cmocka_unit_test(test_each_has_a_name),
		cmocka_unit_test(test_short_memory_makes_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
