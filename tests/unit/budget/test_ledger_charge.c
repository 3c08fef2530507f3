#include "tests/unit/budget/ledger_bed.h"

static void
test_a_flipped_bit_of_the_ledger_is_refused_and_kept(void **state)
{
	struct fixture *f = *state;
	uint8_t data[FILE_LEN], again[FILE_LEN];
	size_t len;

	live_and_die(f);
	len = read_file(f, "ledger", data);
	for (size_t i = 0; i < len; i++) {
		data[i] ^= (uint8_t)(1 << i % 8);
		write_file(f, "ledger", data, len);
		assert_int_equal(reopen(f), EBADMSG);
		assert_non_null(strstr(f->why, f->dir));
		assert_int_equal(read_file(f, "ledger", again), len);
		assert_memory_equal(again, data, len);
		data[i] ^= (uint8_t)(1 << i % 8);
	}
	write_file(f, "ledger", data, len);
	assert_int_equal(reopen(f), 0);
}

static void
test_a_ledger_cut_anywhere_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t data[FILE_LEN];
	size_t len;

	live_and_die(f);
	len = read_file(f, "ledger", data);
	for (size_t n = 0; n < len; n++) {
		write_file(f, "ledger", data, n);
		assert_int_equal(reopen(f), EBADMSG);
	}
}

/* Either refused, or taken for more than it can have been. */
static void
test_damaged_charges_never_count_too_little(void **state)
{
	struct fixture *f = *state;
	uint8_t ledger[FILE_LEN], charge[FILE_LEN], damaged[FILE_LEN];
	size_t ledger_len, len;

	live_and_die(f);
	assert_int_equal(reopen(f), 0);
	assert_int_equal(budget_ledger_file_save(f->file, f->ledger), 0);
	assert_int_equal(
	    budget_ledger_file_charge(f->file, f->ledger, AHEAD), 0);
	shut(f);
	ledger_len = read_file(f, "ledger", ledger);
	len = read_file(f, "ledger.charge", charge);
	assert_int_equal(len, BUDGET_CHARGE_FILE);
	for (size_t i = 0; i < 4 * BUDGET_CHARGE_LEN; i++) {
		memcpy(damaged, charge, len);
		damaged[i] ^= (uint8_t)(1 << i % 8);
		write_file(f, "ledger", ledger, ledger_len);
		write_file(f, "ledger.charge", damaged, len);
		if (reopen(f) != 0)
			continue;
		assert_int_equal(f->found.bad, 1);
		assert_true(used(f) >= 2 * AHEAD);
		assert_true(used(f) <= 2 * AHEAD + BUDGET_LEDGER_RESERVE);
		assert_true(has_file(f, "ledger.charge.damaged"));
		/* and that is settled now */
		assert_int_equal(budget_ledger_file_end(f->file, f->ledger), 0);
		assert_int_equal(reopen(f), 0);
		assert_int_equal(f->found.bad, 0);
	}
	for (size_t n = 0; n < len; n += 64) {
		write_file(f, "ledger", ledger, ledger_len);
		write_file(f, "ledger.charge", charge, n);
		if (reopen(f) == 0)
			assert_true(used(f) >= 2 * AHEAD);
	}
}

static void
test_one_half_without_the_other_is_refused(void **state)
{
	struct fixture *f = *state;

	live_and_die(f);
	remove_file(f, "ledger.charge");
	assert_int_equal(reopen(f), EBADMSG);
	assert_non_null(strstr(f->why, "not ledger.charge"));
	remove_file(f, "ledger");
	assert_int_equal(reopen(f), 0); /* both moved away: a new one */
	assert_null(f->found.ledger);
	live_and_die(f);
	remove_file(f, "ledger");
	assert_int_equal(reopen(f), EBADMSG);
	assert_non_null(strstr(f->why, "but not ledger"));
}

static void
test_an_older_copy_of_the_charges_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t charge[FILE_LEN];
	size_t len;

	live_and_die(f);
	len = read_file(f, "ledger.charge", charge);
	assert_int_equal(reopen(f), 0);
	assert_int_equal(
	    budget_ledger_file_charge(f->file, f->ledger, AHEAD), 0);
	assert_int_equal(budget_ledger_file_end(f->file, f->ledger), 0);
	write_file(f, "ledger.charge", charge, len);
	assert_int_equal(reopen(f), EBADMSG);
	assert_non_null(strstr(f->why, "older"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flipped_bit_of_the_ledger_is_refused_and_kept),
		TEST(a_ledger_cut_anywhere_is_refused),
		TEST(damaged_charges_never_count_too_little),
		TEST(one_half_without_the_other_is_refused),
		TEST(an_older_copy_of_the_charges_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
