/*
 * relay: the packet path: client to peer and back (RFC 8656, sections 11
 * and 12).  Allocates nothing, locks nothing, logs nothing; what does not
 * pass is counted.
 *
 * OWNER: worker.
 */
#ifndef RELAY_TURN_RELAY_H
#define RELAY_TURN_RELAY_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/mono.h"

struct addr;
struct net_flow;
struct net_icmp;
struct stun_msg;
struct turn;
struct turn_leg;

/* A Send indication m in b, from a client. */
void turn_relay_send(struct turn *t, const struct net_flow *from,
    const struct stun_msg *m, struct buf *b, mono_ms now);
/* ChannelData from a client. */
void turn_relay_channel(
    struct turn *t, const struct net_flow *from, struct buf *b, mono_ms now);
/* A datagram from peer to leg: ChannelData or a Data indication.  b has room
 * for a ChannelData header in front.  Returns whether it was sent on; else
 * its memory is the caller's again. */
bool turn_relay_down(
    struct turn_leg *leg, const struct addr *peer, struct buf *b, mono_ms now);
/* An ICMP error about what leg sent. */
void
turn_relay_icmp(struct turn_leg *leg, const struct net_icmp *e, mono_ms now);

#endif
