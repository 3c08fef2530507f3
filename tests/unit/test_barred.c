#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mem.h"
#include "relay/barred.h"

enum { NOW = 1700000000, THREADS = 4 };

static struct {
	char top[64];
	char dir[80]; /* made by barred */
	char path[96];
	struct barred *b;
} bed;

static int
set_up(void **state)
{
	(void)state;
	strcpy(bed.top, "/tmp/test_barred.XXXXXX");
	if (mkdtemp(bed.top) == NULL)
		return -1;
	snprintf(bed.dir, sizeof(bed.dir), "%s/state", bed.top);
	snprintf(bed.path, sizeof(bed.path), "%s/barred", bed.dir);
	bed.b = barred_new(bed.dir, NOW);
	return bed.b != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	barred_free(bed.b);
	unlink(bed.path);
	rmdir(bed.dir);
	return rmdir(bed.top);
}

static int
set(const char *name, int64_t until_s)
{
	return barred_set(bed.b, name, strlen(name), until_s, NOW);
}

static int64_t
until(const char *name, int64_t now_s)
{
	return barred_until(bed.b, name, strlen(name), now_s);
}

static void
reopen(int64_t now_s)
{
	barred_free(bed.b);
	bed.b = barred_new(bed.dir, now_s);
	assert_non_null(bed.b);
}

static void
test_a_name_stays_out_until_its_time(void **state)
{
	(void)state;
	assert_int_equal(until("alice", NOW), 0);
	assert_int_equal(set("alice", NOW + 10), 0);
	assert_int_equal(until("alice", NOW), NOW + 10);
	assert_int_equal(until("alice", NOW + 9), NOW + 10);
	assert_int_equal(until("alice", NOW + 10), 0);
	assert_int_equal(until("alic", NOW), 0);
	assert_int_equal(until("alice2", NOW), 0);
	assert_int_equal(barred_until(NULL, "alice", 5, NOW), 0);
}

static void
test_a_later_word_replaces_an_earlier_one(void **state)
{
	(void)state;
	assert_int_equal(set("alice", NOW + 10), 0);
	assert_int_equal(set("alice", NOW + 5), 0);
	assert_int_equal(until("alice", NOW), NOW + 5);
	assert_int_equal(set("alice", NOW), 0);
	assert_int_equal(until("alice", NOW), 0);
	assert_int_equal(set("alice", NOW), ENOENT);
}

static void
test_names_outlive_a_restart(void **state)
{
	(void)state;
	assert_int_equal(set("alice", NOW + 10), 0);
	assert_int_equal(set("b\"\xc3\xb6\\", NOW + 20), 0);
	reopen(NOW + 1);
	assert_int_equal(until("alice", NOW + 1), NOW + 10);
	assert_int_equal(until("b\"\xc3\xb6\\", NOW + 1), NOW + 20);
	/* those whose time is over are not taken up again */
	reopen(NOW + 10);
	assert_int_equal(until("alice", NOW), 0);
	assert_int_equal(until("b\"\xc3\xb6\\", NOW), NOW + 20);
}

static void
write_file(const char *text)
{
	FILE *f;

	mkdir(bed.dir, 0750);
	f = fopen(bed.path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
test_a_damaged_file_is_no_reason_not_to_start(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "7",
		"{\"a\":1800000000,\"a\":1800000000}", "{\"\":1800000000}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_file(bad[i]);
		reopen(NOW);
		assert_int_equal(until("a", NOW), 0);
	}
	write_file("{\"a\":1800000000,\"b\":\"x\"}");
	reopen(NOW);
	assert_int_equal(until("a", NOW), 1800000000);
}

static void
test_names_are_bounded(void **state)
{
	char name[BARRED_NAME_MAX + 2];

	(void)state;
	assert_int_equal(set("", NOW + 1), EINVAL);
	memset(name, 'n', sizeof(name));
	assert_int_equal(
	    barred_set(bed.b, name, BARRED_NAME_MAX + 1, NOW + 1, NOW), EINVAL);
	assert_int_equal(
	    barred_set(bed.b, name, BARRED_NAME_MAX, NOW + 1, NOW), 0);
	assert_int_equal(barred_set(bed.b, "a\0b", 3, NOW + 1, NOW), EINVAL);
}

/* Filled by a file: 4096 calls would sync as often. */
static void
test_as_many_names_as_fit_stay_out(void **state)
{
	char *text = malloc(BARRED_NAMES_MAX * 32), *at = text;
	json_t *all;

	(void)state;
	for (unsigned i = 0; i < BARRED_NAMES_MAX; i++)
		at += sprintf(
		    at, "%s\"n%u\":%d", i == 0 ? "{" : ",", i, NOW + 10);
	strcpy(at, "}");
	write_file(text);
	free(text);
	reopen(NOW);
	assert_int_equal(until("n4095", NOW), NOW + 10);
	assert_int_equal(set("more", NOW + 10), ENOSPC);
	assert_int_equal(until("more", NOW), 0);
	all = barred_json(bed.b, NOW);
	assert_int_equal(json_array_size(all), BARRED_NAMES_MAX);
	json_decref(all);
	/* their time is over: there is room again */
	assert_int_equal(barred_set(bed.b, "more", 4, NOW + 20, NOW + 10), 0);
	all = barred_json(bed.b, NOW + 10);
	assert_int_equal(json_array_size(all), 1);
	json_decref(all);
}

static void
test_what_cannot_be_kept_holds_all_the_same(void **state)
{
	(void)state;
	assert_int_equal(mkdir(bed.dir, 0750), 0);
	assert_int_equal(mkdir(bed.path, 0750), 0);
	assert_int_not_equal(set("alice", NOW + 10), 0);
	assert_int_equal(until("alice", NOW), NOW + 10);
	rmdir(bed.path);
}

static void
test_every_failing_allocation_is_survived(void **state)
{
	struct barred *b = NULL;
	int rc = ENOMEM;

	(void)state;
	assert_int_equal(set("alice", NOW + 10), 0);
	for (long n = 0; b == NULL; n++) {
		mem_fail_at(n);
		b = barred_new(bed.dir, NOW);
		assert_true(n < 20);
	}
	for (long n = 0; rc != 0; n++) {
		mem_fail_at(n);
		rc = barred_set(b, "bob", 3, NOW + 10, NOW);
		assert_true(rc == 0 || rc == ENOMEM);
		assert_true(n < 20);
	}
	mem_fail_at(-1);
	barred_free(b);
}

static void *
ask(void *arg)
{
	int64_t seen = 0;

	(void)arg;
	while (seen == 0)
		seen = until("stop", NOW);
	return NULL;
}

static void
test_threads_ask_while_main_writes(void **state)
{
	pthread_t threads[THREADS];
	char name[16];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, ask, NULL);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_int_equal(set(name, NOW + 10), 0);
	}
	assert_int_equal(set("stop", NOW + 10), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

#define WITH_BED(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_BED(test_a_name_stays_out_until_its_time),
		WITH_BED(test_a_later_word_replaces_an_earlier_one),
		WITH_BED(test_names_outlive_a_restart),
		WITH_BED(test_a_damaged_file_is_no_reason_not_to_start),
		WITH_BED(test_names_are_bounded),
		WITH_BED(test_as_many_names_as_fit_stay_out),
		WITH_BED(test_what_cannot_be_kept_holds_all_the_same),
		WITH_BED(test_every_failing_allocation_is_survived),
		WITH_BED(test_threads_ask_while_main_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
