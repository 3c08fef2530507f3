#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/ctl.h"

static char *
print(void (*fn)(FILE *out, const json_t *answer), const char *text)
{
	json_t *answer = json_loads(text, 0, NULL);
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(answer);
	fn(f, answer);
	fclose(f);
	json_decref(answer);
	return out;
}

#define USE(used)                                                        \
	"{\"used\":" used ",\"limit\":2000000,\"left\":500000,\"percent" \
	"\":75.0}"
#define NONE "{\"used\":7,\"limit\":null,\"left\":null,\"percent\":null}"

static void
test_periods_networks_and_users_are_tables(void **state)
{
	char *text = print(ctl_quota_print,
	    "{\"state\":\"open\",\"reason\":\"\",\"at_quota\":\"trickle\","
	    "\"ledger\":{\"fault\":null},\"periods\":[{\"period\":\"day\","
	    "\"begin\":\"B\",\"end\":\"E\",\"used\":1500000,"
	    "\"limit\":2000000,\"left\":500000,\"percent\":75.0,"
	    "\"forecast\":{\"text\":\"lasts\"}}],"
	    "\"networks\":[{\"name\":\"campus\",\"day\":" NONE
	    ",\"month\":" NONE "}],"
	    "\"users\":[{\"name\":\"alice\",\"day\":" USE(
		"1500000") ",\"month\":" NONE "}],\"users_total\":3}");

	(void)state;
	assert_string_equal(text,
	    "HOST  BEGAN  ENDS     USED    QUOTA    LEFT  USED%  FORECAST\n"
	    "day   B      E     1.50 MB  2.00 MB  500 kB  75.0%  lasts\n"
	    "\n"
	    "NETWORK  PERIOD  USED  QUOTA  LEFT  USED%\n"
	    "campus   day      7 B      -     -      -\n"
	    "         month    7 B      -     -      -\n"
	    "\n"
	    "USER   PERIOD     USED    QUOTA    LEFT  USED%\n"
	    "alice  day     1.50 MB  2.00 MB  500 kB  75.0%\n"
	    "       month       7 B        -       -      -\n"
	    "... 1 of 3 users shown\n");
	free(text);
}

static void
test_what_is_used_up_and_what_failed_comes_first(void **state)
{
	char *text = print(ctl_quota_print,
	    "{\"state\":\"used-up\",\"reason\":\"until then\",\"at_quota\":"
	    "\"off\",\"ledger\":{\"fault\":\"disk\"},\"periods\":[],"
	    "\"networks\":[],\"users\":[],\"users_total\":0}");

	(void)state;
	assert_ptr_equal(
	    strstr(text, "USED UP (at-quota = off): until then\n"), text);
	assert_non_null(strstr(text, "ALARM: disk\n"));
	free(text);
}

#define ROW(bytes)                                                        \
	"{\"in\":1000,\"out\":234,\"bytes\":" bytes ",\"counted\":" bytes \
	",\"carried\":0,\"name\":\"a\"}"

static void
test_a_report_can_be_attached(void **state)
{
	char *text = print(ctl_report_print,
	    "{\"month\":\"2026-10\",\"node\":\"sn1\",\"begin\":\"B\","
	    "\"end\":\"E\",\"complete\":true,\"contact\":\"noc@x\","
	    "\"quota\":5000,\"networks\":[" ROW("1234") "],\"users\":[" ROW(
		"1234") "],\"others\":" ROW("1234") ",\"unattributed\""
						    ":" ROW(
							"1234") ",\"tot"
								"al\""
								":" ROW(
								    "4936") "}");

	(void)state;
	assert_string_equal(text,
	    "Traffic relayed by sn1 in 2026-10\n"
	    "from B\n"
	    "to   E\n"
	    "contact: noc@x\n"
	    "\n"
	    "By network (a packet between two counts to both)\n"
	    "  NETWORK  BYTES IN  BYTES OUT  BYTES\n"
	    "  a           1 000        234  1 234\n"
	    "\n"
	    "By user\n"
	    "  USER           BYTES IN  BYTES OUT  BYTES\n"
	    "  a                 1 000        234  1 234\n"
	    "  (other users)     1 000        234  1 234\n"
	    "  (of no user)      1 000        234  1 234\n"
	    "  total             1 000        234  4 936\n"
	    "\n"
	    "Counted to the quota: 4 936 B of 5 000 B\n"
	    "Bytes are those of IP packets, headers included.\n");
	free(text);
}

static const char *
month_of(json_t *args)
{
	return json_string_value(json_object_get(args, "month"));
}

static void
test_a_month_may_stand_behind_the_option_or_not_at_all(void **state)
{
	char *words[] = { (char *)"2026-10", (char *)"x" };
	json_t *args = json_object();

	(void)state;
	assert_int_equal(ctl_report_parse(args, 0, NULL), 0);
	assert_null(month_of(args));
	json_object_set_new(args, "month", json_true());
	assert_int_equal(ctl_report_parse(args, 0, NULL), 0);
	assert_null(json_object_get(args, "month"));
	assert_int_equal(ctl_report_parse(args, 2, words), EINVAL);
	assert_int_equal(ctl_report_parse(args, 1, words), 0);
	assert_string_equal(month_of(args), "2026-10");
	assert_int_equal(ctl_report_parse(args, 0, NULL), 0);
	assert_string_equal(month_of(args), "2026-10");
	assert_int_equal(ctl_report_parse(args, 1, words), EINVAL);
	json_decref(args);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_periods_networks_and_users_are_tables),
		cmocka_unit_test(
		    test_what_is_used_up_and_what_failed_comes_first),
		cmocka_unit_test(test_a_report_can_be_attached),
		cmocka_unit_test(
		    test_a_month_may_stand_behind_the_option_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
