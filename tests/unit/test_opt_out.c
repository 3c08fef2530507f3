#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/mem.h"
#include "relay/gate.h"
#include "relay/opt_out.h"
#include "relay/audit.h"
#include "relay/server.h"
#include "relay/snapshot.h"

static struct {
	char event[16]; /* last one audited */
	struct server server;
	struct snapshot conf;
	char dir[64];
	char path[96];
	bool spares;     /* what the gate was told last */
	unsigned ending; /* times it was told to end them */
} bed;

void
gate_spare(struct server *s, enum consent_who who, bool spares)
{
	(void)s;
	assert_int_equal(who, CONSENT_OPERATOR);
	bed.ending += bed.spares && !spares;
	bed.spares = spares;
}

static void
on_effect(void *arg, const struct consent_effect *now)
{
	(void)arg;
	(void)now;
}

static int
start(void)
{
	bed.server.consent = consent_new(on_effect, NULL);
	return opt_out_open(&bed.server);
}

static void
stop(void)
{
	opt_out_free(bed.server.opt_out);
	consent_free(bed.server.consent);
	bed.server.opt_out = NULL;
	bed.server.consent = NULL;
}

void
audit_event(struct audit *a, const char *event, json_t *detail)
{
	(void)a;
	assert_non_null(detail);
	snprintf(bed.event, sizeof(bed.event), "%s", event);
	json_decref(detail);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&bed, 0, sizeof(bed));
	strcpy(bed.dir, "/tmp/test_opt_out.XXXXXX");
	if (mkdtemp(bed.dir) == NULL)
		return -1;
	snprintf(bed.path, sizeof(bed.path), "%s/switch", bed.dir);
	bed.conf.node.state = bed.dir;
	bed.server.conf = &bed.conf;
	bed.server.base = event_base_new();
	return start();
}

static int
tear_down(void **state)
{
	(void)state;
	stop();
	event_base_free(bed.server.base);
	unlink(bed.path);
	rmdir(bed.path);
	return rmdir(bed.dir);
}

static int
order(bool relay, uint64_t deadline_ms, const char *reason)
{
	const struct opt_out_order o = { .relay = relay,
		.deadline_ms = deadline_ms,
		.reason = reason,
		.who = { .uid = 1000, .pid = 42 } };

	return opt_out_set(&bed.server, &o);
}

static struct opt_out_view
view(void)
{
	struct opt_out_view v;

	opt_out_view(&bed.server, &v);
	return v;
}

static bool
relays(void)
{
	return consent_get(bed.server.consent, CONSENT_OPERATOR)->relay;
}

static void
restart(void)
{
	stop();
	assert_int_equal(start(), 0);
}

/* ---- */

static void
test_at_first_the_operator_has_no_objection(void **state)
{
	(void)state;
	assert_true(relays());
	assert_string_equal(view().alarm, "");
	assert_true(view().left_ms == -1);
}

static void
test_off_stays_off_until_on(void **state)
{
	(void)state;
	assert_int_equal(order(false, 0, "exam"), 0);
	assert_string_equal(bed.event, "relay");
	assert_false(relays());
	assert_string_equal(
	    consent_get(bed.server.consent, CONSENT_OPERATOR)->reason,
	    "uid 1000: exam");
	restart();
	assert_false(relays());
	assert_int_equal(view().word.uid, 1000);
	assert_string_equal(view().word.reason, "exam");
	assert_int_equal(order(true, 0, ""), 0);
	assert_true(relays());
	restart();
	assert_true(relays());
}

/* Said again by another: off since the first. */
static void
test_off_again_keeps_the_time(void **state)
{
	FILE *f;

	(void)state;
	stop();
	f = fopen(bed.path, "w");
	assert_non_null(f);
	fputs("{\"relay\":false,\"since\":1234,\"uid\":0,\"reason\":\"\"}", f);
	fclose(f);
	assert_int_equal(start(), 0);
	assert_int_equal(order(false, 0, "still"), 0);
	assert_int_equal(view().word.since_s, 1234);
	assert_int_equal(view().word.uid, 1000);
	assert_int_equal(order(true, 0, ""), 0);
	assert_true(view().word.since_s > 1234);
}

static void
test_a_deadline_lets_allocations_stay_so_long(void **state)
{
	(void)state;
	assert_int_equal(order(false, 30, ""), 0);
	assert_false(relays());
	assert_true(bed.spares);
	assert_true(view().left_ms >= 0 && view().left_ms <= 30);
	event_base_dispatch(bed.server.base);
	assert_false(bed.spares);
	assert_int_equal(bed.ending, 1);
	assert_true(view().left_ms == -1);
	assert_false(relays());
}

static void
test_off_at_once_cuts_a_deadline_short(void **state)
{
	(void)state;
	assert_int_equal(order(false, 3600 * 1000, ""), 0);
	assert_int_equal(order(false, 0, ""), 0);
	assert_false(bed.spares);
	assert_int_equal(bed.ending, 1);
	assert_true(view().left_ms == -1);
	/* no timer is left behind */
	event_base_dispatch(bed.server.base);
}

static void
test_on_takes_a_deadline_back(void **state)
{
	(void)state;
	assert_int_equal(order(false, 3600 * 1000, ""), 0);
	assert_int_equal(order(true, 0, ""), 0);
	assert_false(bed.spares);
	assert_true(relays());
	event_base_dispatch(bed.server.base);
}

static void
test_a_damaged_switch_is_off_with_an_alarm(void **state)
{
	FILE *f;

	(void)state;
	stop();
	f = fopen(bed.path, "w");
	assert_non_null(f);
	fputs("{\"relay\":tru", f);
	fclose(f);
	assert_int_equal(start(), 0);
	assert_false(relays());
	assert_non_null(strstr(view().alarm, "damaged"));
	assert_int_equal(order(true, 0, ""), 0);
	assert_true(relays());
	assert_string_equal(view().alarm, "");
	restart();
	assert_true(relays());
}

static void
test_off_that_is_not_stored_holds_with_an_alarm(void **state)
{
	char missing[128];

	(void)state;
	snprintf(missing, sizeof(missing), "%s/no/folder", bed.dir);
	bed.conf.node.state = missing;
	assert_int_equal(order(false, 0, ""), 0);
	assert_false(relays());
	assert_non_null(strstr(view().alarm, "could not be stored"));
	/* on must be stored to hold */
	assert_int_equal(order(true, 0, ""), ENOENT);
	assert_false(relays());
	bed.conf.node.state = bed.dir;
	assert_int_equal(order(true, 0, ""), 0);
	assert_true(relays());
	assert_string_equal(view().alarm, "");
}

static void
test_opening_survives_any_failing_allocation(void **state)
{
	int rc = -1;

	(void)state;
	for (long n = 0; rc != 0; n++) {
		stop();
		bed.server.consent = consent_new(on_effect, NULL);
		mem_fail_at(n);
		rc = opt_out_open(&bed.server);
		mem_fail_at(-1);
		assert_true(n < 10);
	}
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_at_first_the_operator_has_no_objection),
		CASE(test_off_stays_off_until_on),
		CASE(test_off_again_keeps_the_time),
		CASE(test_a_deadline_lets_allocations_stay_so_long),
		CASE(test_off_at_once_cuts_a_deadline_short),
		CASE(test_on_takes_a_deadline_back),
		CASE(test_a_damaged_switch_is_off_with_an_alarm),
		CASE(test_off_that_is_not_stored_holds_with_an_alarm),
		CASE(test_opening_survives_any_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
