#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relay/consent.h"
#include "relay/drain.h"
#include "relay/opt_out.h"
#include "relay/server.h"
#include "relay/snapshot.h"
#include "relay/verbs_relay.h"

/* ---- what the verbs stand on */

static struct {
	struct server server;
	struct snapshot conf;
	struct opt_out_order order;
	char reason[SWITCH_REASON_MAX];
	unsigned orders;
	int rc; /* of an order */
	uint64_t deadline_ms;
	unsigned begun, cancelled;
	bool is_draining;
	json_t *answer;
	char refusal[512];
} bed;

void
control_answer(struct control_call *call, json_t *answer)
{
	(void)call;
	json_decref(bed.answer);
	bed.answer = answer;
}

void
control_refuse(struct control_call *call, const char *why)
{
	(void)call;
	snprintf(bed.refusal, sizeof(bed.refusal), "%s", why);
}

struct control_caller
control_caller(const struct control_call *call)
{
	(void)call;
	return (struct control_caller){ 1000, 42 };
}

void
server_sum(const struct server *s, struct stats *sum)
{
	(void)s;
	sum->counter[STATS_ALLOCATIONS] = 5;
}

int
opt_out_set(struct server *s, const struct opt_out_order *order)
{
	(void)s;
	bed.order = *order;
	snprintf(bed.reason, sizeof(bed.reason), "%s", order->reason);
	bed.orders++;
	return bed.rc;
}

void
opt_out_view(const struct server *s, struct opt_out_view *v)
{
	(void)s;
	*v = (struct opt_out_view){ .alarm = "an alarm" };
}

int
drain_begin(
    struct server *s, uint64_t deadline_ms, const struct control_caller *who)
{
	(void)s;
	assert_int_equal(who->uid, 1000);
	bed.deadline_ms = deadline_ms;
	bed.is_draining = true;
	bed.begun++;
	return 0;
}

bool
drain_cancel(struct server *s, const struct control_caller *who)
{
	(void)s;
	(void)who;
	bed.cancelled++;
	return bed.is_draining;
}

bool
drain_view(const struct server *s, struct drain_view *v)
{
	(void)s;
	*v = (struct drain_view){ .allocations = 5, .left_ms = 9 };
	return true;
}

static void
on_effect(void *arg, const struct consent_effect *now)
{
	(void)arg;
	(void)now;
}

static int
set_up(void **state)
{
	(void)state;
	memset(&bed, 0, sizeof(bed));
	bed.conf.node.state = (char *)"/var/lib/x";
	bed.server.state = SERVER_SERVING;
	bed.server.conf = &bed.conf;
	bed.server.consent = consent_new(on_effect, NULL);
	return bed.server.consent == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	json_decref(bed.answer);
	consent_free(bed.server.consent);
	return 0;
}

typedef void verb_fn(void *arg, struct control_call *call, const json_t *args);

static void
ask(verb_fn *verb, const char *args)
{
	json_t *j = json_loads(args, JSON_DECODE_ANY, NULL);

	assert_non_null(j);
	bed.refusal[0] = '\0';
	verb(&bed.server, NULL, j);
	json_decref(j);
}

/* ---- */

static void
test_an_order_is_taken_with_who_gave_it(void **state)
{
	(void)state;
	ask(verbs_relay,
	    "{\"relay\":false,\"deadline_ms\":5000,\"reason\":\"exam\"}");
	assert_string_equal(bed.refusal, "");
	assert_int_equal(bed.orders, 1);
	assert_false(bed.order.relay);
	assert_int_equal(bed.order.deadline_ms, 5000);
	assert_string_equal(bed.reason, "exam");
	assert_int_equal(bed.order.who.uid, 1000);
	assert_int_equal(bed.order.who.pid, 42);
	assert_int_equal(
	    json_integer_value(json_object_get(bed.answer, "allocations")), 5);
	assert_string_equal(
	    json_string_value(json_object_get(bed.answer, "alarm")),
	    "an alarm");
	ask(verbs_relay, "{\"relay\":true}");
	assert_true(bed.order.relay);
	assert_int_equal(bed.order.deadline_ms, 0);
}

static void
test_the_answer_names_who_else_says_no(void **state)
{
	const struct consent_say no = { .reason = "noc" };

	(void)state;
	consent_set(bed.server.consent, CONSENT_SITE, &no);
	ask(verbs_relay, "{\"relay\":true}");
	assert_true(json_is_false(json_object_get(bed.answer, "relay")));
	assert_string_equal(
	    json_string_value(json_object_get(bed.answer, "by")), "site");
}

static void
test_nonsense_is_no_order(void **state)
{
	static const char *const bad[] = { "{}", "{\"relay\":1}",
		"{\"relay\":null}", "{\"relay\":\"off\"}",
		"{\"relay\":false,\"deadline_ms\":-1}",
		"{\"relay\":false,\"deadline_ms\":1.5}",
		"{\"relay\":false,\"deadline_ms\":604800001}",
		"{\"relay\":true,\"deadline_ms\":1}",
		"{\"relay\":false,\"reason\":1}",
		"{\"relay\":false,\"reason\":\"a\\nb\"}",
		"{\"relay\":false,\"reason\":\"a\\\"b\"}",
		"{\"relay\":false,\"reason\":\"a\\u007fb\"}",
		"{\"relay\":false,\"why\":\"x\"}" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ask(verbs_relay, bad[i]);
		assert_string_not_equal(bed.refusal, "");
	}
	snprintf(text, sizeof(text), "{\"relay\":false,\"reason\":\"%0*d\"}",
	    SWITCH_REASON_MAX, 0);
	ask(verbs_relay, text);
	assert_string_not_equal(bed.refusal, "");
	bed.refusal[0] = '\0';
	verbs_relay(&bed.server, NULL, NULL);
	assert_string_not_equal(bed.refusal, "");
	assert_int_equal(bed.orders, 0);
}

static void
test_on_that_cannot_be_stored_is_refused(void **state)
{
	(void)state;
	bed.rc = EROFS;
	ask(verbs_relay, "{\"relay\":true}");
	assert_non_null(strstr(bed.refusal, "/var/lib/x/switch"));
	assert_non_null(strstr(bed.refusal, "stays off"));
}

static void
test_a_drain_has_a_deadline_unless_told_otherwise(void **state)
{
	(void)state;
	ask(verbs_drain, "{}");
	assert_int_equal(bed.deadline_ms, DRAIN_DEADLINE_MS);
	verbs_drain(&bed.server, NULL, NULL);
	assert_int_equal(bed.begun, 2);
	ask(verbs_drain, "{\"deadline_ms\":0}");
	assert_int_equal(bed.deadline_ms, 0);
	assert_int_equal(
	    json_integer_value(json_object_get(bed.answer, "left_ms")), 9);
}

static void
test_a_drain_can_be_taken_back_only_when_there_is_one(void **state)
{
	(void)state;
	ask(verbs_drain, "{\"cancel\":true}");
	assert_string_not_equal(bed.refusal, "");
	bed.is_draining = true;
	ask(verbs_drain, "{\"cancel\":true}");
	assert_string_equal(bed.refusal, "");
	assert_int_equal(bed.begun, 0);
}

static void
test_nonsense_drains_nothing(void **state)
{
	static const char *const bad[] = { "{\"cancel\":false}",
		"{\"cancel\":1}", "{\"cancel\":true,\"deadline_ms\":1}",
		"{\"deadline_ms\":-1}", "{\"deadline_ms\":\"5m\"}",
		"{\"deadline_ms\":604800001}", "{\"deadline\":1}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ask(verbs_drain, bad[i]);
		assert_string_not_equal(bed.refusal, "");
	}
	bed.server.state = SERVER_ENDING;
	ask(verbs_drain, "{}");
	assert_string_not_equal(bed.refusal, "");
	assert_int_equal(bed.begun, 0);
	assert_int_equal(bed.cancelled, 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_an_order_is_taken_with_who_gave_it),
		CASE(test_the_answer_names_who_else_says_no),
		CASE(test_nonsense_is_no_order),
		CASE(test_on_that_cannot_be_stored_is_refused),
		CASE(test_a_drain_has_a_deadline_unless_told_otherwise),
		CASE(test_a_drain_can_be_taken_back_only_when_there_is_one),
		CASE(test_nonsense_drains_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
