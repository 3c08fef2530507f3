/*
 * budget: the one accounting point (every byte in and out, IP and transport
 * headers included) and the caps in front of it.
 *
 * struct budget_host is SHARED by all workers: the host's token buckets, one
 * a direction, the networks, the users and the counts of allocations.  struct
 * budget belongs to a worker and leases from it.  struct budget_chain belongs
 * to an allocation and says whom its packets are charged to: host > network >
 * user > allocation.  A relayed packet counts to each of them with what it is
 * on the wire as it arrives and as it leaves.
 */
#ifndef RELAY_BUDGET_H
#define RELAY_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget/forecast.h"
#include "budget/ledger_file.h"
#include "budget/limit.h"
#include "common/code.h"
#include "common/mono.h"
#include "relay/stats.h"

struct snapshot;
struct budget_host;
struct budget;

/* Returns NULL when memory is short. */
struct budget_host *budget_host_new(const struct snapshot *conf);
void budget_host_free(struct budget_host *h);
/* New caps; holds for running allocations at once.  Main thread. */
void budget_host_apply(struct budget_host *h, const struct snapshot *conf);
/* The same, at the rate that others allow: not for a moment is it conf's. */
void budget_host_apply_at(
    struct budget_host *h, const struct snapshot *conf, uint64_t bits);
/* The rate that holds now, bit/s a direction, 0: unlimited, in the place of
 * the configuration's, until the next budget_host_apply.  The burst keeps its
 * time.  Main thread. */
void budget_host_set_rate(struct budget_host *h, uint64_t bits);

/*
 * Quota: with a quota on, every byte, both directions together, is taken from
 * what was granted, but for relayed packets that do not count to it
 * (network.counts-to-quota).  Without a grant nothing is relayed
 * (STATS_DROP_QUOTA); answers of ours and what arrives still pass, and count:
 * the grant is then below zero by what the next one must cover.
 */
enum { BUDGET_GRANT_CHUNK = 64 * 1024 }; /* what a worker holds, at most */
/* Main thread.  Off forgets the grant. */
void budget_host_quota(struct budget_host *h, bool on);
void budget_host_grant(struct budget_host *h, int64_t bytes);
/* What is left for the workers, who hold up to a chunk each besides. */
int64_t budget_host_granted(const struct budget_host *h);

struct budget_usage {
	uint64_t rate;  /* bit/s a direction, in force; 0: unlimited */
	uint64_t burst; /* bytes */
	uint64_t room[STATS_DIRS]; /* bytes that would pass now */
	uint64_t share;       /* bit/s of a user while the cap binds, else 0 */
	unsigned users;       /* with an allocation */
	unsigned active;      /* of them with traffic */
	unsigned held;        /* of them above their share */
	uint64_t error_bytes; /* that passed over the cap: 0 */
	bool has_quota;
	int64_t granted;
};
/* Any thread. */
void budget_host_usage(
    struct budget_host *h, struct budget_usage *out, int64_t now_us);

/* Main thread, once a second: so much had passed, by the counters, at some
 * time between from and to.  What they say beyond the cap is error_bytes. */
void budget_host_check(struct budget_host *h, const uint64_t bytes[STATS_DIRS],
    int64_t from_us, int64_t to_us);

/* What a user or a network may do, beside its rate. */
enum budget_state {
	BUDGET_OPEN,
	BUDGET_TRICKLE, /* no more than caps.trickle */
	/* nothing is relayed (STATS_DROP_QUOTA), nobody admitted (486) */
	BUDGET_BARRED,
};

enum { BUDGET_NAME_MAX = 513 }; /* USERNAME, RFC 8489 */

/* What one of them used since it is known: a user since his first
 * allocation of those he holds, a network since the start. */
struct budget_account {
	const char *name; /* len bytes, no zero behind them */
	size_t len;
	unsigned allocations;       /* of a user */
	uint64_t bytes[STATS_DIRS]; /* relayed, on the wire */
	uint64_t dropped;           /* packets */
	enum budget_state state;
	uint64_t rate; /* bit/s a direction, own cap; 0: none */
	uint64_t
	    share; /* bit/s of each of its users while that binds, else 0 */
};
/* Called with a lock held: be short, and call nothing of budget's. */
typedef void budget_account_fn(void *arg, const struct budget_account *a);
/* Any thread.  Bytes of a user may be 32 KiB and allocation behind. */
void budget_host_users(struct budget_host *h, budget_account_fn *fn, void *arg);
void
budget_host_networks(struct budget_host *h, budget_account_fn *fn, void *arg);

/* Who keeps accounts for longer than an allocation; any of them NULL. */
struct budget_watch {
	void *arg;
	/* Worker's thread: user gets his first allocation, and starts in the
	 * state returned. */
	enum budget_state (*enter)(void *arg, const char *user, size_t len);
	/* ... gives back his last one; a lock is held. */
	budget_account_fn *leave;
};
/* Main thread, before there is a worker.  Copies watch. */
void budget_host_watch(struct budget_host *h, const struct budget_watch *watch);
/* Main thread.  For as long as the user holds an allocation. */
void budget_host_set_user(struct budget_host *h, const char *user, size_t len,
    enum budget_state state);
void budget_host_set_network(
    struct budget_host *h, const char *name, enum budget_state state);

/* ---- one per worker */

/* Borrows host and stats. */
struct budget *budget_new(struct budget_host *host, struct stats *stats);
void budget_free(struct budget *b);
/* conf's networks are from now on those that chains and packets name; the
 * host must have been given conf before. */
void budget_apply(struct budget *b, const struct snapshot *conf);
/* After all of a turn was sent. */
void budget_turn_end(struct budget *b, int64_t now_us);

/*
 * Counts wire bytes in direction dir and says whether they may pass.
 * Out: false means do not send (nothing is counted but the drop).  In:
 * false means the packet was taken from the kernel but must not be relayed
 * or answered.  In no window of one second do the bytes that passed exceed
 * rate x 1 s + burst.  now_us: monotonic microseconds of this loop turn.
 */
bool budget_take(struct budget *b, enum stats_dir dir, enum stats_kind kind,
    size_t wire, int64_t now_us);

/* For streams, which are held back, never dropped: how many bytes may pass
 * now (SIZE_MAX when there is no cap). */
size_t budget_room(struct budget *b, enum stats_dir dir, int64_t now_us);
/* Counts bytes of a stream that did pass (may overdraw by one record; the
 * debt is paid before anything else passes). */
void budget_charge(struct budget *b, enum stats_dir dir, enum stats_kind kind,
    size_t wire, int64_t now_us);

/* ---- one per allocation */

enum {
	/* networks with a rate of which an allocation is a fair user; in more
	 * of them it gets what others leave */
	BUDGET_CHAIN_NETWORKS = 4,
	/* counted to the user not later than this */
	BUDGET_CHAIN_SLACK = 32 * 1024,
};

/* A user's account in a network. */
struct budget_member {
	struct budget_party *party;
	struct budget_limit *limit;
};

struct budget_chain {
	/* OWNER: worker */
	uint64_t bytes[STATS_DIRS]; /* relayed, on the wire */
	uint64_t told[STATS_DIRS];  /* of them to the user's account */
	struct budget_party *user;  /* counts us; NULL: not admitted */
	unsigned network;           /* of the client; 0: none */
	uint16_t peer_network;      /* of a splice: the other end's; 0: none */
	uint16_t member_count;
	budget_meter cap[STATS_DIRS]; /* caps.rate-per-allocation */
	uint64_t offered;             /* bytes, since offered_at */
	int64_t offered_at;           /* ns: told to the user then */
	uint64_t dropped;             /* packets, for a cap or quota */
	enum stats_drop why;          /* the last of them */
	struct budget_member member[BUDGET_CHAIN_NETWORKS];
};

/*
 * Admission of one allocation for user (len bytes).  Returns 0, 486 (user
 * over caps.allocations-per-user; he or c's network barred) or 508
 * (caps.allocations, memory).  c is zeroed before but for its network; every 0
 * is given back by budget_release, for which a c that was not admitted is
 * legal.
 */
MUST_CHECK int budget_admit(
    struct budget *b, struct budget_chain *c, const char *user, size_t len);
void budget_release(struct budget *b, struct budget_chain *c);

/* Is anybody barred, or was?  Then it is worth to ask: */
bool budget_has_barred(const struct budget *b);
/* Has one who was admitted been barred since?  His allocation is to end. */
bool budget_is_barred(const struct budget *b, const struct budget_chain *c);

/* A packet about to be relayed. */
struct budget_packet {
	size_t out;       /* bytes on the wire as it leaves */
	unsigned network; /* of the peer, as policy_network says; 0: none */
	/* From a stream: its bytes are charged by budget_stream_charge, what
	 * follows from them passes. */
	bool is_stream;
};
/*
 * May p, the packet taken last (budget_take), be relayed?  What it is on the
 * way in is known from there.  False: it is dropped, counted with its reason,
 * and as if it had never been taken.  Per packet: no allocation, no lock, but
 * for the first one to a network with a rate after a reload.
 */
bool budget_relay(struct budget *b, struct budget_chain *c,
    const struct budget_packet *p, int64_t now_us);

/* As budget_room and budget_charge, for a stream whose allocation is c's;
 * nothing is read of one without a grant. */
size_t budget_stream_room(struct budget *b, struct budget_chain *c,
    enum stats_dir dir, int64_t now_us);
/* in: what was read, headers included. */
void budget_stream_charge(
    struct budget *b, struct budget_chain *c, size_t in, int64_t now_us);

/*
 * Two streams that are spliced, each under a chain of its own: what comes in
 * by one is charged to its chain, what leaves by it as well.  As
 * budget_stream_room, both ways and within the quota; wire has been charged to
 * the host (budget_charge).
 */
size_t budget_splice_room(struct budget *b, struct budget_chain *c,
    enum stats_dir dir, int64_t now_us);
void budget_splice_charge(struct budget *b, struct budget_chain *c,
    enum stats_dir dir, size_t wire, int64_t now_us);
/* Is nothing relayed for c's user or network? */
bool budget_splice_is_barred(struct budget *b, const struct budget_chain *c);

#endif
