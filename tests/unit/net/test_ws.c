#include "tests/unit/net/web_bed.h"

/* ---- messages in pieces */

static void
check_cuts(bool tls)
{
	struct web_bed *t = web_bed_opened(tls);
	uint8_t bytes[256];
	const size_t len = web_bed_mixture(bytes);

	t->on_message = web_bed_echo;
	web_bed_write(t, bytes, len);
	web_bed_expect_mixture(t);
	/* under TLS each is a record of its own: a few will do */
	for (size_t cut = 1; cut < len; cut += tls ? 9 : 1) {
		web_bed_write(t, bytes, cut);
		web_bed_turn(t);
		web_bed_turn(t);
		web_bed_write(t, bytes + cut, len - cut);
		web_bed_expect_mixture(t);
	}
	for (size_t i = 0; i < len; i++) {
		web_bed_write(t, bytes + i, 1);
		web_bed_turn(t);
	}
	web_bed_expect_mixture(t);
	web_bed_free(t);
}

static void
test_fragments_pass_wherever_they_are_cut(void **state)
{
	(void)state;
	web_bed_both(check_cuts);
}

/* ---- what is wrong */

struct fault {
	const char *bytes;
	size_t len;
	unsigned code;
	enum stats_drop why;
};
#define FAULT(text, code, why)                                 \
	{                                                      \
		text, sizeof(text) - 1, code, STATS_DROP_##why \
	}

static const struct fault faults[] = {
	FAULT("\x81\x02hi", 1002, WS_BROKEN),         /* not masked */
	FAULT("\xc1\x80....", 1002, WS_BROKEN),       /* RSV1 */
	FAULT("\xa1", 1002, WS_BROKEN),               /* RSV2 */
	FAULT("\x91", 1002, WS_BROKEN),               /* RSV3 */
	FAULT("\x83\x80....", 1002, WS_BROKEN),       /* opcode */
	FAULT("\x8b\x80....", 1002, WS_BROKEN),       /* opcode */
	FAULT("\x80\x80....", 1002, WS_BROKEN),       /* continues nothing */
	FAULT("\x09\x80....", 1002, WS_BROKEN),       /* ping in fragments */
	FAULT("\x89\xfe", 1002, WS_BROKEN),           /* ping of 126 */
	FAULT("\x81\xfe\0\x7d....", 1002, WS_BROKEN), /* 125 in 16 bits */
	FAULT("\x82\xff\0\0\0\0\0\0\xff\xff....", 1002, WS_BROKEN),
	FAULT("\x82\xff\x80\0\0\0\0\1\0\0....", 1002, WS_BROKEN),
	FAULT("\x82\xff\0\0\0\0\0\1\0\1....", 1009, WS_LARGE), /* 65537 */
	FAULT("\x81\x81\0\0\0\0\xff", 1007, WS_BROKEN),
	FAULT("\x81\x81\0\0\0\0\xc3", 1007, WS_BROKEN),   /* cut short */
	FAULT("\x88\x81\0\0\0\0\3", 1002, WS_BROKEN),     /* half a code */
	FAULT("\x88\x82\0\0\0\0\3\xed", 1002, WS_BROKEN), /* 1005 */
	FAULT("\x88\x83\0\0\0\0\3\xe8\xff", 1007, WS_BROKEN),
	FAULT("\x01\x81\0\0\0\0a\x01\x80....", 1002, WS_BROKEN),
};

static void
check_faults(bool tls)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]);
	     i += tls ? 6 : 1) {
		struct web_bed *t = web_bed_opened(tls);

		web_bed_write(t, faults[i].bytes, faults[i].len);
		/* whatever comes behind it is not looked at */
		web_bed_write(t, "\x81\x80....", 6);
		web_bed_expect_close(t, faults[i].code);
		assert_int_equal(t->messages, 0);
		assert_int_equal(t->closed, 1);
		assert_int_equal(t->code, 1006);
		assert_int_equal(bed_drops(t->bed, faults[i].why), 1);
		web_bed_leave(t);
		WEB_BED_UNTIL(t, bed_counter(t->bed, STATS_CONNECTIONS) == 0);
		assert_int_equal(t->closed, 1);
		web_bed_free(t);
	}
}

static void
test_what_is_wrong_gets_its_close_code(void **state)
{
	(void)state;
	web_bed_both(check_faults);
}

static void
test_fragments_together_keep_to_the_limit(void **state)
{
	struct web_bed *t = web_bed_opened(false);

	(void)state;
	web_bed_send(t, WS_BINARY, false, web_bed_pattern, 65000);
	web_bed_send(t, WS_CONTINUATION, true, web_bed_pattern, 536);
	WEB_BED_UNTIL(t, t->messages == 1);
	assert_int_equal(t->last.len, 65536);
	web_bed_send(t, WS_BINARY, false, web_bed_pattern, 65000);
	web_bed_send(t, WS_CONTINUATION, true, web_bed_pattern, 537);
	web_bed_expect_close(t, 1009);
	assert_int_equal(t->messages, 1);
	web_bed_free(t);
}

static void
test_what_was_held_of_a_message_is_given_back(void **state)
{
	struct web_bed *t = web_bed_new(false);
	const struct mem_use *use =
	    stats_memory(&t->bed->stats, MEMORY_CONNECTIONS);
	uint64_t was = 0;

	(void)state;
	for (int i = 0; i < 5; i++) {
		web_bed_open(t);
		web_bed_send(t, WS_BINARY, false, web_bed_pattern, 60000);
		web_bed_settle(t);
		web_bed_leave(t);
		WEB_BED_UNTIL(t, bed_counter(t->bed, STATS_CONNECTIONS) == 0);
		bed_turn(t->bed);
		if (i == 0)
			was = atomic_load(&use->bytes);
		assert_int_equal(atomic_load(&use->bytes), was);
		web_bed_connect(t);
	}
	web_bed_free(t);
}

/* ---- pings */

static void
test_pings_are_answered_and_pongs_told(void **state)
{
	struct web_bed *t = web_bed_opened(false);

	(void)state;
	net_web_ping(t->web, "12345678", 8);
	web_bed_expect(t, WS_PING, "12345678", 8);
	web_bed_send(t, WS_PONG, true, "12345678", 8);
	WEB_BED_UNTIL(t, t->pongs == 1);
	assert_memory_equal(t->message, "12345678", 8);
	web_bed_send(t, WS_PING, true, web_bed_pattern, 125);
	web_bed_expect(t, WS_PONG, web_bed_pattern, 125);
	web_bed_free(t);
}

static void
test_pongs_for_a_client_that_does_not_read_are_bounded(void **state)
{
	struct web_bed *t = web_bed_opened(false);
	uint8_t frame[256];
	const struct ws_frame f = {
		.opcode = WS_PING, .is_final = true, .len = 125
	};
	const size_t len = web_bed_frame(frame, f, web_bed_pattern);

	(void)state;
	t->is_patient = true;
	/* 26 MB: more than the kernel takes */
	for (int i = 0;
	     i < 200000 && bed_drops(t->bed, STATS_DROP_WS_SLOW) == 0; i++)
		web_bed_write(t, frame, len);
	assert_true(bed_drops(t->bed, STATS_DROP_WS_SLOW) > 0);
	assert_true(net_web_waiting(t->web) <= t->accept.out_max);
	web_bed_free(t);
}

/* ---- holding back */

static void
hold(struct web_bed *t, const struct net_web_data *d)
{
	(void)d;
	net_web_hold(t->web, true);
}

static void
check_hold(bool tls)
{
	struct web_bed *t = web_bed_opened(tls);
	uint8_t bytes[256];
	const size_t len = web_bed_mixture(bytes);

	/* one message at a time, though all are here */
	t->on_message = hold;
	web_bed_write(t, bytes, len);
	WEB_BED_UNTIL(t, t->messages == 1);
	web_bed_settle(t);
	web_bed_write(t, bytes, len);
	web_bed_settle(t);
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(t->messages, i);
		t->so_far = 0;
		net_web_hold(t->web, false);
		assert_int_equal(t->messages, i);
		WEB_BED_UNTIL(t, t->messages == i + 1);
		web_bed_settle(t);
		assert_int_equal(t->messages, i + 1);
	}
	assert_int_equal(t->so_far, 13);
	/* off and on again before it went on */
	net_web_hold(t->web, false);
	net_web_hold(t->web, true);
	web_bed_send(t, WS_TEXT, true, "x", 1);
	web_bed_settle(t);
	assert_int_equal(t->messages, 4);
	net_web_hold(t->web, false);
	WEB_BED_UNTIL(t, t->messages == 5);
	web_bed_free(t);
}

static void
test_a_held_client_is_not_read(void **state)
{
	(void)state;
	web_bed_both(check_hold);
}

static void
forget(struct web_bed *t, const struct net_web_data *d)
{
	(void)d;
	t->so_far = 0;
}

static void
check_held_sender(bool tls)
{
	struct web_bed *t = web_bed_opened(tls);
	static uint8_t frame[WS_HEAD_MAX + 60000];
	const struct ws_frame f = {
		.opcode = WS_BINARY, .is_final = true, .len = 60000
	};
	const size_t len = web_bed_frame(frame, f, web_bed_pattern);
	size_t sent = 0;
	ssize_t n;

	t->on_message = forget;
	net_web_hold(t->web, true);
	do {
		n = tls ? SSL_write(t->ssl, frame, (int)len)
			: send(t->fd, frame, len, MSG_NOSIGNAL);
		sent += n == (ssize_t)len;
		bed_turn(t->bed);
	} while (n == (ssize_t)len);
	assert_true(sent > 1);
	/* the kernel has it, we do not */
	assert_true(
	    atomic_load(
		&stats_memory(&t->bed->stats, MEMORY_CONNECTIONS)->bytes) <
	    64 * 1024);
	net_web_hold(t->web, false);
	WEB_BED_UNTIL(t, t->messages >= sent);
	web_bed_free(t);
}

static void
test_a_held_sender_is_held_by_the_kernel(void **state)
{
	(void)state;
	web_bed_both(check_held_sender);
}

enum { SLOW_BYTES = 12 << 20 }; /* more than the kernel takes */

static void
fill(struct web_bed *t)
{
	/* told when half of it is free, not for each byte */
	assert_true(net_web_waiting(t->web) <= t->accept.out_max / 2);
	while (t->so_far < SLOW_BYTES &&
	    net_web_send(t->web, NET_WEB_BINARY,
		web_bed_pattern + t->so_far % sizeof(web_bed_pattern),
		4096) == 0)
		t->so_far += 4096;
	assert_true(net_web_waiting(t->web) <= t->accept.out_max);
}

static void
check_drained(bool tls)
{
	struct web_bed *t = web_bed_new(tls);
	t->accept.out_max = 32 * 1024;
	web_bed_open(t);
	t->on_drained = fill;
	t->is_patient = true;
	fill(t);
	web_bed_settle(t);
	assert_true(t->so_far < SLOW_BYTES);
	t->is_patient = false;
	for (size_t at = 0; at < SLOW_BYTES; at += 4096)
		web_bed_expect(t, WS_BINARY,
		    web_bed_pattern + at % sizeof(web_bed_pattern), 4096);
	assert_true(t->drained > 1);
	web_bed_free(t);
}

static void
test_a_slow_reader_is_told_of_room(void **state)
{
	(void)state;
	web_bed_both(check_drained);
}

static void
test_what_is_larger_than_the_queue_goes_alone(void **state)
{
	struct web_bed *t = web_bed_new(false);

	(void)state;
	t->accept.out_max = 1000;
	web_bed_open(t);
	assert_int_equal(
	    net_web_send(t->web, NET_WEB_BINARY, web_bed_pattern, 2000), 0);
	assert_int_equal(
	    net_web_send(t->web, NET_WEB_BINARY, web_bed_pattern, 1), EAGAIN);
	WEB_BED_UNTIL(t, t->drained == 1);
	web_bed_expect(t, WS_BINARY, web_bed_pattern, 2000);
	web_bed_free(t);
}

#define TEST(name) cmocka_unit_test_setup(name, web_bed_set_up)

static const struct CMUnitTest tests[] = {
	TEST(test_fragments_pass_wherever_they_are_cut),
	TEST(test_what_is_wrong_gets_its_close_code),
	TEST(test_fragments_together_keep_to_the_limit),
	TEST(test_what_was_held_of_a_message_is_given_back),
	TEST(test_pings_are_answered_and_pongs_told),
	TEST(test_pongs_for_a_client_that_does_not_read_are_bounded),
	TEST(test_a_held_client_is_not_read),
	TEST(test_a_held_sender_is_held_by_the_kernel),
	TEST(test_a_slow_reader_is_told_of_room),
	TEST(test_what_is_larger_than_the_queue_goes_alone),
};

int
main(void)
{
	return BED_RUN(tests);
}
