#include "tests/unit/net/web_bed.h"

#include "net/conn.h"
#include "net/core.h"
#include "net/web_core.h"

#define HOST "Host: a\r\n"

static void
answer_path(struct bed *bed, struct net_web *w, const struct net_request *r)
{
	(void)bed;
	net_web_answer(
	    w, 200, "text/plain", "X-More: yes\r\n", r->path, strlen(r->path));
}

/* The next answer, taken off what the client got; its body in *body. */
static const char *
take_answer(struct web_bed *t, const char **body)
{
	static char text[WEB_BED_MAX];
	size_t head, len = 0;
	const char *length;

	WEB_BED_UNTIL(t, web_bed_head(t) > 0);
	head = web_bed_head(t);
	memcpy(text, t->got, head);
	text[head] = '\0';
	if ((length = strstr(text, "Content-Length: ")) != NULL)
		len = (size_t)atoi(length + 16);
	WEB_BED_UNTIL(t, t->got_len >= head + len);
	memcpy(text + head + 1, t->got + head, len);
	text[head + 1 + len] = '\0';
	*body = text + head + 1;
	web_bed_skip(t, head + len);
	return text;
}

static void
check_answer(bool tls)
{
	struct web_bed *t = web_bed_new(tls);
	const char *head, *body;

	t->bed->on_request = answer_path;
	web_bed_say(t, "GET /a HTTP/1.1\r\n" HOST "\r\n");
	head = take_answer(t, &body);
	assert_memory_equal(head, "HTTP/1.1 200 OK\r\nDate: ", 23);
	assert_non_null(strstr(head, "\r\nContent-Type: text/plain\r\n"));
	assert_non_null(strstr(head, "\r\nContent-Length: 2\r\n"));
	assert_non_null(strstr(head, "\r\nConnection: keep-alive\r\n"));
	assert_non_null(strstr(head, "\r\nX-More: yes\r\n"));
	assert_non_null(strstr(head, " GMT\r\n"));
	assert_string_equal(body, "/a");
	/* the connection stays, until it is told to end */
	web_bed_say(t,
	    "GET /b HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"
	    "GET /c HTTP/1.1\r\n" HOST "\r\n");
	head = take_answer(t, &body);
	assert_non_null(strstr(head, "\r\nConnection: close\r\n"));
	assert_string_equal(body, "/b");
	WEB_BED_UNTIL(t, t->is_ended);
	assert_int_equal(t->got_len, 0);
	assert_int_equal(t->bed->requests, 2);
	assert_int_equal(bed_counter(t->bed, STATS_HTTP_REQUESTS), 2);
	web_bed_leave(t);
	WEB_BED_UNTIL(t, bed_counter(t->bed, STATS_CONNECTIONS) == 0);
	assert_int_equal(t->bed->closed, 0);
	web_bed_free(t);
}

static void
test_requests_are_answered(void **state)
{
	(void)state;
	web_bed_both(check_answer);
}

static void
test_many_requests_at_once_are_answered_in_order(void **state)
{
	struct web_bed *t = web_bed_new(false);
	const char *body;
	char text[64];

	(void)state;
	t->bed->on_request = answer_path;
	t->is_patient = true;
	for (int i = 0; i < 3000; i++) {
		sprintf(text, "%sGET /%d HTTP/1.1\r\n" HOST "\r\n",
		    i % 7 == 1 ? "\r\n" : "", i);
		web_bed_say(t, text);
	}
	web_bed_settle(t);
	t->is_patient = false;
	for (int i = 0; i < 3000; i++) {
		sprintf(text, "/%d", i);
		take_answer(t, &body);
		assert_string_equal(body, text);
	}
	web_bed_free(t);
}

static void
answer_much(struct bed *bed, struct net_web *w, const struct net_request *r)
{
	(void)bed;
	(void)r;
	net_web_answer(w, 200, NULL, NULL, web_bed_pattern, 1 << 20);
}

/* Answers that nobody fetches are made one at a time. */
static void
test_answers_do_not_pile_up(void **state)
{
	struct web_bed *t = web_bed_new(false);
	const char *body;

	(void)state;
	t->bed->on_request = answer_much;
	t->is_patient = true;
	for (int i = 0; i < 50; i++)
		web_bed_say(t, "GET / HTTP/1.1\r\n" HOST "\r\n");
	web_bed_settle(t);
	assert_true(t->bed->requests < 20);
	t->is_patient = false;
	for (int i = 0; i < 50; i++) {
		take_answer(t, &body);
		assert_memory_equal(body, web_bed_pattern, 1 << 20);
	}
	web_bed_free(t);
}

static void
test_a_head_request_gets_no_body(void **state)
{
	struct web_bed *t = web_bed_new(false);
	const char *body;

	(void)state;
	t->bed->on_request = answer_path;
	web_bed_say(t, "HEAD /long HTTP/1.1\r\n" HOST "\r\n");
	WEB_BED_UNTIL(t, web_bed_head(t) > 0);
	assert_non_null(strstr((char *)t->got, "\r\nContent-Length: 5\r\n"));
	web_bed_settle(t);
	web_bed_skip(t, web_bed_head(t));
	assert_int_equal(t->got_len, 0);
	web_bed_say(t, "GET /x HTTP/1.1\r\n" HOST "\r\n");
	take_answer(t, &body);
	assert_string_equal(body, "/x");
	web_bed_free(t);
}

static void
answer_long(struct bed *bed, struct net_web *w, const struct net_request *r)
{
	static char headers[3000];

	(void)bed;
	snprintf(headers, sizeof(headers), "X-Origin: %s\r\n", r->origin);
	net_web_answer(w, 200, "text/plain", headers, "ok", 2);
}

/* An owner may repeat what it was sent. */
static void
test_headers_that_are_too_long_are_no_answer(void **state)
{
	struct web_bed *t = web_bed_new(false);
	const char *head, *body;
	char origin[2500];

	(void)state;
	t->bed->on_request = answer_long;
	memset(origin, 'o', sizeof(origin));
	web_bed_say(t, "GET / HTTP/1.1\r\n" HOST "Origin: ");
	web_bed_write(t, origin, sizeof(origin));
	web_bed_say(t, "\r\n\r\n");
	head = take_answer(t, &body);
	assert_memory_equal(head, "HTTP/1.1 500 ", 13);
	assert_null(strstr(head, "oo"));
	assert_string_equal(body, "");
	web_bed_say(t, "GET / HTTP/1.1\r\n" HOST "Origin: short\r\n\r\n");
	head = take_answer(t, &body);
	assert_non_null(strstr(head, "\r\nX-Origin: short\r\n"));
	assert_string_equal(body, "ok");
	web_bed_free(t);
}

static void
answer_nothing(struct bed *bed, struct net_web *w, const struct net_request *r)
{
	(void)bed;
	(void)r;
	net_web_answer(w, 304, NULL, "ETag: \"1\"\r\n", "none", 4);
}

static void
test_not_modified_has_no_body(void **state)
{
	struct web_bed *t = web_bed_new(false);

	(void)state;
	t->bed->on_request = answer_nothing;
	web_bed_say(t, "GET / HTTP/1.1\r\n" HOST "\r\n");
	WEB_BED_UNTIL(t, web_bed_head(t) > 0);
	web_bed_settle(t);
	assert_int_equal(t->got_len, web_bed_head(t));
	assert_null(strstr((char *)t->got, "Content-Length"));
	web_bed_free(t);
}

static void
answer_body(struct bed *bed, struct net_web *w, const struct net_request *r)
{
	(void)bed;
	net_web_answer(w, 200, NULL, NULL, r->body, r->body_len);
}

static void
check_body(bool tls)
{
	static const char head[] =
	    "POST / HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n";
	struct web_bed *t = web_bed_new(tls);
	const char *body;
	char all[256];
	size_t len;

	t->bed->on_request = answer_body;
	len = (size_t)sprintf(all, "%shello world", head);
	for (size_t cut = 1; cut < len; cut += 7) {
		web_bed_write(t, all, cut);
		web_bed_turn(t);
		web_bed_turn(t);
		web_bed_write(t, all + cut, len - cut);
		take_answer(t, &body);
		assert_string_equal(body, "hello world");
	}
	/* byte by byte, and the next one behind it */
	for (size_t i = 0; i < len - 1; i++) {
		web_bed_write(t, all + i, 1);
		web_bed_turn(t);
	}
	web_bed_say(t, "dGET / HTTP/1.1\r\n" HOST "\r\n");
	take_answer(t, &body);
	assert_string_equal(body, "hello world");
	take_answer(t, &body);
	assert_string_equal(body, "");
	web_bed_free(t);
}

static void
test_bodies_arrive_whole(void **state)
{
	(void)state;
	web_bed_both(check_body);
}

static void
test_who_waits_to_send_a_body_is_told_to_go_on(void **state)
{
	struct web_bed *t = web_bed_new(false);
	const char *body;

	(void)state;
	t->bed->on_request = answer_body;
	web_bed_say(t,
	    "POST / HTTP/1.1\r\n" HOST
	    "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	WEB_BED_UNTIL(t, web_bed_head(t) > 0);
	assert_memory_equal(t->got, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	web_bed_skip(t, 25);
	web_bed_say(t, "he");
	web_bed_settle(t);
	web_bed_say(t, "llo");
	take_answer(t, &body);
	assert_string_equal(body, "hello");
	web_bed_free(t);
}

/* ---- what is refused */

static const struct {
	const char *text;
	const char *answer;
	enum stats_drop why;
} refused[] = {
	{ "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", STATS_DROP_HTTP_BROKEN },
	{ "GET / HTTP/2.0\r\n" HOST "\r\n", "HTTP/1.1 505 ",
	    STATS_DROP_HTTP_BROKEN },
	{ "BREW / HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 501 ",
	    STATS_DROP_HTTP_BROKEN },
	{ "GET /%00 HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 400 ",
	    STATS_DROP_HTTP_BROKEN },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 5000\r\n\r\n",
	    "HTTP/1.1 413 ", STATS_DROP_HTTP_LARGE },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	  "0\r\n\r\n",
	    "HTTP/1.1 411 ", STATS_DROP_HTTP_BROKEN },
};

static void
check_refused(bool tls)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct web_bed *t = web_bed_new(tls);
		const char *body;

		web_bed_say(t, refused[i].text);
		/* what follows is of no interest, and does no harm */
		web_bed_say(t, "GET / HTTP/1.1\r\n" HOST "\r\n");
		assert_memory_equal(
		    take_answer(t, &body), refused[i].answer, 13);
		WEB_BED_UNTIL(t, t->is_ended);
		assert_int_equal(t->got_len, 0);
		assert_int_equal(t->bed->requests, 0);
		assert_int_equal(bed_drops(t->bed, refused[i].why), 1);
		web_bed_free(t);
	}
}

static void
test_what_is_refused_gets_its_status(void **state)
{
	(void)state;
	web_bed_both(check_refused);
}

static void
test_a_head_without_an_end_is_refused(void **state)
{
	struct web_bed *t = web_bed_new(false);
	const char *body;
	char text[500];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "GET /", 5);
	for (int i = 0; i < 20; i++) {
		web_bed_write(t, text, sizeof(text));
		web_bed_turn(t);
		memset(text, 'x', 5);
	}
	assert_memory_equal(take_answer(t, &body), "HTTP/1.1 431 ", 13);
	WEB_BED_UNTIL(t, t->is_ended);
	assert_int_equal(bed_drops(t->bed, STATS_DROP_HTTP_LARGE), 1);
	web_bed_free(t);
}

static void
test_what_nobody_answers_is_not_found(void **state)
{
	struct web_bed *t = web_bed_new(false);
	const char *body;

	(void)state;
	web_bed_say(t, "GET / HTTP/1.1\r\n" HOST "\r\n");
	assert_memory_equal(take_answer(t, &body), "HTTP/1.1 404 ", 13);
	assert_int_equal(t->bed->requests, 1);
	assert_int_equal(bed_drops(t->bed, STATS_DROP_HTTP), 1);
	web_bed_say(t, "GET / HTTP/1.1\r\n" HOST "\r\n");
	assert_memory_equal(take_answer(t, &body), "HTTP/1.1 404 ", 13);
	web_bed_free(t);
}

/* ---- deadlines */

static void
pass(struct web_bed *t, mono_ms ms)
{
	t->bed->net->now_us = mono_now_us() + ms * 1000;
	wheel_advance(t->bed->wheel, net_now(t->bed->net));
	net_turn_end(t->bed->net);
}

static void
test_a_slow_request_is_cut(void **state)
{
	struct web_bed *t = web_bed_new(false);

	(void)state;
	web_bed_say(t, "GET / HTTP/1.1\r\nHost");
	web_bed_settle(t);
	pass(t, CONN_FIRST_MS - 1000);
	assert_int_equal(bed_counter(t->bed, STATS_CONNECTIONS), 1);
	web_bed_say(t, ": a\r\n");
	web_bed_settle(t);
	pass(t, CONN_FIRST_MS + 1000);
	assert_int_equal(bed_counter(t->bed, STATS_CONNECTIONS), 0);
	assert_int_equal(bed_drops(t->bed, STATS_DROP_STREAM_IDLE), 1);
	assert_int_equal(t->bed->closed, 0);
	web_bed_free(t);
}

static void
test_an_idle_connection_is_cut(void **state)
{
	struct web_bed *t = web_bed_new(false);
	const char *body;

	(void)state;
	t->bed->on_request = answer_path;
	web_bed_say(t, "GET / HTTP/1.1\r\n" HOST "\r\n");
	take_answer(t, &body);
	pass(t, CONN_IDLE_MS - 1000);
	assert_int_equal(bed_counter(t->bed, STATS_CONNECTIONS), 1);
	pass(t, CONN_IDLE_MS + 1000);
	assert_int_equal(bed_counter(t->bed, STATS_CONNECTIONS), 0);
	web_bed_free(t);
}

static void
test_who_does_not_end_after_the_last_answer_is_cut(void **state)
{
	struct web_bed *t = web_bed_new(false);
	const char *body;

	(void)state;
	t->bed->on_request = answer_path;
	web_bed_say(t, "GET / HTTP/1.0\r\n\r\n");
	take_answer(t, &body);
	WEB_BED_UNTIL(t, t->is_ended);
	web_bed_say(t, "and on and on");
	web_bed_settle(t);
	assert_int_equal(bed_counter(t->bed, STATS_CONNECTIONS), 1);
	pass(t, WEB_LINGER_MS + 1000);
	assert_int_equal(bed_counter(t->bed, STATS_CONNECTIONS), 0);
	web_bed_free(t);
}

static void
test_who_ends_its_half_gets_its_answer(void **state)
{
	struct web_bed *t = web_bed_new(false);
	const char *body;

	(void)state;
	t->bed->on_request = answer_path;
	web_bed_say(t, "GET /a HTTP/1.1\r\n" HOST "\r\n");
	shutdown(t->fd, SHUT_WR);
	take_answer(t, &body);
	assert_string_equal(body, "/a");
	WEB_BED_UNTIL(t, t->is_ended);
	assert_int_equal(bed_counter(t->bed, STATS_CONNECTIONS), 0);
	web_bed_free(t);
}

/* ---- asking for a WebSocket */

static void
note_upgrade(struct bed *bed, struct net_web *w, const struct net_request *r)
{
	struct web_bed *t = bed->test;

	assert_false(r->is_upgrade);
	assert_int_equal(net_web_accept(w, &t->accept), EPROTO);
	net_web_answer(w, 426, NULL, NULL, NULL, 0);
}

#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\n"

static const struct {
	const char *text;
	const char *answer;
	unsigned requests; /* that went up */
} upgrades[] = {
	{ "GET / HTTP/1.1\r\n" HOST UPGRADE KEY
	  "Sec-WebSocket-Version: 8\r\n\r\n",
	    "HTTP/1.1 426 ", 0 },
	{ "GET / HTTP/1.1\r\n" HOST UPGRADE KEY "\r\n", "HTTP/1.1 426 ", 0 },
	{ "GET / HTTP/1.1\r\n" HOST UPGRADE VERSION "\r\n", "HTTP/1.1 400 ",
	    0 },
	{ "GET / HTTP/1.1\r\n" HOST UPGRADE VERSION
	  "Sec-WebSocket-Key: short\r\n\r\n",
	    "HTTP/1.1 400 ", 0 },
	{ "GET / HTTP/1.1\r\n" HOST UPGRADE VERSION KEY KEY "\r\n",
	    "HTTP/1.1 400 ", 0 },
	{ "GET / HTTP/1.1\r\n" HOST UPGRADE VERSION KEY
	  "Content-Length: 1\r\n\r\nx",
	    "HTTP/1.1 400 ", 0 },
	/* these ask for none */
	{ "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\n" VERSION KEY
	  "\r\n",
	    "HTTP/1.1 426 ", 1 },
	{ "GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n" VERSION KEY "\r\n",
	    "HTTP/1.1 426 ", 1 },
	{ "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\n"
	  "Upgrade: h2c\r\n" VERSION KEY "\r\n",
	    "HTTP/1.1 426 ", 1 },
	{ "POST / HTTP/1.1\r\n" HOST UPGRADE VERSION KEY "\r\n",
	    "HTTP/1.1 426 ", 1 },
	{ "GET / HTTP/1.0\r\n" HOST UPGRADE VERSION KEY "\r\n", "HTTP/1.1 426 ",
	    1 },
};

static void
test_only_a_proper_handshake_becomes_a_websocket(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(upgrades) / sizeof(upgrades[0]); i++) {
		struct web_bed *t = web_bed_new(false);
		const char *head, *body;

		t->bed->on_request = note_upgrade;
		web_bed_say(t, upgrades[i].text);
		head = take_answer(t, &body);
		assert_memory_equal(head, upgrades[i].answer, 13);
		assert_int_equal(t->bed->requests, upgrades[i].requests);
		if (strstr(head, " 426 ") != NULL)
			assert_non_null(
			    strstr(head, "\r\nSec-WebSocket-Version: 13\r\n"));
		web_bed_free(t);
	}
}

static void
test_a_websocket_may_follow_a_request(void **state)
{
	struct web_bed *t = web_bed_new(true);
	const char *body;

	(void)state;
	t->bed->on_request = answer_path;
	web_bed_say(t, "GET /a HTTP/1.1\r\n" HOST "\r\n");
	take_answer(t, &body);
	t->on_message = web_bed_echo;
	web_bed_open(t);
	web_bed_send(t, WS_TEXT, true, "hi", 2);
	web_bed_expect(t, WS_TEXT, "hi", 2);
	web_bed_free(t);
}

#define TEST(name) cmocka_unit_test_setup(name, web_bed_set_up)

static const struct CMUnitTest tests[] = {
	TEST(test_requests_are_answered),
	TEST(test_many_requests_at_once_are_answered_in_order),
	TEST(test_answers_do_not_pile_up),
	TEST(test_a_head_request_gets_no_body),
	TEST(test_headers_that_are_too_long_are_no_answer),
	TEST(test_not_modified_has_no_body),
	TEST(test_bodies_arrive_whole),
	TEST(test_who_waits_to_send_a_body_is_told_to_go_on),
	TEST(test_what_is_refused_gets_its_status),
	TEST(test_a_head_without_an_end_is_refused),
	TEST(test_what_nobody_answers_is_not_found),
	TEST(test_a_slow_request_is_cut),
	TEST(test_an_idle_connection_is_cut),
	TEST(test_who_does_not_end_after_the_last_answer_is_cut),
	TEST(test_who_ends_its_half_gets_its_answer),
	TEST(test_only_a_proper_handshake_becomes_a_websocket),
	TEST(test_a_websocket_may_follow_a_request),
};

int
main(void)
{
	return BED_RUN(tests);
}
