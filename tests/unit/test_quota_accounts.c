#include "tests/unit/quota_bed.h"

static void
test_a_user_is_held_to_his_quota(void **state)
{
	struct fixture *f = *state;
	json_t *all;

	start(f, "quota-day-per-user = \"1MB\" at-quota = \"signalling\"");
	relay_all(f, 2 * MB);
	settle(f);
	assert_true(said(f)->relay);
	assert_true(relay(f, MB) == 0);
	/* and neither by coming back nor by a restart of the server */
	budget_release(f->budget, &f->chain);
	assert_int_equal(admit(f), 486);
	stop(f, false);
	start(f, "quota-day-per-user = \"1MB\" at-quota = \"signalling\"");
	settle(f);
	assert_int_equal(admit(f), 486);
	all = quota_json(f->quota, &f->clock);
	assert_true(json_is_true(json_object_get(
	    json_array_get(json_object_get(all, "users"), 0), "used_up")));
	json_decref(all);
	wait_s(f, 86400);
	settle(f);
	assert_int_equal(admit(f), 0);
	assert_true(relay(f, MB / 2) >= MB / 2);
}

static void
test_what_a_user_moved_counts_once_however_often_he_leaves(void **state)
{
	struct fixture *f = *state;
	uint64_t passed = 0;

	start(f, "");
	for (int i = 0; i < 20; i++) {
		passed += relay_all(f, 137 * PACKET);
		settle(f);
		/* a chain tells its user a little later */
		assert_true(reported(f, "alice") <= passed);
		assert_true(
		    reported(f, "alice") + 2 * BUDGET_CHAIN_SLACK >= passed);
		budget_release(f->budget, &f->chain);
		assert_int_equal(admit(f), 0);
		passed += relay_all(f, 11 * PACKET);
	}
	budget_release(f->budget, &f->chain);
	settle(f);
	assert_int_equal(reported(f, "alice"), passed);
	assert_int_equal(reported(f, NULL), passed);
	memset(&f->chain, 0, sizeof(f->chain));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_user_is_held_to_his_quota),
		TEST(what_a_user_moved_counts_once_however_often_he_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
