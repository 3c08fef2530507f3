#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mem.h"
#include "net/net.h"
#include "relay/audit.h"
#include "relay/live.h"
#include "relay/reload.h"
#include "relay/server.h"
#include "relay/snapshot.h"

#define FILE_TEXT(rate)                           \
	"node { workers = 1 }\n"                  \
	"relay { addresses = {\"127.0.0.1\"} }\n" \
	"auth { secret = {\"north\"} }\n"         \
	"caps { rate = \"" rate "\" burst = \"100ms\" }\n"

/* ---- what live stands on */

static struct {
	struct server server;
	char path[64];
	unsigned published;
	int rc; /* of publishing */
	unsigned audited;
	void *answered; /* the call */
	char text[LIVE_TEXT_MAX];
} bed;

int
reload_publish(struct server *s, const char *area, struct snapshot *conf,
    struct net_tls *tls)
{
	(void)area;
	assert_null(tls);
	if (bed.rc != 0) {
		snapshot_free(conf);
		return bed.rc;
	}
	snapshot_free(s->conf);
	s->conf = conf;
	bed.published++;
	return 0;
}

void
control_answer(struct control_call *call, json_t *answer)
{
	bed.answered = call;
	json_decref(answer);
}

struct net_tls *
net_tls_get(struct net_tls *t)
{
	return t;
}

void
audit_event(struct audit *a, const char *event, json_t *detail)
{
	(void)a;
	assert_string_equal(event, "caps");
	assert_non_null(detail);
	json_decref(detail);
	bed.audited++;
}

static void
put_file(const char *text)
{
	FILE *f = fopen(bed.path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int
set_up(void **state)
{
	char why[SNAPSHOT_ERROR_MAX];
	int fd;

	(void)state;
	memset(&bed, 0, sizeof(bed));
	strcpy(bed.path, "/tmp/test_live.XXXXXX");
	if ((fd = mkstemp(bed.path)) < 0)
		return -1;
	close(fd);
	put_file(FILE_TEXT("8Mbit/s"));
	bed.server.path = bed.path;
	return snapshot_load(&bed.server.conf, bed.path, why);
}

static int
tear_down(void **state)
{
	(void)state;
	mem_free(bed.server.live);
	snapshot_free(bed.server.conf);
	return unlink(bed.path);
}

static int
change(const char *key, const char *value)
{
	const struct live_order o = { key, value, { 1000, 42 } };

	bed.text[0] = '\0';
	return live_change(&bed.server, &o, bed.text);
}

static void
assert_live(const char *want)
{
	json_t *j = live_json(&bed.server);
	char *got = json_dumps(j, JSON_COMPACT);

	assert_string_equal(got, want);
	free(got);
	json_decref(j);
}

static const struct snapshot *
conf(void)
{
	return bed.server.conf;
}

/* ---- */

static void
test_a_change_holds_with_what_follows_from_it(void **state)
{
	(void)state;
	assert_int_equal(change("rate", "16Mbit/s"), 0);
	assert_int_equal(conf()->caps.rate, 16000000);
	assert_int_equal(conf()->caps.burst, 200000); /* 100 ms of it */
	assert_string_equal(bed.text,
	    "caps.rate: 8Mbit/s -> 16Mbit/s\n"
	    "caps.burst: 100kB -> 200kB\n");
	assert_live("{\"rate\":\"16Mbit/s\"}");
	assert_int_equal(bed.audited, 1);
}

static void
test_changes_add_up_and_the_last_of_a_key_holds(void **state)
{
	(void)state;
	assert_int_equal(change("rate", "1Mbit/s"), 0);
	assert_int_equal(change("allocations", "7"), 0);
	assert_int_equal(change("rate", "2Mbit/s"), 0);
	assert_int_equal(conf()->caps.rate, 2000000);
	assert_int_equal(conf()->caps.allocations, 7);
	assert_live("{\"rate\":\"2Mbit/s\",\"allocations\":\"7\"}");
	/* however often */
	for (int i = 0; i < 40; i++)
		assert_int_equal(
		    change("rate", i % 2 == 0 ? "3Mbit/s" : "4Mbit/s"), 0);
	assert_live("{\"rate\":\"4Mbit/s\",\"allocations\":\"7\"}");
	live_forget(&bed.server);
	assert_live("{}");
}

static void
test_what_does_not_load_changes_nothing(void **state)
{
	static const char *const bad[][2] = { { "rate", "fast" },
		{ "rate", "" }, { "rate", "1bit/s" }, { "burst", "1ms" },
		{ "allocations", "0" }, { "nothing", "1" }, { "", "1" },
		{ "rate", "1Mbit/s\" burst = \"1s" }, { "rate", "1Mbit/s\\" },
		{ "rate", "${HOME}" }, { "rate", "1\nMbit/s" },
		{ "rate", "1Mbit/s\xff" }, { "ra\nte", "1Mbit/s" },
		{ "rate",
		    "0000000000000000000000000000000000000000000000000000000000"
		    "1Mbit/s" } };
	const struct snapshot *before = conf();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(change(bad[i][0], bad[i][1]), EINVAL);
		assert_true(bed.text[0] != '\0');
		assert_null(strchr(bed.text, '\n'));
	}
	assert_ptr_equal(conf(), before);
	assert_int_equal(bed.published, 0);
	assert_int_equal(bed.audited, 0);
	assert_live("{}");
}

/* A change must not bring along what someone writes into the files. */
static void
test_files_that_changed_since_ask_for_a_reload(void **state)
{
	(void)state;
	put_file(FILE_TEXT("9Mbit/s"));
	assert_int_equal(change("allocations", "7"), EINVAL);
	assert_non_null(strstr(bed.text, "reload first: caps.rate"));
	assert_null(strchr(bed.text, '\n')); /* it goes into the log */
	assert_non_null(strstr(bed.text, "..."));
	put_file("nonsense");
	assert_int_equal(change("allocations", "7"), EINVAL);
	assert_non_null(strstr(bed.text, "do not load"));
	assert_int_equal(unlink(bed.path), 0);
	assert_int_equal(change("allocations", "7"), EINVAL);
	put_file(FILE_TEXT("8Mbit/s"));
	assert_int_equal(change("allocations", "7"), 0);
}

static void
test_changes_come_one_at_a_time(void **state)
{
	static int under_way;

	(void)state;
	bed.server.reload = (struct reload *)&under_way;
	assert_int_equal(change("rate", "1Mbit/s"), EBUSY);
	bed.server.reload = NULL;
	assert_int_equal(bed.published, 0);
	assert_int_equal(change("rate", "1Mbit/s"), 0);
}

static void
test_the_answer_waits_until_every_worker_has_it(void **state)
{
	static int call, under_way;
	json_t *answer = json_true();

	(void)state;
	live_applied(&bed.server); /* a reload: nobody waits */
	assert_null(bed.answered);
	bed.server.reload = (struct reload *)&under_way;
	live_answer(&bed.server, (struct control_call *)&call, answer);
	assert_null(bed.answered);
	live_applied(&bed.server);
	assert_ptr_equal(bed.answered, &call);
	bed.answered = NULL;
	live_applied(&bed.server); /* once */
	assert_null(bed.answered);
}

static void
test_what_is_not_published_is_not_live(void **state)
{
	(void)state;
	assert_int_equal(change("rate", "1Mbit/s"), 0);
	bed.rc = ENOMEM;
	assert_int_equal(change("rate", "2Mbit/s"), ENOMEM);
	assert_string_equal(bed.text, "out of memory");
	assert_live("{\"rate\":\"1Mbit/s\"}");
	assert_int_equal(bed.audited, 1);
}

static void
test_the_limits_show_as_they_stand_in_the_file(void **state)
{
	json_t *j;

	(void)state;
	assert_int_equal(change("allocations", "7"), 0);
	j = live_limits_json(&bed.server);
	assert_string_equal(
	    json_string_value(json_object_get(j, "rate")), "8Mbit/s");
	assert_string_equal(
	    json_string_value(json_object_get(j, "allocations")), "7");
	assert_string_equal(
	    json_string_value(json_object_get(j, "at-quota")), "trickle");
	assert_true(json_object_size(j) > 10);
	json_decref(j);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_change_holds_with_what_follows_from_it),
		CASE(test_changes_add_up_and_the_last_of_a_key_holds),
		CASE(test_what_does_not_load_changes_nothing),
		CASE(test_files_that_changed_since_ask_for_a_reload),
		CASE(test_changes_come_one_at_a_time),
		CASE(test_the_answer_waits_until_every_worker_has_it),
		CASE(test_what_is_not_published_is_not_live),
		CASE(test_the_limits_show_as_they_stand_in_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
