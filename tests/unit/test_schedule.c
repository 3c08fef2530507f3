#include "tests/unit/snapshot_bed.h"

#include "relay/consent.h"
#include "relay/schedule.h"

/* Monday 2026-11-23 12:00 UTC */
enum { NOON = 1795435200, HOUR = 3600 };

#define NIGHT                                                            \
	"schedule \"night\" { days = \"mon-fri\" from = \"20:00\" to = " \
	"\"06:00\" rate = \"2Mbit/s\" }\n"
#define EXAM                                                               \
	"schedule \"exam\" { days = \"tue\" from = \"03:00\" to = \"05:00" \
	"\" relay = false }\n"

static int effects;

static void
on_effect(void *arg, const struct consent_effect *now)
{
	(void)arg;
	(void)now;
	effects++;
}

static struct snapshot *
conf_of(const char *windows)
{
	char text[1024];

	snprintf(text, sizeof(text),
	    SECRET "caps { rate = \"10Mbit/s\" time-zone = \"UTC\" }\n%s",
	    windows);
	return load(text);
}

static const struct consent_say *
said(const struct consent *c)
{
	return consent_get(c, CONSENT_SCHEDULE);
}

static void
test_what_is_open_is_said_with_its_name_and_end(void **state)
{
	struct consent *c = consent_new(on_effect, NULL);
	struct snapshot *conf = conf_of(NIGHT EXAM);
	struct schedule *s = schedule_new(c, conf, NOON);

	(void)state;
	effects = 0;
	assert_true(said(c)->relay && said(c)->rate == 0);
	schedule_tick(s, NOON + 8 * HOUR - 1);
	assert_int_equal(effects, 0);
	schedule_tick(s, NOON + 8 * HOUR);
	assert_int_equal(effects, 1);
	assert_true(said(c)->relay);
	assert_int_equal(said(c)->rate, 2000000);
	assert_string_equal(
	    said(c)->reason, "schedule night until 2026-11-24T03:00:00+00:00");
	schedule_tick(s, NOON + 15 * HOUR);
	assert_false(said(c)->relay);
	assert_int_equal(said(c)->rate, 2000000);
	assert_string_equal(
	    said(c)->reason, "schedule exam until 2026-11-24T05:00:00+00:00");
	schedule_tick(s, NOON + 17 * HOUR);
	assert_true(said(c)->relay);
	schedule_tick(s, NOON + 18 * HOUR);
	assert_int_equal(said(c)->rate, 0);
	assert_string_equal(said(c)->reason, "");
	schedule_free(s);
	consent_free(c);
	snapshot_free(conf);
}

static void
test_a_reload_counts_at_once(void **state)
{
	struct consent *c = consent_new(on_effect, NULL);
	struct snapshot *conf = conf_of(NIGHT), *none = conf_of("");
	struct schedule *s = schedule_new(c, conf, NOON + 9 * HOUR);

	(void)state;
	assert_int_equal(said(c)->rate, 2000000);
	schedule_configure(s, none, NOON + 9 * HOUR);
	assert_int_equal(said(c)->rate, 0);
	schedule_configure(s, conf, NOON + 9 * HOUR);
	assert_int_equal(said(c)->rate, 2000000);
	schedule_free(s);
	consent_free(c);
	snapshot_free(conf);
	snapshot_free(none);
}

static void
test_it_shows_what_is_open_and_when_that_changes(void **state)
{
	struct consent *c = consent_new(on_effect, NULL);
	struct snapshot *conf = conf_of(NIGHT), *none = conf_of("");
	struct schedule *s = schedule_new(c, conf, NOON + 9 * HOUR);
	json_t *o = schedule_json(s, NOON + 9 * HOUR);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(o, "local")),
	    "2026-11-23T21:00:00+00:00");
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(o, "open"), 0)),
	    "night");
	assert_string_equal(json_string_value(json_object_get(o, "changes")),
	    "2026-11-24T06:00:00+00:00");
	json_decref(o);
	schedule_configure(s, none, NOON);
	o = schedule_json(s, NOON);
	assert_int_equal(json_array_size(json_object_get(o, "open")), 0);
	assert_true(json_is_null(json_object_get(o, "changes")));
	json_decref(o);
	schedule_free(s);
	consent_free(c);
	snapshot_free(conf);
	snapshot_free(none);
}

static void
test_short_memory_is_told(void **state)
{
	struct consent *c = consent_new(on_effect, NULL);
	struct snapshot *conf = conf_of("");
	struct schedule *s = NULL;
	long n = 0;

	(void)state;
	do
		mem_fail_at(n);
	while ((s = schedule_new(c, conf, NOON)) == NULL && n++ < 50);
	mem_fail_at(-1);
	assert_true(n >= 2);
	schedule_free(s);
	consent_free(c);
	snapshot_free(conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_what_is_open_is_said_with_its_name_and_end),
		cmocka_unit_test(test_a_reload_counts_at_once),
		cmocka_unit_test(
		    test_it_shows_what_is_open_and_when_that_changes),
		cmocka_unit_test(test_short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
