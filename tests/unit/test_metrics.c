#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relay/consent.h"
#include "relay/drain.h"
#include "relay/metrics.h"

static struct stats sum; /* each test begins with zeros */

static struct consent *consent;

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
	memset(&sum, 0, sizeof(sum));
	consent_free(consent);
	consent = consent_new(on_effect, NULL);
	return consent == NULL ? -1 : 0;
}

static char *
render(const struct metrics *m)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	metrics_render(f, m);
	fclose(f);
	return text;
}

/* Is line one whole line of text? */
static bool
has_line(const char *text, const char *line)
{
	const size_t len = strlen(line);
	const char *at = text;

	while ((at = strstr(at, line)) != NULL) {
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
		at++;
	}
	return false;
}

static void
test_counters_come_out_with_their_labels(void **state)
{
	static const char *const lines[] = {
		"supernode_turn_allocations 3",
		"supernode_turn_allocations_total 7",
		"supernode_turn_relayed_bytes_total{direction=\"up\"} 1000",
		"supernode_turn_relayed_bytes_total{direction=\"down\"} 2000",
		"supernode_turn_relayed_packets_total{direction=\"up\"} 10",
		"supernode_turn_relayed_packets_total{direction=\"down\"} 20",
		"supernode_turn_errors_total{code=\"401\"} 5",
		"supernode_turn_errors_total{code=\"508\"} 0",
		"supernode_turn_errors_total{code=\"699\"} 0",
	};
	const struct metrics m = { .sum = &sum, .consent = consent };
	char *text;

	(void)state;
	sum.counter[STATS_ALLOCATIONS] = 3;
	sum.counter[STATS_ALLOCATIONS_TOTAL] = 7;
	sum.counter[STATS_RELAYED_UP_BYTES] = 1000;
	sum.counter[STATS_RELAYED_DOWN_BYTES] = 2000;
	sum.counter[STATS_RELAYED_UP_PACKETS] = 10;
	sum.counter[STATS_RELAYED_DOWN_PACKETS] = 20;
	sum.error[401 - STATS_ERROR_MIN] = 5;
	text = render(&m);
	for (size_t i = 0; i < 8; i++)
		assert_true(has_line(text, lines[i]));
	assert_false(has_line(text, lines[8]));
	free(text);
}

static void
test_every_reason_direction_and_kind_shows_from_the_start(void **state)
{
	const struct metrics m = { .sum = &sum, .consent = consent };
	char *text, line[160];

	(void)state;
	sum.wire_bytes[STATS_OUT][STATS_PEER] = UINT64_MAX;
	text = render(&m);
	for (int i = 0; i < STATS_DROP_COUNT; i++) {
		snprintf(line, sizeof(line),
		    "supernode_drops_total{reason=\"%s\"} 0",
		    stats_drop_label((enum stats_drop)i));
		assert_true(has_line(text, line));
	}
	for (int i = 0; i < STATS_AUTH_COUNT; i++) {
		snprintf(line, sizeof(line),
		    "supernode_auth_failures_total{reason=\"%s\"} 0",
		    stats_auth_label((enum stats_auth)i));
		assert_true(has_line(text, line));
	}
	snprintf(line, sizeof(line),
	    "supernode_wire_bytes_total{direction=\"%s\",kind=\"%s\"} "
	    "18446744073709551615",
	    stats_dir_label(STATS_OUT), stats_kind_label(STATS_PEER));
	assert_true(has_line(text, line));
	free(text);
}

static void
test_an_unlimited_rate_is_infinite(void **state)
{
	struct metrics m = { .sum = &sum, .consent = consent };
	char *text;

	(void)state;
	text = render(&m);
	assert_true(has_line(text,
	    "supernode_budget_rate_bytes_per_second{scope=\"host\"} +Inf"));
	free(text);
	m.rate_bits = 50 * 1000 * 1000;
	text = render(&m);
	assert_true(has_line(text,
	    "supernode_budget_rate_bytes_per_second{scope=\"host\"} 6250000"));
	free(text);
}

static void
test_the_state_of_the_server_shows(void **state)
{
	static const char *const lines[] = {
		"supernode_uptime_seconds 1.500",
		"supernode_workers 4",
		"supernode_draining 1",
		"supernode_relay_enabled 1",
		"supernode_config_reloads_total{result=\"applied\"} 2",
		"supernode_config_reloads_total{result=\"refused\"} 1",
		"process_cpu_seconds_total 0.250000",
		"process_resident_memory_bytes 4096",
		"process_open_fds 17",
		"process_start_time_seconds 1893456000",
	};
	const struct metrics m = { .sum = &sum,
		.consent = consent,
		.process = { .cpu_s = 0.25,
		    .resident_bytes = 4096,
		    .open_fds = 17 },
		.started_wall_s = 1893456000,
		.uptime_ms = 1500,
		.workers = 4,
		.relay_enabled = true,
		.reloads_done = 2,
		.reloads_failed = 1 };
	char *text = render(&m);

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_true(has_line(text, lines[i]));
	free(text);
}

static void
test_whose_word_holds_shows(void **state)
{
	static const char *const lines[] = {
		"supernode_relay_on 0",
		"supernode_consent_refused{by=\"operator\"} 1",
		"supernode_consent_refused{by=\"site\"} 0",
		"supernode_consent_rate_bytes_per_second{by=\"site\"} 1000",
		"supernode_consent_rate_bytes_per_second{by=\"quota\"} +Inf",
		"supernode_consent_decides_rate{by=\"site\"} 1",
		"supernode_consent_decides_rate{by=\"operator\"} 0",
		"supernode_switch_alarm 1",
		"supernode_draining 1",
		"supernode_drain_seconds_left 1.500",
	};
	const struct consent_say no = { .reason = "no" };
	const struct consent_say slow = { .relay = true, .rate = 8000 };
	const struct drain_view drain = { .left_ms = 1500 };
	const struct metrics m = { .sum = &sum,
		.consent = consent,
		.is_serving = true,
		.switch_alarm = true,
		.drain = &drain };
	char *text;

	(void)state;
	consent_set(consent, CONSENT_OPERATOR, &no);
	consent_set(consent, CONSENT_SITE, &slow);
	text = render(&m);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_true(has_line(text, lines[i]));
	free(text);
}

static void
test_samples_follow_their_family(void **state)
{
	const struct metrics m = { .sum = &sum, .consent = consent };
	char *text = render(&m), *save = NULL, family[128] = "", type[16];
	char seen[8192] = "";

	(void)state;
	for (char *line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char key[160];

		if (strncmp(line, "# HELP ", 7) == 0)
			continue;
		if (sscanf(line, "# TYPE %127s %15s", family, type) == 2) {
			snprintf(key, sizeof(key), "\n%s\n", family);
			assert_null(strstr(seen, key));
			assert_true(strlen(seen) + strlen(key) < sizeof(seen));
			strcat(seen, key);
			continue;
		}
		assert_int_equal(line[0] == '#', 0);
		assert_memory_equal(line, family, strlen(family));
		assert_non_null(strchr("{ ", line[strlen(family)]));
	}
	assert_true(seen[0] != '\0');
	free(text);
}

/* Skipped where promtool is not there; test_samples_follow_their_family
 * holds everywhere. */
static void
test_promtool_finds_nothing_to_say(void **state)
{
	const struct metrics m = { .sum = &sum, .consent = consent };
	char *text;
	FILE *tool;
	int rc;

	(void)state;
	if (system("command -v promtool >/dev/null") != 0)
		skip();
	text = render(&m);
	tool = popen("promtool check metrics 2>&1 >/dev/null", "w");
	assert_non_null(tool);
	fputs(text, tool);
	rc = pclose(tool);
	free(text);
	assert_int_equal(rc, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    test_counters_come_out_with_their_labels, setup),
		cmocka_unit_test_setup(
		    test_every_reason_direction_and_kind_shows_from_the_start,
		    setup),
		cmocka_unit_test_setup(
		    test_an_unlimited_rate_is_infinite, setup),
		cmocka_unit_test_setup(
		    test_the_state_of_the_server_shows, setup),
		cmocka_unit_test_setup(test_whose_word_holds_shows, setup),
		cmocka_unit_test_setup(test_samples_follow_their_family, setup),
		cmocka_unit_test_setup(
		    test_promtool_finds_nothing_to_say, setup),
	};

	const int failed = cmocka_run_group_tests(tests, NULL, NULL);

	consent_free(consent);
	return failed;
}
