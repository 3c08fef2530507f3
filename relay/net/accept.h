/*
 * accept: stream listeners of one worker.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_ACCEPT_H
#define RELAY_NET_ACCEPT_H

#include "common/code.h"
#include "net/net.h"

enum { ACCEPT_MAX = 64 }; /* connections in one wake-up */

/* Accepts on fd, which is bound to at.  Returns 0 or ENOMEM. */
MUST_CHECK int net_accept_start(struct net *n, int fd, const struct addr *at);
/* Stops accepting everywhere. */
void net_accept_stop_all(struct net *n);

#endif
