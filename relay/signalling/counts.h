/*
 * counts: how many sessions there are from an address, from its prefix and in
 * all, and how many connections have not said hello yet.
 *
 * SHARED: lock counts, held for a probe of the table only.
 */
#ifndef RELAY_SIGNALLING_COUNTS_H
#define RELAY_SIGNALLING_COUNTS_H

#include <stdbool.h>

#include "common/code.h"

struct addr;
struct signal_counts;

enum {
	SIGNAL_PREFIX_V4 = 24,
	SIGNAL_PREFIX_V6 = 56,
};

struct signal_counts_limits {
	unsigned all, per_address, per_prefix;
};

/* Returns NULL when memory is short. */
struct signal_counts *signal_counts_new(void);
void signal_counts_free(struct signal_counts *c);

/* One more from a.  Returns 0; EUSERS (the host has no place), EDQUOT (the
 * address or its prefix has none) or ENOMEM. */
MUST_CHECK int signal_counts_take(struct signal_counts *c, const struct addr *a,
    const struct signal_counts_limits *limits);
void signal_counts_put(struct signal_counts *c, const struct addr *a);

/* A connection from a that has yet to say hello: false when there are limit, or
 * half as many from a's prefix: the other half is for others. */
MUST_CHECK bool signal_counts_enter(
    struct signal_counts *c, const struct addr *a, unsigned limit);
void signal_counts_leave(struct signal_counts *c, const struct addr *a);

#endif
