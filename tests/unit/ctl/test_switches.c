#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/ctl.h"

typedef int parse_fn(json_t *args, int count, char **word);
typedef void print_fn(FILE *out, const json_t *answer);

/* Words behind a verb, and the option --deadline; NULL: none. */
struct parse_row {
	parse_fn *parse;
	const char *word[3];
	const char *deadline;
	const char *args; /* of the request; NULL: wrong usage */
};

static const struct parse_row parse_rows[] = {
	{ ctl_relay_parse, { "off" }, NULL, "{\"relay\":false}" },
	{ ctl_relay_parse, { "on" }, NULL, "{\"relay\":true}" },
	{ ctl_relay_parse, { "off" }, "90s",
	    "{\"deadline_ms\":90000,\"relay\":false}" },
	{ ctl_relay_parse, { "off" }, "90", NULL },
	{ ctl_relay_parse, { "off" }, "-1s", NULL },
	{ ctl_relay_parse, { "OFF" }, NULL, NULL },
	{ ctl_relay_parse, { NULL }, NULL, NULL },
	{ ctl_relay_parse, { "off", "now" }, NULL, NULL },
	{ ctl_drain_parse, { NULL }, NULL, "{}" },
	{ ctl_drain_parse, { NULL }, "5m", "{\"deadline_ms\":300000}" },
	{ ctl_drain_parse, { NULL }, "5 minutes", NULL },
	{ ctl_drain_parse, { "now" }, NULL, NULL },
	{ ctl_caps_parse, { NULL }, NULL, "{}" },
	{ ctl_caps_parse, { "rate", "5Mbit/s" }, NULL,
	    "{\"key\":\"rate\",\"value\":\"5Mbit/s\"}" },
	{ ctl_caps_parse, { "caps.rate", "5Mbit/s" }, NULL,
	    "{\"key\":\"rate\",\"value\":\"5Mbit/s\"}" },
	{ ctl_caps_parse, { "quota-day", "" }, NULL,
	    "{\"key\":\"quota-day\",\"value\":\"\"}" },
	{ ctl_caps_parse, { "rate" }, NULL, NULL },
	{ ctl_caps_parse, { "rate", "1", "2" }, NULL, NULL },
	{ ctl_caps_parse, { "rate", "\xff" }, NULL, NULL },
};

static void
assert_parses(const struct parse_row *r)
{
	json_t *args = json_object();
	int count = 0;
	char *got;

	while (count < 3 && r->word[count] != NULL)
		count++;
	if (r->deadline != NULL)
		json_object_set_new(args, "deadline", json_string(r->deadline));
	if (r->args == NULL) {
		assert_int_equal(
		    r->parse(args, count, (char **)r->word), EINVAL);
	} else {
		assert_int_equal(r->parse(args, count, (char **)r->word), 0);
		got = json_dumps(args, JSON_COMPACT | JSON_SORT_KEYS);
		assert_string_equal(got, r->args);
		free(got);
	}
	json_decref(args);
}

static void
test_words_become_a_request_or_wrong_usage(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parse_rows) / sizeof(*parse_rows); i++)
		assert_parses(&parse_rows[i]);
}

/* ---- */

struct print_row {
	print_fn *print;
	const char *answer;
	const char *shown[3];
};

static const struct print_row print_rows[] = {
	{ ctl_relay_print,
	    "{\"operator\":false,\"relay\":false,\"by\":\"operator\","
	    "\"reason\":\"uid 0\",\"allocations\":12,\"deadline_ms\":0,"
	    "\"alarm\":\"\"}",
	    { "relaying is off", "12 allocations end now" } },
	{ ctl_relay_print,
	    "{\"operator\":false,\"relay\":false,\"by\":\"operator\","
	    "\"reason\":\"uid 0\",\"allocations\":12,\"deadline_ms\":90000,"
	    "\"alarm\":\"not stored\"}",
	    { "12 allocations are left, for 1 min 30 s at most",
		"ALARM: not stored" } },
	{ ctl_relay_print,
	    "{\"operator\":true,\"relay\":false,\"by\":\"site\","
	    "\"reason\":\"noc\",\"allocations\":0,\"deadline_ms\":0,"
	    "\"alarm\":\"\"}",
	    { "stays off by site: noc" } },
	{ ctl_relay_print,
	    "{\"operator\":true,\"relay\":true,\"by\":null,\"reason\":\"\","
	    "\"allocations\":0,\"deadline_ms\":0,\"alarm\":\"\"}",
	    { "relaying is on\n" } },
	{ ctl_drain_print,
	    "{\"draining\":true,\"allocations\":3,\"left_ms\":299001}",
	    { "3 allocations are left, ends in 5 min 0 s at most" } },
	{ ctl_drain_print, "{\"draining\":false}", { "serves on" } },
	{ ctl_caps_print,
	    "{\"changes\":[\"caps.rate: 2Mbit/s -> 1Mbit/s\"],"
	    "\"rate_bit_s\":500000,\"rate_by\":\"site\","
	    "\"rate_reason\":\"noc\",\"live\":{\"rate\":\"1Mbit/s\"}}",
	    { "caps.rate: 2Mbit/s -> 1Mbit/s\n",
		"500 kbit/s each way holds, by site: noc",
		"caps { rate = \"1Mbit/s\" }" } },
	{ ctl_caps_print,
	    "{\"changes\":[],\"rate_bit_s\":null,\"rate_by\":null,"
	    "\"rate_reason\":\"\",\"live\":{}}",
	    { "nothing changed" } },
	{ ctl_caps_print,
	    "{\"effective\":{\"relay\":false,\"relay_by\":\"drain\","
	    "\"relay_reason\":\"way down\",\"rate_bit_s\":1000000,"
	    "\"rate_by\":\"schedule\",\"rate_reason\":\"night\"},"
	    "\"burst_bytes\":5000,\"use\":{\"in_bit_s\":400000,"
	    "\"out_bit_s\":0},\"headroom\":{\"in_bit_s\":600000,"
	    "\"out_bit_s\":1000000},\"users\":{\"known\":5,\"active\":4,"
	    "\"held_back\":2,\"share_bit_s\":250000},"
	    "\"dropped\":{\"share\":77},\"limits\":{\"rate\":\"2Mbit/s\"},"
	    "\"live\":{\"rate\":\"2Mbit/s\"},\"says\":[]}",
	    { "OFF by drain: way down",
		"1.00 Mbit/s each way, burst 5.00 kB, by schedule: night",
		"5, 4 active, 2 held back, fair share 250 kbit/s" } },
	{ ctl_caps_print,
	    "{\"use\":{\"in_bit_s\":400000},\"headroom\":"
	    "{\"in_bit_s\":600000},\"dropped\":{\"share\":77},"
	    "\"limits\":{\"rate\":\"2Mbit/s\"},"
	    "\"live\":{\"rate\":\"2Mbit/s\"}}",
	    { "400 kbit/s, 600 kbit/s left", "77 packets, share",
		"until a reload" } },
};

static void
assert_shows(const struct print_row *r)
{
	json_t *answer = json_loads(r->answer, 0, NULL);
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(answer);
	assert_non_null(f);
	r->print(f, answer);
	fclose(f);
	for (size_t i = 0; i < 3 && r->shown[i] != NULL; i++)
		if (strstr(text, r->shown[i]) == NULL)
			fail_msg("no '%s' in: %s", r->shown[i], text);
	free(text);
	json_decref(answer);
}

static void
test_answers_read_as_people_ask(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(print_rows) / sizeof(*print_rows); i++)
		assert_shows(&print_rows[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_become_a_request_or_wrong_usage),
		cmocka_unit_test(test_answers_read_as_people_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
