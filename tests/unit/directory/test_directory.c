#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/mono.h"
#include "directory/directory.h"

static struct directory *dir;

static int
set_up(void **state)
{
	(void)state;
	dir = directory_new();
	return dir != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	directory_free(dir);
	return 0;
}

static struct directory_name
node(const char *name)
{
	return (struct directory_name){ DIRECTORY_NODES, name, strlen(name) };
}

static struct directory_claim
claim_of(const char *name, uint64_t session)
{
	return (struct directory_claim){ .name = node(name),
		.place = { .session = session,
		    .worker = (unsigned)session % 4 },
		.limit = 8 };
}

/* Claims name; returns the place. */
static struct directory_place
claim(const char *name, uint64_t session)
{
	struct directory_claim c = claim_of(name, session);
	bool came;

	assert_int_equal(directory_claim(dir, &c, &came, NULL), 0);
	return c.place;
}

static bool
release(const char *name, const struct directory_place *place)
{
	const struct directory_name n = node(name);
	bool left;

	directory_release(dir, &n, place, &left, NULL);
	return left;
}

static size_t
find(const char *name)
{
	const struct directory_name n = node(name);
	struct directory_place out[DIRECTORY_PLACES_MAX];

	return directory_find(dir, &n, out, DIRECTORY_PLACES_MAX);
}

static size_t
look(const char *name, const char *viewer)
{
	const struct directory_name n = node(name), v = node(viewer);

	return directory_look(dir, &n, &v);
}

static bool
watch(const char *name, const char *viewer, uint64_t session)
{
	const struct directory_name n = node(name), v = node(viewer);
	const struct directory_place at = { .session = session };
	bool is_online;

	assert_int_equal(directory_watch(dir, &n, &v, &at, &is_online), 0);
	return is_online;
}

/* Nothing is held any more but the shards themselves. */
static void
assert_empty(void)
{
	struct directory_counts now, fresh;
	struct directory *other = directory_new();

	assert_non_null(other);
	directory_count(other, &fresh);
	directory_count(dir, &now);
	directory_free(other);
	assert_int_equal(now.names[DIRECTORY_NODES], 0);
	assert_int_equal(now.sessions[DIRECTORY_NODES], 0);
	assert_int_equal(now.watches, 0);
	assert_int_equal(now.bytes, fresh.bytes);
}

/* ---- claims */

static void
test_a_claimed_name_is_found_where_it_is(void **state)
{
	const struct directory_name n = node("alice");
	struct directory_place out[2], at;

	(void)state;
	at = claim("alice", 7);
	assert_int_equal(directory_find(dir, &n, out, 2), 1);
	assert_int_equal(out[0].session, 7);
	assert_int_equal(out[0].worker, 3);
	assert_int_equal(out[0].epoch, at.epoch);
	assert_int_equal(find("alic"), 0);
	assert_int_equal(find("alicea"), 0);
	assert_true(directory_has(dir, &n));
	assert_true(release("alice", &at));
	assert_int_equal(find("alice"), 0);
	assert_false(directory_has(dir, &n));
	assert_empty();
}

static void
test_spaces_do_not_meet(void **state)
{
	const struct directory_name peer = { DIRECTORY_PEERJS, "alice", 5 };
	struct directory_place at = claim("alice", 1);
	struct directory_counts counts;

	(void)state;
	assert_false(directory_has(dir, &peer));
	directory_count(dir, &counts);
	assert_int_equal(counts.names[DIRECTORY_NODES], 1);
	assert_int_equal(counts.names[DIRECTORY_PEERJS], 0);
	release("alice", &at);
}

static void
test_a_name_has_as_many_sessions_as_its_limit(void **state)
{
	struct directory_claim c;
	struct directory_place at[8];
	bool came;

	(void)state;
	for (uint64_t i = 0; i < 8; i++) {
		c = claim_of("bob", i + 1);
		assert_int_equal(directory_claim(dir, &c, &came, NULL), 0);
		assert_int_equal(came, i == 0);
		at[i] = c.place;
	}
	c = claim_of("bob", 9);
	assert_int_equal(directory_claim(dir, &c, &came, NULL), EUSERS);
	assert_int_equal(find("bob"), 8);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(release("bob", &at[i]), i == 7);
	assert_empty();
}

static void
test_an_exclusive_name_is_held_alone(void **state)
{
	struct directory_claim c = claim_of("guest-a", 1);
	struct directory_place first;
	bool came;

	(void)state;
	c.is_exclusive = true;
	assert_int_equal(directory_claim(dir, &c, &came, NULL), 0);
	first = c.place;
	c.place.session = 2;
	assert_int_equal(directory_claim(dir, &c, &came, NULL), EEXIST);
	c.is_exclusive = false;
	assert_int_equal(directory_claim(dir, &c, &came, NULL), EEXIST);
	release("guest-a", &first);
	assert_int_equal(directory_claim(dir, &c, &came, NULL), 0);
	c.place.session = 3;
	c.is_exclusive = true;
	assert_int_equal(directory_claim(dir, &c, &came, NULL), EEXIST);
}

static void
test_what_an_older_claim_says_changes_nothing(void **state)
{
	const struct directory_name n = node("alice");
	struct directory_place old = claim("alice", 5), now = old, out[1];

	(void)state;
	now.worker = 2;
	assert_int_equal(directory_move(dir, &n, &old, &now), 0);
	assert_true(now.epoch > old.epoch);
	assert_false(release("alice", &old));
	assert_int_equal(directory_move(dir, &n, &old, &now), ENOENT);
	assert_int_equal(directory_find(dir, &n, out, 1), 1);
	assert_int_equal(out[0].worker, 2);
	assert_int_equal(out[0].epoch, now.epoch);
	assert_true(release("alice", &now));
}

/* ---- who may see it */

static void
test_presence_is_shown_to_whom_the_name_says(void **state)
{
	const char *const listed[] = { "bob", "carol" };
	struct directory_claim c = claim_of("alice", 1);
	struct directory_claim d = claim_of("dave", 2);
	bool came;

	(void)state;
	c.presence = DIRECTORY_LISTED;
	c.listed = listed;
	c.listed_count = 2;
	assert_int_equal(directory_claim(dir, &c, &came, NULL), 0);
	d.presence = DIRECTORY_NOBODY;
	assert_int_equal(directory_claim(dir, &d, &came, NULL), 0);
	assert_int_equal(look("alice", "bob"), 1);
	assert_int_equal(look("alice", "carol"), 1);
	assert_int_equal(look("alice", "caro"), 0);
	assert_int_equal(look("alice", "dave"), 0);
	assert_int_equal(look("alice", "alice"), 1);
	assert_int_equal(look("dave", "bob"), 0);
	assert_int_equal(look("dave", "dave"), 1);
	assert_true(watch("alice", "bob", 10));
	assert_false(watch("alice", "dave", 2));
	assert_int_equal(find("dave"), 1);
}

static void
test_those_who_watch_are_named_when_it_comes_and_goes(void **state)
{
	struct directory_claim c = claim_of("alice", 1);
	const struct directory_name n = node("alice");
	const struct directory_place bob = { .session = 10 };
	const char *const listed[] = { "bob" };
	struct directory_watchers w = { 0 };
	bool came, left;

	(void)state;
	assert_false(watch("alice", "bob", 10));
	assert_false(watch("alice", "bob", 10));
	assert_false(watch("alice", "eve", 11));
	c.presence = DIRECTORY_LISTED;
	c.listed = listed;
	c.listed_count = 1;
	assert_int_equal(directory_claim(dir, &c, &came, &w), 0);
	assert_true(came);
	assert_int_equal(w.count, 1);
	assert_int_equal(w.at[0].place.session, 10);
	w.count = 0;
	directory_release(dir, &n, &c.place, &left, &w);
	assert_true(left);
	assert_int_equal(w.count, 1);
	w.count = 0;
	directory_unwatch(dir, &n, &bob);
	assert_int_equal(directory_claim(dir, &c, &came, &w), 0);
	assert_int_equal(w.count, 0);
	directory_release(dir, &n, &c.place, &left, &w);
	directory_unwatch(dir, &n, &(struct directory_place){ .session = 11 });
	directory_watchers_free(&w);
	assert_empty();
}

/* ---- rooms */

static void
count_member(void *arg, const struct directory_name *name)
{
	unsigned *seen = arg;

	assert_int_equal(name->space, DIRECTORY_NODES);
	*seen += name->len == 1 ? 1u << (name->at[0] - 'a') : 1u << 31;
}

static unsigned
members(const char *room)
{
	unsigned seen = 0;

	directory_room(dir, room, count_member, &seen);
	return seen;
}

static struct directory_place
enter(const char *name, uint64_t session, struct directory_watchers *w)
{
	struct directory_claim c = claim_of(name, session);
	bool came;

	c.room = "lobby";
	w->count = 0;
	assert_int_equal(directory_claim(dir, &c, &came, w), 0);
	return c.place;
}

static void
leave(const char *name, const struct directory_place *place,
    struct directory_watchers *w)
{
	const struct directory_name n = node(name);
	bool left;

	w->count = 0;
	directory_release(dir, &n, place, &left, w);
}

static void
test_members_of_a_room_are_named_to_each_other(void **state)
{
	struct directory_watchers w = { 0 };
	struct directory_place a, b, again, moved;
	const struct directory_name name = node("a");

	(void)state;
	a = enter("a", 1, &w);
	assert_int_equal(w.count, 0);
	b = enter("b", 2, &w);
	assert_int_equal(w.count, 1);
	assert_int_equal(w.at[0].place.session, 1);
	again = enter("a", 3, &w);
	assert_int_equal(w.count, 0); /* a was in it */
	assert_int_equal(members("lobby"), 3);
	assert_int_equal(members("lobb"), 0);
	leave("a", &a, &w);
	assert_int_equal(w.count, 0); /* and still is */
	moved = again;
	moved.worker = 9;
	assert_int_equal(directory_move(dir, &name, &again, &moved), 0);
	leave("b", &b, &w);
	assert_int_equal(w.count, 1);
	assert_int_equal(w.at[0].place.worker, 9);
	leave("a", &moved, &w);
	assert_int_equal(members("lobby"), 0);
	directory_watchers_free(&w);
	assert_empty();
}

static void
test_a_full_room_takes_nobody_and_claims_nothing(void **state)
{
	struct directory_watchers w = { 0 };
	struct directory_claim c = claim_of("late", 1000);
	char name[8];
	bool came;

	(void)state;
	for (uint64_t i = 1; i <= DIRECTORY_MEMBERS_MAX; i++) {
		snprintf(name, sizeof(name), "m%u", (unsigned)i);
		enter(name, i, &w);
	}
	w.count = 0;
	c.room = "lobby";
	assert_int_equal(directory_claim(dir, &c, &came, &w), ENOSPC);
	assert_int_equal(w.count, 0);
	assert_false(came);
	assert_int_equal(find("late"), 0);
	directory_watchers_free(&w);
}

/* ---- all of them */

static bool
sum_sessions(void *arg, const struct directory_name *name, size_t sessions)
{
	assert_int_equal(name->space, DIRECTORY_NODES);
	*(size_t *)arg += sessions;
	return *(size_t *)arg < 50;
}

static void
test_a_list_shows_every_name_until_it_is_enough(void **state)
{
	char name[16];
	size_t seen = 0;

	(void)state;
	watch("nobody", "m1", 1);
	for (uint64_t i = 1; i <= 40; i++) {
		snprintf(name, sizeof(name), "m%u", (unsigned)i);
		claim(name, i);
	}
	assert_int_equal(
	    directory_list(dir, DIRECTORY_NODES, sum_sessions, &seen), 40);
	assert_int_equal(seen, 40);
	for (uint64_t i = 1; i <= 40; i++) {
		snprintf(name, sizeof(name), "m%u", (unsigned)i);
		claim(name, 100 + i);
	}
	seen = 0;
	assert_int_equal(
	    directory_list(dir, DIRECTORY_NODES, sum_sessions, &seen), 40);
	assert_int_equal(seen, 50);
}

static void
test_a_claim_survives_each_failing_allocation(void **state)
{
	const char *const listed[] = { "bob" };
	struct directory_claim c = claim_of("alice", 1);
	long n;
	int rc;
	bool came;

	(void)state;
	c.presence = DIRECTORY_LISTED;
	c.listed = listed;
	c.listed_count = 1;
	c.room = "lobby";
	for (n = 0;; n++) {
		mem_fail_at(n);
		rc = directory_claim(dir, &c, &came, NULL);
		mem_fail_at(-1);
		if (rc == 0)
			break;
		assert_int_equal(rc, ENOMEM);
		assert_int_equal(find("alice"), 0);
		assert_int_equal(members("lobby"), 0);
		assert_empty();
	}
	/* two entries, their sessions and labels, what is listed */
	assert_int_equal(n, 8);
	assert_true(release("alice", &c.place));
	assert_empty();
}

static void
test_a_watch_survives_each_failing_allocation(void **state)
{
	const struct directory_name n = node("alice"), v = node("bob");
	const struct directory_place at = { .session = 3 };
	bool online;
	long i;
	int rc;

	(void)state;
	for (i = 0;; i++) {
		mem_fail_at(i);
		rc = directory_watch(dir, &n, &v, &at, &online);
		mem_fail_at(-1);
		if (rc == 0)
			break;
		assert_int_equal(rc, ENOMEM);
		assert_empty();
	}
	assert_int_equal(i, 3);
	directory_unwatch(dir, &n, &at);
	assert_empty();
}

static void
test_a_new_directory_survives_each_failing_allocation(void **state)
{
	(void)state;
	for (long n = 0; n < 2 * DIRECTORY_SHARDS; n += 37) {
		mem_fail_at(n);
		assert_null(directory_new());
		mem_fail_at(-1);
	}
}

/* ---- against a naive model */

enum { NAMES = 12, SESSIONS = 40 };

struct model {
	struct directory_place place;
	int name; /* -1: not claimed */
};

static struct model model[SESSIONS];

static size_t
model_count(int name)
{
	size_t n = 0;

	for (int i = 0; i < SESSIONS; i++)
		n += model[i].name == name;
	return n;
}

static void
step_model(uint32_t dice)
{
	const int i = (int)(dice % SESSIONS);
	const int name = (int)(dice / SESSIONS % NAMES);
	const char text[] = { 'n', (char)('a' + name), '\0' };
	struct directory_claim c = claim_of(text, (uint64_t)i + 1);
	bool came;
	int rc;

	c.limit = 4;
	if (model[i].name >= 0) {
		const char old[] = { 'n', (char)('a' + model[i].name), '\0' };

		model[i].name = -1;
		assert_int_equal(release(old, &model[i].place),
		    model_count(old[1] - 'a') == 0);
		return;
	}
	rc = directory_claim(dir, &c, &came, NULL);
	assert_int_equal(rc, model_count(name) < 4 ? 0 : EUSERS);
	if (rc != 0)
		return;
	assert_int_equal(came, model_count(name) == 0);
	model[i] = (struct model){ c.place, name };
}

static void
test_random_claims_agree_with_a_naive_model(void **state)
{
	uint32_t dice = 12345;

	(void)state;
	for (int i = 0; i < SESSIONS; i++)
		model[i].name = -1;
	for (int n = 0; n < 200000; n++) {
		dice = dice * 1664525u + 1013904223u;
		step_model(dice >> 8);
		if (n % 64 != 0)
			continue;
		for (int name = 0; name < NAMES; name++) {
			const char text[] = { 'n', (char)('a' + name), '\0' };

			assert_int_equal(find(text), model_count(name));
		}
	}
	for (int i = 0; i < SESSIONS; i++) {
		if (model[i].name >= 0)
			step_model((uint32_t)i);
	}
	assert_empty();
}

/* ---- threads */

enum { THREADS = 8, ROUNDS = 3000 };

static void *
churn(void *arg)
{
	const uint64_t me = (uintptr_t)arg;
	const struct directory_name own = node("own"), all = node("all");
	const struct directory_place at = { .session = me };
	struct directory_place out[DIRECTORY_PLACES_MAX];
	struct directory_watchers w = { 0 };
	bool came, left, online;

	for (int i = 0; i < ROUNDS; i++) {
		struct directory_claim c = claim_of("all", me);
		struct directory_place now;

		c.limit = DIRECTORY_PLACES_MAX;
		c.room = "lobby";
		if (directory_claim(dir, &c, &came, &w) != 0)
			return "claim";
		now = c.place;
		now.worker++;
		if (directory_move(dir, &all, &c.place, &now) != 0)
			return "move";
		if (directory_find(dir, &all, out, DIRECTORY_PLACES_MAX) == 0)
			return "find";
		if (directory_watch(dir, &own, &all, &at, &online) != 0)
			return "watch";
		directory_unwatch(dir, &own, &at);
		directory_release(dir, &all, &now, &left, &w);
		w.count = 0;
	}
	directory_watchers_free(&w);
	return NULL;
}

static void
test_threads_that_churn_leave_nothing_behind(void **state)
{
	pthread_t thread[THREADS];
	void *failed;

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, churn, (void *)(i + 1)),
		    0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
	assert_empty();
}

/* ---- many */

static void
test_many_names_are_found(void **state)
{
	enum { MANY = 200000 };
	struct directory_counts before, after;
	char name[32];
	int64_t started;

	(void)state;
	directory_count(dir, &before);
	for (uint64_t i = 1; i <= MANY; i++) {
		snprintf(name, sizeof(name), "guest-%08x", (unsigned)i);
		claim(name, i);
	}
	directory_count(dir, &after);
	started = mono_now_us();
	for (uint64_t i = 1; i <= MANY; i++) {
		snprintf(name, sizeof(name), "guest-%08x", (unsigned)i);
		assert_int_equal(find(name), 1);
	}
	print_message("%d names: %lu bytes each without the table's slot, "
		      "%ld ns a find\n",
	    MANY, (unsigned long)(after.bytes - before.bytes) / MANY,
	    (long)(mono_now_us() - started) * 1000 / MANY);
	assert_int_equal(after.names[DIRECTORY_NODES], MANY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_claimed_name_is_found_where_it_is),
		TEST(test_spaces_do_not_meet),
		TEST(test_a_name_has_as_many_sessions_as_its_limit),
		TEST(test_an_exclusive_name_is_held_alone),
		TEST(test_what_an_older_claim_says_changes_nothing),
		TEST(test_presence_is_shown_to_whom_the_name_says),
		TEST(test_those_who_watch_are_named_when_it_comes_and_goes),
		TEST(test_members_of_a_room_are_named_to_each_other),
		TEST(test_a_full_room_takes_nobody_and_claims_nothing),
		TEST(test_a_list_shows_every_name_until_it_is_enough),
		TEST(test_a_claim_survives_each_failing_allocation),
		TEST(test_a_watch_survives_each_failing_allocation),
		TEST(test_a_new_directory_survives_each_failing_allocation),
		TEST(test_random_claims_agree_with_a_naive_model),
		TEST(test_threads_that_churn_leave_nothing_behind),
		TEST(test_many_names_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
