#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "common/ws/frame.h"

/* ---- headers */

static const struct {
	const char *bytes;
	size_t size; /* of the header; 0: faulty */
	uint64_t len;
} heads[] = {
	{ "\x81\0", 2, 0 },
	{ "\x82\x7d", 2, 125 },
	{ "\x82\x7e\0\x7e", 4, 126 },
	{ "\x82\x7e\0\x7f", 4, 127 },
	{ "\x82\x7e\xff\xff", 4, 65535 },
	{ "\x82\x7f\0\0\0\0\0\1\0\0", 10, 65536 },
	{ "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10, INT64_MAX },
	{ "\x82\xff\0\0\0\0\0\1\0\0mask", 14, 65536 },
	{ "\x01\x85mask", 6, 5 },
	{ "\0\x85mask", 6, 5 },
	{ "\x88\0", 2, 0 },
	{ "\x89\xfdmask", 6, 125 },
	{ "\x8a\1", 2, 1 },
	/* more bytes than the length needs */
	{ "\x82\x7e\0\0", 0, 0 },
	{ "\x82\x7e\0\x7d", 0, 0 },
	{ "\x82\x7f\0\0\0\0\0\0\0\0", 0, 0 },
	{ "\x82\x7f\0\0\0\0\0\0\xff\xff", 0, 0 },
	/* the top bit */
	{ "\x82\x7f\x80\0\0\0\0\0\0\0", 0, 0 },
	{ "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 0, 0 },
	/* reserved bits and opcodes */
	{ "\xc1\0", 0, 0 },
	{ "\xa1\0", 0, 0 },
	{ "\x91\0", 0, 0 },
	{ "\x83\0", 0, 0 },
	{ "\x87\0", 0, 0 },
	{ "\x8b\0", 0, 0 },
	{ "\x8f\0", 0, 0 },
	/* control frames: in fragments, too long */
	{ "\x08\0", 0, 0 },
	{ "\x09\0", 0, 0 },
	{ "\x0a\0", 0, 0 },
	{ "\x88\x7e\0\x7e", 0, 0 },
	{ "\x89\x7f\0\0\0\0\0\1\0\0", 0, 0 },
};

static void
test_headers_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		const uint8_t *bytes = (const uint8_t *)heads[i].bytes;
		struct ws_frame f;
		size_t size;

		if (heads[i].size == 0) {
			assert_int_equal(
			    ws_frame_read(&f, &size, bytes, 10), EPROTO);
			continue;
		}
		for (size_t n = 0; n < heads[i].size; n++)
			assert_int_equal(
			    ws_frame_read(&f, &size, bytes, n), EAGAIN);
		assert_int_equal(
		    ws_frame_read(&f, &size, bytes, heads[i].size), 0);
		assert_int_equal(size, heads[i].size);
		assert_int_equal(f.len, heads[i].len);
		assert_int_equal(f.opcode, bytes[0] & 15);
		assert_int_equal(f.is_final, bytes[0] >> 7);
		assert_int_equal(f.is_masked, bytes[1] >> 7);
		assert_int_equal(ws_frame_is_control(&f), (bytes[0] & 15) >= 8);
		if (f.is_masked)
			assert_memory_equal(f.mask, "mask", 4);
	}
}

static void
test_headers_are_written_as_they_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		const uint8_t *bytes = (const uint8_t *)heads[i].bytes;
		uint8_t out[WS_HEAD_MAX];
		struct ws_frame f;
		size_t size;

		if (heads[i].size == 0)
			continue;
		assert_int_equal(
		    ws_frame_read(&f, &size, bytes, heads[i].size), 0);
		assert_int_equal(ws_frame_write(out, &f), size);
		assert_memory_equal(out, bytes, size);
	}
}

/* ---- masks */

static void
test_every_byte_is_masked_by_its_own(void **state)
{
	static const uint8_t mask[4] = { 0x11, 0x22, 0x44, 0x88 };
	uint8_t data[64];

	(void)state;
	for (size_t offset = 0; offset < 8; offset++) {
		for (size_t len = 0; len < 50; len++) {
			memset(data, 0x5a, sizeof(data));
			ws_frame_mask(data + offset, len, mask);
			for (size_t i = 0; i < sizeof(data); i++) {
				const bool is_in =
				    i >= offset && i < offset + len;

				assert_int_equal(data[i],
				    is_in ? 0x5a ^ mask[(i - offset) % 4]
					  : 0x5a);
			}
		}
	}
}

static void
test_a_mask_goes_on_where_it_was(void **state)
{
	uint8_t mask[4] = { 0x11, 0x22, 0x44, 0x88 };
	uint8_t whole[40] = { 0 }, pieces[40] = { 0 };
	size_t at = 0;

	(void)state;
	ws_frame_mask(whole, sizeof(whole), mask);
	for (size_t n = 0; at + n <= sizeof(pieces); at += n++) {
		ws_frame_mask(pieces + at, n, mask);
		ws_frame_turn_mask(mask, n);
	}
	assert_memory_equal(whole, pieces, at);
	assert_true(at > 30);
}

/* ---- close frames */

static void
test_only_some_codes_may_be_said(void **state)
{
	(void)state;
	for (unsigned code = 0; code < 70000; code++) {
		const bool may = (code >= 1000 && code <= 1014 &&
				     (code < 1004 || code > 1006)) ||
		    (code >= 3000 && code < 5000);

		assert_int_equal(ws_close_may_say(code), may);
	}
}

static void
test_payloads_of_close_frames_are_checked(void **state)
{
	static const struct {
		const char *payload;
		size_t len;
		int fault;
		unsigned code;
	} rows[] = {
		{ "", 0, 0, 1005 },
		{ "\x03\xe8", 2, 0, 1000 },
		{ "\x0f\xa1why", 5, 0, 4001 },
		{ "\x03\xe8\xc3\xbc", 4, 0, 1000 },
		{ "\3", 1, 1002, 0 },
		{ "\x03\xed", 2, 1002, 0 },
		{ "\x03\xe7", 2, 1002, 0 },
		{ "\0\0", 2, 1002, 0 },
		{ "\xff\xff", 2, 1002, 0 },
		{ "\x03\xe8\xc3", 3, 1007, 0 },
		{ "\x03\xe8\xff", 3, 1007, 0 },
	};
	unsigned code;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    ws_close_read(
			&code, (const uint8_t *)rows[i].payload, rows[i].len),
		    rows[i].fault);
		if (rows[i].fault == 0)
			assert_int_equal(code, rows[i].code);
	}
}

static void
test_a_reason_is_cut_between_characters(void **state)
{
	uint8_t out[WS_CONTROL_MAX];
	char reason[200];
	unsigned code;

	(void)state;
	assert_int_equal(ws_close_write(out, 4001, NULL), 2);
	assert_memory_equal(out, "\x0f\xa1", 2);
	assert_int_equal(ws_close_write(out, 1000, "bye"), 5);
	assert_memory_equal(out,
	    "\x03\xe8"
	    "bye",
	    5);
	/* 123 bytes fit, the 62nd character would be cut */
	for (size_t i = 0; i < 198; i += 2)
		memcpy(reason + i, "\xc3\xbc", 3);
	assert_int_equal(ws_close_write(out, 1000, reason), 2 + 122);
	assert_int_equal(ws_close_read(&code, out, 124), 0);
	memset(reason, 'a', 199);
	assert_int_equal(ws_close_write(out, 1000, reason), 125);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers_are_read),
		cmocka_unit_test(test_headers_are_written_as_they_are_read),
		cmocka_unit_test(test_every_byte_is_masked_by_its_own),
		cmocka_unit_test(test_a_mask_goes_on_where_it_was),
		cmocka_unit_test(test_only_some_codes_may_be_said),
		cmocka_unit_test(test_payloads_of_close_frames_are_checked),
		cmocka_unit_test(test_a_reason_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
