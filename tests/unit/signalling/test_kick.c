#include "nodes_bed.h"

#include "signalling/signalling.h"

#define HELLO(name) "{\"type\":\"hello\",\"name\":\"" name "\"}"
#define NAME        "guest-a"
#define NAME_LEN    (sizeof(NAME) - 1)

size_t
signal_stream_kick(struct signalling *s, const char *name, size_t len)
{
	(void)s;
	(void)name;
	(void)len;
	return 0;
}

static size_t
kick(unsigned worker)
{
	return signalling_kick(&bed.worker[worker], NAME, NAME_LEN);
}

static size_t
kick_moved(unsigned worker, mono_ms before)
{
	return signalling_kick_moved(
	    &bed.worker[worker], NAME, NAME_LEN, before);
}

/* The hello that resumes w at worker 0, which asks worker 1: as far as the
 * estate let go, on its way back. */
static struct net_web *
resume_half(struct net_web *w)
{
	struct net_web *again = bed_connect(0);
	struct net_web_data d = { .kind = NET_WEB_TEXT };
	char hello[256];

	d.len = strlen(bed_hello_again(w, NAME, hello));
	d.data = (uint8_t *)hello;
	again->ops->message(again->owner, &d);
	signal_mail_turn_end(&bed.worker[0]);
	mailbox_drain(bed.mailbox[1], NULL);
	return again;
}

static void
test_a_session_ends_and_others_go_on(void **state)
{
	struct net_web *a = bed_join(0, HELLO(NAME));
	struct net_web *b = bed_join(0, HELLO("guest-ab"));

	(void)state;
	assert_int_equal(kick(0), 1);
	assert_int_equal(kick(1), 0);
	assert_int_equal(a->closed, PROTO_CLOSE_POLICY);
	assert_int_equal(b->closed, 0);
}

static void
test_what_was_on_its_way_at_the_first_round_ends_at_the_second(void **state)
{
	struct net_web *w = bed_join(1, HELLO(NAME)), *again;

	(void)state;
	bed_pass(10);
	assert_int_equal(kick(0), 0);
	again = resume_half(w);
	assert_int_equal(kick(1), 0);
	assert_int_equal(again->closed, 0);
	assert_int_equal(kick_moved(0, bed.now), 1);
	assert_int_equal(kick_moved(1, bed.now), 0);
	assert_int_equal(again->closed, PROTO_CLOSE_POLICY);
}

static void
test_what_arrived_after_the_first_round_ends_at_the_second(void **state)
{
	struct net_web *w = bed_join(1, HELLO(NAME)), *again;

	(void)state;
	bed_pass(10);
	assert_int_equal(kick(0), 0);
	bed_break(w);
	again = resume_half(w);
	assert_int_equal(kick(1), 0);
	bed_turn();
	assert_int_equal(bed_count(again, "\"resumed\":true"), 1);
	assert_int_equal(kick_moved(0, bed.now), 1);
	assert_int_equal(again->closed, PROTO_CLOSE_POLICY);
}

static void
test_who_came_back_anew_stays_at_the_second_round(void **state)
{
	const mono_ms begun = bed.now;
	struct net_web *w = bed_join(1, HELLO(NAME));

	(void)state;
	assert_int_equal(kick(1), 1);
	w = bed_join(1, HELLO(NAME));
	assert_int_equal(kick_moved(1, begun), 0);
	bed_pass(SIGNAL_PING_MS);
	bed_pong(w);
	assert_int_equal(w->closed, 0);
}

/* The old session was ended and counted where it was. */
static void
test_who_asks_in_vain_is_not_counted_again(void **state)
{
	struct net_web *w = bed_join(1, HELLO(NAME)), *again;
	struct net_web_data d = { .kind = NET_WEB_TEXT };
	char hello[256];

	(void)state;
	bed_pass(10);
	d.len = strlen(bed_hello_again(w, NAME, hello));
	d.data = (uint8_t *)hello;
	again = bed_connect(0);
	assert_int_equal(kick(0), 0);
	again->ops->message(again->owner, &d);
	assert_int_equal(kick(1), 1);
	assert_int_equal(kick_moved(0, bed.now), 0);
	bed_turn();
	assert_non_null(bed_got(again, "\"resumed\":false"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_open, bed_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_session_ends_and_others_go_on),
		TEST(
		    test_what_was_on_its_way_at_the_first_round_ends_at_the_second),
		TEST(
		    test_what_arrived_after_the_first_round_ends_at_the_second),
		TEST(test_who_came_back_anew_stays_at_the_second_round),
		TEST(test_who_asks_in_vain_is_not_counted_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
