/*
 * worker: one thread with one event loop, which owns its sockets, timers,
 * sessions, allocations and counters.
 *
 * The worker builds all of these in its own thread, so that they are its
 * own from the first byte on.  Others reach it by worker_post only; its
 * counters may be read by anybody until worker_free.
 */
#ifndef RELAY_WORKER_H
#define RELAY_WORKER_H

#include <stddef.h>

#include "common/code.h"
#include "common/mono.h"
#include "relay/mailbox.h"
#include "relay/stats.h"

struct audit;
struct budget_host;
struct net_listeners;
struct net_tls;
struct policy;
struct signalling;
struct signalling_shared;
struct snapshot;
struct turn;
struct turn_shared;
struct worker;

enum {
	WORKER_MAILBOX_ROOM = 4096, /* messages */
	WORKER_HEARTBEAT_MS = 1000, /* an idle loop turns this often */
};

/* All borrowed until worker_free; tls may be NULL (the worker counts its
 * own use of it). */
struct worker_config {
	unsigned index;
	unsigned heartbeat_ms;
	const struct snapshot *conf;
	const struct policy *policy;
	struct net_tls *tls;
	const struct net_listeners *listeners;
	struct budget_host *budget;
	struct turn_shared *turn;
	struct signalling_shared *signalling; /* NULL: none is served */
	struct audit *audit;
};

/* Returns NULL when memory or descriptors are short. */
struct worker *worker_new(const struct worker_config *config);
/* Stops it first when it runs; the others must have stopped, for they send to
 * its mailbox.  NULL is legal. */
void worker_free(struct worker *w);

/* Starts the thread, with every signal blocked, and waits until its loop is
 * ready.  Returns 0 or an errno. */
MUST_CHECK int worker_start(struct worker *w);
/* Asks the loop to end: what is relayed ends with it. */
void worker_end(struct worker *w);
/* The same, and waits for it. */
void worker_stop(struct worker *w);

/* Any thread: fn runs in the worker, its context is the worker.  Returns 0,
 * or EAGAIN when the mailbox is full. */
MUST_CHECK int worker_post(struct worker *w, mailbox_fn *fn, void *arg);

/* New configuration.  The worker's thread only (in a mailbox_fn). */
void worker_apply(struct worker *w, const struct snapshot *conf,
    const struct policy *policy, struct net_tls *tls);
/* The worker's own; the worker's thread only. */
struct turn *worker_turn(struct worker *w);
struct signalling *worker_signalling(struct worker *w); /* or NULL */
mono_ms worker_now(struct worker *w);

/* What a name had here, and has no more. */
struct worker_kicked {
	size_t sessions;
	size_t allocations;
};
/* The worker's thread only. */
struct worker_kicked
worker_kick(struct worker *w, const char *name, size_t len);
/* Sessions that moved here meanwhile, opened before then: how many. */
size_t worker_kick_moved(
    struct worker *w, const char *name, size_t len, mono_ms before);

/* Any thread. */
unsigned worker_index(const struct worker *w);
const struct stats *worker_stats(const struct worker *w);

#endif
