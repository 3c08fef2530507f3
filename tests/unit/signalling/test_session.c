#include <errno.h>

#include "nodes_bed.h"

#define HELLO(name) "{\"type\":\"hello\",\"name\":\"" name "\"}"
#define SEND(to, id) \
	"{\"type\":\"send\",\"id\":" #id ",\"to\":\"" to "\",\"data\":" #id "}"

static void
test_who_says_no_hello_is_closed_after_ten_seconds(void **state)
{
	struct net_web *w = bed_connect(0);

	(void)state;
	assert_non_null(bed_got(w, "\"welcome\""));
	bed_pass(9900);
	assert_int_equal(w->closed, 0);
	bed_pass(200);
	assert_int_equal(w->closed, PROTO_CLOSE_HELLO_TIMEOUT);
}

static void
test_it_is_pinged_and_dead_after_two_missed(void **state)
{
	struct net_web *w = bed_join(0, HELLO("guest-a"));

	(void)state;
	bed_pass(SIGNAL_PING_MS + 50);
	assert_int_equal(w->pings, 1);
	bed_pong(w);
	bed_pass(2 * SIGNAL_PING_MS + 200);
	assert_int_equal(w->pings, 3);
	assert_int_equal(w->closed, 0);
	bed_pass(SIGNAL_PING_MS);
	assert_int_equal(w->closed, PROTO_CLOSE_TRY_LATER);
	assert_int_equal(w->pings, 3);
}

static void
test_a_broken_session_can_be_resumed_for_a_minute(void **state)
{
	struct net_web *w = bed_join(0, HELLO("guest-a")), *again;
	char hello[256];

	(void)state;
	bed_break(w);
	bed_pass(SIGNAL_RESUME_MS - 100);
	again = bed_join(0, bed_hello_again(w, "guest-a", hello));
	assert_non_null(bed_got(again, "\"resumed\":true"));
	bed_break(again);
	bed_pass(SIGNAL_RESUME_MS + 100);
	again = bed_join(0, bed_hello_again(w, "guest-a", hello));
	assert_non_null(bed_got(again, "\"resumed\":false"));
}

static void
test_who_sends_to_a_broken_session_hears_when_it_is_given_up(void **state)
{
	struct net_web *a = bed_join(0, HELLO("guest-a"));
	struct net_web *b = bed_join(1, HELLO("guest-b"));

	(void)state;
	bed_break(b);
	bed_say(a, SEND("guest-b", 7));
	bed_pass(SIGNAL_RESUME_MS / 2);
	bed_pong(a);
	assert_null(bed_got(a, "\"id\":7"));
	bed_pass(SIGNAL_RESUME_MS / 2 + 100);
	assert_non_null(bed_got(a, "\"id\":7,\"code\":\"peer-offline\""));
	assert_null(bed_got(a, "\"sent\""));
}

static void
test_what_came_on_the_way_is_delivered_once_and_in_order(void **state)
{
	struct net_web *a = bed_join(0, HELLO("guest-a"));
	struct net_web *b = bed_join(1, HELLO("guest-b")), *again;
	char hello[256];

	(void)state;
	bed_break(b);
	bed_say(a, SEND("guest-b", 1));
	/* hello at worker 0, and a message before worker 1 has answered */
	again = bed_connect(0);
	{
		const char *text = bed_hello_again(b, "guest-b", hello);
		struct net_web_data d = { .kind = NET_WEB_TEXT,
			.data = (uint8_t *)hello,
			.len = strlen(text) };

		again->ops->message(again->owner, &d);
	}
	assert_true(again->is_held);
	signal_mail_turn_end(&bed.worker[0]);
	bed_say(a, SEND("guest-b", 2));
	bed_say(a, SEND("guest-b", 3));
	assert_false(again->is_held);
	assert_non_null(bed_got(again, "\"resumed\":true"));
	assert_non_null(bed_got(again, "\"seq\":1,"));
	assert_ptr_equal(
	    bed_got(again, "\"seq\":1,"), bed_got(again, "\"data\":1}"));
	assert_ptr_equal(
	    bed_got(again, "\"seq\":2,"), bed_got(again, "\"data\":2}"));
	assert_ptr_equal(
	    bed_got(again, "\"seq\":3,"), bed_got(again, "\"data\":3}"));
	assert_int_equal(bed_count(again, "\"message\""), 3);
	assert_int_equal(bed_count(a, "\"sent\""), 3);
}

static void
test_the_connection_ends_while_another_worker_is_asked(void **state)
{
	struct net_web *b = bed_join(1, HELLO("guest-b")), *again, *third;
	char hello[256];
	struct net_web_data d = { .kind = NET_WEB_TEXT };

	(void)state;
	bed_break(b);
	again = bed_connect(0);
	d.data = (uint8_t *)hello;
	d.len = strlen(bed_hello_again(b, "guest-b", hello));
	again->ops->message(again->owner, &d);
	again->ops->closed(again->owner, 1006);
	bed_turn();
	assert_int_equal(bed.stats.counter[STATS_SIGNAL_DETACHED], 1);
	third = bed_join(1, bed_hello_again(b, "guest-b", hello));
	assert_non_null(bed_got(third, "\"resumed\":true"));
}

static void
test_a_slow_reader_is_cut_and_keeps_its_message(void **state)
{
	struct net_web *a = bed_join(0, HELLO("guest-a"));
	struct net_web *b = bed_join(0, HELLO("guest-b")), *again;
	char hello[256];

	(void)state;
	b->is_full = true;
	bed_say(a, SEND("guest-b", 1));
	assert_int_equal(b->closed, PROTO_CLOSE_TRY_LATER);
	assert_null(bed_got(a, "\"id\":1"));
	again = bed_join(0, bed_hello_again(b, "guest-b", hello));
	assert_non_null(bed_got(again, "\"data\":1}"));
	assert_non_null(bed_got(a, "{\"type\":\"sent\",\"id\":1}"));
}

static void
test_a_connection_that_fails_at_ready_leaves_nothing(void **state)
{
	struct net_web *a = bed_join(1,
	    "{\"type\":\"hello\",\"name\":\"guest-a\","
	    "\"room\":\"lobby\"}");
	struct net_web *b = bed_connect(0);

	(void)state;
	bed_say(a, "{\"type\":\"watch\",\"names\":[\"guest-b\"]}");
	b->is_full = true;
	bed_say(b,
	    "{\"type\":\"hello\",\"name\":\"guest-b\","
	    "\"room\":\"lobby\"}");
	assert_int_equal(b->closed, PROTO_CLOSE_TRY_LATER);
	bed_say(a, "{\"type\":\"find\",\"name\":\"guest-b\"}");
	assert_non_null(bed_got(a, "\"online\":false,\"sessions\":0"));
}

static void
test_a_token_ends_its_session(void **state)
{
	struct net_web *w =
	    bed_join(0, "{\"type\":\"hello\",\"token\":\"alice\"}");

	(void)state;
	for (int i = 0; i < 99; i++) {
		bed_pass(10 * 1000);
		bed_pong(w);
	}
	assert_int_equal(w->closed, 0);
	bed_pass(12 * 1000); /* the wall clock ticks in seconds */
	assert_non_null(bed_got(w, "\"token-expired\""));
	assert_int_equal(w->closed, PROTO_CLOSE_EXPIRED);
}

static void
test_who_speaks_too_fast_is_not_read_for_a_while(void **state)
{
	struct net_web *w;

	(void)state;
	bed.conf.signalling.messages = 4;
	w = bed_join(0, HELLO("guest-a"));
	/* a guest: 2 a second, 4 seconds of them, hello counted by 4 */
	for (int i = 0; i < 20 && !w->is_held; i++)
		bed_say(w, "{\"type\":\"ping\"}");
	assert_true(w->is_held);
	assert_non_null(bed_got(w, "\"rate-limited\""));
	bed_pass(600);
	assert_false(w->is_held);
	bed_say(w, "{\"type\":\"ping\"}");
	assert_int_equal(bed_count(w, "\"rate-limited\""), 1);
}

/* Uses up what w may say; then it is not read. */
static void
speak_until_held(struct net_web *w)
{
	for (int i = 0; i < 20 && !w->is_held; i++)
		bed_say(w, "{\"type\":\"ping\"}");
	assert_true(w->is_held);
}

static void
assert_rate_goes_along(unsigned from, unsigned to)
{
	struct net_web *w, *again;
	char hello[256];

	bed.conf.signalling.messages = 4;
	w = bed_join(from, HELLO("guest-a"));
	speak_until_held(w);
	bed_break(w);
	again = bed_join(to, bed_hello_again(w, "guest-a", hello));
	assert_non_null(bed_got(again, "\"resumed\":true"));
	bed_say(again, "{\"type\":\"ping\"}");
	assert_null(bed_got(again, "\"pong\""));
	assert_true(again->is_held);
	bed_pass(600);
	assert_false(again->is_held);
	bed_say(again, "{\"type\":\"ping\"}");
	assert_non_null(bed_got(again, "\"pong\""));
}

static void
test_a_resume_here_goes_on_with_the_rate_that_was_used(void **state)
{
	(void)state;
	assert_rate_goes_along(0, 0);
}

static void
test_a_resume_elsewhere_goes_on_with_the_rate_that_was_used(void **state)
{
	(void)state;
	assert_rate_goes_along(1, 0);
}

static void
test_a_resume_goes_on_with_the_strikes(void **state)
{
	struct net_web *w = bed_join(0, HELLO("guest-a"));
	char hello[256];

	(void)state;
	for (unsigned i = 0; i < SIGNAL_STRIKES_MAX; i++) {
		bed_say(w, "garbage");
		assert_int_equal(w->closed, 0);
		if (i % 8 != 0)
			continue;
		bed_break(w);
		w = bed_join(i / 8 % 2, bed_hello_again(w, "guest-a", hello));
		assert_non_null(bed_got(w, "\"resumed\":true"));
	}
	bed_say(w, "garbage");
	assert_int_equal(w->closed, PROTO_CLOSE_PROTOCOL);
}

static void
test_who_speaks_too_fast_before_hello_is_read_again(void **state)
{
	struct net_web *w;

	(void)state;
	bed.conf.signalling.messages = 4;
	w = bed_connect(0);
	speak_until_held(w);
	bed_pass(300);
	assert_false(w->is_held);
	assert_int_equal(w->closed, 0);
	bed_say(w, HELLO("guest-a"));
	assert_non_null(bed_got(w, "\"ready\""));
}

static void
test_to_be_held_before_hello_wins_no_time(void **state)
{
	struct net_web *w;

	(void)state;
	bed.conf.signalling.messages = 4;
	w = bed_connect(0);
	speak_until_held(w);
	bed_pass(9600);
	assert_int_equal(w->closed, 0);
	bed_pass(500);
	assert_int_equal(w->closed, PROTO_CLOSE_HELLO_TIMEOUT);
}

static void
test_absent_names_are_waited_for_and_then_offline(void **state)
{
	struct net_web *a = bed_join(0, HELLO("guest-a")), *b;

	(void)state;
	bed_say(a, SEND("guest-b", 1));
	bed_say(a, SEND("guest-c", 2));
	bed_pass(4900);
	assert_null(bed_got(a, "\"id\":1"));
	b = bed_join(1, HELLO("guest-b"));
	assert_non_null(bed_got(b, "\"data\":1}"));
	assert_non_null(bed_got(a, "{\"type\":\"sent\",\"id\":1}"));
	bed_pass(200);
	assert_non_null(bed_got(a, "\"id\":2,\"code\":\"peer-offline\""));
	assert_int_equal(bed.stats.counter[STATS_SIGNAL_WAITING], 0);
}

/* Two nodes, watches, a send to each other's worker, a resume. */
static void
act(void)
{
	struct net_web *a = bed_join(0, HELLO("guest-a"));
	struct net_web *b = bed_join(1, HELLO("guest-b"));
	char hello[256];

	bed_say(a, "{\"type\":\"watch\",\"names\":[\"guest-b\",\"guest-c\"]}");
	bed_say(a, SEND("guest-b", 1));
	bed_say(a, SEND("guest-c", 2));
	if (b->closed != 0 || bed_got(b, "\"ready\"") == NULL)
		return;
	if (b->ops != NULL && b->closed == 0)
		bed_break(b);
	bed_say(a, SEND("guest-b", 3));
	bed_join(0, bed_hello_again(b, "guest-b", hello));
}

static void
test_no_failing_allocation_does_harm(void **state)
{
	long n = 0, asked;

	do {
		bed_open(state);
		mem_fail_at(n++);
		act();
		asked = mem_fail_at(-1);
		bed_close(state);
	} while (asked >= n);
	assert_true(n > 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_open, bed_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_who_says_no_hello_is_closed_after_ten_seconds),
		TEST(test_it_is_pinged_and_dead_after_two_missed),
		TEST(test_a_broken_session_can_be_resumed_for_a_minute),
		TEST(
		    test_who_sends_to_a_broken_session_hears_when_it_is_given_up),
		TEST(test_what_came_on_the_way_is_delivered_once_and_in_order),
		TEST(test_the_connection_ends_while_another_worker_is_asked),
		TEST(test_a_slow_reader_is_cut_and_keeps_its_message),
		TEST(test_a_connection_that_fails_at_ready_leaves_nothing),
		TEST(test_a_token_ends_its_session),
		TEST(test_who_speaks_too_fast_is_not_read_for_a_while),
		TEST(test_a_resume_here_goes_on_with_the_rate_that_was_used),
		TEST(
		    test_a_resume_elsewhere_goes_on_with_the_rate_that_was_used),
		TEST(test_a_resume_goes_on_with_the_strikes),
		TEST(test_who_speaks_too_fast_before_hello_is_read_again),
		TEST(test_to_be_held_before_hello_wins_no_time),
		TEST(test_absent_names_are_waited_for_and_then_offline),
		cmocka_unit_test(test_no_failing_allocation_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
