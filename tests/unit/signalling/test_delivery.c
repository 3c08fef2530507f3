/* delivery: what it mails to other workers says how much it holds. */
#include <errno.h>

#include "nodes_bed.h"
#include "signalling/delivery.h"
#include "signalling/text.h"
#include "signalling/waiting.h"

enum { TEXT = 1024 * 1024, TEXTS = SIGNAL_MAIL_BYTES_MAX / TEXT };

static void
drop_it(struct signal_mail *m)
{
	mem_free(m);
}

static void
open_it(struct signalling *there, struct signal_mail *m)
{
	(void)there;
	mem_free(m);
}

/* May worker 0 send one byte more to worker? */
static bool
is_full(unsigned worker)
{
	struct signal_mail *m = mem_try(1, sizeof(*m));

	assert_non_null(m);
	*m =
	    (struct signal_mail){ .size = 1, .open = open_it, .drop = drop_it };
	if (signal_mail_send(&bed.worker[0], worker, m) == 0)
		return false;
	mem_free(m);
	return true;
}

static struct signal_text *
big_text(void)
{
	char *at;
	struct signal_text *text = signal_text_make(TEXT, &at);

	assert_non_null(text);
	memset(at, ' ', TEXT);
	return text;
}

static void
test_messages_for_a_stuck_worker_fill_its_mail(void **state)
{
	struct signal_text *text = big_text();
	const struct signal_send send = {
		.to = { .space = DIRECTORY_NODES, .at = "guest-b", .len = 7 },
		.text = text
	};

	(void)state;
	/* it is away for a moment, and what is too much is refused */
	bed_break(bed_join(1, "{\"type\":\"hello\",\"name\":\"guest-b\"}"));
	for (int i = 0; i < TEXTS; i++)
		assert_true(signal_delivery_route(&bed.worker[0], &send));
	assert_true(is_full(1));
	bed_turn();
	assert_false(is_full(1));
	signal_text_put(text);
}

static void
test_messages_on_their_way_to_wait_fill_it_too(void **state)
{
	struct signal_text *text = big_text();
	const struct signal_send send = {
		.to = { .space = DIRECTORY_NODES, .at = "guest-b", .len = 7 },
		.text = text
	};

	(void)state;
	for (int i = 0; i < TEXTS; i++)
		assert_int_equal(signal_waiting_keep(&bed.worker[0], &send), 0);
	/* it waits at one of them, by its name */
	assert_int_equal(is_full(0) + is_full(1), 1);
	assert_int_equal(signal_waiting_keep(&bed.worker[0], &send), ENOENT);
	bed_turn();
	signal_text_put(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_messages_for_a_stuck_worker_fill_its_mail, bed_open,
		    bed_close),
		cmocka_unit_test_setup_teardown(
		    test_messages_on_their_way_to_wait_fill_it_too, bed_open,
		    bed_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
