#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "budget/budget.h"
#include "common/mem.h"
#include "relay/gate.h"
#include "relay/live.h"
#include "relay/audit.h"
#include "relay/server.h"
#include "relay/snapshot.h"
#include "relay/worker.h"
#include "signalling/signalling.h"
#include "turn/turn.h"

enum { WORKERS = 2, POSTS_MAX = 64 };

/* ---- what the gate stands on */

static struct {
	char event[16]; /* last one audited */
	struct server server;
	struct snapshot conf;
	uint64_t rate;
	enum turn_gate gate;
	enum signalling_gate streams;
	unsigned streams_ended;
	unsigned ended; /* times all allocations of a worker ended */
	char why[64];
	struct {
		mailbox_fn *fn;
		void *arg;
	} worker[POSTS_MAX], main[POSTS_MAX];
	unsigned worker_posts, main_posts;
	bool is_live; /* the rate was changed by the operator */
} bed;

bool
live_has(const struct server *s, const char *key)
{
	(void)s;
	return bed.is_live && strcmp(key, "rate") == 0;
}

void
budget_host_set_rate(struct budget_host *h, uint64_t bits)
{
	(void)h;
	bed.rate = bits;
}

void
turn_shared_gate(struct turn_shared *s, enum turn_gate gate)
{
	(void)s;
	bed.gate = gate;
}

void
turn_end(struct turn *t, const char *why)
{
	(void)t;
	bed.ended++;
	strncpy(bed.why, why, sizeof(bed.why) - 1);
}

struct turn *
worker_turn(struct worker *w)
{
	(void)w;
	return NULL;
}

void
signalling_shared_gate(struct signalling_shared *s, enum signalling_gate gate)
{
	(void)s;
	bed.streams = gate;
}

void
signalling_end_streams(struct signalling *s, const char *why)
{
	(void)s;
	(void)why;
	bed.streams_ended++;
}

struct signalling *
worker_signalling(struct worker *w)
{
	static char one;

	(void)w;
	return (struct signalling *)&one;
}

void
server_post_all(struct server *s, mailbox_fn *fn, void *arg)
{
	for (unsigned i = 0; i < s->worker_count; i++) {
		assert_true(bed.worker_posts < POSTS_MAX);
		bed.worker[bed.worker_posts].fn = fn;
		bed.worker[bed.worker_posts++].arg = arg;
	}
}

void
server_post(struct server *s, mailbox_fn *fn, void *arg)
{
	(void)s;
	assert_true(bed.main_posts < POSTS_MAX);
	bed.main[bed.main_posts].fn = fn;
	bed.main[bed.main_posts++].arg = arg;
}

/* Workers and main read their mail until nothing is left. */
static void
deliver(void)
{
	unsigned worker = 0, mine = 0;

	while (worker < bed.worker_posts || mine < bed.main_posts) {
		for (; worker < bed.worker_posts; worker++)
			bed.worker[worker].fn(NULL, bed.worker[worker].arg);
		for (; mine < bed.main_posts; mine++)
			bed.main[mine].fn(&bed.server, bed.main[mine].arg);
	}
	bed.worker_posts = bed.main_posts = 0;
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
	bed.conf.relay.enabled = true;
	bed.conf.caps.rate = 1000;
	bed.server.conf = &bed.conf;
	bed.server.worker_count = WORKERS;
	return gate_open(&bed.server);
}

static int
tear_down(void **state)
{
	(void)state;
	gate_free(bed.server.gate);
	consent_free(bed.server.consent);
	return 0;
}

static void
say(enum consent_who who, bool relay, uint64_t rate)
{
	const struct consent_say s = {
		.relay = relay, .rate = rate, .reason = "test"
	};

	consent_set(bed.server.consent, who, &s);
}

/* ---- */

static void
test_the_configuration_speaks_first(void **state)
{
	(void)state;
	assert_int_equal(bed.rate, 1000);
	assert_int_equal(bed.gate, TURN_GATE_OPEN);
	assert_string_equal(
	    consent_effect(bed.server.consent)->rate_reason, "caps.rate");
}

/* Whoever lowers it, a reload must not lift it for a moment. */
static void
test_the_budget_has_the_lowest_rate_after_a_reload(void **state)
{
	(void)state;
	say(CONSENT_SITE, true, 300);
	assert_string_equal(bed.event, "consent");
	assert_int_equal(bed.rate, 300);
	bed.conf.caps.rate = 2000;
	gate_configure(&bed.server, &bed.conf);
	assert_int_equal(bed.rate, 300);
	bed.conf.caps.rate = 200;
	gate_configure(&bed.server, &bed.conf);
	assert_int_equal(bed.rate, 200);
}

/* A window's rate stands in the place of the file's, not of the operator's. */
static void
test_a_rate_changed_live_bounds_an_open_window(void **state)
{
	const struct consent_say window = {
		.relay = true, .rate = 5000, .is_instead = true
	};

	(void)state;
	consent_set(bed.server.consent, CONSENT_SCHEDULE, &window);
	bed.conf.caps.rate = 1000;
	gate_configure(&bed.server, &bed.conf);
	assert_int_equal(consent_effect(bed.server.consent)->rate, 5000);
	bed.is_live = true;
	gate_configure(&bed.server, &bed.conf);
	assert_int_equal(consent_effect(bed.server.consent)->rate, 1000);
	assert_string_equal(
	    consent_effect(bed.server.consent)->rate_reason, "caps rate, live");
}

struct gate_row {
	enum consent_who who;
	enum turn_gate gate;
	enum signalling_gate streams;
	unsigned ended;
};

static void
test_a_no_shuts_the_gate_and_ends_what_is_there(void **state)
{
	static const struct gate_row rows[] = {
		{ CONSENT_CONFIG, TURN_GATE_SHUT, SIGNALLING_GATE_OFF,
		    WORKERS },
		{ CONSENT_OPERATOR, TURN_GATE_SHUT, SIGNALLING_GATE_OFF,
		    WORKERS },
		{ CONSENT_DRAIN, TURN_GATE_ELSEWHERE, SIGNALLING_GATE_DRAIN,
		    0 },
		{ CONSENT_SITE, TURN_GATE_SHUT, SIGNALLING_GATE_OFF, WORKERS },
		{ CONSENT_SCHEDULE, TURN_GATE_SHUT, SIGNALLING_GATE_OFF,
		    WORKERS },
		{ CONSENT_QUOTA, TURN_GATE_ELSEWHERE, SIGNALLING_GATE_QUOTA,
		    WORKERS },
		{ CONSENT_AUDIT, TURN_GATE_SHUT, SIGNALLING_GATE_OFF, WORKERS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bed.ended = bed.streams_ended = 0;
		say(rows[i].who, false, 0);
		deliver();
		assert_int_equal(bed.gate, rows[i].gate);
		assert_int_equal(bed.streams, rows[i].streams);
		assert_int_equal(bed.streams_ended, rows[i].ended);
		assert_int_equal(bed.ended, rows[i].ended);
		if (rows[i].ended > 0 && rows[i].who != CONSENT_QUOTA)
			assert_non_null(
			    strstr(bed.why, consent_who_name(rows[i].who)));
		say(rows[i].who, true, 0);
		assert_int_equal(bed.gate, TURN_GATE_OPEN);
	}
}

static void
test_another_no_ends_what_a_drain_spares(void **state)
{
	(void)state;
	say(CONSENT_DRAIN, false, 0);
	deliver();
	assert_int_equal(bed.ended, 0);
	say(CONSENT_SITE, false, 0);
	deliver();
	assert_int_equal(bed.ended, WORKERS);
	assert_int_equal(bed.gate, TURN_GATE_SHUT);
}

static void
test_a_deadline_ends_what_was_spared_until_then(void **state)
{
	(void)state;
	gate_spare(&bed.server, CONSENT_OPERATOR, true);
	say(CONSENT_OPERATOR, false, 0);
	deliver();
	assert_int_equal(bed.gate, TURN_GATE_SHUT);
	assert_int_equal(bed.ended, 0);
	gate_spare(&bed.server, CONSENT_OPERATOR, false);
	deliver();
	assert_int_equal(bed.ended, WORKERS);
}

/* Mailboxes are bounded: an operator who plays with the switch while a worker
 * is busy must not fill one. */
static void
test_one_message_at_a_time_is_under_way_to_a_worker(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		say(CONSENT_OPERATOR, false, 0);
		say(CONSENT_OPERATOR, true, 0);
	}
	assert_int_equal(bed.worker_posts, WORKERS);
	say(CONSENT_OPERATOR, false, 0);
	deliver();
	/* the first, and one more for all that came meanwhile */
	assert_int_equal(bed.ended, 2 * WORKERS);
}

static void
test_opening_survives_any_failing_allocation(void **state)
{
	int rc = -1;

	tear_down(state);
	for (long n = 0; rc != 0; n++) {
		bed.server.gate = NULL;
		bed.server.consent = NULL;
		mem_fail_at(n);
		rc = gate_open(&bed.server);
		mem_fail_at(-1);
		assert_true(n < 10);
		if (rc != 0)
			tear_down(state);
	}
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_the_configuration_speaks_first),
		CASE(test_the_budget_has_the_lowest_rate_after_a_reload),
		CASE(test_a_rate_changed_live_bounds_an_open_window),
		CASE(test_a_no_shuts_the_gate_and_ends_what_is_there),
		CASE(test_another_no_ends_what_a_drain_spares),
		CASE(test_a_deadline_ends_what_was_spared_until_then),
		CASE(test_one_message_at_a_time_is_under_way_to_a_worker),
		CASE(test_opening_survives_any_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
