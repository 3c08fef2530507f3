#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "relay/quota_users.h"

struct seen {
	unsigned users;
	uint64_t alice, nameless, all;
};

static void
on_left(void *arg, const struct quota_left *left)
{
	struct seen *s = arg;
	const uint64_t bytes = left->bytes[STATS_IN] + left->bytes[STATS_OUT];

	s->users++;
	s->all += bytes;
	if (left->len == 0)
		s->nameless += bytes;
	else if (left->len == 5 && memcmp(left->name, "alice", 5) == 0)
		s->alice += bytes;
}

static void
leave(struct quota_users *u, const char *name, uint64_t bytes)
{
	const struct budget_account a = {
		.name = name, .len = strlen(name), .bytes = { bytes, 1 }
	};

	quota_users_leave(u, &a);
}

static struct seen
take(struct quota_users *u)
{
	struct seen s = { 0 };

	quota_users_take(u, on_left, &s);
	return s;
}

static void
test_who_left_is_told_once_with_all_he_moved(void **state)
{
	struct quota_users *u = quota_users_new();
	struct seen s;

	(void)state;
	leave(u, "alice", 10);
	leave(u, "bob", 5);
	leave(u, "alice", 20);
	s = take(u);
	assert_int_equal(s.alice, 32);
	assert_int_equal(s.all, 38);
	assert_int_equal(s.users, 3); /* and those without a name */
	s = take(u);
	assert_int_equal(s.all, 0);
	quota_users_free(u);
}

static void
test_short_memory_loses_a_name_but_no_byte(void **state)
{
	struct quota_users *u = quota_users_new();
	struct seen s;

	(void)state;
	mem_fail_at(0);
	leave(u, "alice", 10);
	leave(u, "alice", 20);
	s = take(u);
	assert_int_equal(s.nameless, 11);
	assert_int_equal(s.alice, 21);
	/* without a table to go on with they wait */
	leave(u, "alice", 1);
	mem_fail_at(0);
	assert_int_equal(take(u).all, 0);
	mem_fail_at(-1);
	assert_int_equal(take(u).alice, 2);
	quota_users_free(u);
}

static void
test_a_state_waits_for_whoever_comes_back(void **state)
{
	struct quota_users *u = quota_users_new();

	(void)state;
	assert_int_equal(quota_users_enter(u, "alice", 5), BUDGET_OPEN);
	quota_users_set(u, "alice", 5, BUDGET_BARRED);
	assert_int_equal(quota_users_enter(u, "alice", 5), BUDGET_BARRED);
	assert_int_equal(quota_users_enter(u, "alic", 4), BUDGET_OPEN);
	quota_users_set(u, "alice", 5, BUDGET_TRICKLE);
	assert_int_equal(quota_users_enter(u, "alice", 5), BUDGET_TRICKLE);
	quota_users_set(u, "alice", 5, BUDGET_OPEN);
	quota_users_set(u, "bob", 3, BUDGET_OPEN);
	assert_int_equal(quota_users_enter(u, "alice", 5), BUDGET_OPEN);
	quota_users_free(u);
}

static void
test_short_memory_at_the_start_is_told(void **state)
{
	struct quota_users *u = NULL;
	long n = 0;

	(void)state;
	do
		mem_fail_at(n);
	while ((u = quota_users_new()) == NULL && n++ < 50);
	mem_fail_at(-1);
	assert_true(n >= 3);
	quota_users_free(u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_left_is_told_once_with_all_he_moved),
		cmocka_unit_test(test_short_memory_loses_a_name_but_no_byte),
		cmocka_unit_test(test_a_state_waits_for_whoever_comes_back),
		cmocka_unit_test(test_short_memory_at_the_start_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
