/* write: what nodes are told, to the byte; and that nothing is cut. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/proto/proto.h"

enum { SIZE = 512 };

typedef size_t write_fn(char *out, size_t size);

/* Is what fn writes text?  Then it fits into exactly that, and into no less;
 * and it is JSON. */
static void
assert_writes(write_fn *fn, const char *text)
{
	const size_t len = strlen(text);
	char out[SIZE];
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(json);
	json_decref(json);
	for (size_t size = 0; size < len; size++)
		assert_int_equal(fn(out, size), 0);
	memset(out, 'x', sizeof(out));
	assert_int_equal(fn(out, len), len);
	assert_memory_equal(out, text, len);
	assert_int_equal(out[len], 'x');
}

static size_t
write_welcome(char *out, size_t size)
{
	static const char *const features[] = { "turn", "stream", NULL };
	const struct proto_welcome w = {
		.node = "sn\"1",
		.version = "1.0",
		.features = features,
		.challenge = "abc_-",
		.with_token = true,
		.with_anonymous = true,
	};

	return proto_write_welcome(out, size, &w);
}

static size_t
write_lone_welcome(char *out, size_t size)
{
	static const char *const features[] = { NULL };
	const struct proto_welcome w = { .node = "n",
		.version = "1",
		.features = features,
		.challenge = "c",
		.with_token = true };

	return proto_write_welcome(out, size, &w);
}

static void
test_welcome(void **state)
{
	(void)state;
	assert_writes(write_welcome,
	    "{\"type\":\"welcome\",\"node\":\"sn\\\"1\",\"version\":\"1.0\","
	    "\"features\":[\"turn\",\"stream\"],\"challenge\":\"abc_-\","
	    "\"auth\":[\"token\",\"anonymous\"]}");
	assert_writes(write_lone_welcome,
	    "{\"type\":\"welcome\",\"node\":\"n\",\"version\":\"1\","
	    "\"features\":[],\"challenge\":\"c\",\"auth\":[\"token\"]}");
}

static size_t
write_found(char *out, size_t size)
{
	return proto_write_found(out, size, 2, "bob", 12);
}

static size_t
write_not_found(char *out, size_t size)
{
	return proto_write_found(out, size, -1, "bob", 0);
}

static void
test_found(void **state)
{
	(void)state;
	assert_writes(write_found,
	    "{\"type\":\"found\",\"id\":2,\"name\":\"bob\",\"online\":true,"
	    "\"sessions\":12}");
	assert_writes(write_not_found,
	    "{\"type\":\"found\",\"name\":\"bob\",\"online\":false,"
	    "\"sessions\":0}");
}

static size_t
write_sent(char *out, size_t size)
{
	return proto_write_sent(out, size, PROTO_ID_MAX);
}

static void
test_sent_and_pong(void **state)
{
	(void)state;
	assert_writes(
	    write_sent, "{\"type\":\"sent\",\"id\":9007199254740992}");
	assert_writes(proto_write_pong, "{\"type\":\"pong\"}");
}

/* Head and tail together, as they go out. */
static size_t
write_message(char *out, size_t size)
{
	const struct proto_delivery d = {
		.from = "alice", .session = 0xabc, .data = { "{\"a\": 1}", 8 }
	};
	char head[PROTO_SEQ_MAX];
	const size_t head_len = proto_write_seq(head, 17);
	size_t len;

	if (size < head_len)
		return 0;
	memcpy(out, head, head_len);
	len = proto_write_message(out + head_len, size - head_len, &d);
	return len > 0 ? head_len + len : 0;
}

static void
test_a_message_is_head_and_tail(void **state)
{
	char head[PROTO_SEQ_MAX];

	(void)state;
	assert_writes(write_message,
	    "{\"type\":\"message\",\"seq\":17,\"from\":\"alice\","
	    "\"session\":\"0000000000000abc\",\"data\":{\"a\": 1}}");
	/* the largest number has room */
	assert_true(proto_write_seq(head, UINT64_MAX) > 0);
}

static size_t
write_presence(char *out, size_t size)
{
	return proto_write_presence(out, size, "bob", true, "lobby");
}

static size_t
write_absence(char *out, size_t size)
{
	return proto_write_presence(out, size, "bob", false, "");
}

static void
test_presence(void **state)
{
	(void)state;
	assert_writes(write_presence,
	    "{\"type\":\"presence\",\"name\":\"bob\",\"online\":true,"
	    "\"room\":\"lobby\"}");
	assert_writes(write_absence,
	    "{\"type\":\"presence\",\"name\":\"bob\",\"online\":false}");
}

static size_t
write_stream(char *out, size_t size)
{
	return proto_write_stream(out, size, 5, "bob", 1, "Tick_et-");
}

static void
test_stream(void **state)
{
	(void)state;
	assert_writes(write_stream,
	    "{\"type\":\"stream\",\"id\":5,\"peer\":\"bob\","
	    "\"session\":\"0000000000000001\",\"ticket\":\"Tick_et-\","
	    "\"path\":\"/stream/Tick_et-\"}");
}

static size_t
write_error(char *out, size_t size)
{
	return proto_write_error(
	    out, size, 3, PROTO_PEER_OFFLINE, "no \"b\\\n\xff", 250);
}

static size_t
write_lone_error(char *out, size_t size)
{
	return proto_write_error(out, size, -1, PROTO_BAD_MESSAGE, "", -1);
}

static void
test_an_error_escapes_its_sentence(void **state)
{
	(void)state;
	assert_writes(write_error,
	    "{\"type\":\"error\",\"id\":3,\"code\":\"peer-offline\","
	    "\"message\":\"no \\\"b\\\\??\",\"retry_after_ms\":250}");
	assert_writes(write_lone_error,
	    "{\"type\":\"error\",\"code\":\"bad-message\",\"message\":\"\","
	    "\"retry_after_ms\":0}");
}

static void
test_every_code_has_its_text(void **state)
{
	(void)state;
	assert_string_equal(proto_code_text(PROTO_BAD_MESSAGE), "bad-message");
	assert_string_equal(proto_code_text(PROTO_INTERNAL), "internal");
	for (enum proto_code c = 0; c < PROTO_CODE_COUNT; c++)
		assert_true(strlen(proto_code_text(c)) > 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_welcome),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_sent_and_pong),
		cmocka_unit_test(test_a_message_is_head_and_tail),
		cmocka_unit_test(test_presence),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_an_error_escapes_its_sentence),
		cmocka_unit_test(test_every_code_has_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
