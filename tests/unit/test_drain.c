#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/daemon.h"
#include "common/mem.h"
#include "common/mono.h"
#include "relay/consent.h"
#include "relay/drain.h"
#include "relay/audit.h"
#include "relay/server.h"
#include "relay/worker.h"
#include "signalling/signalling.h"

enum { START_MS = 1000, START_S = 1893456000 };

/* ---- what the drain stands on */

static struct {
	char event[16]; /* last one audited */
	struct server server;
	mono_ms now;
	uint64_t allocations;
	unsigned ended;
	bool is_signalling_told;
	unsigned told;
	char last[256]; /* told to the service manager */
} bed;

static const struct control_caller who = { .uid = 1000, .pid = 42 };

mono_ms
mono_now(void)
{
	return bed.now;
}

int64_t
mono_wall_s(void)
{
	return START_S + (bed.now - START_MS) / 1000;
}

void
server_sum(const struct server *s, struct stats *sum)
{
	(void)s;
	sum->counter[STATS_ALLOCATIONS] = bed.allocations;
}

/* Runs it as if it were one worker. */
void
server_post_all(struct server *s, mailbox_fn *fn, void *arg)
{
	(void)s;
	fn(NULL, arg);
}

struct signalling *
worker_signalling(struct worker *w)
{
	static char one;

	(void)w;
	return (struct signalling *)&one;
}

void
signalling_drain(struct signalling *s, const char *why)
{
	(void)s;
	bed.is_signalling_told = why != NULL;
}

void
server_end(struct server *s, const char *why)
{
	(void)s;
	(void)why;
	bed.ended++;
}

void
daemon_notify(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(bed.last, sizeof(bed.last), fmt, ap);
	va_end(ap);
	bed.told++;
}

static void
on_effect(void *arg, const struct consent_effect *now)
{
	(void)arg;
	(void)now;
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
	bed.now = START_MS;
	bed.allocations = 2;
	bed.server.base = event_base_new();
	bed.server.consent = consent_new(on_effect, NULL);
	return bed.server.consent == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	drain_free(bed.server.drain);
	consent_free(bed.server.consent);
	event_base_free(bed.server.base);
	return 0;
}

/* Waits for one look of the drain; false: it looks no more. */
static bool
look(void)
{
	return event_base_loop(bed.server.base, EVLOOP_ONCE) == 0;
}

static void
begin(uint64_t deadline_ms)
{
	assert_int_equal(drain_begin(&bed.server, deadline_ms, &who), 0);
}

/* ---- */

static void
test_nobody_new_is_taken(void **state)
{
	const struct consent_say *said =
	    consent_get(bed.server.consent, CONSENT_DRAIN);

	(void)state;
	begin(60 * 1000);
	assert_false(said->relay);
	assert_non_null(strstr(said->reason, "on its way down"));
	assert_true(bed.is_signalling_told);
	assert_true(drain_cancel(&bed.server, &who));
	assert_false(bed.is_signalling_told);
	assert_true(said->relay);
	assert_null(bed.server.drain);
	assert_string_equal(bed.event, "drain");
	assert_false(drain_cancel(&bed.server, &who));
}

static void
test_it_ends_when_nobody_is_left(void **state)
{
	(void)state;
	begin(60 * 1000);
	assert_true(look());
	assert_int_equal(bed.ended, 0);
	bed.allocations = 0;
	assert_true(look());
	assert_int_equal(bed.ended, 1);
	assert_false(look()); /* once */
}

static void
test_it_ends_at_the_deadline_and_not_before(void **state)
{
	(void)state;
	begin(60 * 1000);
	bed.now += 60 * 1000 - 1;
	assert_true(look());
	assert_int_equal(bed.ended, 0);
	bed.now++;
	assert_true(look());
	assert_int_equal(bed.ended, 1);
}

static void
test_another_deadline_holds_from_now(void **state)
{
	struct drain_view v;

	(void)state;
	begin(60 * 1000);
	bed.now += 50 * 1000;
	begin(30 * 1000);
	assert_true(drain_view(&bed.server, &v));
	assert_true(v.left_ms == 30 * 1000);
	bed.now += 29 * 1000;
	assert_true(look());
	assert_int_equal(bed.ended, 0);
	begin(0);
	assert_true(look());
	assert_int_equal(bed.ended, 1);
}

static void
test_the_view_says_what_is_left(void **state)
{
	struct drain_view v = { .uid = 7 };

	(void)state;
	assert_false(drain_view(&bed.server, &v));
	assert_int_equal(v.uid, 7);
	begin(60 * 1000);
	bed.now += 15 * 1000;
	assert_true(drain_view(&bed.server, &v));
	assert_int_equal(v.allocations, 2);
	assert_true(v.left_ms == 45 * 1000);
	assert_true(v.ends_s == START_S + 60);
	assert_int_equal(v.uid, 1000);
	bed.now += 60 * 1000;
	assert_true(drain_view(&bed.server, &v));
	assert_true(v.left_ms == 0);
}

/* Before DRAIN_EXTEND_US is over it hears from us again. */
static void
test_the_service_manager_is_asked_for_time_each_second(void **state)
{
	(void)state;
	begin(60 * 1000);
	assert_int_equal(bed.told, 1);
	assert_string_equal(bed.last,
	    "STATUS=Draining: 2 allocations left, 60 s at most\n"
	    "EXTEND_TIMEOUT_USEC=15000000");
	bed.now += 999;
	assert_true(look());
	assert_int_equal(bed.told, 1);
	bed.now++;
	bed.allocations = 1;
	assert_true(look());
	assert_int_equal(bed.told, 2);
	assert_non_null(strstr(bed.last, "1 allocations left, 59 s"));
	assert_true(drain_cancel(&bed.server, &who));
	assert_string_equal(bed.last, "STATUS=Serving");
}

static void
test_short_memory_changes_nothing(void **state)
{
	(void)state;
	mem_fail_at(0);
	assert_int_not_equal(drain_begin(&bed.server, 1000, &who), 0);
	mem_fail_at(-1);
	assert_null(bed.server.drain);
	assert_true(consent_get(bed.server.consent, CONSENT_DRAIN)->relay);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_nobody_new_is_taken),
		CASE(test_it_ends_when_nobody_is_left),
		CASE(test_it_ends_at_the_deadline_and_not_before),
		CASE(test_another_deadline_holds_from_now),
		CASE(test_the_view_says_what_is_left),
		CASE(test_the_service_manager_is_asked_for_time_each_second),
		CASE(test_short_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
