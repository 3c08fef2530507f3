#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/http_head.h"

#define HOST "Host: a.example\r\n"
#define END  "\r\n\r\n"

static char bytes[NET_WEB_HEAD_MAX * 2];
static struct net_http_head head;
static struct net_request request;

static int
read_text(const char *text)
{
	int code;

	strcpy(bytes, text);
	code = net_http_head_read(&head, bytes, strlen(text));
	/* not a byte is changed before it is known to be whole */
	assert_string_equal(bytes, text);
	return code != 0 ? code : net_http_head_finish(&request, &head);
}

static void
test_all_of_a_request_is_told(void **state)
{
	(void)state;
	assert_int_equal(
	    read_text("POST /a%20b/%C3%BC?x=%31&y HTTP/1.1\r\n"
		      "hOST: a.example:3478\r\nOrigin:http://b \t\r\n"
		      "Authorization: Bearer x y\r\n"
		      "Content-Type: text/plain\r\n"
		      "Sec-WebSocket-Protocol: a, b\r\n"
		      "Accept: */*\r\nIf-None-Match: \"e\"\r\n"
		      "X-Other: z\r\nContent-Length: 12\r\n\r\nand more"),
	    0);
	assert_string_equal(request.method, "POST");
	assert_string_equal(request.path, "/a b/\xc3\xbc");
	assert_string_equal(request.query, "x=%31&y");
	assert_string_equal(request.host, "a.example:3478");
	assert_string_equal(request.origin, "http://b");
	assert_string_equal(request.authorization, "Bearer x y");
	assert_string_equal(request.content_type, "text/plain");
	assert_string_equal(request.protocols, "a, b");
	assert_string_equal(request.accept, "*/*");
	assert_string_equal(request.if_none_match, "\"e\"");
	assert_int_equal(head.body_len, 12);
	assert_memory_equal(bytes + head.len, "and more", 8);
	assert_true(head.keeps);
	assert_false(head.is_head || head.is_get || head.is_upgrade);
}

static void
test_what_is_not_there_is_empty(void **state)
{
	(void)state;
	assert_int_equal(
	    read_text("HEAD / HTTP/1.1\r\nHost:\r\nAccept:  \r\n\r\n"), 0);
	assert_string_equal(request.path, "/");
	assert_string_equal(request.query, "");
	assert_string_equal(request.host, "");
	assert_string_equal(request.origin, "");
	assert_string_equal(request.accept, "");
	assert_string_equal(request.authorization, "");
	assert_true(head.is_head);
	assert_int_equal(head.body_len, 0);
}

static const struct {
	const char *text;
	int code;
} rows[] = {
	{ "GET / HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ "GET / HTTP/1.0\r\n\r\n", 0 },
	{ "GET http://b.example:80/x HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ "GET / HTTP/1.1\r\n" HOST "Accept: a\r\nAccept: b\r\n\r\n", 0 },
	{ "GET /?a=b?c/d HTTP/1.1\r\n" HOST "\r\n", 0 },
	{ "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", 0 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 4096\r\n\r\n", 0 },
	/* versions */
	{ "GET / HTTP/1.2\r\n" HOST "\r\n", 505 },
	{ "GET / HTTP/2.0\r\n" HOST "\r\n", 505 },
	{ "GET / HTTP/0.9\r\n" HOST "\r\n", 505 },
	{ "GET /\r\n\r\n", 505 },
	{ "GET / HTTQ/1.1\r\n" HOST "\r\n", 400 },
	{ "GET / HTTP/1.\r\n" HOST "\r\n", 505 },
	/* methods */
	{ "BREW / HTTP/1.1\r\n" HOST "\r\n", 501 },
	{ "GETS / HTTP/1.1\r\n" HOST "\r\n", 501 },
	{ "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", 400 },
	/* targets */
	{ "GET x HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET /%0a HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET /%00 HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET /%7f HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET /%4 HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET /%zz HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET /\xc3\xbc HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET http://b.example HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET ftp://b.example/ HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "GET  / HTTP/1.1\r\n" HOST "\r\n", 400 },
	/* hosts */
	{ "GET / HTTP/1.1\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
	/* twice what may be there once */
	{ "GET / HTTP/1.1\r\n" HOST "Origin: a\r\norigin: a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "Upgrade: a\r\nUpgrade: b\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST
	  "Authorization: a\r\nAuthorization: a\r\n\r\n",
	    400 },
	{ "GET / HTTP/1.1\r\n" HOST
	  "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
	    400 },
	/* bodies */
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 4097\r\n\r\n", 413 },
	{ "POST / HTTP/1.1\r\n" HOST
	  "Content-Length: 99999999999999999999999\r\n\r\n",
	    400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 1 1\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x1\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 1,1\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
	    411 },
	{ "POST / HTTP/1.1\r\n" HOST
	  "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
	    400 },
	{ "POST / HTTP/1.1\r\n" HOST
	  "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
	    400 },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n",
	    400 },
	/* lines */
	{ "GET / HTTP/1.1\n" HOST "\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\nY: b\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "X: \1\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "X: \x7f\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST "a b: c\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n" HOST ": c\r\n\r\n", 400 },
};

static void
test_each_request_gets_its_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int code = read_text(rows[i].text);

		if (code != rows[i].code)
			fail_msg("%d instead of %d: %s", code, rows[i].code,
			    rows[i].text);
	}
}

static void
test_a_head_is_read_when_it_is_whole(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\n" HOST "A: b" END;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		memcpy(bytes, text, n);
		assert_int_equal(net_http_head_read(&head, bytes, n), EAGAIN);
	}
	assert_int_equal(read_text(text), 0);
	assert_int_equal(head.len, sizeof(text) - 1);
}

static void
test_the_absolute_form_names_the_host(void **state)
{
	(void)state;
	assert_int_equal(
	    read_text("GET HTTP://b.example:81/x/?q HTTP/1.1\r\n" HOST "\r\n"),
	    0);
	assert_string_equal(request.host, "b.example:81");
	assert_string_equal(request.path, "/x/");
	assert_string_equal(request.query, "q");
}

/* A head of len bytes. */
static int
read_length(size_t len)
{
	static const char begin[] = "GET / HTTP/1.1\r\n" HOST "X: ";

	memcpy(bytes, begin, sizeof(begin));
	memset(bytes + sizeof(begin) - 1, 'x', len - sizeof(begin) + 1);
	memcpy(bytes + len - 4, END, 4);
	return net_http_head_read(&head, bytes, len);
}

static void
test_a_head_is_of_limited_size(void **state)
{
	(void)state;
	assert_int_equal(read_length(NET_WEB_HEAD_MAX), 0);
	assert_int_equal(read_length(NET_WEB_HEAD_MAX + 1), 431);
	/* without an end in sight */
	memset(bytes, 'G', sizeof(bytes));
	assert_int_equal(
	    net_http_head_read(&head, bytes, NET_WEB_HEAD_MAX - 1), EAGAIN);
	assert_int_equal(
	    net_http_head_read(&head, bytes, NET_WEB_HEAD_MAX), 431);
}

static int
read_count(unsigned count)
{
	size_t len = (size_t)sprintf(bytes, "GET / HTTP/1.1\r\n" HOST);

	for (unsigned i = 1; i < count; i++)
		len += (size_t)sprintf(bytes + len, "X%u: y\r\n", i);
	len += (size_t)sprintf(bytes + len, "\r\n");
	return net_http_head_read(&head, bytes, len);
}

static void
test_a_head_has_a_limited_number_of_headers(void **state)
{
	(void)state;
	assert_int_equal(read_count(HTTP_HEADERS_MAX), 0);
	assert_int_equal(read_count(HTTP_HEADERS_MAX + 1), 431);
}

static void
test_who_keeps_the_connection_is_told(void **state)
{
	static const struct {
		const char *text;
		bool keeps, is_upgrade;
	} asks[] = {
		{ "GET / HTTP/1.1\r\n" HOST "\r\n", true, false },
		{ "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", false,
		    false },
		{ "GET / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n",
		    false, false },
		{ "GET / HTTP/1.1\r\n" HOST "Connection: a, UPGRADE\r\n"
		  "Upgrade: websocket\r\n\r\n",
		    true, true },
		{ "GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\n"
		  "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		    true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		assert_int_equal(read_text(asks[i].text), 0);
		assert_int_equal(head.keeps, asks[i].keeps);
		assert_int_equal(head.is_upgrade, asks[i].is_upgrade);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_a_request_is_told),
		cmocka_unit_test(test_what_is_not_there_is_empty),
		cmocka_unit_test(test_each_request_gets_its_status),
		cmocka_unit_test(test_a_head_is_read_when_it_is_whole),
		cmocka_unit_test(test_the_absolute_form_names_the_host),
		cmocka_unit_test(test_a_head_is_of_limited_size),
		cmocka_unit_test(test_a_head_has_a_limited_number_of_headers),
		cmocka_unit_test(test_who_keeps_the_connection_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
