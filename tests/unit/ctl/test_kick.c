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

static void
test_words_become_a_request_or_wrong_usage(void **state)
{
	static const struct {
		const char *word[3];
		const char *given; /* --for; NULL: not */
		const char *args;  /* of the request; NULL: wrong usage */
	} rows[] = {
		{ { "alice" }, NULL, "{\"name\":\"alice\"}" },
		{ { "alice" }, "1h",
		    "{\"for_ms\":3600000,\"name\":\"alice\"}" },
		{ { "alice" }, "0s", "{\"for_ms\":0,\"name\":\"alice\"}" },
		{ { "alice" }, "1", NULL },
		{ { "alice" }, "", NULL },
		{ { "alice", "bob" }, NULL, NULL },
		{ { NULL }, NULL, NULL },
		{ { "\xff" }, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *args = json_object();
		int count = 0, rc;
		char *got;

		while (rows[i].word[count] != NULL)
			count++;
		if (rows[i].given != NULL)
			json_object_set_new(
			    args, "for", json_string(rows[i].given));
		rc = ctl_kick_parse(args, count, (char **)rows[i].word);
		assert_int_equal(rc, rows[i].args != NULL ? 0 : EINVAL);
		got = json_dumps(args, JSON_COMPACT | JSON_SORT_KEYS);
		if (rc == 0)
			assert_string_equal(got, rows[i].args);
		free(got);
		json_decref(args);
	}
}

static void
test_answers_read_as_people_ask(void **state)
{
	static const struct {
		const char *answer, *text;
	} rows[] = {
		{ "{\"sessions\":1,\"allocations\":2,\"until\":null}",
		    "1 session and 2 allocations ended; may come back\n" },
		{ "{\"sessions\":0,\"allocations\":1,\"until\":1700000000}",
		    "0 sessions and 1 allocation ended; kept out until "
		    "2023-11-14 22:13:20 UTC\n" },
		{ "{\"sessions\":0,\"allocations\":0,\"until\":1700000000,"
		  "\"warning\":\"w\"}",
		    "0 sessions and 0 allocations ended; kept out until "
		    "2023-11-14 22:13:20 UTC\nWARNING: w\n" },
	};

	(void)state;
	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *answer = json_loads(rows[i].answer, 0, NULL);
		char *text = NULL;
		size_t size;
		FILE *f = open_memstream(&text, &size);

		assert_non_null(answer);
		ctl_kick_print(f, answer);
		fclose(f);
		assert_string_equal(text, rows[i].text);
		free(text);
		json_decref(answer);
	}
}

static void
test_status_shows_issuers_and_who_is_out(void **state)
{
	json_t *answer =
	    json_loads("{\"issuers\":[{\"name\":\"login\",\"keys\":2,"
		       "\"age_s\":61,\"fault\":\"\"},"
		       "{\"name\":\"oidc\",\"keys\":0,\"age_s\":null,"
		       "\"fault\":\"no answer\"}],"
		       "\"barred\":[{\"name\":\"a\",\"until\":1}]}",
		0, NULL);
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(answer);
	ctl_status_print(f, answer);
	fclose(f);
	assert_non_null(strstr(text, "login: 2 keys, 1 min 1 s old\n"));
	assert_non_null(strstr(text, "oidc: NO KEYS; FAILS: no answer\n"));
	assert_non_null(strstr(text, "1 names (kick --for)"));
	free(text);
	json_decref(answer);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_become_a_request_or_wrong_usage),
		cmocka_unit_test(test_answers_read_as_people_ask),
		cmocka_unit_test(test_status_shows_issuers_and_who_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
