/*
 * batch: datagrams received by one recvmmsg.
 *
 * One batch serves all datagram sockets of a worker, one after another.
 * Each place of it holds a slot and a big buffer behind it, so that a
 * datagram of any size fits and the usual one costs 2 KiB.
 *
 * A datagram that came by io_uring stands in a place of its own, BATCH_ONE.
 *
 * Where the socket has UDP_GRO, one place may hold several packets that came
 * one right behind the other from one address, all of one size but the last.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_BATCH_H
#define RELAY_NET_BATCH_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/buf.h"

struct net;
struct net_batch;

enum { BATCH_MAX = 64, BATCH_ONE = BATCH_MAX };

/* Returns NULL when memory is short. */
struct net_batch *net_batch_new(struct net *n);
void net_batch_free(struct net_batch *b);

/* Lets fd take what comes coalesced as it comes, or not. */
void net_batch_coalesce(int fd, bool on);

/*
 * How many to ask a socket for.  The kernel looks for one more than there
 * are: a socket that had only one is asked for one, the next few times.
 */
struct net_batch_pace {
	uint8_t lone;
};

/*
 * Receives up to max datagrams of fd, as pace (borrowed) has it.  Returns how
 * many, or -1 and errno.
 */
int net_batch_recv(
    struct net_batch *b, int fd, struct net_batch_pace *pace, unsigned max);
/* Opens the i-th of them; ends by net_batch_close, before the next opens.
 * False: it was cut (too large). */
bool net_batch_open(struct net_batch *b, unsigned i);
/*
 * The next packet in the open one; false behind the last.  One of several
 * lies between its neighbours: no byte before its data or behind its end may
 * be written.
 */
bool net_batch_next(struct net_batch *b, struct buf *out);
/* Gives the packet a place of its own, with BUF_HEADROOM and room behind it
 * for padding, where it has none.  False: no memory. */
bool net_batch_part(struct net_batch *b, struct buf *packet);
void net_batch_close(struct net_batch *b);

/* A datagram in the i-th slot of the kernel's. */
struct net_batch_got {
	unsigned slot;
	uint32_t at, len; /* the datagram, from the slot's begin */
	int flags;        /* as recvmsg(2) has them */
	const void *from; /* borrowed, as all below, until it is opened */
	void *control;
	size_t control_len;
};

/* Puts it into BATCH_ONE; ends by net_batch_take_back, before the next. */
void net_batch_put(struct net_batch *b, const struct net_batch_got *got);
void net_batch_take_back(struct net_batch *b);

/* Length of the i-th as received, and where from. */
size_t net_batch_len(const struct net_batch *b, unsigned i);
const struct addr *net_batch_from(const struct net_batch *b, unsigned i);
/* Writes into host (its port stays) the address the i-th was sent to. */
void net_batch_local(const struct net_batch *b, unsigned i, struct addr *host);

#endif
