/*
 * budget: the one accounting point (every byte in and out, IP and transport
 * headers included) and the caps in front of it.
 *
 * struct budget_host is SHARED by all workers: the host's token buckets, one
 * a direction, and the counts of allocations.  struct budget belongs to a
 * worker and leases from it.  Order of the chain, as it grows: host >
 * network > user > allocation.
 */
#ifndef RELAY_BUDGET_H
#define RELAY_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* One per worker.  Borrows host and stats. */
struct budget *budget_new(struct budget_host *host, struct stats *stats);
void budget_free(struct budget *b);

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
 * now (SIZE_MAX when there is no cap), and how long until more may. */
size_t budget_room(struct budget *b, enum stats_dir dir, int64_t now_us);
/* Counts bytes of a stream that did pass (may overdraw by one record; the
 * debt is paid before anything else passes). */
void budget_charge(struct budget *b, enum stats_dir dir, enum stats_kind kind,
    size_t wire, int64_t now_us);

/*
 * Admission of one allocation for user (len bytes).  Returns 0, 486 (user
 * over caps.allocations-per-user) or 508 (caps.allocations).  Every 0 is
 * given back by budget_release.
 */
MUST_CHECK int budget_admit(struct budget *b, const char *user, size_t len);
void budget_release(struct budget *b, const char *user, size_t len);

#endif
