/*
 * parcel: what one end of a stream sends the other.  To the own worker it is
 * handed over at once, to another it goes as mail; where that has no room it
 * waits here.  What an end can send is bounded by its credit.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_PARCEL_H
#define RELAY_SIGNALLING_PARCEL_H

#include "common/addr.h"
#include "net/web.h"
#include "signalling/mail.h"
#include "signalling/ticket.h"

struct signal_end;
struct signal_queue;
struct signal_streams;
struct wheel_timer;

enum signal_parcel_kind {
	SIGNAL_PARCEL_HELLO, /* from: I am here */
	SIGNAL_PARCEL_DATA,
	SIGNAL_PARCEL_CREDIT, /* amount: so much more */
	SIGNAL_PARCEL_BYE,    /* amount: the close code */
};

struct signal_parcel {
	struct signal_mail mail; /* first; next also in queues */
	enum signal_parcel_kind kind;
	struct signal_place to;
	size_t amount;
	/* HELLO */
	struct signal_place from;
	struct addr client;
	unsigned network;
	/* DATA */
	enum net_web_kind data_kind;
	bool is_last;
	size_t len;
	uint8_t data[];
};

/* Room for len bytes.  NULL: memory is short. */
struct signal_parcel *
signal_parcel_new(enum signal_parcel_kind kind, size_t len);
void signal_parcel_free(struct signal_parcel *p);
/* What it takes of a credit. */
size_t signal_parcel_cost(size_t len);

/* Takes p; the end it is for may be told within this call. */
void signal_parcel_send(struct signal_streams *st, struct signal_parcel *p);
/* Sends what found no room. */
void signal_parcel_retry(struct wheel_timer *t, mono_ms now);

void signal_queue_add(struct signal_queue *q, struct signal_parcel *p);
/* The first one, taken out; NULL: empty. */
struct signal_parcel *signal_queue_take(struct signal_queue *q);
void signal_queue_drain(struct signal_queue *q);

#endif
