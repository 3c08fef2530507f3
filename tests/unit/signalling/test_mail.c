/* mail: in order, bounded by number and by bytes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "common/mem.h"
#include "relay/mailbox.h"
#include "signalling/own.h"

enum { WORKERS = 3, THERE = 2, TEXT = 64 * 1024 };

/* Workers 0 and 1 send; THERE opens when its mailbox is drained. */
struct bed {
	struct signalling_shared shared;
	struct signalling s[WORKERS];
	struct mailbox *mailbox;
	unsigned opened, dropped;
	size_t last; /* size of what was opened last */
};

static struct bed bed;

static int
setup(void **state)
{
	(void)state;
	bed = (struct bed){ .shared.workers = WORKERS };
	bed.mailbox = mailbox_new(16);
	bed.shared.boxes = signal_boxes_new(WORKERS);
	if (bed.mailbox == NULL || bed.shared.boxes == NULL)
		return -1;
	for (unsigned i = 0; i < WORKERS; i++) {
		bed.s[i].shared = &bed.shared;
		bed.s[i].config.worker = i;
		if (signal_mail_join(&bed.s[i], bed.mailbox) != 0)
			return -1;
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WORKERS; i++)
		signal_mail_leave(&bed.s[i]);
	signal_boxes_free(bed.shared.boxes);
	mailbox_free(bed.mailbox);
	return 0;
}

static void
open_it(struct signalling *there, struct signal_mail *m)
{
	(void)there;
	bed.opened++;
	bed.last = m->size;
	mem_free(m);
}

static void
drop_it(struct signal_mail *m)
{
	bed.dropped++;
	mem_free(m);
}

/* It says that it holds size bytes. */
static int
send_to(unsigned from, unsigned to, size_t size)
{
	struct signal_mail *m = mem_try(1, sizeof(*m));
	int rc;

	assert_non_null(m);
	m->size = size;
	m->open = open_it;
	m->drop = drop_it;
	if ((rc = signal_mail_send(&bed.s[from], to, m)) != 0)
		mem_free(m);
	return rc;
}

static void
fill(unsigned from, unsigned to)
{
	for (size_t n = 0; n < SIGNAL_MAIL_BYTES_MAX; n += TEXT)
		assert_int_equal(send_to(from, to, TEXT), 0);
}

static void
test_mail_waits_for_a_stuck_worker_up_to_64_mib(void **state)
{
	const unsigned texts = SIGNAL_MAIL_BYTES_MAX / TEXT;

	(void)state;
	fill(0, THERE);
	assert_int_equal(send_to(0, THERE, 1), EAGAIN);
	/* whoever sends, and wherever it waits */
	signal_mail_turn_end(&bed.s[0]);
	assert_int_equal(send_to(0, THERE, 1), EAGAIN);
	assert_int_equal(send_to(1, THERE, 1), EAGAIN);
	/* others are not concerned */
	assert_int_equal(send_to(1, 0, TEXT), 0);
	assert_int_equal(bed.opened, 0);
	mailbox_drain(bed.mailbox, NULL);
	assert_int_equal(bed.opened, texts);
	fill(1, THERE);
	assert_int_equal(send_to(1, THERE, 1), EAGAIN);
}

static void
test_what_holds_no_text_is_bounded_by_number_alone(void **state)
{
	(void)state;
	/* two that do not see each other go beyond it */
	fill(0, THERE);
	fill(1, THERE);
	signal_mail_turn_end(&bed.s[0]);
	signal_mail_turn_end(&bed.s[1]);
	assert_int_equal(send_to(1, THERE, 1), EAGAIN);
	assert_int_equal(send_to(1, THERE, 0), 0);
}

static void
test_mail_to_oneself_has_room_again_after_the_turn(void **state)
{
	(void)state;
	fill(0, 0);
	assert_int_equal(send_to(0, 0, 1), EAGAIN);
	signal_mail_turn_end(&bed.s[0]);
	assert_int_equal(bed.opened, SIGNAL_MAIL_BYTES_MAX / TEXT);
	fill(0, 0);
	assert_int_equal(send_to(0, 0, 1), EAGAIN);
}

static void
test_what_is_bounded_by_number_is_64_ki_letters(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SIGNAL_MAIL_MAX; i++)
		assert_int_equal(send_to(0, THERE, 0), 0);
	assert_int_equal(send_to(0, THERE, 0), EAGAIN);
	signal_mail_turn_end(&bed.s[0]);
	assert_int_equal(send_to(1, THERE, 0), EAGAIN);
	mailbox_drain(bed.mailbox, NULL);
	assert_int_equal(send_to(1, THERE, 0), 0);
}

static void
test_mail_is_opened_in_the_order_it_was_sent(void **state)
{
	(void)state;
	for (size_t i = 1; i <= 3; i++)
		assert_int_equal(send_to(0, THERE, i), 0);
	signal_mail_turn_end(&bed.s[0]);
	assert_int_equal(send_to(0, THERE, 4), 0);
	signal_mail_turn_end(&bed.s[0]);
	mailbox_drain(bed.mailbox, NULL);
	assert_int_equal(bed.opened, 4);
	assert_int_equal(bed.last, 4);
}

static void
test_what_was_not_opened_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(send_to(0, THERE, 1), 0);
	signal_mail_turn_end(&bed.s[0]);
	assert_int_equal(send_to(1, THERE, 1), 0);
	teardown(state);
	assert_int_equal(bed.opened, 0);
	assert_int_equal(bed.dropped, 2);
	assert_int_equal(setup(state), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_mail_waits_for_a_stuck_worker_up_to_64_mib, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_what_holds_no_text_is_bounded_by_number_alone, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_mail_to_oneself_has_room_again_after_the_turn, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_what_is_bounded_by_number_is_64_ki_letters, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_mail_is_opened_in_the_order_it_was_sent, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_what_was_not_opened_is_dropped, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
