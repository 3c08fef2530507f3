/*
 * out_core: what the files of net/out share: out.c, which queues packets and
 * makes messages of them, and out_send.c, which sends these.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_OUT_CORE_H
#define RELAY_NET_OUT_CORE_H

#include "net/core.h"
#include "net/later.h"
#include "net/out.h"

enum {
	LATEST = 2 * OUT_BATCH, /* power of two */
};

struct entry {
	const struct net_out_packet *way; /* one of ways, shared in a row */
	uint8_t *base;                    /* its slot */
	uint8_t *data;
	uint32_t len;
	uint16_t next;   /* of the same socket, index + 1 */
	uint16_t behind; /* in the same message, index + 1 */
};

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
	    CMSG_SPACE(sizeof(uint16_t))];
};

/* What becomes one message. */
struct run {
	struct entry *first, *last;
	uint32_t bytes;
	unsigned count;
	bool is_closed; /* nothing may follow */
};

struct net_out {
	/* OWNER: worker */
	struct net *net;   /* borrowed */
	struct list socks; /* those with a chain */
	unsigned count;    /* entries in use since the last whole flush */
	struct entry entries[OUT_QUEUE];
	struct net_out_packet
	    ways[OUT_QUEUE]; /* of the entry that came first */
	/* one sendmmsg: runs[i] is msgs[i] */
	struct iovec iov[OUT_QUEUE];
	struct mmsghdr msgs[OUT_BATCH];
	struct run runs[OUT_BATCH];
	uint16_t latest[LATEST]; /* message to an address, index + 1; hashed */
	union control control[OUT_BATCH];
	struct net_later later; /* handed to the ring, by tag */
};

/* Makes runs[i] the i-th message; its packets go to iov.  Returns how many. */
unsigned net_out_put_message(struct net_out *o, unsigned i, struct iovec *iov);
/* Sends, or hands to the ring, the messages made of the chain of s from entry
 * from (index + 1) on to its present first; gives their memory back. */
void net_out_send(
    struct net_out *o, struct net_sock *s, unsigned count, uint16_t from);
/* Submits what the ring was handed. */
void net_out_submit(struct net_out *o);

#endif
