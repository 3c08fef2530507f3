/*
 * end: one of the two WebSockets of a stream.
 *
 *	WAITING -partner comes-> JOINED -it goes, or both said "end"-> LEAVING
 *	LEAVING -what waits has left-> GONE
 *	any -our WebSocket ends, a kick, too late-> GONE
 *
 * A GONE one stays in memory until the wheel turns.
 *
 * The other end may be at another worker: they know each other by place and
 * talk by parcels, in order.  Each may send the other so many bytes as it has
 * credit; who has handed them to its WebSocket gives the credit back.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_END_H
#define RELAY_SIGNALLING_END_H

#include "budget/budget.h"
#include "signalling/own.h"
#include "signalling/stream.h"

struct signal_parcel;

enum signal_end_state {
	SIGNAL_END_WAITING,
	SIGNAL_END_JOINED,
	SIGNAL_END_LEAVING,
	SIGNAL_END_GONE
};

enum {
	SIGNAL_END_WORD_MAX = 64, /* of a text message */
	SIGNAL_END_POLL_MS = 50,
	/* a ticket may be used at the last moment, at another worker */
	SIGNAL_END_SLACK_MS = 1000,
};

/* Parcels, the oldest first. */
struct signal_queue {
	struct signal_parcel *first, *last;
	size_t cost;
};

struct signal_end {
	struct signalling *s;
	struct net_web *web; /* NULL: GONE */
	struct list node;    /* in streams->all, or dead */
	struct wheel_timer timer;
	enum signal_end_state state;
	struct signal_place place;
	uint64_t pair;
	struct signal_place other; /* number 0: not there yet, or gone */
	/* made at first, so that they never fail */
	struct signal_parcel *hello, *bye;
	struct budget_chain chain;
	/* from our WebSocket to the other */
	int64_t credit;
	bool is_held;                   /* nothing is read */
	bool has_ended;                 /* it said "end" */
	char word[SIGNAL_END_WORD_MAX]; /* of a text that comes in pieces */
	size_t word_len;
	/* from the other to our WebSocket */
	struct signal_queue queue;
	size_t owed; /* of the other's credit */
	bool other_ended;
	/* why it is LEAVING, and what waited at the last look */
	unsigned code;
	const char *why;
	size_t waited;
	mono_ms moved;   /* when that was less */
	unsigned missed; /* pings without an answer */
	/* for the records */
	mono_ms opened;
	struct addr client;
	enum net_transport transport;
	uint64_t pieces_in, bytes_in, pieces_out, bytes_out;
	char name[]; /* whose */
};

struct signal_streams {
	struct signalling *s;
	struct table *ends; /* by number */
	struct list all, dead;
	uint64_t last;              /* number */
	struct signal_queue unsent; /* the post had no room */
	struct wheel_timer retry;
	struct wheel_timer sweep;
};

extern const struct net_web_ops signal_end_ops;

/* Of this worker, not GONE; NULL: none. */
struct signal_end *
signal_end_find(const struct signal_streams *st, uint64_t number);

/* A new one, by the grant of a ticket that was used for number, of who comes
 * by flow.  Returns 0, 403 (network.relay, members-only), 486 or 508
 * (budget_admit) or ENOMEM. */
MUST_CHECK int signal_end_open(struct signal_end **out, struct signalling *s,
    const struct signal_ticket_grant *grant, const struct net_flow *flow,
    uint64_t number);
/* It has its WebSocket, and waits for its partner until expires, or meets it:
 * as grant says. */
void signal_end_begin(struct signal_end *e, struct net_web *w,
    const struct signal_ticket_grant *grant);
/* Where its client is may have another network now. */
void signal_end_locate(struct signal_end *e);
bool signal_end_may(const struct signal_end *e);

/* The other end is where p, a HELLO, came from; or has gone, by code. */
void signal_end_join(struct signal_end *e, const struct signal_parcel *p);
void signal_end_lose(struct signal_end *e, unsigned code);

/* Closes its WebSocket by code at once, tells the other end. */
void signal_end_close(struct signal_end *e, unsigned code, const char *why);
/* The same, when what waits for it has left. */
void signal_end_leave(struct signal_end *e, unsigned code, const char *why);
/* Looks whether one that is LEAVING is done. */
void signal_end_settle(struct signal_end *e);
/* It says something, or takes something. */
void signal_end_hear(struct signal_end *e);
/* Frees it. */
void signal_end_free(struct signal_end *e);

#endif
