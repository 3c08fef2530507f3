/*
 * ranges: a set of prefixes, the longest of which decides.
 *
 * Prefixes nest or are disjoint, so they flatten into sorted, disjoint
 * spans; a question is one binary search.  FROZEN: after
 * policy_ranges_seal.
 */
#ifndef RELAY_POLICY_RANGES_H
#define RELAY_POLICY_RANGES_H

#include <stddef.h>

#include "common/addr.h"
#include "common/code.h"

/* In rising strength: of two equal prefixes the later one wins. */
enum policy_mark { POLICY_MARK_NONE, POLICY_MARK_ALLOW, POLICY_MARK_DENY };

struct policy_ranges;

/* room: prefixes at most.  Returns NULL when memory is short. */
struct policy_ranges *policy_ranges_new(size_t room);
void policy_ranges_free(struct policy_ranges *r);

/* Adds before the seal; at most room of them. */
void policy_ranges_add(struct policy_ranges *r, const struct addr_prefix *p,
    enum policy_mark mark);
/* Adds one host. */
void policy_ranges_add_host(
    struct policy_ranges *r, const struct addr *host, enum policy_mark mark);
/* Makes r ready for policy_ranges_find. */
void policy_ranges_seal(struct policy_ranges *r);

/* Mark of the longest prefix around a's host; NONE when there is none. */
enum policy_mark
policy_ranges_find(const struct policy_ranges *r, const struct addr *a);

#endif
