/* Who goes first when many come at once. */
#include "tests/unit/net/web_bed.h"

#include <sys/resource.h>

#include "net/accept.h"
#include "net/core.h"
#include "net/streams.h"

enum { CROWD = 700 };

static struct {
	SSL *ssl;
	int fd;
	bool is_answered, is_done;
} crowd[CROWD];

/* All have said hello, nobody was answered. */
static void
gather(struct web_bed *t, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		crowd[i].fd = bed_client(SOCK_STREAM, &t->bed->at);
		crowd[i].ssl = cert_client(t->ctx, crowd[i].fd, false);
		crowd[i].is_answered = crowd[i].is_done = false;
		assert_int_equal(SSL_do_handshake(crowd[i].ssl), -1);
	}
}

/* How many are answered; all of them go on with their handshakes. */
static unsigned
count_answered(unsigned count, unsigned *done)
{
	unsigned answered = 0;
	char c;

	for (unsigned i = 0; i < count; i++) {
		if (recv(crowd[i].fd, &c, 1, MSG_PEEK) > 0)
			crowd[i].is_answered = true;
		answered += crowd[i].is_answered;
		if (!crowd[i].is_done && crowd[i].is_answered &&
		    SSL_do_handshake(crowd[i].ssl) == 1) {
			crowd[i].is_done = true;
			(*done)++;
		}
	}
	ERR_clear_error();
	return answered;
}

static void
leave(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		SSL_free(crowd[i].ssl);
		close(crowd[i].fd);
	}
}

static struct web_bed *
prepare(void)
{
	struct web_bed *t = web_bed_new(true);

	t->bed->conf.caps.connections = 2 * CROWD;
	t->bed->conf.caps.connections_per_prefix = 2 * CROWD;
	web_bed_open(t);
	t->on_message = web_bed_echo;
	return t;
}

static void
test_handshakes_do_not_keep_others_waiting(void **state)
{
	struct web_bed *t = prepare();
	const mono_ms end = mono_now() + 4 * BED_DEADLINE_MS;
	unsigned answered = 0, done = 0, turns = 0;

	(void)state;
	gather(t, 50);
	while (done < 50 && mono_now() < end) {
		const unsigned was = answered, messages = t->messages;

		web_bed_send(t, WS_TEXT, true, "me first", 8);
		bed_turn(t->bed);
		/* each turn has both: who is in, and a few more */
		assert_int_equal(t->messages, messages + 1);
		answered = count_answered(50, &done);
		assert_true(answered - was <= STREAMS_SHAKES_MAX);
		turns++;
	}
	assert_int_equal(done, 50);
	/* and no turn is lost: two steps each */
	assert_true(turns < 2 * 50);
	leave(50);
	web_bed_free(t);
}

static void
test_nobody_is_accepted_while_many_wait(void **state)
{
	struct web_bed *t = prepare();
	struct net_streams *st = t->bed->net->streams;
	const mono_ms end = mono_now() + 4 * BED_DEADLINE_MS;
	unsigned done = 0, most = 0;

	(void)state;
	gather(t, CROWD);
	while (done < CROWD && mono_now() < end) {
		bed_turn(t->bed);
		if (st->waiting_count > most)
			most = st->waiting_count;
		count_answered(CROWD, &done);
	}
	assert_int_equal(done, CROWD);
	assert_true(most >= STREAMS_WAITING_MAX);
	/* and those who were accepted before it was seen */
	assert_true(most <= STREAMS_WAITING_MAX + 2 * ACCEPT_MAX);
	BED_UNTIL(t->bed, st->waiting_count == 0);
	leave(CROWD);
	web_bed_free(t);
}

static void
test_who_leaves_waits_no_more(void **state)
{
	struct web_bed *t = prepare();
	struct net_streams *st = t->bed->net->streams;

	(void)state;
	gather(t, 40);
	BED_UNTIL(t->bed, st->waiting_count > 0);
	leave(40);
	BED_UNTIL(t->bed, st->waiting_count == 0);
	BED_UNTIL(t->bed, bed_counter(t->bed, STATS_CONNECTIONS) == 1);
	/* all at once, while they wait */
	gather(t, 40);
	BED_UNTIL(t->bed, st->waiting_count > 0);
	web_bed_free(t);
	leave(40);
}

/* ---- going on */

/* One message a turn: the next when the answer has left, at its end. */
static void
answer_and_hold(struct web_bed *t, const struct net_web_data *d)
{
	(void)d;
	net_web_hold(t->web, true);
	assert_int_equal(net_web_send(t->web, NET_WEB_TEXT, "answer", 6), 0);
	assert_int_equal(
	    net_web_send(t->web, NET_WEB_TEXT, "answer", 6), EAGAIN);
}

static void
let_go(struct web_bed *t)
{
	net_web_hold(t->web, false);
}

static void
stop_waiting(evutil_socket_t fd, short what, void *base)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(base);
}

/* Ends when something happened, or when it is too late. */
static void
patient_turn(struct bed *bed)
{
	const struct timeval late = { .tv_sec = BED_DEADLINE_MS / 1000 };
	struct event *alarm = evtimer_new(bed->base, stop_waiting, bed->base);

	event_add(alarm, &late);
	if (!bed->waits || !net_wait(bed->net, BED_DEADLINE_MS))
		event_base_loop(bed->base, EVLOOP_ONCE);
	event_free(alarm);
	wheel_advance(bed->wheel, net_now(bed->net));
	net_turn_end(bed->net);
}

static void
check_going_on(void)
{
	struct web_bed *t = web_bed_new(false);
	const mono_ms end = mono_now() + BED_DEADLINE_MS;
	uint8_t bytes[1000];
	size_t len = 0;

	t->accept.out_max = 10;
	web_bed_open(t);
	t->on_message = answer_and_hold;
	t->on_drained = let_go;
	for (int i = 0; i < 100; i++)
		len += web_bed_frame(bytes + len,
		    (struct ws_frame){ .opcode = WS_TEXT, .is_final = true },
		    "");
	web_bed_write(t, bytes, len);
	while (t->messages < 100 && mono_now() < end)
		patient_turn(t->bed);
	assert_int_equal(t->messages, 100);
	web_bed_free(t);
}

static void
test_the_loop_does_not_wait_while_somebody_is_to_go_on(void **state)
{
	(void)state;
	check_going_on();
	web_bed_waits = bed_by_ring;
	check_going_on();
	web_bed_waits = false;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshakes_do_not_keep_others_waiting),
		cmocka_unit_test(test_nobody_is_accepted_while_many_wait),
		cmocka_unit_test(test_who_leaves_waits_no_more),
		cmocka_unit_test(
		    test_the_loop_does_not_wait_while_somebody_is_to_go_on),
	};
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	return BED_RUN(tests);
}
