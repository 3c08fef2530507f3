/*
 * conn: what TCP and TLS connections and DTLS associations have in common:
 * a place under the limits, deadlines, and their end.
 *
 *	NEW -message-> OPEN -net_close-> CLOSING -flushed-> DEAD
 *	NEW, OPEN, CLOSING -failure or deadline-> DEAD
 *
 * A dead one stays in memory until the end of the turn.  OWNER: worker.
 */
#ifndef RELAY_NET_CONN_H
#define RELAY_NET_CONN_H

#include "net/core.h"

struct net_conn;

enum net_conn_state {
	CONN_NEW,  /* no whole message yet */
	CONN_OPEN, /* the sink knows it */
	CONN_CLOSING,
	CONN_DEAD,
};

enum {
	/* TLS handshake included: a client that sends one byte a second is
	 * cut by it */
	CONN_FIRST_MS = 10 * 1000,
	CONN_IDLE_MS = 30 * 1000,
	CONN_CLOSE_MS = 10 * 1000, /* to take what was sent */
};

struct net_conn_ops {
	void (*send)(struct net_conn *c, struct buf *b);
	/* May end c now (net_conn_end) or when its output has left. */
	void (*close)(struct net_conn *c);
	/* Tells whoever has c of its end.  False: that is the sink.  NULL:
	 * it always is. */
	bool (*closed)(struct net_conn *c);
	/* c just died: no more events. */
	void (*stop)(struct net_conn *c);
	void (*free)(struct net_conn *c);
};

struct net_conn {
	struct net *net;                /* borrowed */
	const struct net_conn_ops *ops; /* static */
	struct net_flow flow;
	struct addr counted; /* whose place of the limits it has */
	enum net_conn_state state;
	enum stats_kind kind; /* of its bytes, for the counters */
	bool is_kept;
	mono_ms heard; /* begin of the deadline that runs */
	struct wheel_timer timer;
	struct list node; /* in net.conns or net.dead_conns */
};

/* Puts c (ops and flow set) under n's care; the place it has under the
 * limits is given back at its end. */
void net_conn_begin(struct net_conn *c, struct net *n);
/* One whole message arrived: the deadline begins anew. */
void net_conn_hear(struct net_conn *c);
/* The same, and it goes to the sink. */
void net_conn_deliver(struct net_conn *c, struct buf *b);
/* Ends c: report tells the sink, if it knows c. */
void net_conn_end(struct net_conn *c, bool report);
/* The client will send no more: the sink is told, if it knows c, and c ends
 * when what was sent is out. */
void net_conn_finish(struct net_conn *c);
/* As net_conn_end with a report, counted. */
void net_conn_drop(struct net_conn *c, enum stats_drop why);

void net_conn_close(struct net_conn *c);
void net_conn_keep(struct net_conn *c, bool keep);
/* c, which is OPEN, is dropped when it lasts longer than that. */
void net_conn_limit(struct net_conn *c, mono_ms delay);
/* Frees those that died in this turn. */
void net_conn_bury(struct net *n);
/* Ends all without a report. */
void net_conn_end_all(struct net *n);

#endif
