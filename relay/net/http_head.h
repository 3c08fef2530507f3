/*
 * http_head: the head of an HTTP/1 request (RFC 9112), as it lies in memory.
 * Pure.
 *
 * What two readers could understand differently is refused: bare CR or LF,
 * folded lines, a header twice that may be there once, Transfer-Encoding.
 */
#ifndef RELAY_NET_HTTP_HEAD_H
#define RELAY_NET_HTTP_HEAD_H

#include "net/web.h"

enum { HTTP_HEADERS_MAX = 64 };

/* Headers that somebody looks at. */
enum net_http_field {
	HTTP_HOST,
	HTTP_ORIGIN,
	HTTP_AUTHORIZATION,
	HTTP_CONTENT_TYPE,
	HTTP_IF_NONE_MATCH,
	HTTP_EXPECT,
	HTTP_TRANSFER_ENCODING,
	HTTP_UPGRADE,
	HTTP_WS_KEY,
	HTTP_WS_VERSION,
	HTTP_WS_PROTOCOL,
	HTTP_ACCEPT,
	HTTP_FIELDS
};

struct net_http_text {
	char *at; /* NULL: not there */
	size_t len;
};

struct net_http_head {
	size_t len; /* of the head, its empty line included */
	size_t body_len;
	const char *method;
	bool is_head;      /* the answer has no body */
	bool is_get;       /* HTTP/1.1 */
	bool keeps;        /* the connection stays */
	bool is_upgrade;   /* Connection says so */
	bool is_websocket; /* and all else is as it should be; http.c */
	struct net_http_text target;
	struct net_http_text field[HTTP_FIELDS];
};

/*
 * Reads the head at data.  Returns 0, EAGAIN (more bytes are needed) or the
 * status to answer: 400, 411, 413, 431, 501, 505.  Changes nothing.
 */
MUST_CHECK int
net_http_head_read(struct net_http_head *out, char *data, size_t len);

/*
 * Terminates the texts of h where they lie and decodes the path: its bytes are
 * no head any more.  Sets all of *out but flow, body and is_upgrade.  Returns
 * 0 or 400.
 */
MUST_CHECK int
net_http_head_finish(struct net_request *out, struct net_http_head *h);

/* The text of a field after net_http_head_finish, "" when it is not there. */
const char *
net_http_head_text(const struct net_http_head *h, enum net_http_field f);

#endif
