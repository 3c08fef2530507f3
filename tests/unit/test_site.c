#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/mem.h"
#include "relay/consent.h"
#include "relay/server.h"
#include "relay/site.h"
#include "relay/snapshot.h"

static char dir[64], file[96], store[96];
static struct snapshot conf;
static struct server server;

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
	snprintf(dir, sizeof(dir), "/tmp/site.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(file, sizeof(file), "%s/word", dir);
	snprintf(store, sizeof(store), "%s/site.json", dir);
	conf = (struct snapshot){ .node.state = dir, .policy.file = file };
	server = (struct server){ .conf = &conf,
		.base = event_base_new(),
		.consent = consent_new(on_effect, NULL) };
	return server.base != NULL && server.consent != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	site_free(server.site);
	consent_free(server.consent);
	event_base_free(server.base);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void
publish(const char *text)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
begin(void)
{
	assert_int_equal(site_open(&server), 0);
}

static const struct consent_say *
say(void)
{
	return consent_get(server.consent, CONSENT_SITE);
}

static json_t *
first(void)
{
	json_t *all = site_json(server.site);
	json_t *one =
	    json_incref(json_array_get(json_object_get(all, "sites"), 0));

	json_decref(all);
	assert_non_null(one);
	return one;
}

static void
test_a_word_holds_until_it_changes(void **state)
{
	(void)state;
	publish("v=supernode1; rate=5Mbit/s; month=7GB\n");
	begin();
	assert_true(say()->relay);
	assert_int_equal(say()->rate, 5000000);
	assert_int_equal(site_month(server.site), 7000000000);
	assert_non_null(strstr(say()->reason, "word"));
	publish("v=supernode1; relay=no\n");
	site_ask(server.site);
	assert_false(say()->relay);
	assert_int_equal(site_month(server.site), 0);
	unlink(file);
	site_ask(server.site);
	assert_true(say()->relay);
	assert_int_equal(say()->rate, 0);
}

static void
test_nobody_asked_says_nothing(void **state)
{
	(void)state;
	conf.policy.file = (char *)"";
	begin();
	assert_true(say()->relay);
	assert_int_equal(say()->rate, 0);
	assert_int_equal(site_month(server.site), 0);
	assert_int_equal(site_month(NULL), 0);
	assert_int_not_equal(access(store, F_OK), 0);
}

static void
test_what_is_not_understood_is_strict_and_told(void **state)
{
	json_t *one;

	(void)state;
	publish("v=supernode1; rate=fast\n");
	begin();
	assert_false(say()->relay);
	assert_non_null(strstr(say()->reason, "strictly"));
	one = first();
	assert_non_null(
	    strstr(json_string_value(json_object_get(one, "fault")), "rate"));
	json_decref(one);
}

static void
test_a_rate_below_a_packet_is_none(void **state)
{
	(void)state;
	publish("v=supernode1; rate=1bit/s\n");
	begin();
	assert_false(say()->relay);
}

static void
test_what_cannot_be_read_keeps_the_last_word(void **state)
{
	json_t *one;

	(void)state;
	publish("v=supernode1; relay=no\n");
	begin();
	unlink(file);
	assert_int_equal(mkdir(file, 0700), 0); /* EISDIR */
	site_ask(server.site);
	assert_false(say()->relay);
	one = first();
	assert_int_equal(
	    json_integer_value(json_object_get(one, "failures")), 1);
	assert_int_not_equal(
	    json_string_length(json_object_get(one, "trouble")), 0);
	json_decref(one);
	rmdir(file);
	site_ask(server.site);
	assert_true(say()->relay);
}

static void
test_the_last_word_outlives_a_restart(void **state)
{
	(void)state;
	publish("v=supernode1; relay=no\n");
	begin();
	site_free(server.site);
	unlink(file);
	assert_int_equal(mkdir(file, 0700), 0);
	begin();
	assert_false(say()->relay);
	assert_non_null(strstr(say()->reason, "allows no"));
}

static void
test_a_reload_forgets_nothing_even_without_a_disk(void **state)
{
	(void)state;
	conf.node.state = (char *)"/nonexistent/state";
	publish("v=supernode1; relay=no\n");
	begin();
	assert_false(say()->relay);
	unlink(file);
	assert_int_equal(mkdir(file, 0700), 0);
	site_configure(server.site);
	assert_false(say()->relay);
	assert_non_null(strstr(say()->reason, "allows no"));
	/* one that is no longer asked says nothing more */
	conf.policy.file = (char *)"";
	site_configure(server.site);
	assert_true(say()->relay);
}

static void
test_a_network_never_heard_is_waited_for(void **state)
{
	(void)state;
	assert_int_equal(mkdir(file, 0700), 0);
	begin();
	assert_false(say()->relay);
	assert_non_null(strstr(say()->reason, "is asked"));
	/* and once it has been heard, no more */
	rmdir(file);
	site_ask(server.site);
	assert_true(say()->relay);
}

static void
test_a_damaged_memory_is_none(void **state)
{
	FILE *f = fopen(store, "w");

	(void)state;
	assert_non_null(f);
	fputs("{\"x\":", f);
	fclose(f);
	assert_int_equal(mkdir(file, 0700), 0);
	begin();
	assert_non_null(strstr(say()->reason, "is asked"));
}

static void
test_short_memory_refuses_the_start(void **state)
{
	int rc;

	(void)state;
	publish("v=supernode1; relay=no\n");
	for (long n = 0;; n++) {
		mem_fail_at(n);
		rc = site_open(&server);
		mem_fail_at(-1);
		if (rc == 0)
			break;
		assert_int_equal(rc, ENOMEM);
		site_free(server.site);
		server.site = NULL;
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_word_holds_until_it_changes),
		TEST(test_nobody_asked_says_nothing),
		TEST(test_what_is_not_understood_is_strict_and_told),
		TEST(test_a_rate_below_a_packet_is_none),
		TEST(test_what_cannot_be_read_keeps_the_last_word),
		TEST(test_the_last_word_outlives_a_restart),
		TEST(test_a_reload_forgets_nothing_even_without_a_disk),
		TEST(test_a_network_never_heard_is_waited_for),
		TEST(test_a_damaged_memory_is_none),
		TEST(test_short_memory_refuses_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
