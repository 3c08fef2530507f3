/*
 * signalling: sessions of nodes and what they say to each other: WebSocket
 * `supernode.v1`, streams, the PeerServer dialect, and the HTTP paths that
 * go with them.
 *
 * One struct signalling per worker; all share a struct signalling_shared.
 * What concerns a session of another worker travels as mail (mail.h), in
 * batches, one mailbox message per worker and turn.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_SIGNALLING_H
#define RELAY_SIGNALLING_SIGNALLING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"
#include "common/mono.h"
#include "net/web.h"
#include "relay/stats.h"

struct audit;
struct barred;
struct budget;
struct directory;
struct issuers;
struct mailbox;
struct policy;
struct snapshot;
struct signalling;
struct signalling_shared;
struct wheel;

/* What all workers share: the directory, tickets of streams, counts per
 * address.  Borrows all it is given.  NULL: memory is short. */
struct signalling_shared_config {
	const struct snapshot *conf; /* for the start only */
	struct directory *directory;
	struct issuers *issuers; /* who may sign tokens */
	struct barred *barred;   /* names that were kicked */
	/* listening addresses, as bound, for iceServers */
	const struct net_listeners *listeners;
};
struct signalling_shared *
signalling_shared_new(const struct signalling_shared_config *config);
void signalling_shared_free(struct signalling_shared *s);

/* What a new stream is told. */
enum signalling_gate {
	SIGNALLING_GATE_OPEN,
	SIGNALLING_GATE_OFF,   /* relay-off */
	SIGNALLING_GATE_QUOTA, /* quota-exhausted */
	SIGNALLING_GATE_DRAIN, /* draining */
};
/* Any thread.  As turn_shared_gate, for streams; at first relay.enabled
 * says. */
void
signalling_shared_gate(struct signalling_shared *s, enum signalling_gate gate);

struct signalling_config {
	struct net *net; /* borrowed, as all here */
	struct wheel *wheel;
	struct stats *stats;
	struct budget *budget;
	struct signalling_shared *shared;
	struct audit *audit; /* NULL: none */
	const struct snapshot *conf;
	const struct policy *policy; /* NULL: no networks */
	unsigned worker;
	struct mailbox *mailbox; /* of the worker; kept by shared */
};

/* Returns NULL when memory is short. */
struct signalling *signalling_new(const struct signalling_config *config);
/* Ends every session: close 1001. */
void signalling_free(struct signalling *s);
void signalling_apply(struct signalling *s, const struct snapshot *conf,
    const struct policy *policy);
/* Sessions are told 1001 and where else to go; new ones get 503. */
void signalling_drain(struct signalling *s, const char *why);

/* The net_sink entry; arg is the struct signalling. */
void
signalling_request(void *arg, struct net_web *w, const struct net_request *r);

/* The end of a loop turn, before net_turn_end: mail leaves. */
void signalling_turn_end(struct signalling *s);

/* Streams' bytes under the caps: is flow one of ours, then how much may pass,
 * and what did.  False: it is not. */
bool signalling_room(struct signalling *s, const struct net_flow *flow,
    enum stats_dir dir, size_t *room);
/* Both ways; the host has been charged. */
void signalling_charge(struct signalling *s, const struct net_flow *flow,
    enum stats_dir dir, size_t wire);
/* Ends all streams here, since relaying is over. */
void signalling_end_streams(struct signalling *s, const char *why);

/* Ends the sessions of name here, close 1008.  Returns how many. */
size_t signalling_kick(struct signalling *s, const char *name, size_t len);
/* After every worker has done that: ends those, opened before then, whose
 * resume crossed it between two workers.  Returns how many. */
size_t signalling_kick_moved(
    struct signalling *s, const char *name, size_t len, mono_ms before);

/* What `supernodectl nodes` shows of one session. */
struct signalling_view {
	const char *dialect; /* "supernode.v1", "peerjs" */
	const char *name;
	uint64_t session;
	struct addr client;
	enum net_transport transport;
	bool is_detached; /* its connection is gone, it may be resumed */
	int64_t age_ms;
	uint64_t messages_in, messages_out;
	uint64_t bytes_in, bytes_out;
	unsigned watches;
};
typedef void signalling_view_fn(void *arg, const struct signalling_view *v);
void signalling_list(
    struct signalling *s, signalling_view_fn *fn, void *arg, mono_ms now);

#endif
