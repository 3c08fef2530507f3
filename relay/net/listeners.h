/*
 * listeners: the sockets all workers listen on.
 *
 * One group of SO_REUSEPORT sockets per address, one socket per worker.
 * An address named for UDP and DTLS (or TCP and TLS) is opened once: the
 * first bytes tell what a client speaks.
 *
 * FROZEN: after net_listeners_open, but for the limits.
 */
#ifndef RELAY_NET_LISTENERS_H
#define RELAY_NET_LISTENERS_H

#include "net/net.h"

struct net_limits;

/* The fd of the i-th listener for worker. */
int net_listeners_fd(const struct net_listeners *l, size_t i, unsigned worker);
struct net_limits *net_listeners_limits(const struct net_listeners *l);

static inline bool
net_transport_is_datagram(enum net_transport t)
{
	return t == NET_UDP || t == NET_DTLS;
}

#endif
