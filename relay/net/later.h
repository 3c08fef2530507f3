/*
 * later: messages that wait in the ring (net/uring) to be submitted.
 *
 * The kernel reads a message when it is submitted; until then all of it that
 * is made anew for each (control messages, the list of pieces) is kept here.
 * Addresses and packets stay with net/out.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_LATER_H
#define RELAY_NET_LATER_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "net/uring.h"

struct net_sock;

enum {
	LATER_PIECES = 512, /* at least the packets net/out may hold */
	LATER_CONTROL = CMSG_SPACE(sizeof(struct in6_pktinfo)) +
	    CMSG_SPACE(sizeof(uint16_t)),
};

/* What net/out has to know of a message; entries by index + 1. */
struct net_later_item {
	struct net_sock *sock; /* borrowed */
	uint16_t from, to;     /* its chain, which ends before to */
	uint16_t first, count; /* its packets */
};

struct net_later {
	unsigned count, pieces; /* in use */
	struct net_later_item items[URING_SENDS];
	struct msghdr msgs[URING_SENDS];
	_Alignas(8) char control[URING_SENDS][LATER_CONTROL];
	struct iovec iov[LATER_PIECES];
};

/* Keeps what is needed of m.  Returns the message to submit: good until
 * net_later_clear.  There must be room for it. */
const struct msghdr *net_later_keep(struct net_later *l,
    const struct net_later_item *item, const struct msghdr *m);

static inline void
net_later_clear(struct net_later *l)
{
	l->count = l->pieces = 0;
}

#endif
