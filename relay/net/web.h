/*
 * web: HTTP requests and WebSockets on the stream listeners.
 *
 * Any TCP or TLS connection whose first byte is an upper-case letter speaks
 * HTTP/1.1 (RFC 9112).  Its requests go up through net_sink.request; each is
 * answered (404 when nobody does), or becomes a WebSocket (RFC 6455) that its
 * owner is told about by struct net_web_ops.  Framing, masking, UTF-8,
 * fragments, control frames and the closing handshake are done here.
 *
 * A struct net_web is good until its owner was told `closed`, or, before it
 * has one, until the call that brought its request returns.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_WEB_H
#define RELAY_NET_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"
#include "net/net.h"

struct net_web;

enum {
	NET_WEB_HEAD_MAX = 8 * 1024, /* of a request, its line included */
	NET_WEB_BODY_MAX = 4 * 1024, /* of a request that has one */
	NET_WEB_REASON_MAX = 123,    /* of a close frame */
	NET_WEB_CLOSE_MS = 5 * 1000, /* for the other side's close frame */
};

/* Texts are borrowed, terminated, and "" when the request has none. */
struct net_request {
	const struct net_flow *flow;
	const char *method; /* "GET" */
	const char *path;   /* decoded, without query */
	const char *query;  /* as sent, without '?' */
	const char *host;   /* Host, with port if it has one */
	const char *origin;
	const char *authorization;
	const char *content_type;
	const char *protocols; /* Sec-WebSocket-Protocol, as sent */
	const char *accept;
	const char *if_none_match;
	const uint8_t *body;
	size_t body_len;
	bool is_upgrade; /* asks for a WebSocket, as it should */
};

/* Value of name in a query string or form, decoded.  Returns its length, or
 * -1: it is not there, or does not fit into size with its NUL. */
int net_web_query(const char *query, const char *name, char *out, size_t size);

/*
 * Answers the request at hand; now, in the call that brought it.  headers:
 * more header lines, each ended by CRLF, or NULL.  Content-Length, Date and
 * Connection are added; a HEAD request gets no body.  Copies.  Headers of
 * more than 1.5 KiB in all: it becomes an empty 500.
 */
void net_web_answer(struct net_web *w, unsigned status, const char *type,
    const char *headers, const void *body, size_t len);

/* ---- WebSocket */

enum net_web_kind { NET_WEB_TEXT = 1, NET_WEB_BINARY = 2 };

/* A whole message; in parts: a piece of one. */
struct net_web_data {
	enum net_web_kind kind;
	uint8_t *data; /* net's; until the call returns */
	size_t len;
	bool is_last; /* of its message; always, when not in parts */
};

struct net_web_ops {
	void (*message)(void *owner, const struct net_web_data *d);
	/* A pong came back: what was sent before that ping has arrived. */
	void (*pong)(void *owner, const uint8_t *data, size_t len);
	/* What was refused by EAGAIN may be tried again. */
	void (*drained)(void *owner);
	/* It is gone, or going: the owner forgets it.  code: what the other
	 * side's close frame said, 1005 without one in good order, 1006
	 * when the connection broke or a limit was met. */
	void (*closed)(void *owner, unsigned code);
};

struct net_web_accept {
	const char *subprotocol;       /* selected; NULL: none */
	const struct net_web_ops *ops; /* static */
	void *owner;
	size_t message_max; /* bytes; a longer one: close 1009 */
	size_t out_max;     /* bytes that may wait for a slow reader */
	size_t parts;       /* > 0: pieces of at most so many bytes */
};
/*
 * 101: the request at hand becomes a WebSocket.  From now on ops are called,
 * never from within this call.  Returns 0; EPROTO (is_upgrade is false) or
 * ENOMEM: the request is still to be answered.
 */
MUST_CHECK int
net_web_accept(struct net_web *w, const struct net_web_accept *a);

/*
 * Sends one message, or a piece of one: the first piece names the kind, is_last
 * ends it.  Leaves at the end of the turn, all that a turn has at once.
 * Returns 0; EAGAIN (out_max would be passed: nothing was taken, `drained`
 * follows), EPIPE (it is closing) or ENOMEM.
 */
MUST_CHECK int net_web_send(
    struct net_web *w, enum net_web_kind kind, const void *data, size_t len);
MUST_CHECK int
net_web_send_part(struct net_web *w, const struct net_web_data *part);
/* A ping with up to 125 bytes. */
void net_web_ping(struct net_web *w, const void *data, size_t len);
/* Bytes that were sent here and have not left. */
size_t net_web_waiting(const struct net_web *w);
/* No message is read until it is let go again: the kernel holds the sender
 * back. */
void net_web_hold(struct net_web *w, bool hold);
/* Says code and reason, waits for the other side's close frame, ends.
 * The owner is not told and must not use w any more. */
void net_web_close(struct net_web *w, unsigned code, const char *reason);
const struct net_flow *net_web_flow(const struct net_web *w);
/* The owner of the WebSocket that flow's connection is, if ops are its own;
 * else NULL. */
void *net_web_owner(const struct net_flow *flow, const struct net_web_ops *ops);

#endif
