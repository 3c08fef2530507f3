/*
 * out: datagrams that wait to be sent.
 *
 * Every socket has a chain of packets in one queue; net_out_flush walks the
 * sockets that have any and sends each chain by sendmmsg.  A queue that is
 * full flushes itself.
 *
 * Packets in a chain that go to one address and are of one size (the last
 * may be shorter) leave as one message, which the kernel cuts up again
 * (UDP_SEGMENT).  What it refuses to cut is sent one by one, and so is, for
 * a while, all from that socket that is no smaller: a tunnel or a small MTU
 * on the way of some does not cost every packet a second call.
 *
 * Where the worker has a ring (net/uring), a socket's only message of a turn
 * is handed to it: the messages of many sockets then cost one system call.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_OUT_H
#define RELAY_NET_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/buf.h"
#include "common/list.h"
#include "relay/stats.h"

struct net;
struct net_out;
struct net_watch;

enum {
	OUT_QUEUE = 512,   /* packets that wait at most */
	OUT_BATCH = 256,   /* messages of one sendmmsg */
	OUT_SEGMENTS = 64, /* of one message: UDP_MAX_SEGMENTS of Linux */
	OUT_SEGMENTED_MAX = 65507, /* their bytes: what IPv4 can carry */
};

/* A datagram socket that sends; part of net_udp and net_relayed. */
struct net_sock {
	int fd;
	int family;
	bool df;                 /* what the socket is set to */
	uint16_t refused;        /* segments of this size, or more; 0: none */
	uint16_t refused_for;    /* so many more messages */
	uint16_t first, last;    /* its chain, index + 1; 0: empty */
	struct list node;        /* in the list of sockets with a chain */
	struct net_watch *watch; /* borrowed; NULL: none to tell of errors */
};

struct net_out_packet {
	struct addr to;
	struct addr from; /* none: as the socket is bound */
	enum stats_kind kind;
	bool df;
};

/* Returns NULL when memory is short. */
struct net_out *net_out_new(struct net *n);
/* Drops what waits. */
void net_out_free(struct net_out *o);

/* Queues b, whose memory is a slot; takes it. */
void net_out_push(struct net_out *o, struct net_sock *s,
    const struct net_out_packet *p, struct buf *b);
/* Sends what waits: all, or of one socket (before it is closed). */
void net_out_flush(struct net_out *o);
void net_out_flush_sock(struct net_out *o, struct net_sock *s);

/*
 * By io_uring: what may go with the next submission does, the rest is sent.
 * Memory of it is in use until net_out_sent.
 */
void net_out_hand_over(struct net_out *o);
/* The ring tells: the kernel refused the message of tag; all that were handed
 * over are done. */
void net_out_failed(struct net_out *o, unsigned tag, int code);
void net_out_sent(struct net_out *o);

/* Sets or clears DF for what is sent on fd from now on. */
void net_out_set_df(int fd, int family, bool df);

#endif
