/*
 * entry: what a new connection speaks.
 *
 * The first byte decides; after a PROXY header and after a TLS handshake the
 * next first byte does again.
 *
 *	raw -PROXY header-> raw -0x16-> handshake -done-> first
 *	raw -else-> first -STUN-> frames
 *	first -HTTP-> http
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_ENTRY_H
#define RELAY_NET_ENTRY_H

#include "common/code.h"
#include "net/net.h"

/* Takes fd, a new connection that has its place under the limits.  Returns 0,
 * or ENOMEM and fd is still the caller's. */
MUST_CHECK int net_entry_open(
    struct net *n, int fd, const struct addr *client, const struct addr *local);

#endif
