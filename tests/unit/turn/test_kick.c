/* Users that are kicked: their allocations end, and for some time they get
 * no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/token/turnrest.h"
#include "relay/barred.h"
#include "tests/unit/turn/bed.h"

/* Allocates from another port as the user of a TURN REST name. */
static int
allocate_as(const char *user)
{
	static unsigned port = 5000;
	char password[TURNREST_PASSWORD_MAX], name[64], client[64];
	struct bed_ask q;

	snprintf(client, sizeof(client), "198.51.100.5:%u", port++);
	bed.flow.client = bed_addr(client);
	snprintf(name, sizeof(name), "%lld%s%s",
	    (long long)(mono_wall_s() + 1000), *user != '\0' ? ":" : "", user);
	turnrest_password(password, bed_secrets[0], name, strlen(name));
	bed_begin_allocate(&q);
	bed_sign_as(&q, name, password);
	bed_send(&q);
	return bed_code();
}

static void
test_the_allocations_of_one_user_end(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate(), 0); /* alice, a static user */
	assert_int_equal(allocate_as("carol"), 0);
	assert_int_equal(allocate_as("carol"), 0);
	assert_int_equal(allocate_as("carol2"), 0);
	assert_int_equal(allocate_as(""), 0);
	assert_int_equal(turn_end_user(bed.turn, "carol", 5, "kicked"), 2);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 3);
	assert_int_equal(turn_end_user(bed.turn, "carol", 5, "kicked"), 0);
	assert_int_equal(turn_end_user(bed.turn, "alice", 5, "kicked"), 1);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 2);
	/* nothing keeps them from coming back */
	assert_int_equal(allocate_as("carol"), 0);
}

static void
test_who_is_barred_gets_no_allocation_until_then(void **state)
{
	char dir[] = "/tmp/test_kick.XXXXXX", path[64];
	struct barred *b;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/barred", dir);
	assert_non_null(b = barred_new(dir, bed.wall_s));
	turn_shared_bar(bed.shared, b);
	assert_int_equal(
	    barred_set(b, "carol", 5, bed.wall_s + 60, bed.wall_s), 0);
	assert_int_equal(allocate_as("carol"), 403);
	assert_int_equal(
	    barred_set(b, "alice", 5, bed.wall_s + 60, bed.wall_s), 0);
	assert_int_equal(bed_allocate(), 403);
	assert_int_equal(allocate_as("bob"), 0);
	assert_int_equal(bed.stats.auth[STATS_AUTH_BARRED], 2);
	bed_wait(59 * 1000);
	assert_int_equal(allocate_as("carol"), 403);
	bed_wait(1000);
	assert_int_equal(allocate_as("carol"), 0);
	unlink(path);
	rmdir(dir);
	barred_free(b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		BED_TEST(test_the_allocations_of_one_user_end),
		BED_TEST(test_who_is_barred_gets_no_allocation_until_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
