#include "tests/unit/budget/ledger_bed.h"

static void
test_an_orderly_end_loses_and_adds_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(reopen(f), 0);
	assert_null(f->found.ledger);
	assert_int_equal(
	    budget_ledger_file_charge(f->file, f->ledger, AHEAD), 0);
	move(f, 700);
	assert_int_equal(budget_ledger_file_end(f->file, f->ledger), 0);
	assert_int_equal(reopen(f), 0);
	assert_non_null(f->found.ledger);
	assert_false(f->found.is_unclean);
	assert_int_equal(used(f), 700);
	assert_int_equal(f->found.carried, 0);
}

static void
test_a_crash_counts_what_was_charged(void **state)
{
	struct fixture *f = *state;

	live_and_die(f);
	assert_int_equal(reopen(f), 0);
	assert_true(f->found.is_unclean);
	assert_int_equal(used(f), AHEAD);
	assert_int_equal(f->found.carried, AHEAD - 500);
	/* again and again: one reservation each time */
	for (int i = 1; i <= 50; i++) {
		assert_int_equal(
		    budget_ledger_file_charge(f->file, f->ledger, AHEAD), 0);
		move(f, 10);
		shut(f);
		assert_int_equal(reopen(f), 0);
		assert_int_equal(used(f), AHEAD + i * AHEAD);
	}
}

static void
test_a_crash_charges_users_their_reserve(void **state)
{
	struct fixture *f = *state;
	struct budget_entry *alice;

	assert_int_equal(reopen(f), 0);
	move(f, 100);
	budget_ledger_user(f->ledger, "alice", 5)->reserve = 77;
	assert_int_equal(
	    budget_ledger_file_charge(f->file, f->ledger, AHEAD), 0);
	assert_int_equal(budget_ledger_file_save(f->file, f->ledger), 0);
	assert_int_equal(reopen(f), 0);
	alice = budget_ledger_user(f->ledger, "alice", 5);
	assert_int_equal(budget_count_used(&alice->now[BUDGET_DAY]), 177);
	assert_int_equal(budget_count_used(&alice->now[BUDGET_MONTH]), 177);
	assert_int_equal(alice->reserve, 0);
}

/* The disk dies at each call of a life, and the process with it: what moved
 * under a charge that was confirmed is counted, and at most a charge more. */
static void
test_dying_at_any_call_never_counts_too_little(void **state)
{
	struct fixture *f = *state;
	bool is_through = false;
	int n;

	for (n = 0; !is_through; n++) {
		uint64_t confirmed = 0;

		empty(f->dir);
		disk_fails(n, INT32_MAX, EIO);
		is_through = reopen(f) == 0;
		is_through = is_through &&
		    budget_ledger_file_save(f->file, f->ledger) == 0;
		for (int i = 0; i < 3 && is_through; i++) {
			is_through = budget_ledger_file_charge(
					 f->file, f->ledger, AHEAD) == 0;
			if (!is_through)
				break;
			confirmed = used(f) + AHEAD;
			move(f, AHEAD);
			is_through =
			    budget_ledger_file_save(f->file, f->ledger) == 0;
		}
		disk_works();
		assert_int_equal(reopen(f), 0);
		assert_true(used(f) >= confirmed);
		assert_true(used(f) <= confirmed + AHEAD);
		assert_true(n < 100);
	}
	assert_true(n > 20);
}

static void
test_a_disk_that_fails_for_a_while_is_told_and_got_over(void **state)
{
	static const int codes[] = { ENOSPC, EROFS, EIO, EDQUOT };
	struct fixture *f = *state;

	assert_int_equal(reopen(f), 0);
	for (int n = 0; n < 8; n++) {
		const int code = codes[n % 4];
		int rc;

		disk_fails(n, n + 1, code);
		rc = budget_ledger_file_charge(f->file, f->ledger, AHEAD);
		if (rc == 0)
			rc = budget_ledger_file_save(f->file, f->ledger);
		assert_int_equal(rc, n < calls ? code : 0);
		disk_works();
		move(f, 1);
		assert_int_equal(
		    budget_ledger_file_charge(f->file, f->ledger, AHEAD), 0);
		assert_int_equal(
		    budget_ledger_file_save(f->file, f->ledger), 0);
	}
	assert_int_equal(budget_ledger_file_end(f->file, f->ledger), 0);
	assert_int_equal(reopen(f), 0);
	assert_int_equal(used(f), 8);
	assert_false(has_file(f, "ledger.new"));
}

static void
test_charges_taken_away_while_running_are_made_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(reopen(f), 0);
	assert_int_equal(
	    budget_ledger_file_charge(f->file, f->ledger, AHEAD), 0);
	assert_int_equal(budget_ledger_file_save(f->file, f->ledger), 0);
	remove_file(f, "ledger.charge");
	move(f, AHEAD);
	assert_int_equal(
	    budget_ledger_file_charge(f->file, f->ledger, AHEAD), 0);
	assert_int_equal(reopen(f), 0);
	assert_int_equal(used(f), 2 * AHEAD);
}

static void
test_two_processes_do_not_share_a_ledger(void **state)
{
	struct fixture *f = *state;
	struct budget_ledger_file *second = NULL;
	struct budget_ledger_found found;

	assert_int_equal(reopen(f), 0);
	assert_int_equal(
	    budget_ledger_file_open(&second, &found, f->dir, f->why), EBUSY);
	assert_non_null(strstr(f->why, "another supernoded"));
}

static void
test_a_month_that_changed_before_the_ledger_was_written(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(reopen(f), 0);
	move(f, 300);
	assert_int_equal(budget_ledger_file_save(f->file, f->ledger), 0);
	/* February: charged, but the ledger could not be written any more */
	budget_ledger_turn(
	    f->ledger, &f->calendar, 40 * (int64_t)DATE_DAY_S, false);
	move(f, 10);
	assert_int_equal(
	    budget_ledger_file_charge(f->file, f->ledger, AHEAD), 0);
	assert_int_equal(reopen(f), 0);
	assert_int_equal(used(f), 10 + AHEAD);
	assert_int_equal(
	    budget_ledger_host(f->ledger)->before[BUDGET_MONTH].counted, 300);
	assert_true(budget_ledger_is_to_keep(f->ledger));
}

static void
test_months_are_kept_and_the_oldest_go(void **state)
{
	struct fixture *f = *state;
	uint8_t data[FILE_LEN];
	json_t *report = NULL;
	size_t len;

	assert_int_equal(reopen(f), 0);
	for (int32_t m = 24300; m < 24320; m++) {
		report = json_pack("{s:i}", "n", (int)m);
		assert_int_equal(
		    budget_ledger_file_keep(f->file, m, report), 0);
		json_decref(report);
	}
	assert_int_equal(
	    budget_ledger_file_kept(f->file, 24303, &report), ENOENT);
	assert_int_equal(budget_ledger_file_kept(f->file, 24304, &report), 0);
	assert_int_equal(
	    json_integer_value(json_object_get(report, "n")), 24304);
	json_decref(report);
	len = read_file(f, "ledger.2026-01", data);
	data[2] ^= 1;
	write_file(f, "ledger.2026-01", data, len);
	assert_int_equal(
	    budget_ledger_file_kept(f->file, 2026 * 12, &report), EBADMSG);
}

static void
test_a_folder_that_cannot_be_used_is_told(void **state)
{
	struct fixture *f = *state;
	struct budget_ledger_found found;

	assert_int_equal(budget_ledger_file_open(
			     &f->file, &found, "/dev/null/nowhere", f->why),
	    ENOTDIR);
	assert_non_null(strstr(f->why, "/dev/null/nowhere/ledger: "));
}

static void
test_short_memory_is_told(void **state)
{
	struct fixture *f = *state;
	int rc;
	long n = 0;

	live_and_die(f);
	do {
		mem_fail_at(n);
		rc = reopen(f);
	} while (rc != 0 && n++ < 100);
	mem_fail_at(-1);
	assert_true(n >= 4);
	assert_int_equal(used(f), AHEAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_orderly_end_loses_and_adds_nothing),
		TEST(a_crash_counts_what_was_charged),
		TEST(a_crash_charges_users_their_reserve),
		TEST(dying_at_any_call_never_counts_too_little),
		TEST(a_disk_that_fails_for_a_while_is_told_and_got_over),
		TEST(charges_taken_away_while_running_are_made_again),
		TEST(two_processes_do_not_share_a_ledger),
		TEST(a_month_that_changed_before_the_ledger_was_written),
		TEST(months_are_kept_and_the_oldest_go),
		TEST(a_folder_that_cannot_be_used_is_told),
		TEST(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
