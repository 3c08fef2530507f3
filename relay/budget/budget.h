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
/* The rate that holds from now on, whatever caps.rate says (0: unlimited);
 * the burst stays.  Main thread. */
void budget_host_set_rate(struct budget_host *h, uint64_t bits);

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
