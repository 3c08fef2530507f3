/* own: what the parts of signalling know of each other. */
#ifndef RELAY_SIGNALLING_OWN_H
#define RELAY_SIGNALLING_OWN_H

#include <stdatomic.h>

#include "common/list.h"
#include "common/owner.h"
#include "common/wheel.h"
#include "directory/directory.h"
#include "signalling/mail.h"
#include "signalling/signalling.h"

struct pool;
struct signal_counts;  /* sessions per address: counts.h */
struct signal_peers;   /* PeerServer clients of a worker: peerjs.h */
struct signal_streams; /* stream ends of a worker: stream.h */
struct signal_tickets; /* of all workers: ticket.h */
struct signal_waiting; /* messages for absent names: waiting.h */
struct table;

struct signalling_shared {
	/* FROZEN: after signalling_shared_new */
	struct signalling_shared_config config;
	unsigned workers;
	/* SHARED: each is thread safe by itself */
	struct signal_boxes *boxes; /* mail */
	struct signal_tickets *tickets;
	struct signal_counts *counts;
	_Atomic int gate; /* enum signalling_gate */
};

struct signalling {
	/* OWNER: worker */
	struct owner owner;
	struct signalling_config config;
	const struct snapshot *conf;
	struct signalling_shared *shared; /* borrowed */
	struct pool *pool;                /* of sessions */
	struct list all;                  /* every session, also without name */
	struct list dead;                 /* ended in this turn */
	struct table *sessions;           /* by number, detached ones too */
	struct table *asks;               /* sends with several receivers */
	uint64_t next_ask;
	struct signal_post *post;       /* mail that gathers, per worker */
	struct signal_waiting *waiting; /* for absent names homed here */
	struct signal_peers *peers;
	struct signal_streams *streams;
	char *scratch; /* a message on its way out; own size */
	size_t scratch_size;
	bool is_draining;
	struct wheel_timer drain; /* closes some at a time */
	const char *drain_why;
};

/* The clock of this turn; wall seconds. */
mono_ms signalling_now(struct signalling *s);
int64_t signalling_wall_s(struct signalling *s);

static inline struct directory *
signalling_directory(const struct signalling *s)
{
	return s->shared->config.directory;
}

#endif
