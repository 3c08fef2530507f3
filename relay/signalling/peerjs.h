/*
 * peerjs: the PeerServer dialect, for the unmodified `peerjs` package: what
 * docs/PROTOCOL.md says of it is what npm's `peer` does, within bounds.
 *
 * Ids live in the directory's space DIRECTORY_PEERJS: none of them can stand
 * for the name of a node.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_PEERJS_H
#define RELAY_SIGNALLING_PEERJS_H

#include <stdbool.h>

#include "signalling/signalling.h"

struct signal_peers;

/* What a worker's clients need; s->peers.  Returns NULL when memory is
 * short. */
struct signal_peers *signal_peerjs_new(struct signalling *s);
/* Ends every client: close 1001.  NULL is legal. */
void signal_peerjs_free(struct signal_peers *p);

/* Is r one of the dialect's?  Then it is answered, or became a client. */
bool signal_peerjs_request(
    struct signalling *s, struct net_web *w, const struct net_request *r);

/* After signalling_apply: where the dialect is no longer served, its clients
 * end. */
void signal_peerjs_apply(struct signalling *s);
/* Every client is told 1001, with why. */
void signal_peerjs_drain(struct signalling *s, const char *why);

void signal_peerjs_list(
    struct signalling *s, signalling_view_fn *fn, void *arg, mono_ms now);

#endif
