#include "net/http_answer.h"

#include <stdio.h>

#include "common/date.h"

static const struct {
	unsigned status;
	const char *text;
} phrases[] = {
	{ 200, "OK" },
	{ 204, "No Content" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 409, "Conflict" },
	{ 411, "Length Required" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 426, "Upgrade Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

static const char *
phrase_of(unsigned status)
{
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (phrases[i].status == status)
			return phrases[i].text;
	}
	return "";
}

/* RFC 9110, section 5.6.7 */
static void
write_date(char *out, size_t size, int64_t wall_s)
{
	static const char days[] = "Mon\0Tue\0Wed\0Thu\0Fri\0Sat\0Sun";
	static const char months[] = "Jan\0Feb\0Mar\0Apr\0May\0Jun\0"
				     "Jul\0Aug\0Sep\0Oct\0Nov\0Dec";
	const struct date_clock c = date_clock_of(wall_s);

	snprintf(out, size, "%s, %02u %s %04d %02u:%02u:%02u GMT",
	    days + 4 * c.weekday, c.date.day, months + 4 * (c.date.month - 1),
	    c.date.year, c.minute / 60, c.minute % 60, c.second);
}

/* What goes in front of Connection's value: RFC 6455, section 4.4. */
static const char *
find_upgrade(unsigned status)
{
	return status == 426
	    ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	      "Connection: upgrade\r\n"
	    : "";
}

size_t
net_http_answer_write(
    char out[HTTP_ANSWER_MAX], const struct net_http_answer *a)
{
	const bool has_body = a->status != 204 && a->status != 304;
	char date[64], length[48] = "";
	int len;

	write_date(date, sizeof(date), a->wall_s);
	if (has_body)
		snprintf(
		    length, sizeof(length), "Content-Length: %zu\r\n", a->len);
	len = snprintf(out, HTTP_ANSWER_MAX,
	    "HTTP/1.1 %u %s\r\nDate: %s\r\n%s%s%s%s%sConnection: %s\r\n%s\r\n",
	    a->status, phrase_of(a->status), date,
	    a->type != NULL ? "Content-Type: " : "",
	    a->type != NULL ? a->type : "", a->type != NULL ? "\r\n" : "",
	    length, find_upgrade(a->status), a->keeps ? "keep-alive" : "close",
	    a->headers != NULL ? a->headers : "");
	return len > 0 && len < HTTP_ANSWER_MAX ? (size_t)len : 0;
}
