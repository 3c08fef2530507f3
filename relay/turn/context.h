/*
 * context: what the files of turn/ share: one worker's state and what all
 * workers have in common.
 */
#ifndef RELAY_TURN_CONTEXT_H
#define RELAY_TURN_CONTEXT_H

#include <stdatomic.h>
#include <stdint.h>

#include "common/list.h"
#include "common/owner.h"
#include "common/stun/msg.h"
#include "common/wheel.h"
#include "turn/nonce.h"
#include "turn/turn.h"

struct audit;
struct barred;
struct pool;
struct table;
struct turn_hairpin;
struct turn_ports;
struct turn_refusals;
struct turn_recent;
struct turn_throttle;

struct turn_shared {
	/* SHARED: each is thread safe by itself; the key is FROZEN */
	struct turn_ports *ports;
	struct turn_throttle *throttle;
	struct turn_hairpin *hairpin;
	struct turn_nonce_key nonce_key;
	_Atomic int gate;      /* enum turn_gate; SHARED: atomic */
	struct barred *barred; /* borrowed; NULL: nobody is */
};

struct turn {
	/* OWNER: worker */
	struct owner owner;
	struct net *net; /* borrowed, up to policy */
	struct wheel *wheel;
	struct stats *stats;
	struct budget *budget;
	struct turn_shared *shared;
	struct audit *audit;
	const struct snapshot *conf;
	const struct policy *policy;
	unsigned worker;
	/* of policy: a verdict of another generation is asked for again */
	uint32_t generation;
	uint64_t next_id;    /* of an allocation; worker in the top bits */
	struct table *flows; /* struct turn_alloc by 5-tuple, borrowed */
	struct turn_recent *recent; /* in front of flows */
	struct turn_refusals *refusals;
	struct list allocs; /* all of them, owned */
	struct pool *alloc_pool;
	struct pool *perm_pool;
	struct pool *channel_pool;
	struct wheel_timer sweep;
	unsigned alternate; /* of relay.alternates: the next */
	/* transaction ids of Data indications: nobody answers one, so they
	 * must be unique, not unguessable */
	uint8_t tid[STUN_TID_LEN];
};

#endif
