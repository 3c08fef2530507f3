#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "relay/mailbox.h"

enum { WRITERS = 4, PER_WRITER = 20000, ROOM = 64, PATIENCE_MS = 20000 };

struct seen {
	struct mailbox *mb;
	unsigned long next[WRITERS]; /* what each writer sends next */
	unsigned long count;
	bool disordered;
};

struct note {
	unsigned writer;
	unsigned long number;
};

struct writer {
	struct mailbox *mb;
	struct note *notes;
	unsigned id;
};

static void
take_note(void *context, void *arg)
{
	struct seen *s = context;
	struct note *n = arg;

	if (s->next[n->writer] != n->number)
		s->disordered = true;
	s->next[n->writer] = n->number + 1;
	s->count++;
}

static bool
is_rung(const struct mailbox *mb, int ms)
{
	struct pollfd p = { .fd = mailbox_fd(mb), .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static void *
write_all(void *arg)
{
	struct writer *w = arg;

	for (unsigned long i = 0; i < PER_WRITER; i++) {
		w->notes[i] = (struct note){ w->id, i };
		while (mailbox_post(w->mb, take_note, &w->notes[i]) != 0)
			sched_yield();
	}
	return NULL;
}

static void
test_four_writers_lose_nothing_and_keep_their_order(void **state)
{
	struct seen seen = { .mb = mailbox_new(ROOM) };
	struct writer w[WRITERS];
	pthread_t thread[WRITERS];

	(void)state;
	assert_non_null(seen.mb);
	for (unsigned i = 0; i < WRITERS; i++) {
		w[i] = (struct writer){ seen.mb,
			mem_must(PER_WRITER, sizeof(struct note)), i };
		assert_int_equal(
		    pthread_create(&thread[i], NULL, write_all, &w[i]), 0);
	}
	/* only a wake-up lets the reader read: a lost one ends the test */
	while (seen.count < (unsigned long)WRITERS * PER_WRITER) {
		assert_true(is_rung(seen.mb, PATIENCE_MS));
		mailbox_drain(seen.mb, &seen);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(seen.next[i], PER_WRITER);
		mem_free(w[i].notes);
	}
	assert_false(seen.disordered);
	mailbox_free(seen.mb);
}

static void
test_a_full_mailbox_refuses_and_takes_again_after_draining(void **state)
{
	struct mailbox *mb = mailbox_new(3); /* rounded up to four */
	struct seen seen = { .mb = mb };
	struct note n[5];

	(void)state;
	assert_non_null(mb);
	assert_false(is_rung(mb, 0));
	for (unsigned long round = 0; round < 3; round++) {
		for (unsigned long i = 0; i < 4; i++) {
			n[i] = (struct note){ 0, round * 4 + i };
			assert_int_equal(mailbox_post(mb, take_note, &n[i]), 0);
		}
		assert_int_equal(mailbox_post(mb, take_note, &n[4]), EAGAIN);
		assert_true(is_rung(mb, 0));
		mailbox_drain(mb, &seen);
		assert_false(is_rung(mb, 0));
		assert_int_equal(seen.count, (round + 1) * 4);
	}
	assert_false(seen.disordered);
	mailbox_free(mb);
}

/* Posts itself again: the reader's loop must get a turn in between. */
static void
post_again(void *context, void *arg)
{
	struct seen *s = context;

	s->count++;
	assert_int_equal(mailbox_post(s->mb, post_again, arg), 0);
}

static void
test_a_message_posted_while_draining_waits_for_the_next_turn(void **state)
{
	struct seen seen = { .mb = mailbox_new(4) };

	(void)state;
	assert_non_null(seen.mb);
	assert_int_equal(mailbox_post(seen.mb, post_again, NULL), 0);
	for (unsigned long i = 1; i <= 10; i++) {
		assert_true(is_rung(seen.mb, 0));
		mailbox_drain(seen.mb, &seen);
		assert_int_equal(seen.count, i);
	}
	mailbox_free(seen.mb);
}

static void
test_making_one_survives_any_failing_allocation(void **state)
{
	struct mailbox *mb = NULL;
	long n = 0;

	(void)state;
	for (; n < 10; n++) {
		mem_fail_at(n);
		mb = mailbox_new(8);
		mem_fail_at(-1);
		if (mb != NULL)
			break;
	}
	assert_int_equal(n, 2);
	mailbox_free(mb);
	mailbox_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_four_writers_lose_nothing_and_keep_their_order),
		cmocka_unit_test(
		    test_a_full_mailbox_refuses_and_takes_again_after_draining),
		cmocka_unit_test(
		    test_a_message_posted_while_draining_waits_for_the_next_turn),
		cmocka_unit_test(
		    test_making_one_survives_any_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
