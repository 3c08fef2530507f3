/*
 * web_core: what the files of HTTP and WebSocket share: a connection's
 * struct net_web.
 *
 *	HTTP -net_web_accept-> OPEN -close frame sent-> CLOSING -theirs-> ENDED
 *	HTTP -last answer-> ENDED; OPEN -theirs, or broken-> ENDED
 *
 * An ended one says what it has to say, ends its half and waits a moment for
 * the client to end the other: to close at once would reset the connection
 * and take the last words along.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_WEB_CORE_H
#define RELAY_NET_WEB_CORE_H

#include "common/ws/reader.h"
#include "net/stream.h"
#include "net/web.h"

struct net_http_head;

enum net_web_state {
	WEB_HTTP,
	WEB_OPEN,
	WEB_CLOSING, /* we said close first; nobody is told anything more */
	WEB_ENDED,
};

enum {
	WEB_LINGER_MS = 2 * 1000,
	/* requests in a row are not read while more than that waits */
	WEB_ANSWERS_MAX = 16 * 1024,
};

struct net_web {
	/* OWNER: worker */
	struct net_stream *stream; /* it is its own */
	enum net_web_state state;
	/* HTTP: the request at hand, while its handler runs; NULL: none, or
	 * it is answered */
	const struct net_http_head *head;
	bool is_finished;    /* nothing more is sent, and that was said */
	bool is_sending;     /* a message of parts */
	bool awaits_drained; /* EAGAIN was told */
	const struct net_web_ops *ops; /* NULL: nobody's */
	void *owner;
	size_t out_max;
	struct ws_reader reader;
	struct net_queue held; /* of a message that came in pieces */
};

extern const struct net_protocol net_http;
extern const struct net_protocol net_ws;
extern const struct net_protocol net_linger;

/* s speaks HTTP from its next byte on.  Returns 0 or ENOMEM. */
MUST_CHECK int net_web_begin(struct net_stream *s);
void net_web_free(struct net_stream *s);
/* Sends a close frame; a code of WS_CODE_NONE: an empty one. */
void net_web_say_close(struct net_web *w, unsigned code, const char *reason);
void net_web_pong(struct net_web *w, const void *data, size_t len);
/* What waits is the last that is sent; what comes is of no interest. */
void net_web_end(struct net_web *w);

static inline struct net_web *
net_web_of(const struct net_stream *s)
{
	return s->own;
}

#endif
