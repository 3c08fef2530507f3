/* What the workers of the PeerServer dialect tell each other. */
#include "tests/unit/signalling/peerjs_bed.h"

static void
test_notices_wait_for_full_mail_in_order(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t"), *again;

	(void)state;
	bed.is_full = true;
	/* GO, then COME: the other way round the new one would be gone */
	bed_break(a);
	again = bed_come(0, "alice", "other");
	assert_string_equal(bed_heard(again), "");
	bed_pass(10 * PEERJS_LATE_MS);
	assert_string_equal(bed_heard(again), "");
	bed.is_full = false;
	/* room alone is not enough: it is not overtaken by later ones */
	bed_break(bed_knock(0, "bob", "t"));
	assert_false(post_open(&bed.post[0], &bed.s[0]) ||
	    post_open(&bed.post[1], &bed.s[1]));
	bed_pass(PEERJS_LATE_MS + WHEEL_TICK_MS);
	assert_string_equal(bed_heard(again), OPENED);
	assert_true(list_is_empty(&bed.s[0].peers->late));
}

/* Mail that is full in the middle of a retry keeps what is left in order. */
static void
test_a_retry_goes_on_where_it_stopped(void **state)
{
	struct signal_peers *p = bed.s[0].peers;
	struct list *first;

	(void)state;
	bed.is_full = true;
	bed_knock(0, "alice", "t");
	bed_knock(0, "bob", "t");
	first = p->late.next;
	bed_pass(PEERJS_LATE_MS + WHEEL_TICK_MS);
	assert_ptr_equal(p->late.next, first);
	assert_ptr_not_equal(first->next, &p->late);
	assert_true(wheel_is_set(&p->retry));
	bed.is_full = false;
}

static void
test_a_letter_that_cannot_leave_expires_at_once(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");

	(void)state;
	bed_heard(a);
	bed.is_full = true;
	bed_say(a, TO("OFFER", "bob", "1"));
	bed.is_full = false;
	/* the answer had no room either; nothing is kept for later */
	bed_pass(10000);
	assert_string_equal(bed_heard(a), "");
	bed_say(a, TO("OFFER", "bob", "1"));
	bed_pass(10000);
	assert_string_equal(bed_heard(a), FROM("EXPIRE", "bob", "alice"));
}

/* Teardown sees that nothing is leaked. */
static void
test_what_is_on_its_way_at_the_end_is_freed(void **state)
{
	struct net_web *a = bed_come(0, "alice", "t");

	(void)state;
	bed_say(a, TO("OFFER", "bob", "1"));
	bed_tell(a, TO("OFFER", "bob", "2"));
	bed_knock(1, "carol", "t");
	bed.is_full = true;
	bed_knock(1, "dave", "t");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_open, bed_close)

static void
test_a_letter_says_how_much_it_holds(void **state)
{
	static char payload[1000] = "{}";
	const struct proto_peerjs_message m = { .type = PROTO_PEERJS_OFFER,
		.payload = payload,
		.payload_len = sizeof(payload) };
	struct signal_peerjs_letter *l = signal_peerjs_post_letter(&m);

	(void)state;
	assert_non_null(l);
	assert_true(l->mail.size >= l->len && l->len > sizeof(payload));
	mem_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_notices_wait_for_full_mail_in_order),
		TEST(test_a_retry_goes_on_where_it_stopped),
		TEST(test_a_letter_that_cannot_leave_expires_at_once),
		TEST(test_what_is_on_its_way_at_the_end_is_freed),
		TEST(test_a_letter_says_how_much_it_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
