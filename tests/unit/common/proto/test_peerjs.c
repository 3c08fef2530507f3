#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/proto/peerjs.h"

static int
read_text(struct proto_peerjs_message *m, const char *text)
{
	return proto_peerjs_read(m, text, strlen(text));
}

static struct proto_peerjs_id
id_of(const char *text)
{
	struct proto_peerjs_id id;

	assert_int_equal(proto_peerjs_id(&id, text, strlen(text)), 0);
	return id;
}

/* As the client at `alice` says it, and as the other one hears it. */
static void
test_a_message_gets_its_true_sender(void **state)
{
	static const struct {
		const char *said, *heard;
	} cases[] = {
		{ "{\"type\":\"OFFER\",\"dst\":\"bob\",\"payload\":{\"a\":1}}",
		    "{\"type\":\"OFFER\",\"src\":\"alice\",\"dst\":\"bob\","
		    "\"payload\":{\"a\":1}}" },
		/* src cannot be chosen, other members do not pass */
		{ "{\"src\":\"carol\",\"payload\" : [ 1.50 ,\"\\u00e4\"] ,"
		  "\"dst\":\"bob\",\"x\":{},\"type\":\"ANSWER\"}",
		    "{\"type\":\"ANSWER\",\"src\":\"alice\",\"dst\":\"bob\","
		    "\"payload\":[ 1.50 ,\"\\u00e4\"]}" },
		/* an id is what its JSON string says */
		{ "{\"type\":\"CANDIDATE\",\"dst\":\"b\\u006fb\","
		  "\"payload\":null}",
		    "{\"type\":\"CANDIDATE\",\"src\":\"alice\","
		    "\"dst\":\"bob\",\"payload\":null}" },
		{ "{\"type\":\"LEAVE\",\"dst\":\"bob smith-2\"}",
		    "{\"type\":\"LEAVE\",\"src\":\"alice\","
		    "\"dst\":\"bob smith-2\"}" },
		{ "{\"type\":\"EXPIRE\",\"dst\":\"bob\"}",
		    "{\"type\":\"EXPIRE\",\"src\":\"alice\","
		    "\"dst\":\"bob\"}" },
	};
	struct proto_peerjs_message m;
	char out[256];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_text(&m, cases[i].said), 0);
		m.src = id_of("alice");
		len = proto_peerjs_write(out, sizeof(out), &m);
		assert_int_equal(len, strlen(cases[i].heard));
		assert_memory_equal(out, cases[i].heard, len);
	}
}

static void
test_a_heartbeat_needs_nothing_else(void **state)
{
	struct proto_peerjs_message m;

	(void)state;
	assert_int_equal(read_text(&m, "{\"type\":\"HEARTBEAT\"}"), 0);
	assert_int_equal(m.type, PROTO_PEERJS_HEARTBEAT);
	assert_int_equal(m.dst.len, 0);
	assert_null(m.payload);
}

static void
test_leave_without_dst_is_about_the_sender(void **state)
{
	static const char *const said[] = { "{\"type\":\"LEAVE\"}",
		"{\"type\":\"LEAVE\",\"dst\":null}",
		"{\"type\":\"LEAVE\",\"dst\":\"\"}" };
	struct proto_peerjs_message m;

	(void)state;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		assert_int_equal(read_text(&m, said[i]), 0);
		assert_int_equal(m.type, PROTO_PEERJS_LEAVE);
		assert_int_equal(m.dst.len, 0);
	}
}

static void
test_what_is_no_message_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"null",
		"[]",
		"[{\"type\":\"HEARTBEAT\"}]",
		"{}",
		"{\"type\":1}",
		"{\"type\":\"heartbeat\"}",
		"{\"type\":\"OPEN\"}",
		"{\"type\":\"ID-TAKEN\",\"dst\":\"bob\"}",
		"{\"type\":\"OFFER\"}",
		"{\"type\":\"OFFER\",\"dst\":\"\"}",
		"{\"type\":\"OFFER\",\"dst\":null}",
		"{\"type\":\"OFFER\",\"dst\":7}",
		"{\"type\":\"LEAVE\",\"dst\":7}",
		"{\"type\":\"OFFER\",\"dst\":\"b\\\"ob\"}",
		"{\"type\":\"OFFER\",\"dst\":\"b\\\\ob\"}",
		"{\"type\":\"OFFER\",\"dst\":\"b\\nob\"}",
		"{\"type\":\"OFFER\",\"dst\":\"b\xc3\xb6\x62\"}",
		"{\"type\":\"OFFER\",\"type\":\"OFFER\",\"dst\":\"bob\"}",
		"{\"type\":\"OFFER\",\"dst\":\"bob\",\"payload\":}",
		"{\"type\":\"OFFER\",\"dst\":\"bob\"} {}",
		"{\"type\":\"HEARTBEAT\"",
	};
	struct proto_peerjs_message m;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_text(&m, bad[i]), EBADMSG);
}

/* depth arrays in the payload of one object */
static int
read_nested(unsigned depth)
{
	struct proto_peerjs_message m;
	char text[256];
	int n;

	n = snprintf(text, sizeof(text),
	    "{\"type\":\"OFFER\",\"dst\":\"b\",\"payload\":");
	memset(text + n, '[', depth);
	memset(text + n + depth, ']', depth);
	text[n + 2 * (int)depth] = '}';
	return proto_peerjs_read(&m, text, (size_t)n + 2 * depth + 1);
}

static void
test_a_payload_nests_so_deep_and_no_deeper(void **state)
{
	(void)state;
	assert_int_equal(read_nested(PROTO_PEERJS_DEPTH_MAX - 1), 0);
	assert_int_equal(read_nested(PROTO_PEERJS_DEPTH_MAX), EBADMSG);
}

static void
test_an_id_has_1_to_64_plain_bytes(void **state)
{
	char text[PROTO_PEERJS_ID_MAX + 1];
	struct proto_peerjs_id id;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(proto_peerjs_id(&id, text, 0), EINVAL);
	assert_int_equal(proto_peerjs_id(&id, text, 1), 0);
	assert_int_equal(proto_peerjs_id(&id, text, sizeof(text) - 1), 0);
	assert_int_equal(id.len, PROTO_PEERJS_ID_MAX);
	assert_int_equal(proto_peerjs_id(&id, text, sizeof(text)), EINVAL);
	for (int c = 0; c < 256; c++) {
		text[1] = (char)c;
		assert_int_equal(proto_peerjs_id(&id, text, 3),
		    c >= 0x20 && c < 0x7f && c != '"' && c != '\\' ? 0
								   : EINVAL);
	}
}

static void
test_ids_are_compared_whole(void **state)
{
	struct proto_peerjs_id a = id_of("bob"), b = id_of("bob"),
			       c = id_of("bobby"), d = id_of("bab");

	(void)state;
	assert_true(proto_peerjs_same(&a, &b));
	assert_false(proto_peerjs_same(&a, &c));
	assert_false(proto_peerjs_same(&c, &a));
	assert_false(proto_peerjs_same(&a, &d));
}

static void
test_a_message_is_written_whole_or_not(void **state)
{
	struct proto_peerjs_message m;
	char out[128];
	size_t len;

	(void)state;
	assert_int_equal(
	    read_text(&m, "{\"type\":\"OFFER\",\"dst\":\"bob\",\"payload\":5}"),
	    0);
	m.src = id_of("alice");
	len = proto_peerjs_write(out, sizeof(out), &m);
	assert_in_range(len, 1, PROTO_PEERJS_FRAME_MAX);
	for (size_t size = 0; size < len; size++)
		assert_int_equal(proto_peerjs_write(out, size, &m), 0);
	assert_int_equal(proto_peerjs_write(out, len, &m), len);
}

/* The longest frame: what proto_peerjs_write adds stays below its limit. */
static void
test_what_is_added_to_a_payload_is_bounded(void **state)
{
	struct proto_peerjs_message m = {
		.type = PROTO_PEERJS_CANDIDATE, .payload = "1", .payload_len = 1
	};
	char text[PROTO_PEERJS_ID_MAX], out[512];
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(proto_peerjs_id(&m.src, text, sizeof(text)), 0);
	m.dst = m.src;
	len = proto_peerjs_write(out, sizeof(out), &m);
	assert_in_range(len, 1, 1 + PROTO_PEERJS_FRAME_MAX);
}

static void
test_what_sets_up_a_connection_waits(void **state)
{
	(void)state;
	assert_true(proto_peerjs_waits(PROTO_PEERJS_OFFER));
	assert_true(proto_peerjs_waits(PROTO_PEERJS_ANSWER));
	assert_true(proto_peerjs_waits(PROTO_PEERJS_CANDIDATE));
	assert_false(proto_peerjs_waits(PROTO_PEERJS_LEAVE));
	assert_false(proto_peerjs_waits(PROTO_PEERJS_EXPIRE));
}

static void
test_made_up_ids_are_version_4_uuids(void **state)
{
	uint8_t random[16];
	char out[PROTO_PEERJS_UUID_LEN + 1];

	(void)state;
	memset(random, 0, sizeof(random));
	proto_peerjs_uuid(out, random);
	assert_string_equal(out, "00000000-0000-4000-8000-000000000000");
	memset(random, 0xff, sizeof(random));
	proto_peerjs_uuid(out, random);
	assert_string_equal(out, "ffffffff-ffff-4fff-bfff-ffffffffffff");
	for (uint8_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)(i * 0x11);
	proto_peerjs_uuid(out, random);
	assert_string_equal(out, "00112233-4455-4677-8899-aabbccddeeff");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_gets_its_true_sender),
		cmocka_unit_test(test_a_heartbeat_needs_nothing_else),
		cmocka_unit_test(test_leave_without_dst_is_about_the_sender),
		cmocka_unit_test(test_what_is_no_message_is_refused),
		cmocka_unit_test(test_a_payload_nests_so_deep_and_no_deeper),
		cmocka_unit_test(test_an_id_has_1_to_64_plain_bytes),
		cmocka_unit_test(test_ids_are_compared_whole),
		cmocka_unit_test(test_a_message_is_written_whole_or_not),
		cmocka_unit_test(test_what_is_added_to_a_payload_is_bounded),
		cmocka_unit_test(test_what_sets_up_a_connection_waits),
		cmocka_unit_test(test_made_up_ids_are_version_4_uuids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
