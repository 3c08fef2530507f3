/*
 * turn: the TURN server of one worker (RFC 8489, RFC 8656).
 *
 * OWNER: worker, all but struct turn_shared.
 */
#ifndef RELAY_TURN_H
#define RELAY_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/buf.h"
#include "common/mono.h"
#include "net/net.h"
#include "turn/drops.h"
#include "turn/refusals.h"

struct audit;
struct barred;
struct budget;
struct mailbox;
struct policy;
struct snapshot;
struct stats;
struct wheel;
struct turn;

/* What all workers share: relayed ports, the rings of the hairpin, nonce key,
 * throttle.  SHARED:
 * atomics, and locks of its own off the packet path. */
struct turn_shared;
struct turn_shared *turn_shared_new(const struct snapshot *conf);
void turn_shared_free(struct turn_shared *s);

/* What a new allocation is told. */
enum turn_gate {
	TURN_GATE_OPEN,
	TURN_GATE_ELSEWHERE, /* 300 where there are alternates, else 508 */
	TURN_GATE_SHUT,      /* 403 */
};
/* Any thread.  Holds for each Allocate from now on, in every worker; at first
 * relay.enabled says. */
void turn_shared_gate(struct turn_shared *s, enum turn_gate gate);
/* Before the workers start: users whom b (borrowed) keeps out get no
 * allocation: 403. */
void turn_shared_bar(struct turn_shared *s, struct barred *b);

struct turn_config {
	struct net *net; /* borrowed, as all here */
	struct wheel *wheel;
	struct stats *stats;
	struct budget *budget;
	struct turn_shared *shared;
	struct audit *audit; /* NULL: none */
	const struct snapshot *conf;
	const struct policy *policy;
	unsigned worker;
	/* of the worker, so that others can send to its allocations; kept
	 * until turn_shared_free; NULL: there are no others */
	struct mailbox *mailbox;
};

/* Returns NULL when memory is short. */
struct turn *turn_new(const struct turn_config *config);
/* Ends every allocation. */
void turn_free(struct turn *t);

/* New configuration: allocations of users that are gone end now; peers that
 * are denied now stop passing.  The gate stays as it is. */
void turn_apply(struct turn *t, const struct snapshot *conf,
    const struct policy *policy, mono_ms now);

/* Ends every allocation; why is for the log. */
void turn_end(struct turn *t, const char *why);
/* The same for those of one user: a static user's name, or the user part of a
 * TURN REST name.  Returns how many. */
size_t
turn_end_user(struct turn *t, const char *user, size_t len, const char *why);

/* How many bytes of a stream may pass. */
size_t
turn_room(struct turn *t, const struct net_flow *flow, enum stats_dir dir);
/* wire bytes of a stream came in; the host has been charged for them. */
void turn_charge(struct turn *t, const struct net_flow *flow, size_t wire);

/* The end of a loop turn, before net_turn_end. */
void turn_turn_end(struct turn *t);

/* The net_sink entries; arg is the struct turn. */
void turn_message(
    void *arg, const struct net_flow *from, struct buf *b, mono_ms now);
void turn_closed(void *arg, const struct net_flow *flow, mono_ms now);
void
turn_relayed(void *arg, void *owner, const struct addr *peer, struct buf *b);
void turn_relayed_icmp(void *arg, void *owner, const struct net_icmp *e);

/* What `supernodectl allocations` shows of one allocation. */
enum { TURN_USER_MAX = 513 + 1 };
struct turn_view {
	uint64_t id; /* unique in the process */
	const char *user;
	struct addr client;
	enum net_transport transport;
	struct addr relayed[2]; /* second: other family, or none */
	unsigned permissions;
	unsigned channels;
	int64_t expires_ms; /* from now */
	int64_t age_ms;
	uint64_t up_packets, up_bytes;
	uint64_t down_packets, down_bytes;
	uint64_t dropped;
	struct turn_drops drops; /* why, the last few reasons */
};
typedef void turn_view_fn(void *arg, const struct turn_view *v);
/* Calls fn for each allocation of this worker. */
void turn_list(struct turn *t, turn_view_fn *fn, void *arg, mono_ms now);

/* Calls fn for each of this worker's refusals, the latest first. */
void turn_list_refusals(struct turn *t, turn_refusal_fn *fn, void *arg);

#endif
