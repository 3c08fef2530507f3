#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/stun/channel.h"

static void
test_header_is_read_as_it_was_written(void **state)
{
	static uint8_t buf[4 + UINT16_MAX];
	static const size_t lens[] = { 0, 1, 3, 4, 172, 1200, UINT16_MAX };
	uint16_t number;
	size_t len;

	(void)state;
	for (unsigned n = STUN_CHANNEL_MIN; n <= STUN_CHANNEL_MAX; n += 15)
		for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
			stun_channel_header(buf, (uint16_t)n, lens[i]);
			assert_int_equal(
			    stun_channel_parse(&number, &len, buf, 4 + lens[i]),
			    0);
			assert_int_equal(number, n);
			assert_int_equal(len, lens[i]);
		}
}

static void
test_a_datagram_shorter_than_it_says_is_refused(void **state)
{
	uint8_t buf[16];
	uint16_t number = 7;
	size_t len = 7;

	(void)state;
	stun_channel_header(buf, STUN_CHANNEL_MIN, 9);
	for (size_t size = 0; size < 13; size++)
		assert_int_equal(
		    stun_channel_parse(&number, &len, buf, size), EBADMSG);
	assert_int_equal(number, 7);
	assert_int_equal(len, 7);
	/* padding behind the data is no part of it */
	for (size_t size = 13; size <= 16; size++) {
		assert_int_equal(
		    stun_channel_parse(&number, &len, buf, size), 0);
		assert_int_equal(len, 9);
	}
}

static void
test_numbers_outside_the_range_are_refused(void **state)
{
	static const uint16_t bad[] = { 0, 0x0001, 0x3FFF, 0x8000, 0x8FFF,
		0xFFFF };
	uint8_t buf[4];
	uint16_t number;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		stun_channel_header(buf, bad[i], 0);
		assert_int_equal(
		    stun_channel_parse(&number, &len, buf, 4), EBADMSG);
		assert_false(stun_channel_is_valid(bad[i]));
	}
	assert_true(stun_channel_is_valid(0x4000));
	assert_true(stun_channel_is_valid(0x7FFF));
}

static void
test_frames_of_a_stream_have_their_size(void **state)
{
	static const struct {
		uint8_t bytes[8];
		size_t size;
		int rc;
		size_t frame, message;
	} rows[] = {
		/* STUN: length + 20 */
		{ { 0, 1, 0, 0 }, 4, 0, 20, 20 },
		{ { 0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42 }, 8, 0, 28, 28 },
		{ { 0x3F, 0xFF, 0xFF, 0xFC }, 4, 0, 65552, 65552 },
		/* a length that is no multiple of 4; a wrong cookie */
		{ { 0, 1, 0, 2 }, 4, EBADMSG, 0, 0 },
		{ { 0, 1, 0, 7 }, 4, EBADMSG, 0, 0 },
		{ { 0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x43 }, 8, EBADMSG, 0, 0 },
		{ { 0, 1, 0, 8, 0, 0, 0, 0 }, 8, EBADMSG, 0, 0 },
		/* the cookie is judged only when all of it is there */
		{ { 0, 1, 0, 8, 0, 0, 0 }, 7, 0, 28, 28 },
		/* ChannelData: 4 + length, padded */
		{ { 0x40, 0, 0, 0 }, 4, 0, 4, 4 },
		{ { 0x40, 0, 0, 1 }, 4, 0, 8, 5 },
		{ { 0x40, 0, 0, 3 }, 4, 0, 8, 7 },
		{ { 0x40, 0, 0, 4 }, 4, 0, 8, 8 },
		{ { 0x4F, 0xFF, 0xFF, 0xFF }, 4, 0, 65540, 65539 },
		{ { 0x7F, 0xFF, 0, 0 }, 4, 0, 4, 4 },
		/* neither */
		{ { 0x80, 0, 0, 0 }, 4, EBADMSG, 0, 0 },
		{ { 0xFF, 0, 0, 0 }, 4, EBADMSG, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t frame = 0, message = 0;

		assert_int_equal(stun_frame_size(&frame, &message,
				     rows[i].bytes, rows[i].size),
		    rows[i].rc);
		assert_int_equal(frame, rows[i].frame);
		assert_int_equal(message, rows[i].message);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_is_read_as_it_was_written),
		cmocka_unit_test(
		    test_a_datagram_shorter_than_it_says_is_refused),
		cmocka_unit_test(test_numbers_outside_the_range_are_refused),
		cmocka_unit_test(test_frames_of_a_stream_have_their_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
