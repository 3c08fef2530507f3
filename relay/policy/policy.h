/*
 * policy: whom this host relays to.
 *
 * Built once per configuration, FROZEN afterwards, shared by all workers.
 */
#ifndef RELAY_POLICY_H
#define RELAY_POLICY_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/code.h"
#include "policy/network.h"
#include "policy/schedule.h"
#include "policy/site.h"

struct snapshot;
struct policy;

/*
 * own: every address of this host (interfaces, relay.external outsides),
 * so that our own listeners are never a peer.  Borrows nothing.
 * Returns NULL when memory is short.
 */
struct policy *policy_new(
    const struct snapshot *conf, const struct addr *own, size_t own_count);
void policy_free(struct policy *p);

/* What a peer address is to us. */
enum policy_verdict {
	POLICY_ALLOW,
	POLICY_DENY_RANGE, /* compiled-in or relay.deny */
	POLICY_DENY_OWN,   /* our own listener, admin, or host */
};

/*
 * May peer be relayed to?  Tested on the canonical address, in this order:
 *  1. multicast, unspecified, broadcast: never;
 *  2. with_port and the port is that of one of our listeners or the admin
 *     listener on one of our addresses: POLICY_DENY_OWN, always;
 *  3. host is one of relay.addresses or its outside: allowed when
 *     with_port is false, or is_relayed says the port is a live relayed
 *     address of ours (hairpin); else go on;
 *  4. relay.allow / relay.deny: the longest prefix wins, deny on a tie;
 *  5. host is one of our own addresses: POLICY_DENY_OWN;
 *  6. the compiled-in ranges: POLICY_DENY_RANGE.
 * An address that folds (mapped, 6to4, NAT64, Teredo...) must pass 4 to 6 in
 * both forms: 2002::/16 stays denied whatever IPv4 address lies inside.
 * Called per packet: no allocation, no lock, no linear scan of ranges.
 */
enum policy_verdict policy_peer(const struct policy *p, const struct addr *peer,
    bool with_port, bool is_relayed);

/* Is host one of relay.addresses or the outside of one? */
bool policy_is_relay_host(const struct policy *p, const struct addr *host);

#endif
