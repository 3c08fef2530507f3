/*
 * network: which of the configured networks an address is in, and what that
 * allows.
 *
 * Networks are numbered from 1 in the order of the configuration; 0 is none.
 * FROZEN: after policy_new.
 */
#ifndef RELAY_POLICY_NETWORK_H
#define RELAY_POLICY_NETWORK_H

#include <stdbool.h>

#include "common/addr.h"

struct policy;
struct policy_networks;
struct snapshot;

/* Returns NULL when memory is short. */
struct policy_networks *policy_networks_new(const struct snapshot *conf);
void policy_networks_free(struct policy_networks *n);

/* The network with the longest prefix around a; of an address with another
 * folded into it, the outer form first.  0: none. */
unsigned policy_network(const struct policy *p, const struct addr *a);

/* May a client of that network have an allocation?  (network.relay, and
 * relay.members-only = "both") */
bool policy_client_may(const struct policy *p, unsigned network);
/* May such a client reach peer, which is of network number peer_network?
 * One of our own relayed addresses counts for whom it was given to: a member
 * where all clients must be, else nobody's. */
bool policy_pair_may(const struct policy *p, unsigned network,
    const struct addr *peer, unsigned peer_network);

#endif
