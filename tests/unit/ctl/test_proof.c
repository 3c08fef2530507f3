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

typedef void print_fn(FILE *out, const json_t *answer);

/* What print makes of the answer in text; the caller's. */
static char *
printed(print_fn *print, const char *text)
{
	json_t *answer = json_loads(text, 0, NULL);
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	assert_non_null(answer);
	assert_non_null(f);
	print(f, answer);
	fclose(f);
	json_decref(answer);
	return out;
}

static void
shows(print_fn *print, const char *answer, const char *want)
{
	char *got = printed(print, answer);

	if (strstr(got, want) == NULL)
		fail_msg("no \"%s\" in:\n%s", want, got);
	free(got);
}

static void
test_words_behind_the_verbs(void **state)
{
	char key[] = "key", refresh[] = "refresh", other[] = "other";
	char *one[] = { key }, *two[] = { refresh, other };
	json_t *args = json_object();

	(void)state;
	assert_int_equal(ctl_audit_parse(args, 0, NULL), 0);
	assert_int_equal(json_object_size(args), 0);
	assert_int_equal(ctl_audit_parse(args, 1, one), 0);
	assert_int_equal(ctl_audit_parse(args, 1, two), EINVAL);
	assert_int_equal(ctl_audit_parse(args, 2, two), EINVAL);
	assert_int_equal(ctl_policy_parse(args, 0, NULL), 0);
	assert_int_equal(ctl_policy_parse(args, 1, two), 0);
	assert_true(json_is_true(json_object_get(args, "refresh")));
	assert_int_equal(ctl_policy_parse(args, 2, two), EINVAL);
	assert_int_equal(ctl_policy_parse(args, 1, one), EINVAL);
	assert_int_equal(ctl_explain_parse(args, 0, NULL), EINVAL);
	assert_int_equal(ctl_explain_parse(args, 2, two), EINVAL);
	assert_int_equal(ctl_explain_parse(args, 1, two), 0);
	assert_string_equal(
	    json_string_value(json_object_get(args, "what")), "refresh");
	json_decref(args);
}

static void
test_a_policy_says_what_was_found_and_its_effect(void **state)
{
	(void)state;
	shows(ctl_policy_print,
	    "{\"sites\":[{\"site\":\"a.example\",\"where\":\"DNS\","
	    "\"heard\":0,\"trouble\":\"Timeout\"}],"
	    "\"word\":{\"relay\":true},\"effect\":{\"relay\":true}}",
	    "not heard yet");
	shows(ctl_policy_print,
	    "{\"sites\":[{\"site\":\"a.example\",\"where\":\"DNS\","
	    "\"heard\":5,\"found\":true,\"relay\":true,"
	    "\"month\":\"1TB\"}],\"word\":{\"relay\":false},"
	    "\"effect\":{\"relay\":false,\"relay_reason\":\"why\"}}",
	    "at most 1TB a month");
	shows(ctl_policy_print,
	    "{\"sites\":[],\"word\":{\"relay\":false},"
	    "\"effect\":{\"relay\":false,\"relay_reason\":\"why\"}}",
	    "nothing is relayed (why)");
	shows(ctl_policy_print,
	    "{\"sites\":[],\"word\":{\"relay\":true},"
	    "\"effect\":{\"relay\":true}}",
	    "no network is asked");
}

static void
test_an_audit_log_says_how_it_is(void **state)
{
	(void)state;
	shows(ctl_audit_print, "{\"file\":\"\"}", "no audit log");
	shows(ctl_audit_print,
	    "{\"file\":\"/a\",\"key\":\"00ff\",\"show\":\"key\"}", "00ff\n");
	shows(ctl_audit_print,
	    "{\"file\":\"/a\",\"lines\":1234,\"failing\":\"No space\","
	    "\"stops_relaying\":false}",
	    "lines are being lost");
	shows(ctl_audit_print,
	    "{\"file\":\"/a\",\"failing\":\"No space\","
	    "\"stops_relaying\":true}",
	    "nothing is relayed");
	shows(ctl_audit_print, "{\"file\":\"/a\",\"lines\":1234}", "1 234");
}

static void
test_an_explanation_shows_no_control_characters(void **state)
{
	static const char answer[] =
	    "{\"allocations\":[{\"id\":7,\"user\":\"a\\u001b[2J\","
	    "\"client\":\"192.0.2.1:5\",\"transport\":\"udp\","
	    "\"dropped\":3,\"drops\":[{\"reason\":\"no_channel\","
	    "\"meaning\":\"it is not bound\",\"packets\":3}]}],"
	    "\"refusals\":[{\"age_s\":61,\"client\":\"192.0.2.1:5\","
	    "\"user\":\"b\\u001b[2J\",\"is_proved\":false,"
	    "\"request\":\"Allocate\",\"code\":401,"
	    "\"meaning\":\"Unauthorized\",\"reason\":\"wrong_password\","
	    "\"times\":2}],\"host\":{\"relay\":true}}";
	char *got = printed(ctl_explain_print, answer);

	(void)state;
	assert_null(strchr(got, '\x1b'));
	free(got);
	shows(ctl_explain_print, answer, "it is not bound");
	shows(ctl_explain_print, answer, "1 min 1 s ago");
	shows(ctl_explain_print, answer, "401 Unauthorized (wrong_password)");
	shows(ctl_explain_print, answer, "2 times");
}

static void
test_nothing_to_explain_is_said(void **state)
{
	(void)state;
	shows(ctl_explain_print,
	    "{\"allocations\":[],\"refusals\":[],\"host\":{\"relay\":false,"
	    "\"relay_reason\":\"why\"},\"as_peer\":\"allowed\"}",
	    "relays nothing now: why");
	shows(ctl_explain_print,
	    "{\"allocations\":[],\"refusals\":[],\"host\":{},"
	    "\"account\":{\"state\":\"barred\",\"dropped\":0}}",
	    "barred: a quota is used up");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_behind_the_verbs),
		cmocka_unit_test(
		    test_a_policy_says_what_was_found_and_its_effect),
		cmocka_unit_test(test_an_audit_log_says_how_it_is),
		cmocka_unit_test(
		    test_an_explanation_shows_no_control_characters),
		cmocka_unit_test(test_nothing_to_explain_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
