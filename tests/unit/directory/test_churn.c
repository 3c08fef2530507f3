#include "tests/unit/directory/bed.h"

#include <pthread.h>

#include "common/mono.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_random_claims_agree_with_a_naive_model),
		TEST(test_threads_that_churn_leave_nothing_behind),
		TEST(test_many_names_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
