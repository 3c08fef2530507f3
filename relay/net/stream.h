/*
 * stream: TCP and TLS connections as bytes, and what they speak.
 *
 * A stream reads what it is sent, as far as the budget has room, and hands
 * it to its protocol; what waits to be sent leaves by one write at the end
 * of the turn, or later when the other side reads slowly.  entry.c decides
 * what a connection speaks and hands it over by net_stream_speak.
 *
 * One place each in stream.c: hold and let_go stop and resume reading (so
 * does net_stream_stop, for the protocol's own reasons),
 * net_stream_flush is where all output has left, end where the client ended
 * its half.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_STREAM_H
#define RELAY_NET_STREAM_H

#include <event2/event_struct.h>

#include "common/code.h"
#include "net/conn.h"
#include "net/queue.h"
#include "net/segments.h"
#include "net/wire.h"

enum {
	STREAM_OUT_MAX = 256 * 1024, /* bytes that wait for a slow reader */
	/* either way, before the client authenticated: no request and no
	 * answer is larger, and everybody may hold that much of our memory */
	STREAM_NEW_MAX = 8 * 1024,
	STREAM_PIECE_MAX = 16 * 1024, /* read or written at once */
	STREAM_PIECE_MIN = 512,
	STREAM_SEGMENT = 1448, /* bytes one TCP segment carries */
	STREAM_RETRY_MS = 5,   /* when the budget has no room */
};

struct net_stream;

struct net_protocol {
	/* s can be read: who wants bytes calls net_stream_take. */
	void (*ready)(struct net_stream *s);
	/* Bytes arrived.  They lie in a slot until the end of the turn and
	 * may be changed and sent on.  Returns how many are done with; the
	 * others come again with the next ones behind them. */
	size_t (*input)(struct net_stream *s, uint8_t *data, size_t len);
	/* A message for the client; NULL: it is not sent any. */
	void (*send)(struct net_stream *s, const struct buf *b);
	/* Some of what waited has left.  May be NULL, as all below. */
	void (*written)(struct net_stream *s);
	/* s has ended, or the client its half.  NULL: the sink is told. */
	void (*closed)(struct net_stream *s);
	/* s is freed: so is s->own. */
	void (*free)(struct net_stream *s);
};

struct net_stream {
	/* OWNER: worker */
	struct net_conn conn; /* first: its ops get one */
	const struct net_protocol *protocol;
	void *own; /* the protocol's */
	struct net_wire wire;
	struct net_queue rest; /* arrived, not done with */
	struct net_queue out;
	size_t need;     /* input waits for so many bytes; 0: for any */
	bool is_proxied; /* a PROXY header was read: no second one */
	bool is_held;    /* a reading that waits for memory or budget */
	bool is_stopped; /* its protocol wants nothing for now */
	bool is_waiting; /* in net_streams.waiting */
	bool is_again;   /* what was kept is to be offered once more */
	bool is_capped;  /* counted by segments, from seen on */
	struct net_segments seen;
	struct event reads, writes;
	struct wheel_timer retry;
	struct list node; /* in net_streams.dirty */
	struct list soon; /* in net_streams.soon or .waiting */
};

struct net_stream_config {
	int fd; /* new, with a place under the limits */
	struct addr client;
	struct addr local;
	const struct net_protocol *protocol;
};

/* Takes config->fd.  Returns 0, or ENOMEM and fd is still the caller's. */
MUST_CHECK int
net_stream_open(struct net *n, const struct net_stream_config *config);

/* Has s speak p from the next byte on. */
void net_stream_speak(struct net_stream *s, const struct net_protocol *p);
/* Reads nothing more, nor hands up what it has read; or goes on, soon. */
void net_stream_stop(struct net_stream *s, bool stop);
/* From the lists of those that go on by themselves. */
void net_stream_go_on(struct net_stream *s);
/* Is in such a list, so that the socket need not tell. */
void net_stream_rest(struct net_stream *s);
/* Reads once what is there, into the protocol's input. */
void net_stream_take(struct net_stream *s);
/* Appends data and pad zero bytes to what leaves at the end of the turn.
 * ENOMEM: nothing of it. */
MUST_CHECK int
net_stream_push(struct net_stream *s, const void *data, size_t len, size_t pad);
/* The same for a head and what it stands before, both or nothing. */
MUST_CHECK int net_stream_push_framed(
    struct net_stream *s, const struct iovec *head, const struct iovec *body);
/* Writes what waits, as far as it goes now. */
void net_stream_flush(struct net_stream *s);

/* Charges what the socket carried since the last time. */
void net_stream_charge(struct net_stream *s);
/* Goes on by itself when the socket takes more. */
void net_stream_await_room(struct net_stream *s);

static inline bool
net_stream_is_alive(const struct net_stream *s)
{
	return s->conn.state == CONN_NEW || s->conn.state == CONN_OPEN;
}

#endif
