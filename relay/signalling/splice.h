/*
 * splice: the bytes of a stream, from one end's WebSocket to the other's.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_SPLICE_H
#define RELAY_SIGNALLING_SPLICE_H

#include <stdint.h>

#include "net/web.h"

struct signal_end;
struct signal_parcel;

/* Bytes that e may send ahead: of an end at the same worker it is known what
 * it takes. */
int64_t signal_splice_credit(const struct signal_end *e);

/* A piece came in by e's WebSocket. */
void signal_splice_take(struct signal_end *e, const struct net_web_data *d);
/* A parcel with data for e's WebSocket came from the other end; takes p. */
void signal_splice_give(struct signal_end *e, struct signal_parcel *p);
/* The other end may be sent amount more. */
void signal_splice_credited(struct signal_end *e, size_t amount);
/* e's WebSocket takes more. */
void signal_splice_pump(struct signal_end *e);

#endif
