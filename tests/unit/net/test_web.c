#include "tests/unit/net/web_bed.h"

#include "net/conn.h"
#include "net/core.h"

/* ---- messages */

static void
check_lengths(bool tls)
{
	static const size_t lengths[] = { 0, 1, 125, 126, 127, 1000, 4096,
		16384, 65535, 65536 };
	struct web_bed *t = web_bed_opened(tls);

	t->on_message = web_bed_echo;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		t->so_far = 0;
		web_bed_send(t, WS_BINARY, true, web_bed_pattern, lengths[i]);
		web_bed_expect(t, WS_BINARY, web_bed_pattern, lengths[i]);
		assert_int_equal(t->messages, i + 1);
		assert_true(t->last.is_last);
		assert_int_equal(t->last.kind, NET_WEB_BINARY);
		assert_int_equal(t->last.len, lengths[i]);
		assert_memory_equal(t->message, web_bed_pattern, lengths[i]);
	}
	web_bed_free(t);
}

static void
test_messages_of_all_lengths_pass(void **state)
{
	(void)state;
	web_bed_both(check_lengths);
}

static void
test_bytes_are_counted_as_what_they_turned_out_to_be(void **state)
{
	struct web_bed *t = web_bed_new(false);
	const uint64_t *in, *out;

	(void)state;
	in = t->bed->wire[STATS_IN];
	out = t->bed->wire[STATS_OUT];
	web_bed_open(t);
	web_bed_send(t, WS_BINARY, true, web_bed_pattern, 50000);
	WEB_BED_UNTIL(t, t->messages == 1);
	assert_true(in[STATS_CLIENT_SIGNALLING] > 50000);
	assert_int_equal(net_web_send(t->web, NET_WEB_TEXT, "hi", 2), 0);
	web_bed_expect(t, WS_TEXT, "hi", 2);
	assert_true(out[STATS_CLIENT_SIGNALLING] > 100);
	assert_int_equal(out[STATS_CLIENT_TCP], 0);
	assert_int_equal(bed_counter(t->bed, STATS_WEBSOCKETS), 1);
	assert_int_equal(bed_counter(t->bed, STATS_WEBSOCKETS_TOTAL), 1);
	web_bed_leave(t);
	WEB_BED_UNTIL(t, t->closed == 1);
	bed_settle(t->bed);
	assert_int_equal(bed_counter(t->bed, STATS_WEBSOCKETS), 0);
	assert_int_equal(t->code, 1006);
	assert_int_equal(t->bed->closed, 0);
	/* HTTP only */
	t->bed->on_request = NULL;
	web_bed_connect(t);
	web_bed_say(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	WEB_BED_UNTIL(t, web_bed_head(t) > 0);
	assert_true(out[STATS_CLIENT_HTTP] > 100);
	web_bed_free(t);
}

static void
test_frames_right_behind_the_request_are_not_lost(void **state)
{
	static uint8_t bytes[4096] = WEB_BED_HELLO "\r\n";
	const size_t head = sizeof(WEB_BED_HELLO "\r\n") - 1;
	struct web_bed *t = web_bed_new(false);
	const size_t len = head + web_bed_mixture(bytes + head);

	(void)state;
	t->bed->on_request = web_bed_accept;
	t->on_message = web_bed_echo;
	t->accept.subprotocol = "supernode.v1";
	web_bed_write(t, bytes, len);
	WEB_BED_UNTIL(t, t->messages == 2);
	web_bed_turn(t);
	t->got[web_bed_head(t) - 1] = '\0';
	assert_non_null(strstr((char *)t->got,
	    "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_non_null(strstr(
	    (char *)t->got, "\r\nSec-WebSocket-Protocol: supernode.v1\r\n"));
	t->got[strlen((char *)t->got)] = '\n';
	web_bed_skip(t, web_bed_head(t));
	web_bed_expect_mixture(t);
	web_bed_free(t);
}

/* ---- by a balancer */

static void
check_proxy(bool tls)
{
	static const uint8_t header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
					"\xc6\x33\x64\x01\xcb\x00\x71\x05"
					"\x10\x00\x0d\x96";
	struct web_bed *t = web_bed_new(tls);
	struct addr_prefix from;
	struct addr client;

	assert_int_equal(addr_prefix_parse(&from, "127.0.0.0/8"), 0);
	assert_int_equal(addr_parse(&client, "198.51.100.1:4096"), 0);
	t->bed->conf.listen.proxy.at = &from;
	t->bed->conf.listen.proxy.count = 1;
	web_bed_leave(t);
	t->fd = bed_client(SOCK_STREAM, &t->bed->at);
	bed_write(t->fd, header, sizeof(header) - 1);
	fcntl(t->fd, F_SETFL, O_NONBLOCK);
	if (tls) {
		t->ssl = cert_client(t->ctx, t->fd, false);
		assert_true(cert_shake(t->bed, t->ssl));
	}
	web_bed_open(t);
	assert_true(addr_equal(&net_web_flow(t->web)->client, &client));
	t->on_message = web_bed_echo;
	web_bed_send(t, WS_TEXT, true, "hi", 2);
	web_bed_expect(t, WS_TEXT, "hi", 2);
	web_bed_free(t);
}

static void
test_the_client_is_who_the_balancer_names(void **state)
{
	(void)state;
	web_bed_both(check_proxy);
}

/* ---- the end */

static void
check_their_close(bool tls)
{
	static const struct {
		const char *payload;
		size_t len;
		unsigned code;
	} rows[] = { { "\x03\xe8", 2, 1000 }, { "\x03\xe9gone", 6, 1001 },
		{ "\x0f\xa0", 2, 4000 }, { "", 0, 1005 } };

	for (size_t i = 0; i < 4; i++) {
		struct web_bed *t = web_bed_opened(tls);

		web_bed_send(t, WS_CLOSE, true, rows[i].payload, rows[i].len);
		web_bed_expect(
		    t, WS_CLOSE, rows[i].payload, rows[i].len < 2 ? 0 : 2);
		WEB_BED_UNTIL(t, t->is_ended);
		assert_int_equal(t->closed, 1);
		assert_int_equal(t->code, rows[i].code);
		web_bed_free(t);
	}
}

static void
test_their_close_is_answered_and_told(void **state)
{
	(void)state;
	web_bed_both(check_their_close);
}

static void
check_our_close(bool tls)
{
	struct web_bed *t = web_bed_opened(tls);
	uint8_t *got;

	net_web_close(t->web, 4001, "who are you");
	assert_int_equal(web_bed_take(t, &got).len, 13);
	assert_memory_equal(got, "\x0f\xa1who are you", 13);
	web_bed_send(t, WS_TEXT, true, "too late", 8);
	web_bed_send(t, WS_PING, true, "", 0);
	web_bed_settle(t);
	assert_false(t->is_ended);
	web_bed_send(t, WS_CLOSE, true, "\x0f\xa1", 2);
	/* at once, not when it is too late for an answer */
	web_bed_settle(t);
	assert_true(t->is_ended);
	assert_int_equal(t->got_len, 0);
	assert_int_equal(t->messages, 0);
	assert_int_equal(t->closed, 0);
	web_bed_free(t);
}

static void
test_our_close_waits_for_theirs_and_tells_nobody(void **state)
{
	(void)state;
	web_bed_both(check_our_close);
}

/* One turn, so many ms later. */
static void
pass(struct web_bed *t, mono_ms ms)
{
	t->bed->net->now_us = mono_now_us() + ms * 1000;
	wheel_advance(t->bed->wheel, net_now(t->bed->net));
	net_turn_end(t->bed->net);
}

static void
test_a_close_that_is_not_answered_ends_in_time(void **state)
{
	struct web_bed *t = web_bed_opened(false);

	(void)state;
	net_web_close(t->web, 1008, NULL);
	web_bed_settle(t);
	pass(t, NET_WEB_CLOSE_MS - 1000);
	assert_int_equal(bed_counter(t->bed, STATS_CONNECTIONS), 1);
	pass(t, NET_WEB_CLOSE_MS + 1000);
	assert_int_equal(bed_counter(t->bed, STATS_CONNECTIONS), 0);
	assert_int_equal(t->closed, 0);
	web_bed_free(t);
}

static void
test_a_websocket_may_be_silent_for_long(void **state)
{
	struct web_bed *t = web_bed_opened(false);

	(void)state;
	pass(t, 100 * CONN_IDLE_MS);
	assert_int_equal(bed_counter(t->bed, STATS_CONNECTIONS), 1);
	t->on_message = web_bed_echo;
	web_bed_send(t, WS_TEXT, true, "a", 1);
	web_bed_expect(t, WS_TEXT, "a", 1);
	web_bed_free(t);
}

static void
test_nobody_is_told_when_all_is_closed(void **state)
{
	struct web_bed *t = web_bed_opened(true);
	struct net_config config = bed_config(t->bed);

	(void)state;
	net_free(t->bed->net);
	assert_int_equal(t->closed, 0);
	t->bed->net = net_new(&config);
	web_bed_free(t);
}

/* ---- parts */

static void
take_part(struct web_bed *t, const struct net_web_data *d)
{
	assert_true(d->len <= t->accept.parts);
	assert_int_equal(d->is_last, t->so_far == 500000);
	if (t->messages % 3 == 0)
		net_web_hold(t->web, true);
}

static void
check_parts(bool tls)
{
	struct web_bed *t = web_bed_new(tls);

	t->accept.parts = 5000;
	t->accept.message_max = SIZE_MAX;
	web_bed_open(t);
	t->on_message = take_part;
	web_bed_send(t, WS_BINARY, false, web_bed_pattern, 100000);
	web_bed_send(t, WS_CONTINUATION, false, web_bed_pattern + 100000, 1);
	web_bed_send(t, WS_CONTINUATION, false, web_bed_pattern, 0);
	for (size_t at = 100001; at < 500000; at += 133333) {
		/* the whole of the rest, while it is held again and again */
		uint8_t *frame = mem_must(1, 133333 + WS_HEAD_MAX);
		const struct ws_frame f = { .opcode = WS_CONTINUATION,
			.is_final = at + 133333 == 500000,
			.len = 133333 };
		size_t len = web_bed_frame(frame, f, web_bed_pattern + at),
		       done = 0;

		while (done < len) {
			const int n = tls
			    ? SSL_write(t->ssl, frame + done, (int)(len - done))
			    : (int)send(t->fd, frame + done, len - done,
				  MSG_NOSIGNAL);

			if (n > 0)
				done += (size_t)n;
			web_bed_turn(t);
			net_web_hold(t->web, false);
		}
		mem_free(frame);
	}
	for (int i = 0; i < 2000 && t->so_far < 500000; i++) {
		web_bed_turn(t);
		net_web_hold(t->web, false);
	}
	assert_int_equal(t->so_far, 500000);
	assert_memory_equal(t->message, web_bed_pattern, 500000);
	web_bed_free(t);
}

static void
test_parts_come_as_they_arrive(void **state)
{
	(void)state;
	web_bed_both(check_parts);
}

static void
test_a_message_may_be_sent_in_parts(void **state)
{
	struct web_bed *t = web_bed_opened(false);
	struct net_web_data part = {
		.kind = NET_WEB_TEXT, .data = (uint8_t *)"abc", .len = 3
	};
	uint8_t *got;
	struct ws_frame f;

	(void)state;
	for (int i = 0; i < 3; i++) {
		part.is_last = i == 2;
		assert_int_equal(net_web_send_part(t->web, &part), 0);
	}
	assert_int_equal(net_web_send(t->web, NET_WEB_TEXT, "d", 1), 0);
	for (unsigned i = 0; i < 3; i++) {
		f = web_bed_take(t, &got);
		assert_int_equal(f.opcode, i == 0 ? WS_TEXT : WS_CONTINUATION);
		assert_int_equal(f.is_final, i == 2);
	}
	web_bed_expect(t, WS_TEXT, "d", 1);
	web_bed_free(t);
}

/* ---- owners that act inside a call */

static void
close_it(struct web_bed *t, const struct net_web_data *d)
{
	(void)d;
	net_web_close(t->web, 1008, "no");
	net_web_close(t->web, 1000, "twice is no harm");
	assert_int_equal(net_web_send(t->web, NET_WEB_TEXT, "late", 4), EPIPE);
	t->web = NULL;
}

static void
test_an_owner_may_close_from_within_a_message(void **state)
{
	struct web_bed *t = web_bed_opened(false);
	uint8_t bytes[256];
	const size_t len = web_bed_mixture(bytes);
	uint8_t *got;

	(void)state;
	t->on_message = close_it;
	web_bed_write(t, bytes, len);
	web_bed_expect(t, WS_PONG, "one", 3);
	web_bed_expect(t, WS_PONG, "two", 3);
	assert_int_equal(web_bed_take(t, &got).opcode, WS_CLOSE);
	web_bed_settle(t);
	assert_int_equal(t->messages, 1);
	assert_int_equal(t->closed, 0);
	web_bed_leave(t);
	WEB_BED_UNTIL(t, bed_counter(t->bed, STATS_CONNECTIONS) == 0);
	assert_int_equal(t->closed, 0);
	web_bed_free(t);
}

static void
send_last_words(struct web_bed *t)
{
	assert_int_equal(net_web_send(t->web, NET_WEB_TEXT, "late", 4), EPIPE);
	net_web_ping(t->web, "", 0);
	net_web_hold(t->web, true);
	assert_null(net_web_owner(net_web_flow(t->web), &web_bed_ops));
	net_web_close(t->web, 1000, NULL);
}

static void
test_an_owner_that_was_told_of_the_end_can_do_no_harm(void **state)
{
	struct web_bed *t = web_bed_opened(false);

	(void)state;
	t->on_closed = send_last_words;
	web_bed_send(t, WS_CLOSE, true, "\x03\xe8", 2);
	web_bed_expect_close(t, 1000);
	assert_int_equal(t->closed, 1);
	web_bed_leave(t);
	web_bed_connect(t);
	web_bed_open(t);
	web_bed_leave(t);
	WEB_BED_UNTIL(t, t->closed == 2);
	web_bed_settle(t);
	assert_int_equal(bed_counter(t->bed, STATS_CONNECTIONS), 0);
	web_bed_free(t);
}

static void
test_the_owner_is_found_by_its_flow(void **state)
{
	static const struct net_web_ops others;
	struct web_bed *t = web_bed_opened(true);
	const struct net_flow flow = *net_web_flow(t->web);
	const struct net_flow udp = { .transport = NET_UDP };

	(void)state;
	assert_int_equal(flow.transport, NET_TLS);
	assert_ptr_equal(net_web_owner(&flow, &web_bed_ops), t);
	assert_null(net_web_owner(&flow, &others));
	assert_null(net_web_owner(&udp, &web_bed_ops));
	net_web_close(t->web, 1000, NULL);
	assert_null(net_web_owner(&flow, &web_bed_ops));
	web_bed_free(t);
}

/* ---- without memory */

static void
say_hello(struct web_bed *t)
{
	static uint8_t bytes[8192];
	const size_t len = web_bed_mixture(bytes);

	(void)!send(t->fd, WEB_BED_HELLO "\r\n", strlen(WEB_BED_HELLO) + 2,
	    MSG_NOSIGNAL);
	bed_turn(t->bed);
	bed_turn(t->bed);
	(void)!send(t->fd, bytes, 30, MSG_NOSIGNAL);
	bed_turn(t->bed);
	(void)!send(t->fd, bytes + 30, len - 30, MSG_NOSIGNAL);
	bed_turn(t->bed);
	bed_turn(t->bed);
}

static void
try_accept(struct bed *bed, struct net_web *w, const struct net_request *r)
{
	struct web_bed *t = bed->test;

	assert_true(r->is_upgrade);
	if (net_web_accept(w, &t->accept) == 0)
		t->web = w;
}

static void
test_memory_may_fail_anywhere(void **state)
{
	struct web_bed *t = web_bed_new(false);
	long n = 0;

	(void)state;
	t->bed->on_request = try_accept;
	web_bed_settle(t);
	do {
		t->messages = 0;
		t->web = NULL;
		web_bed_leave(t);
		WEB_BED_UNTIL(t, bed_counter(t->bed, STATS_CONNECTIONS) == 0);
		t->fd = bed_client(SOCK_STREAM, &t->bed->at);
		mem_fail_at(n++);
		say_hello(t);
		mem_fail_at(-1);
	} while (t->messages != 2 && n < 20);
	assert_true(n > 2 && n < 20);
	web_bed_free(t);
}

#define TEST(name) cmocka_unit_test_setup(name, web_bed_set_up)

static const struct CMUnitTest tests[] = {
	TEST(test_messages_of_all_lengths_pass),
	TEST(test_bytes_are_counted_as_what_they_turned_out_to_be),
	TEST(test_frames_right_behind_the_request_are_not_lost),
	TEST(test_the_client_is_who_the_balancer_names),
	TEST(test_their_close_is_answered_and_told),
	TEST(test_our_close_waits_for_theirs_and_tells_nobody),
	TEST(test_a_close_that_is_not_answered_ends_in_time),
	TEST(test_a_websocket_may_be_silent_for_long),
	TEST(test_nobody_is_told_when_all_is_closed),
	TEST(test_parts_come_as_they_arrive),
	TEST(test_a_message_may_be_sent_in_parts),
	TEST(test_an_owner_may_close_from_within_a_message),
	TEST(test_an_owner_that_was_told_of_the_end_can_do_no_harm),
	TEST(test_the_owner_is_found_by_its_flow),
	TEST(test_memory_may_fail_anywhere),
};

int
main(void)
{
	return BED_RUN(tests);
}
