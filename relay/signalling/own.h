/* own: what the parts of signalling know of each other. */
#ifndef RELAY_SIGNALLING_OWN_H
#define RELAY_SIGNALLING_OWN_H

#include "common/list.h"
#include "directory/directory.h"
#include "signalling/mail.h"
#include "signalling/signalling.h"

struct signal_peers;   /* PeerServer clients of a worker: peerjs.h */
struct signal_streams; /* stream ends of a worker: stream.h */
struct signal_tickets; /* of all workers: ticket.h */
struct table;

struct signalling_shared {
	struct signalling_shared_config config;
	/* SHARED: of a worker, from signalling_new to signalling_free */
	struct mailbox *_Atomic mailbox[256];
	struct signalling *_Atomic at[256]; /* context of what is posted */
	unsigned workers;
	struct signal_tickets *tickets;
	struct signal_counts *counts; /* sessions per address, prefix, all */
};

struct signalling {
	/* OWNER: worker */
	struct signalling_config config;
	const struct snapshot *conf;
	struct signalling_shared *shared; /* borrowed */
	struct table *sessions;           /* by number, detached ones too */
	struct signal_post *post;         /* mail that gathers, per worker */
	struct signal_waiting *waiting;   /* for absent names homed here */
	struct signal_peers *peers;
	struct signal_streams *streams;
	bool is_draining;
};

/* The clock of this turn; wall seconds. */
mono_ms signalling_now(struct signalling *s);
int64_t signalling_wall_s(struct signalling *s);

#endif
