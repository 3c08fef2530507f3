/*
 * stream: two WebSockets at /stream/<ticket>, spliced.
 *
 * Binary messages go from one to the other piece by piece, their boundaries
 * kept; the text {"type":"end"} goes through as well and is the last of its
 * direction.  Both ends are under the caps: each has a chain of the
 * accounting point like an allocation's, for the name its ticket was for, and
 * counts to caps.allocations and caps.allocations-per-user.
 *
 * What a slow reader has not taken yet is at most SIGNAL_STREAM_WINDOW
 * between the two and SIGNAL_STREAM_OUT in front of it; then nothing more is
 * read from the other end, whose kernel holds it back.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_STREAM_H
#define RELAY_SIGNALLING_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/proto/proto.h"
#include "net/web.h"
#include "relay/stats.h"
#include "signalling/signalling.h"
#include "signalling/ticket.h"

struct signal_streams;
struct signalling;

enum {
	SIGNAL_STREAM_WINDOW = 192 * 1024,
	SIGNAL_STREAM_OUT = 64 * 1024,
	SIGNAL_STREAM_PIECE = 16 * 1024,
	SIGNAL_STREAM_MESSAGE_MAX = 1024 * 1024 * 1024,
	/* ends that say nothing are asked whether they are there */
	SIGNAL_STREAM_PING_MS = 25 * 1000,
	SIGNAL_STREAM_MISSED_MAX = 2,
	/* the same while something waits for them: 5 minutes */
	SIGNAL_STREAM_STUCK_MAX = 12,
	/* to take what waits when the other end is gone */
	SIGNAL_STREAM_LINGER_MS = 30 * 1000,
};

/* Returns NULL when memory is short. */
struct signal_streams *signal_streams_new(struct signalling *s);
/* Ends all, close 1001.  NULL is legal. */
void signal_streams_free(struct signal_streams *st);

/*
 * asker wants a stream to partner: two sessions, wherever they are.  True:
 * *out has the asker's ticket and the partner's, to be told to both by
 * proto_write_stream.  False: *why is relay-off, quota-exhausted, draining,
 * rate-limited or internal.
 */
MUST_CHECK bool signal_stream_begin(struct signalling *s,
    const struct signal_party *asker, const struct signal_party *partner,
    struct signal_ticket_pair *out, enum proto_code *why);

/* A request for a path below "/stream/", its Origin checked; answers it in
 * any case: 101, or 404 (no such ticket), 410 (used, or too late), 426 (no
 * WebSocket), 403 (no relaying), 429 (caps.allocations-per-user), 503. */
void signal_stream_request(
    struct signalling *s, struct net_web *w, const struct net_request *r);

/* For signalling_room and signalling_charge. */
bool signal_stream_room(struct signalling *s, const struct net_flow *flow,
    enum stats_dir dir, size_t *room);
void signal_stream_charge(struct signalling *s, const struct net_flow *flow,
    enum stats_dir dir, size_t wire);

/* Ends those of name here, close 1008; of all, with code.  The other ends
 * are told.  Returns how many. */
size_t signal_stream_kick(struct signalling *s, const char *name, size_t len);
size_t
signal_stream_end_all(struct signalling *s, unsigned code, const char *why);

/* s->conf or s->config.policy are others now. */
void signal_stream_apply(struct signalling *s);

#endif
