#include <errno.h>
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
#include "common/mono.h"
#include "relay/audit.h"
#include "relay/barred.h"
#include "relay/control.h"
#include "relay/kick.h"
#include "relay/server.h"
#include "relay/snapshot.h"
#include "relay/worker.h"

enum { NOW = 1700000000, NOW_MS = 4711, WORKERS = 3, POSTS_MAX = 4 * WORKERS };

/* ---- what the verb stands on: workers that run when they are told to */

struct worker {
	unsigned index;
};

static struct {
	struct server server;
	struct snapshot conf;
	struct worker workers[WORKERS];
	char dir[64];
	char path[96];
	struct {
		mailbox_fn *fn;
		void *context, *arg;
	} posts[POSTS_MAX];
	unsigned posted;
	char name[BARRED_NAME_MAX + 1]; /* that workers were told */
	int64_t until_then;             /* whether it was barred by then */
	unsigned kicked;                /* workers, in the first round */
	size_t moved;                   /* sessions that came to each */
	json_t *answer;
	char refusal[256];
	json_t *recorded;
} bed;

int64_t
mono_wall_s(void)
{
	return NOW;
}

int64_t
mono_wall_ms(void)
{
	return NOW * INT64_C(1000);
}

mono_ms
mono_now(void)
{
	return NOW_MS;
}

void
control_answer(struct control_call *call, json_t *answer)
{
	(void)call;
	json_decref(bed.answer);
	bed.answer = answer;
}

void
control_refuse(struct control_call *call, const char *why)
{
	(void)call;
	snprintf(bed.refusal, sizeof(bed.refusal), "%s", why);
}

struct control_caller
control_caller(const struct control_call *call)
{
	(void)call;
	return (struct control_caller){ 1000, 42 };
}

void
audit_event(struct audit *a, const char *event, json_t *detail)
{
	(void)a;
	assert_string_equal(event, "kick");
	json_decref(bed.recorded);
	bed.recorded = detail;
}

static void
post(mailbox_fn *fn, void *context, void *arg)
{
	assert_true(bed.posted < POSTS_MAX);
	bed.posts[bed.posted].fn = fn;
	bed.posts[bed.posted].context = context;
	bed.posts[bed.posted++].arg = arg;
}

void
server_post_all(struct server *s, mailbox_fn *fn, void *arg)
{
	(void)s;
	for (unsigned i = 0; i < WORKERS; i++)
		post(fn, &bed.workers[i], arg);
}

void
server_post(struct server *s, mailbox_fn *fn, void *arg)
{
	post(fn, s, arg);
}

unsigned
worker_index(const struct worker *w)
{
	return w->index;
}

struct worker_kicked
worker_kick(struct worker *w, const char *name, size_t len)
{
	memcpy(bed.name, name, len + 1);
	bed.until_then = barred_until(bed.server.barred, name, len, NOW);
	bed.kicked++;
	return (struct worker_kicked){ w->index, 10 };
}

size_t
worker_kick_moved(
    struct worker *w, const char *name, size_t len, mono_ms before)
{
	(void)w;
	assert_int_equal(bed.kicked, WORKERS);
	assert_int_equal(len, strlen(bed.name));
	assert_string_equal(name, bed.name);
	assert_int_equal(before, NOW_MS);
	return bed.moved;
}

/* ---- the bed */

static int
set_up(void **state)
{
	(void)state;
	memset(&bed, 0, sizeof(bed));
	strcpy(bed.dir, "/tmp/test_kick.XXXXXX");
	if (mkdtemp(bed.dir) == NULL)
		return -1;
	snprintf(bed.path, sizeof(bed.path), "%s/barred", bed.dir);
	bed.conf.node.state = bed.dir;
	bed.server.conf = &bed.conf;
	bed.server.worker_count = WORKERS;
	bed.server.barred = barred_new(bed.dir, NOW);
	list_init(&bed.server.kicks);
	for (unsigned i = 0; i < WORKERS; i++)
		bed.workers[i].index = i;
	return bed.server.barred != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	kick_free_all(&bed.server.kicks);
	barred_free(bed.server.barred);
	json_decref(bed.answer);
	json_decref(bed.recorded);
	unlink(bed.path);
	return rmdir(bed.dir);
}

static void
ask(const char *args)
{
	json_t *j = json_loads(args, 0, NULL);

	bed.kicked = 0;
	bed.refusal[0] = '\0';
	json_decref(bed.answer);
	bed.answer = NULL;
	kick_verb(&bed.server, NULL, j);
	json_decref(j);
}

/* Runs what was posted; workers first, then what they post. */
static void
run_posts(void)
{
	for (unsigned i = 0; i < bed.posted; i++)
		bed.posts[i].fn(bed.posts[i].context, bed.posts[i].arg);
	bed.posted = 0;
}

static void
assert_json(const json_t *j, const char *want)
{
	char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

/* ---- the tests */

static void
test_it_answers_once_every_worker_has(void **state)
{
	(void)state;
	ask("{\"name\":\"alice\"}");
	assert_null(bed.answer);
	run_posts();
	assert_string_equal(bed.name, "alice");
	assert_int_equal(bed.until_then, 0);
	assert_json(bed.answer,
	    "{\"allocations\":30,\"sessions\":3,\"until\":null,"
	    "\"warning\":null}");
	assert_json(bed.recorded,
	    "{\"allocations\":30,\"pid\":42,\"sessions\":3,\"uid\":1000,"
	    "\"until\":null,\"user\":\"alice\"}");
	assert_true(list_is_empty(&bed.server.kicks));
	/* without a time it may come back */
	assert_int_equal(barred_until(bed.server.barred, "alice", 5, NOW), 0);
}

static void
test_what_moved_meanwhile_is_ended_in_a_second_round(void **state)
{
	(void)state;
	bed.moved = 1;
	ask("{\"name\":\"alice\"}");
	run_posts();
	assert_json(bed.answer,
	    "{\"allocations\":30,\"sessions\":6,\"until\":null,"
	    "\"warning\":null}");
	assert_true(list_is_empty(&bed.server.kicks));
}

static void
test_a_name_is_barred_before_any_worker_looks(void **state)
{
	(void)state;
	ask("{\"name\":\"alice\",\"for_ms\":60001}");
	run_posts();
	assert_int_equal(bed.until_then, NOW + 61);
	assert_json(bed.answer,
	    "{\"allocations\":30,\"sessions\":3,\"until\":1700000061,"
	    "\"warning\":null}");
}

static void
test_a_time_of_zero_lets_in_again(void **state)
{
	(void)state;
	ask("{\"name\":\"alice\",\"for_ms\":60000}");
	run_posts();
	ask("{\"name\":\"alice\",\"for_ms\":0}");
	run_posts();
	assert_int_equal(barred_until(bed.server.barred, "alice", 5, NOW), 0);
	/* also one that was not out */
	ask("{\"name\":\"bob\",\"for_ms\":0}");
	run_posts();
	assert_non_null(bed.answer);
}

static void
test_nonsense_is_refused(void **state)
{
	static const char *const bad[] = { "{}", "{\"name\":7}",
		"{\"name\":\"\"}", "{\"name\":\"a\\nb\"}",
		"{\"name\":\"a\\\"b\"}", "{\"name\":\"a\",\"for_ms\":-1}",
		"{\"name\":\"a\",\"for_ms\":1.5}",
		"{\"name\":\"a\",\"for_ms\":\"1h\"}",
		"{\"name\":\"a\",\"for_ms\":31622400001}",
		"{\"name\":\"a\",\"until\":1}",
		"{\"name\":\"a\",\"for_ms\":1,\"x\":1}" };
	char name[600];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ask(bad[i]);
		if (strstr(bed.refusal, "kick takes a name") == NULL)
			fail_msg("%s", bad[i]);
	}
	kick_verb(&bed.server, NULL, NULL);
	memset(name, 'n', sizeof(name));
	memcpy(name, "{\"name\":\"", 9);
	strcpy(name + 9 + BARRED_NAME_MAX + 1, "\"}");
	ask(name);
	assert_non_null(strstr(bed.refusal, "1 to 512 bytes"));
	assert_int_equal(bed.posted, 0);
	assert_true(list_is_empty(&bed.server.kicks));
}

static void
test_what_could_not_be_kept_is_told(void **state)
{
	(void)state;
	assert_int_equal(mkdir(bed.path, 0700), 0);
	ask("{\"name\":\"alice\",\"for_ms\":60000}");
	run_posts();
	assert_int_equal(bed.until_then, NOW + 60);
	assert_non_null(
	    json_string_value(json_object_get(bed.answer, "warning")));
	rmdir(bed.path);
}

static void
test_every_failing_allocation_is_refused(void **state)
{
	(void)state;
	for (long n = 0; bed.posted == 0; n++) {
		mem_fail_at(n);
		ask("{\"name\":\"alice\",\"for_ms\":60000}");
		mem_fail_at(-1);
		if (bed.posted == 0)
			assert_string_equal(bed.refusal, "out of memory");
		assert_true(n < 20);
	}
	run_posts();
	assert_non_null(bed.answer);
}

/* The server ends meanwhile: nobody answers, and nothing leaks. */
static void
test_what_was_under_way_is_freed(void **state)
{
	(void)state;
	ask("{\"name\":\"alice\"}");
	ask("{\"name\":\"bob\"}");
	assert_false(list_is_empty(&bed.server.kicks));
}

#define WITH_BED(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_BED(test_it_answers_once_every_worker_has),
		WITH_BED(test_what_moved_meanwhile_is_ended_in_a_second_round),
		WITH_BED(test_a_name_is_barred_before_any_worker_looks),
		WITH_BED(test_a_time_of_zero_lets_in_again),
		WITH_BED(test_nonsense_is_refused),
		WITH_BED(test_what_could_not_be_kept_is_told),
		WITH_BED(test_every_failing_allocation_is_refused),
		WITH_BED(test_what_was_under_way_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
