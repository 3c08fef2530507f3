/*
 * batch: datagrams received by one recvmmsg.
 *
 * One batch serves all datagram sockets of a worker, one after another.
 * Each place of it holds a slot and a big buffer behind it, so that a
 * datagram of any size fits and the usual one costs 2 KiB.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_BATCH_H
#define RELAY_NET_BATCH_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/buf.h"

struct net;
struct net_batch;

enum { BATCH_MAX = 64 };

/* Returns NULL when memory is short. */
struct net_batch *net_batch_new(struct net *n);
void net_batch_free(struct net_batch *b);

/* Receives up to max datagrams of fd.  Returns how many, or -1 and errno. */
int net_batch_recv(struct net_batch *b, int fd, unsigned max);
/* The i-th of them, in *out; false when it was cut (too large). */
bool net_batch_packet(struct net_batch *b, unsigned i, struct buf *out);
/* Its length as received, and where from. */
size_t net_batch_len(const struct net_batch *b, unsigned i);
const struct addr *net_batch_from(const struct net_batch *b, unsigned i);
/* Writes into host (its port stays) the address the i-th was sent to. */
void net_batch_local(const struct net_batch *b, unsigned i, struct addr *host);

#endif
