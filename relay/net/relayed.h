/*
 * relayed: relayed transport addresses (RFC 8656, section 2.3).
 *
 * OWNER: worker.  One closed stays in memory until the end of the turn.
 */
#ifndef RELAY_NET_RELAYED_H
#define RELAY_NET_RELAYED_H

#include "net/core.h"

/* Returns NULL when memory is short. */
struct pool *net_relayed_pool_new(void);
/* Frees those closed in this turn. */
void net_relayed_bury(struct net *n);
/* Closes all that are open. */
void net_relayed_close_all(struct net *n);

#endif
