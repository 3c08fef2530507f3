/*
 * limits: how many connections there are, in all and from one prefix
 * (/24, /56), over all workers.
 *
 * Bounded and without a lock: prefixes are counted in two rows of cells
 * under different hashes; a prefix is at its limit when both of its cells
 * are.  Two busy prefixes would have to share both cells to harm each other.
 *
 * SHARED: atomic.
 */
#ifndef RELAY_NET_LIMITS_H
#define RELAY_NET_LIMITS_H

#include <stdbool.h>

#include "common/addr.h"

struct snapshot;
struct net_limits;

/* Returns NULL when memory is short. */
struct net_limits *net_limits_new(void);
void net_limits_free(struct net_limits *l);

/* Takes a place for one more connection of client; false: none is left.
 * A limit of 0 is none. */
bool net_limits_take(struct net_limits *l, const struct snapshot *conf,
    const struct addr *client);
void net_limits_give(struct net_limits *l, const struct addr *client);

#endif
