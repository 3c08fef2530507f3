/*
 * udp: datagram listeners of one worker.
 *
 * A listener bound to any address learns with each datagram where it was
 * sent to and answers from there; one bound to an address does not pay for
 * that.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_UDP_H
#define RELAY_NET_UDP_H

#include <event2/event_struct.h>

#include "common/code.h"
#include "net/core.h"
#include "net/out.h"
#include "net/uring.h"

struct net_udp {
	struct net *net;      /* borrowed */
	struct net_sock sock; /* fd borrowed from net_listeners */
	struct event ev;
	struct net_watch watch; /* in its place where there is a ring */
	struct addr bound;
	bool is_wildcard;
	struct net_batch_pace pace;
	uint32_t kernel_drops; /* as told last */
	mono_ms checked;       /* when */
	struct list node;      /* in net.udps */
};

/* Listens on fd, which is bound to at.  Returns 0 or ENOMEM. */
MUST_CHECK int net_udp_start(struct net *n, int fd, const struct addr *at);
void net_udp_stop(struct net_udp *u);

/* Queues b to the client of to, as a datagram of kind. */
void
net_udp_send(const struct net_flow *to, enum stats_kind kind, struct buf *b);

/* Adds to the counter what the kernel dropped on fd since *seen. */
void net_udp_count_drops(struct net *n, int fd, uint32_t *seen);

#endif
