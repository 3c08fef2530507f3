#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/chain.h"
#include "common/mem.h"
#include "relay/audit.h"
#include "relay/snapshot.h"

enum { THREADS = 4, EACH = 2000, FLOOD = 3 * AUDIT_ROOM };

static char dir[64], path[96], other[96], why[256];
static struct snapshot conf;

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/audit.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/audit.log", dir);
	snprintf(other, sizeof(other), "%s/other.log", dir);
	conf = (struct snapshot){ .node.state = dir, .audit.file = path };
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static struct audit *
begin(void)
{
	struct audit *a = NULL;

	assert_int_equal(audit_open(&a, &conf, why, sizeof(why)), 0);
	return a;
}

static json_t *
parse(const char *line)
{
	json_t *j = json_loads(line, 0, NULL);

	assert_non_null(j);
	return j;
}

/* The lines of event in a good log, an array; last is the last one's seq. */
static json_t *
events(const char *name, const char *event, uint64_t *last)
{
	FILE *in = fopen(name, "r");
	json_t *all = json_array();
	struct chain_check k;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	assert_non_null(in);
	chain_check_init(&k, NULL);
	while ((n = getline(&line, &room, in)) > 0) {
		json_t *j;

		assert_int_equal(
		    chain_check_line(&k, line, (size_t)n - 1), CHAIN_GOOD);
		line[n - 1] = '\0';
		j = parse(line);
		if (strcmp(json_string_value(json_object_get(j, "event")),
			event) == 0)
			json_array_append(all, j);
		json_decref(j);
	}
	if (last != NULL)
		*last = k.at.seq;
	free(line);
	fclose(in);
	return all;
}

static unsigned
count(const char *name, const char *event)
{
	json_t *all = events(name, event, NULL);
	const unsigned n = (unsigned)json_array_size(all);

	json_decref(all);
	return n;
}

static void
one(struct audit *a, const char *user)
{
	struct addr client, relayed;
	const struct audit_session s = { .id = 7,
		.user = user,
		.user_len = strlen(user),
		.transport = "udp",
		.client = &client,
		.relayed = { &relayed } };

	assert_int_equal(addr_parse(&client, "192.0.2.1:1000"), 0);
	assert_int_equal(addr_parse(&relayed, "192.0.2.9:50000"), 0);
	audit_opened(a, &s);
}

static const char *
member(const json_t *all, size_t i, const char *name)
{
	return json_string_value(json_object_get(json_array_get(all, i), name));
}

static void
test_what_was_handed_over_is_written_before_the_end(void **state)
{
	struct audit *a = begin();

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		one(a, "alice");
	audit_event(a, "relay", json_pack("{s:b,s:i}", "on", 0, "uid", 1000));
	audit_close(a);
	assert_int_equal(count(path, "opened"), 100);
	assert_int_equal(count(path, "relay"), 1);
	assert_int_equal(count(path, "start"), 1);
	assert_int_equal(count(path, "end"), 1);
}

static void *
write_many(void *arg)
{
	for (unsigned i = 0; i < EACH; i++)
		one(arg, "alice");
	return NULL;
}

static void
test_many_threads_write_one_chain(void **state)
{
	struct audit *a = begin();
	pthread_t thread[THREADS];
	struct audit_view v;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, write_many, a), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	audit_view(a, &v);
	assert_int_equal(v.failing, 0);
	audit_close(a);
	assert_int_equal(count(path, "opened"), THREADS * EACH);
}

/* Nobody waits, and every record is a line or told as lost. */
static void
test_a_flood_is_counted(void **state)
{
	struct audit *a = begin();
	uint64_t told = 0;
	json_t *lost;

	(void)state;
	for (unsigned i = 0; i < FLOOD; i++)
		one(a, "alice");
	audit_close(a);
	lost = events(path, "lost", NULL);
	for (size_t i = 0; i < json_array_size(lost); i++)
		told += (uint64_t)json_integer_value(
		    json_object_get(json_array_get(lost, i), "count"));
	json_decref(lost);
	assert_int_equal(count(path, "opened") + told, FLOOD);
}

static void
test_nothing_is_made_when_it_is_off(void **state)
{
	struct audit_view v;
	struct audit *a;

	(void)state;
	conf.audit.file = (char *)"";
	a = begin();
	one(a, "alice");
	audit_event(a, "relay", json_object());
	audit_event(NULL, "relay", json_object());
	audit_view(a, &v);
	assert_false(v.is_on);
	audit_close(a);
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/audit.key", dir);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void
test_subjects_are_shown_as_configured(void **state)
{
	struct audit *a = begin();
	json_t *all;

	(void)state;
	one(a, "alice");
	one(a, "\xff\xfe");
	audit_close(a);
	conf.audit.subjects = SNAPSHOT_SUBJECTS_HASHED;
	conf.audit.file = other;
	a = begin();
	one(a, "alice");
	one(a, "bob");
	one(a, "alice");
	audit_event(a, "quota",
	    json_pack("{s:s,s:s,s:i}", "user", "alice", "address",
		"192.0.2.1:9", "uid", 5));
	audit_close(a);
	all = events(path, "opened", NULL);
	assert_string_equal(member(all, 0, "user"), "alice");
	assert_string_equal(member(all, 0, "client"), "192.0.2.1:1000");
	assert_string_equal(member(all, 1, "user"), "??");
	json_decref(all);
	all = events(other, "opened", NULL);
	assert_string_not_equal(member(all, 0, "user"), "alice");
	assert_string_not_equal(member(all, 0, "user"), member(all, 1, "user"));
	assert_string_equal(member(all, 0, "user"), member(all, 2, "user"));
	/* the same on an event, the port does not count */
	{
		json_t *quota = events(other, "quota", NULL);

		assert_string_equal(
		    member(quota, 0, "user"), member(all, 0, "user"));
		assert_string_equal(
		    member(quota, 0, "address"), member(all, 0, "client"));
		assert_int_equal(json_integer_value(json_object_get(
				     json_array_get(quota, 0), "uid")),
		    5);
		json_decref(quota);
	}
	json_decref(all);
}

/* A user whose name is the bytes of an address is not that address. */
static void
test_pseudonyms_of_users_and_addresses_differ(void **state)
{
	struct audit *a;
	json_t *all;

	(void)state;
	conf.audit.subjects = SNAPSHOT_SUBJECTS_HASHED;
	a = begin();
	one(a, "\300\1\2\1"); /* 192.1.2.1 */
	audit_event(a, "quota", json_pack("{s:s}", "address", "192.1.2.1"));
	audit_close(a);
	all = events(path, "opened", NULL);
	{
		json_t *quota = events(path, "quota", NULL);

		assert_string_not_equal(strchr(member(all, 0, "user"), ':'),
		    strchr(member(quota, 0, "address"), ':'));
		json_decref(quota);
	}
	json_decref(all);
}

static void
test_hidden_subjects_do_not_stand_in_it(void **state)
{
	struct audit *a;
	json_t *all;

	(void)state;
	conf.audit.subjects = SNAPSHOT_SUBJECTS_NONE;
	a = begin();
	one(a, "alice");
	audit_event(
	    a, "quota", json_pack("{s:s,s:s}", "user", "alice", "why", "80 %"));
	audit_close(a);
	all = events(path, "opened", NULL);
	assert_null(member(all, 0, "user"));
	assert_null(member(all, 0, "client"));
	json_decref(all);
	all = events(path, "quota", NULL);
	assert_null(member(all, 0, "user"));
	assert_string_equal(member(all, 0, "why"), "80 %");
	json_decref(all);
}

static void
test_no_detail_can_stand_for_the_chain(void **state)
{
	struct audit *a = begin();

	(void)state;
	audit_event(a, "relay",
	    json_pack("{s:i,s:s,s:s,s:s,s:i}", "seq", 1, "time", "now", "event",
		"none", "hash", "0", "uid", 5));
	audit_close(a);
	assert_int_equal(count(path, "relay"), 1);
}

static void
test_a_reload_goes_on_in_another_file(void **state)
{
	struct audit *a = begin();
	uint64_t last, more;
	json_t *all;

	(void)state;
	one(a, "alice");
	conf.audit.file = other;
	assert_int_equal(audit_may_apply(a, &conf, why, sizeof(why)), 0);
	audit_apply(a, &conf);
	one(a, "alice");
	audit_close(a);
	json_decref(events(path, "end", &last));
	all = events(other, "open", &more);
	assert_int_equal(
	    json_integer_value(json_object_get(json_array_get(all, 0), "seq")),
	    last + 1);
	json_decref(all);
	assert_true(more > last);
	assert_int_equal(count(path, "opened") + count(other, "opened"), 2);
}

static void
test_switching_it_off_and_on_loses_nothing(void **state)
{
	struct audit *a = begin();

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		audit_event(a, "relay", json_object());
		conf.audit.file = (char *)"";
		audit_apply(a, &conf);
		audit_event(a, "quota", json_object()); /* it is off */
		conf.audit.file = path;
		audit_apply(a, &conf);
	}
	audit_close(a);
	assert_int_equal(count(path, "relay"), 50);
}

static void
test_a_file_that_cannot_be_is_refused(void **state)
{
	struct audit *a = begin();

	(void)state;
	conf.audit.file = (char *)"/nonexistent/audit.log";
	assert_int_equal(audit_may_apply(a, &conf, why, sizeof(why)), ENOENT);
	assert_non_null(strstr(why, "/nonexistent/audit.log"));
	audit_close(a);
	assert_int_equal(audit_open(&a, &conf, why, sizeof(why)), ENOENT);
	assert_non_null(strstr(why, "/nonexistent/audit.log"));
}

static void
test_short_memory_refuses_the_start(void **state)
{
	struct audit *a = NULL;
	int rc;

	(void)state;
	for (long n = 0;; n++) {
		mem_fail_at(n);
		rc = audit_open(&a, &conf, why, sizeof(why));
		mem_fail_at(-1);
		if (rc == 0)
			break;
		assert_int_equal(rc, ENOMEM);
	}
	audit_close(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_handed_over_is_written_before_the_end),
		TEST(test_many_threads_write_one_chain),
		TEST(test_a_flood_is_counted),
		TEST(test_nothing_is_made_when_it_is_off),
		TEST(test_subjects_are_shown_as_configured),
		TEST(test_pseudonyms_of_users_and_addresses_differ),
		TEST(test_hidden_subjects_do_not_stand_in_it),
		TEST(test_no_detail_can_stand_for_the_chain),
		TEST(test_a_reload_goes_on_in_another_file),
		TEST(test_switching_it_off_and_on_loses_nothing),
		TEST(test_a_file_that_cannot_be_is_refused),
		TEST(test_short_memory_refuses_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
