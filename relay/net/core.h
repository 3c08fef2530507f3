/*
 * core: what the files of net/ share: the struct net of one worker.
 *
 * OWNER: worker, all of it.
 */
#ifndef RELAY_NET_CORE_H
#define RELAY_NET_CORE_H

#include <event2/event.h>

#include "common/list.h"
#include "common/owner.h"
#include "common/wheel.h"
#include "net/batch.h"
#include "net/net.h"

struct pool;
struct net_dtls;
struct net_out;
struct net_slots;
struct net_streams;
struct net_uring;

struct net {
	struct owner owner;
	struct event_base *base; /* borrowed, up to sink */
	struct wheel *wheel;
	struct stats *stats;
	const struct snapshot *conf;
	const struct net_listeners *listeners;
	unsigned worker;
	struct net_sink sink;
	struct net_tls *tls; /* one count is ours; NULL: no certificate */

	int64_t now_us; /* 0: not read in this turn */
	struct net_slots *slots;
	struct net_uring *uring; /* NULL: libevent does it all */
	struct net_out *out;
	struct net_batch *batch;
	struct net_dtls *dtls;
	struct net_streams *streams;
	struct pool *relayed_pool;
	struct list udps;      /* struct net_udp */
	struct list acceptors; /* listening sockets of accept.c */
	struct list relayed;   /* struct net_relayed, open */
	struct list conns;     /* struct net_conn, open */
	/* closed in this turn; freed at its end, for callers up the stack may
	 * still look at them */
	struct list dead_relayed;
	struct list dead_conns;
};

/* Headers of one datagram to or from a. */
static inline size_t
net_wire_udp(const struct addr *a)
{
	return addr_family(a) == AF_INET6 ? NET_WIRE_UDP6 : NET_WIRE_UDP4;
}

static inline void
net_deliver(struct net *n, const struct net_flow *from, struct buf *b)
{
	n->sink.message(n->sink.arg, from, b, net_now(n));
}

static inline void
net_dropped(struct net *n, enum stats_drop why)
{
	stats_dropped(n->stats, why);
}

#endif
