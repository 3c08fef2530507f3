/* http_answer: the text of HTTP answers.  Pure. */
#ifndef RELAY_NET_HTTP_ANSWER_H
#define RELAY_NET_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_ANSWER_MAX = 2048 };

struct net_http_answer {
	unsigned status;
	const char *type;    /* NULL: none */
	const char *headers; /* more lines, each with CRLF; NULL: none */
	size_t len;          /* of the body */
	int64_t wall_s;
	bool keeps; /* the connection stays */
};

/* Writes status line and headers.  Returns the length, 0: too long. */
size_t net_http_answer_write(
    char out[HTTP_ANSWER_MAX], const struct net_http_answer *a);

#endif
