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

enum { LIMITS_FDS_SPARE = 64 }; /* of few descriptors, a quarter */

/* Returns NULL when memory is short.  RLIMIT_NOFILE is read here. */
struct net_limits *net_limits_new(void);
void net_limits_free(struct net_limits *l);

/* Whether a client may have this descriptor, just got from the kernel: the
 * last ones stay free for the main thread (control socket, files of a
 * reload).  The kernel hands out the lowest, so a high one means few are
 * left. */
bool net_limits_has_fd(const struct net_limits *l, int fd);

/* Takes a place for one more connection of client; false: none is left.
 * A limit of 0 is none. */
bool net_limits_take(struct net_limits *l, const struct snapshot *conf,
    const struct addr *client);
void net_limits_give(struct net_limits *l, const struct addr *client);

#endif
