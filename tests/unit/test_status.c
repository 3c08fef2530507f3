#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/build.h"
#include "relay/consent.h"
#include "relay/drain.h"
#include "relay/opt_out.h"
#include "relay/snapshot.h"
#include "relay/status.h"

static struct addr relay_address;
static struct snapshot conf;
static struct stats sum;
static struct process process;
static struct memory_heap heap;
static struct consent *consent;
static struct opt_out_view opt_out;
static struct drain_view *drain;

static void
on_effect(void *arg, const struct consent_effect *now)
{
	(void)arg;
	(void)now;
}

static int
setup(void **state)
{
	(void)state;
	memset(&conf, 0, sizeof(conf));
	memset(&sum, 0, sizeof(sum));
	if (addr_parse(&relay_address, "203.0.113.7") != 0)
		return -1;
	conf.node.name = (char *)"sn1.example.edu";
	conf.node.realm = (char *)"example.edu";
	conf.relay.enabled = true;
	conf.relay.addresses = (struct snapshot_addrs){ &relay_address, 1 };
	conf.relay.port_min = 49152;
	conf.relay.port_max = 65535;
	opt_out = (struct opt_out_view){
		.word = { .relay = true, .uid = -1 }, .left_ms = -1, .alarm = ""
	};
	drain = NULL;
	consent_free(consent);
	consent = consent_new(on_effect, NULL);
	return consent == NULL ? -1 : 0;
}

static json_t *
status(void)
{
	const struct status st = { .conf = &conf,
		.consent = consent,
		.opt_out = &opt_out,
		.drain = drain,
		.sum = &sum,
		.process = &process,
		.heap = &heap,
		.uptime_ms = 2500,
		.workers = 4,
		.is_serving = true };
	json_t *all = status_json(&st);

	assert_non_null(all);
	return all;
}

/* path: keys with dots between. */
static const json_t *
at(const json_t *from, const char *path)
{
	char copy[128], *save = NULL;

	strcpy(copy, path);
	for (char *key = strtok_r(copy, ".", &save); key != NULL;
	     key = strtok_r(NULL, ".", &save))
		from = json_object_get(from, key);
	assert_non_null(from);
	return from;
}

static void
test_it_says_who_and_how(void **state)
{
	json_t *all;

	(void)state;
	all = status();
	assert_string_equal(
	    json_string_value(at(all, "version")), build_version);
	assert_string_equal(
	    json_string_value(at(all, "name")), "sn1.example.edu");
	assert_string_equal(json_string_value(at(all, "state")), "serving");
	assert_true(json_number_value(at(all, "uptime_s")) == 2.5);
	assert_int_equal(json_integer_value(at(all, "workers")), 4);
	assert_true(json_is_true(at(all, "relay.enabled")));
	assert_string_equal(
	    json_string_value(at(all, "relay.ports")), "49152-65535");
	assert_string_equal(
	    json_string_value(json_array_get(at(all, "relay.addresses"), 0)),
	    "203.0.113.7");
	assert_int_equal(json_array_size(at(all, "listeners")), 0);
	json_decref(all);
}

static void
test_an_unlimited_rate_is_null_and_a_limited_one_a_number(void **state)
{
	json_t *all;

	(void)state;
	all = status();
	assert_true(json_is_null(at(all, "caps.rate_bit_s")));
	assert_string_equal(
	    json_string_value(at(all, "caps.rate")), "unlimited");
	json_decref(all);
	conf.caps.rate = 50 * 1000 * 1000;
	all = status();
	assert_int_equal(
	    json_integer_value(at(all, "caps.rate_bit_s")), 50000000);
	assert_string_equal(
	    json_string_value(at(all, "caps.rate")), "50Mbit/s");
	json_decref(all);
}

static const char *
text_at(const json_t *all, const char *path)
{
	const char *text = json_string_value(at(all, path));

	assert_non_null(text);
	return text;
}

static void
test_whose_word_holds_is_named(void **state)
{
	const struct consent_say no = { .rate = 8000, .reason = "because" };
	json_t *all = status();

	(void)state;
	assert_true(json_is_true(at(all, "relay.on")));
	assert_true(json_is_null(at(all, "relay.by")));
	assert_true(json_is_null(at(all, "caps.effective_rate_bit_s")));
	assert_true(json_is_null(at(all, "caps.rate_by")));
	json_decref(all);
	conf.caps.rate = 9000;
	consent_set(consent, CONSENT_SITE, &no);
	all = status();
	assert_true(json_is_true(at(all, "relay.enabled")));
	assert_true(json_is_false(at(all, "relay.on")));
	assert_string_equal(text_at(all, "relay.by"), "site");
	assert_string_equal(text_at(all, "relay.reason"), "because");
	assert_string_equal(text_at(all, "caps.rate"), "9kbit/s");
	assert_string_equal(text_at(all, "caps.effective_rate"), "8kbit/s");
	assert_int_equal(
	    json_integer_value(at(all, "caps.effective_rate_bit_s")), 8000);
	assert_string_equal(text_at(all, "caps.rate_by"), "site");
	assert_string_equal(text_at(all, "caps.rate_reason"), "because");
	json_decref(all);
}

static void
test_the_operators_switch_shows(void **state)
{
	json_t *all = status();

	(void)state;
	assert_true(json_is_true(at(all, "relay.operator.relay")));
	assert_true(json_is_null(at(all, "relay.operator.left_ms")));
	json_decref(all);
	opt_out = (struct opt_out_view){ .word = { .since_s = 1893456000,
					     .uid = 1000,
					     .reason = "exam" },
		.left_ms = 2500,
		.alarm = "on fire" };
	all = status();
	assert_true(json_is_false(at(all, "relay.operator.relay")));
	assert_int_equal(
	    json_integer_value(at(all, "relay.operator.uid")), 1000);
	assert_int_equal(
	    json_integer_value(at(all, "relay.operator.since")), 1893456000);
	assert_int_equal(
	    json_integer_value(at(all, "relay.operator.left_ms")), 2500);
	assert_string_equal(text_at(all, "relay.operator.reason"), "exam");
	assert_string_equal(text_at(all, "relay.operator.alarm"), "on fire");
	json_decref(all);
}

static void
test_a_drain_shows_until_when_and_what_is_left(void **state)
{
	struct drain_view v = { .allocations = 3,
		.left_ms = 60000,
		.ends_s = 1893456060,
		.uid = 0 };
	json_t *all = status();

	(void)state;
	assert_true(json_is_null(at(all, "drain")));
	json_decref(all);
	drain = &v;
	all = status();
	assert_string_equal(text_at(all, "state"), "draining");
	assert_int_equal(json_integer_value(at(all, "drain.allocations")), 3);
	assert_int_equal(json_integer_value(at(all, "drain.left_ms")), 60000);
	assert_int_equal(json_integer_value(at(all, "drain.ends")), 1893456060);
	json_decref(all);
}

static void
test_wire_counters_are_summed_by_direction(void **state)
{
	json_t *all;

	(void)state;
	sum.wire_bytes[STATS_IN][STATS_CLIENT_UDP] = 100;
	sum.wire_bytes[STATS_IN][STATS_PEER] = 10;
	sum.wire_bytes[STATS_OUT][STATS_CLIENT_TLS] = 7;
	sum.wire_packets[STATS_IN][STATS_PEER] = 3;
	all = status();
	assert_int_equal(json_integer_value(at(all, "wire.in.bytes")), 110);
	assert_int_equal(json_integer_value(at(all, "wire.in.packets")), 3);
	assert_int_equal(json_integer_value(at(all, "wire.out.bytes")), 7);
	assert_int_equal(json_object_size(at(all, "wire.in.by")), STATS_KINDS);
	json_decref(all);
}

static void
test_drops_are_all_there_and_errors_only_when_they_happened(void **state)
{
	json_t *all;

	(void)state;
	sum.drop[STATS_DROP_CAP_OUT] = 12;
	sum.error[486 - STATS_ERROR_MIN] = 2;
	sum.counter[STATS_ALLOCATIONS] = 5;
	sum.counter[STATS_RELAYED_DOWN_BYTES] = 9;
	all = status();
	assert_int_equal(json_integer_value(at(all, "drops.cap_out")), 12);
	assert_int_equal(json_object_size(at(all, "drops")), STATS_DROP_COUNT);
	assert_int_equal(json_object_size(at(all, "errors")), 1);
	assert_int_equal(json_integer_value(at(all, "errors.486")), 2);
	assert_int_equal(json_integer_value(at(all, "allocations")), 5);
	assert_int_equal(json_integer_value(at(all, "relayed.down.bytes")), 9);
	json_decref(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_it_says_who_and_how, setup),
		cmocka_unit_test_setup(
		    test_an_unlimited_rate_is_null_and_a_limited_one_a_number,
		    setup),
		cmocka_unit_test_setup(test_whose_word_holds_is_named, setup),
		cmocka_unit_test_setup(test_the_operators_switch_shows, setup),
		cmocka_unit_test_setup(
		    test_a_drain_shows_until_when_and_what_is_left, setup),
		cmocka_unit_test_setup(
		    test_wire_counters_are_summed_by_direction, setup),
		cmocka_unit_test_setup(
		    test_drops_are_all_there_and_errors_only_when_they_happened,
		    setup),
	};

	const int failed = cmocka_run_group_tests(tests, NULL, NULL);

	consent_free(consent);
	return failed;
}
