#include "tests/unit/quota_bed.h"

static void
test_kills_never_lose_a_byte(void **state)
{
	struct fixture *f = *state;
	uint64_t passed = 0;

	for (int i = 1; i <= 20; i++) {
		start(f, "quota-month = \"1GB\"");
		passed += relay_all(f, 300 * PACKET);
		stop(f, true);
		start(f, "quota-month = \"1GB\"");
		assert_in_range(
		    used(f, 1), passed, passed + (uint64_t)i * 1000 * MB / 64);
		stop(f, false);
	}
}

static void
test_an_orderly_end_is_exact(void **state)
{
	struct fixture *f = *state;
	uint64_t passed;

	start(f, "quota-month = \"1GB\"");
	passed = relay_all(f, 777 * PACKET);
	stop(f, false);
	start(f, "quota-month = \"1GB\"");
	assert_int_equal(used(f, 1), passed);
}

static void
test_a_full_disk_ends_relaying_and_says_so(void **state)
{
	struct fixture *f = *state;
	char *text = NULL;
	size_t size;
	FILE *out;

	start(f, "quota-month = \"1GB\"");
	relay_all(f, MB);
	disk_code = ENOSPC;
	assert_true(relay_all(f, 500 * (uint64_t)MB) < 40 * MB);
	settle(f);
	assert_false(said(f)->relay);
	assert_non_null(strstr(said(f)->reason, "No space left"));
	out = open_memstream(&text, &size);
	quota_metrics(f->quota, out);
	fclose(out);
	assert_non_null(strstr(text, "supernode_ledger_works 0\n"));
	free(text);
	disk_code = 0;
	settle(f);
	assert_true(said(f)->relay && relay_all(f, MB) == MB);
}

static void
test_without_a_quota_a_full_disk_stops_nothing(void **state)
{
	struct fixture *f = *state;

	disk_code = EROFS;
	start(f, "");
	settle(f);
	assert_true(said(f)->relay);
	assert_true(relay_all(f, MB) == MB);
	disk_code = 0;
	settle(f);
	/* what moved meanwhile is not lost */
	assert_true(used(f, 1) >= MB);
}

static void
test_a_damaged_ledger_fails_closed_until_it_is_moved_away(void **state)
{
	struct fixture *f = *state;
	char path[128];
	FILE *out;

	start(f, "quota-month = \"1GB\"");
	relay_all(f, MB);
	stop(f, false);
	snprintf(path, sizeof(path), "%s/ledger", f->dir);
	out = fopen(path, "r+");
	fputs("x", out);
	fclose(out);
	start(f, "quota-month = \"1GB\"");
	settle(f);
	assert_false(said(f)->relay);
	assert_non_null(strstr(said(f)->reason, "checksum"));
	assert_true(relay(f, MB) == 0);
	remove_file(f, "ledger");
	remove_file(f, "ledger.charge");
	settle(f);
	assert_true(said(f)->relay);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kills_never_lose_a_byte),
		TEST(an_orderly_end_is_exact),
		TEST(a_full_disk_ends_relaying_and_says_so),
		TEST(without_a_quota_a_full_disk_stops_nothing),
		TEST(a_damaged_ledger_fails_closed_until_it_is_moved_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
