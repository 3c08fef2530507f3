#include "tests/unit/directory/bed.h"

#include "common/mem.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
