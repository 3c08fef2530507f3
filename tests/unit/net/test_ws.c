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
	for (size_t cut = 1; cut < len; cut++) {
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
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
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
	while (bed_drops(t->bed, STATS_DROP_WS_SLOW) == 0)
		web_bed_write(t, frame, len);
	assert_true(net_web_waiting(t->web) <= t->accept.out_max);
	web_bed_free(t);
}

#define TEST(name) cmocka_unit_test_setup(name, web_bed_set_up)

static const struct CMUnitTest tests[] = {
	TEST(test_fragments_pass_wherever_they_are_cut),
	TEST(test_what_is_wrong_gets_its_close_code),
	TEST(test_fragments_together_keep_to_the_limit),
	TEST(test_pings_are_answered_and_pongs_told),
	TEST(test_pongs_for_a_client_that_does_not_read_are_bounded),
};

int
main(void)
{
	return BED_RUN(tests);
}
