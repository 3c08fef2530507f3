/* proto: what nodes may say, and what is no message. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/mono.h"
#include "common/proto/proto.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct proto_message
must_read(const char *text)
{
	struct proto_message m;
	struct proto_error e;

	if (proto_read(&m, text, strlen(text), &e) != 0)
		fail_msg("%s: %s", text, e.why);
	return m;
}

static struct proto_error
must_refuse(const char *text)
{
	struct proto_message m;
	struct proto_error e;

	if (proto_read(&m, text, strlen(text), &e) != EBADMSG)
		fail_msg("taken: %s", text);
	assert_non_null(e.why);
	assert_null(m.json);
	return e;
}

/* ---- what is read */

static void
test_a_hello_with_all_its_members(void **state)
{
	struct proto_message m = must_read(
	    "{\"type\":\"hello\",\"id\":1,\"token\":\"t.t.t\","
	    "\"name\":\"alice\",\"proof\":\"pp\",\"key\":{\"kty\":\"OKP\"},"
	    "\"resume\":\"0123.s\",\"last\":7,\"presence\":\"listed\","
	    "\"listed\":[\"bob\",\"eve\"],\"room\":\"lobby\"}");

	(void)state;
	assert_int_equal(m.type, PROTO_HELLO);
	assert_true(m.has_id);
	assert_int_equal(m.id, 1);
	assert_string_equal(m.hello.token, "t.t.t");
	assert_string_equal(m.hello.name, "alice");
	assert_string_equal(m.hello.proof, "pp");
	assert_string_equal(
	    json_string_value(json_object_get(m.hello.key, "kty")), "OKP");
	assert_string_equal(m.hello.resume, "0123.s");
	assert_true(m.hello.has_last);
	assert_int_equal(m.hello.last, 7);
	assert_int_equal(m.hello.presence, PROTO_LISTED);
	assert_int_equal(m.hello.listed_count, 2);
	assert_string_equal(m.hello.listed[1], "eve");
	assert_string_equal(m.hello.room, "lobby");
	proto_close_message(&m);
}

static void
test_a_hello_with_nothing(void **state)
{
	struct proto_message m =
	    must_read("{\"later\":{\"a\":[]},\"type\":\"hello\"}");

	(void)state;
	assert_int_equal(m.type, PROTO_HELLO);
	assert_false(m.has_id);
	assert_int_equal(m.id, -1);
	assert_null(m.hello.token);
	assert_null(m.hello.name);
	assert_null(m.hello.key);
	assert_string_equal(m.hello.proof, "");
	assert_string_equal(m.hello.resume, "");
	assert_string_equal(m.hello.room, "");
	assert_false(m.hello.has_last);
	assert_int_equal(m.hello.presence, PROTO_EVERYONE);
	assert_int_equal(m.hello.listed_count, 0);
	proto_close_message(&m);
}

static void
assert_data(const char *text, const char *data)
{
	struct proto_message m = must_read(text);

	assert_int_equal(m.type, PROTO_SEND);
	assert_string_equal(m.send.to, "bob");
	assert_int_equal(m.send.data.len, strlen(data));
	assert_memory_equal(m.send.data.at, data, strlen(data));
	proto_close_message(&m);
}

static void
test_data_is_what_stands_there(void **state)
{
	(void)state;
	assert_data("{\"type\":\"send\",\"to\":\"bob\",\"data\":{\"a\" : 1}}",
	    "{\"a\" : 1}");
	assert_data("{\"data\":null,\"to\":\"bob\",\"type\":\"send\"}", "null");
	assert_data("{\"x\":{\"data\":1},\"d\\u0061ta\":\"\\u00e4}\","
		    "\"to\":\"b\\u006fb\",\"type\":\"s\\u0065nd\"}",
	    "\"\\u00e4}\"");
}

static void
test_a_send_may_name_a_session(void **state)
{
	struct proto_message m =
	    must_read("{\"type\":\"send\",\"id\":9007199254740992,"
		      "\"to\":\"bob\",\"session\":\"00000000000000fe\","
		      "\"data\":0}");

	(void)state;
	assert_true(m.id == PROTO_ID_MAX);
	assert_true(m.send.session == 0xfe);
	proto_close_message(&m);
}

static void
test_the_other_types(void **state)
{
	static const struct {
		const char *text;
		enum proto_type type;
	} rows[] = {
		{ "{\"type\":\"find\",\"name\":\"bob\"}", PROTO_FIND },
		{ "{\"type\":\"watch\",\"names\":[\"bob\"]}", PROTO_WATCH },
		{ "{\"type\":\"unwatch\",\"names\":[\"a\",\"b\"]}",
		    PROTO_UNWATCH },
		{ "{\"type\":\"stream\",\"to\":\"bob\"}", PROTO_STREAM },
		{ "{\"type\":\"ping\"}", PROTO_PING },
		{ "{\"type\":\"bye\"}", PROTO_BYE },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct proto_message m = must_read(rows[i].text);

		assert_int_equal(m.type, rows[i].type);
		proto_close_message(&m);
	}
}

/* ---- what is refused */

static const char *const no_messages[] = {
	"",
	"{",
	"[]",
	"[{\"type\":\"bye\"}]",
	"\"bye\"",
	"{\"type\":\"bye\"} {}",
	/* types */
	"{}",
	"{\"type\":7}",
	"{\"type\":null}",
	"{\"type\":\"\"}",
	"{\"type\":\"BYE\"}",
	"{\"type\":\"message\"}",
	"{\"type\":[\"bye\"]}",
	/* members twice, at any depth, however they are written */
	"{\"type\":\"bye\",\"type\":\"bye\"}",
	"{\"type\":\"bye\",\"typ\\u0065\":\"bye\"}",
	"{\"type\":\"send\",\"to\":\"bob\",\"data\":1,"
	"\"d\\u0061ta\":2}",
	"{\"type\":\"send\",\"to\":\"bob\",\"data\":{\"a\":1,\"a\":1}}",
	/* numbers */
	"{\"type\":\"bye\",\"id\":-1}",
	"{\"type\":\"bye\",\"id\":1.0}",
	"{\"type\":\"bye\",\"id\":9007199254740993}",
	"{\"type\":\"bye\",\"id\":99999999999999999999}",
	"{\"type\":\"bye\",\"id\":\"1\"}",
	"{\"type\":\"bye\",\"id\":null}",
	"{\"type\":\"hello\",\"last\":-1}",
	"{\"type\":\"hello\",\"last\":\"7\"}",
	/* names */
	"{\"type\":\"find\"}",
	"{\"type\":\"find\",\"name\":\"\"}",
	"{\"type\":\"find\",\"name\":7}",
	"{\"type\":\"find\",\"name\":\"a b\"}",
	"{\"type\":\"find\",\"name\":\"a\\\"b\"}",
	"{\"type\":\"find\",\"name\":\"a\\\\b\"}",
	"{\"type\":\"find\",\"name\":\"a\\nb\"}",
	"{\"type\":\"find\",\"name\":\"a\\u0000b\"}",
	"{\"type\":\"find\",\"name\":\"\\u00e4\"}",
	"{\"type\":\"hello\",\"name\":\"a\\u007f\"}",
	"{\"type\":\"hello\",\"name\":null}",
	/* send and stream */
	"{\"type\":\"send\",\"data\":1}",
	"{\"type\":\"send\",\"to\":\"bob\"}",
	"{\"type\":\"send\",\"to\":[\"bob\"],\"data\":1}",
	"{\"type\":\"send\",\"to\":\"bob\",\"data\":1,\"session\":1}",
	"{\"type\":\"send\",\"to\":\"bob\",\"data\":1,\"session\":"
	"\"\"}",
	"{\"type\":\"send\",\"to\":\"bob\",\"data\":1,"
	"\"session\":\"0000000000000000\"}",
	"{\"type\":\"send\",\"to\":\"bob\",\"data\":1,"
	"\"session\":\"00000000000000FE\"}",
	"{\"type\":\"send\",\"to\":\"bob\",\"data\":1,"
	"\"session\":\"00000000000000fe0\"}",
	"{\"type\":\"stream\"}",
	"{\"type\":\"stream\",\"to\":\"bob\",\"session\":\"x\"}",
	/* lists */
	"{\"type\":\"watch\"}",
	"{\"type\":\"watch\",\"names\":[]}",
	"{\"type\":\"watch\",\"names\":\"bob\"}",
	"{\"type\":\"watch\",\"names\":{\"0\":\"bob\"}}",
	"{\"type\":\"watch\",\"names\":[\"bob\",7]}",
	"{\"type\":\"unwatch\",\"names\":[\"bob\",\"\"]}",
	/* hello */
	"{\"type\":\"hello\",\"token\":7}",
	"{\"type\":\"hello\",\"token\":\"\"}",
	"{\"type\":\"hello\",\"token\":null}",
	"{\"type\":\"hello\",\"proof\":{}}",
	"{\"type\":\"hello\",\"key\":\"{}\"}",
	"{\"type\":\"hello\",\"resume\":1}",
	"{\"type\":\"hello\",\"presence\":\"all\"}",
	"{\"type\":\"hello\",\"presence\":null}",
	"{\"type\":\"hello\",\"presence\":\"listed\"}",
	"{\"type\":\"hello\",\"presence\":\"listed\",\"listed\":[1]}",
	"{\"type\":\"hello\",\"room\":\"a/b\"}",
	"{\"type\":\"hello\",\"room\":7}",
};

static void
test_what_is_no_message_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(no_messages); i++)
		must_refuse(no_messages[i]);
}

static void
test_an_error_keeps_the_id_that_could_be_read(void **state)
{
	struct proto_error e;

	(void)state;
	e = must_refuse("{\"type\":\"what\",\"id\":5}");
	assert_true(e.has_id);
	assert_int_equal(e.id, 5);
	e = must_refuse("{\"type\":\"find\",\"id\":0}");
	assert_true(e.has_id);
	assert_int_equal(e.id, 0);
	e = must_refuse("{\"type\":\"what\",\"id\":\"5\"}");
	assert_false(e.has_id);
	assert_int_equal(e.id, -1);
	e = must_refuse("{\"id\":5");
	assert_false(e.has_id);
}

/* {"type":"send","to":"bob","data":[[...]]} with n arrays within the one
 * object. */
static int
read_nested(size_t n)
{
	char text[256] = "{\"type\":\"send\",\"to\":\"bob\",\"data\":";
	struct proto_message m;
	struct proto_error e;
	size_t len = strlen(text);
	int rc;

	memset(text + len, '[', n);
	memset(text + len + n, ']', n);
	text[len + 2 * n] = '}';
	if ((rc = proto_read(&m, text, len + 2 * n + 1, &e)) == 0)
		proto_close_message(&m);
	return rc;
}

static void
test_depth_33_is_too_deep(void **state)
{
	(void)state;
	assert_int_equal(read_nested(PROTO_DEPTH_MAX - 1), 0);
	assert_int_equal(read_nested(PROTO_DEPTH_MAX), EBADMSG);
}

/* As many names as there is room for, and one more. */
static int
read_names(size_t n)
{
	char text[1024] = "{\"type\":\"watch\",\"names\":[\"a\"";
	struct proto_message m;
	struct proto_error e;
	int rc;

	for (size_t i = 1; i < n; i++)
		strcat(text, ",\"b\"");
	strcat(text, "]}");
	if ((rc = proto_read(&m, text, strlen(text), &e)) == 0)
		proto_close_message(&m);
	return rc;
}

static void
test_a_list_has_64_names_at_most(void **state)
{
	(void)state;
	assert_int_equal(read_names(PROTO_NAMES_MAX), 0);
	assert_int_equal(read_names(PROTO_NAMES_MAX + 1), EBADMSG);
}

static void
test_invalid_utf8_is_refused_and_does_no_harm(void **state)
{
	(void)state;
	must_refuse("{\"type\":\"send\",\"to\":\"bob\",\"data\":\"\xff\xfe\"}");
	must_refuse("{\"type\":\"bye\",\"\xc0\x80\":1}");
	must_refuse("\xff");
}

/* ---- names */

static void
test_names_are_printable_ascii(void **state)
{
	char long_name[PROTO_NAME_MAX + 2];

	(void)state;
	memset(long_name, 'x', sizeof(long_name));
	assert_true(proto_is_name("a", 1));
	assert_true(proto_is_name("bob@example.edu/~!", 18));
	assert_true(proto_is_name(long_name, PROTO_NAME_MAX));
	assert_false(proto_is_name(long_name, PROTO_NAME_MAX + 1));
	assert_false(proto_is_name("", 0));
	assert_false(proto_is_name("a b", 3));
	assert_false(proto_is_name("a\"b", 3));
	assert_false(proto_is_name("a\\b", 3));
	assert_false(proto_is_name("a\0b", 3));
	assert_false(proto_is_name("\x7f", 1));
	assert_false(proto_is_name("\xc3\xa4", 2));
}

static void
test_guests_bear_their_prefix(void **state)
{
	(void)state;
	assert_true(proto_is_guest("guest-7", 7));
	assert_true(proto_is_guest("guest-A.b_c-0", 13));
	assert_true(
	    proto_is_guest("guest-12345678901234567890123456789012", 38));
	assert_false(
	    proto_is_guest("guest-123456789012345678901234567890123", 39));
	assert_false(proto_is_guest("guest-", 6));
	assert_false(proto_is_guest("guest", 5));
	assert_false(proto_is_guest("Guest-7", 7));
	assert_false(proto_is_guest("guest-a/b", 9));
}

static void
test_rooms_are_words(void **state)
{
	char room[PROTO_ROOM_MAX + 1];

	(void)state;
	memset(room, 'r', sizeof(room));
	assert_true(proto_is_room("lobby.1", 7));
	assert_true(proto_is_room(room, PROTO_ROOM_MAX));
	assert_false(proto_is_room(room, PROTO_ROOM_MAX + 1));
	assert_false(proto_is_room("", 0));
	assert_false(proto_is_room("a b", 3));
}

static void
test_a_session_is_16_digits_and_never_0(void **state)
{
	char text[PROTO_SESSION_LEN + 1];
	uint64_t session = 7;

	(void)state;
	proto_session_text(text, UINT64_C(0x0123456789abcdef));
	assert_string_equal(text, "0123456789abcdef");
	assert_true(proto_session_parse(&session, text, 16));
	assert_true(session == UINT64_C(0x0123456789abcdef));
	assert_false(proto_session_parse(&session, text, 15));
	assert_false(proto_session_parse(&session, "0123456789abcdeg", 16));
	assert_false(proto_session_parse(&session, "0000000000000000", 16));
	assert_true(session == UINT64_C(0x0123456789abcdef));
}

/* ---- what a message costs; a figure, no test of time */

static void
print_cost(const char *what, const char *text)
{
	enum { ROUNDS = 5000 };
	struct proto_message m;
	struct proto_error e;
	const size_t len = strlen(text);
	const int64_t start = mono_now_us();

	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(proto_read(&m, text, len, &e), 0);
		proto_close_message(&m);
	}
	print_message("proto_read of %s, %zu bytes: %.0f ns\n", what, len,
	    (double)(mono_now_us() - start) * 1000 / ROUNDS);
}

static void
test_what_a_send_costs_is_printed(void **state)
{
	static char offer[4096];
	size_t len;

	(void)state;
	print_cost("a short send",
	    "{\"type\":\"send\",\"id\":3,\"to\":\"node-00042\","
	    "\"data\":\"0123456789abcdef0123456789abcdef\"}");
	print_cost("a candidate",
	    "{\"type\":\"send\",\"id\":3,\"to\":\"node-00042\",\"data\":"
	    "{\"candidate\":{\"candidate\":\"candidate:842163049 1 udp "
	    "1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.17 rport "
	    "46154 generation 0 ufrag EEtu network-cost 999\","
	    "\"sdpMid\":\"0\",\"sdpMLineIndex\":0}}}");
	len = (size_t)snprintf(offer, sizeof(offer),
	    "{\"type\":\"send\",\"id\":3,\"to\":\"bob\",\"data\":"
	    "{\"type\":\"offer\",\"sdp\":\"");
	while (len < 3000)
		len += (size_t)snprintf(offer + len, sizeof(offer) - len,
		    "a=rtpmap:111 opus/48000/2\\r\\n");
	strcpy(offer + len, "\"}}");
	print_cost("an offer", offer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hello_with_all_its_members),
		cmocka_unit_test(test_a_hello_with_nothing),
		cmocka_unit_test(test_data_is_what_stands_there),
		cmocka_unit_test(test_a_send_may_name_a_session),
		cmocka_unit_test(test_the_other_types),
		cmocka_unit_test(test_what_is_no_message_is_refused),
		cmocka_unit_test(test_an_error_keeps_the_id_that_could_be_read),
		cmocka_unit_test(test_depth_33_is_too_deep),
		cmocka_unit_test(test_a_list_has_64_names_at_most),
		cmocka_unit_test(test_invalid_utf8_is_refused_and_does_no_harm),
		cmocka_unit_test(test_names_are_printable_ascii),
		cmocka_unit_test(test_guests_bear_their_prefix),
		cmocka_unit_test(test_rooms_are_words),
		cmocka_unit_test(test_a_session_is_16_digits_and_never_0),
		cmocka_unit_test(test_what_a_send_costs_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
