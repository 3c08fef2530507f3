/*
 * snapshot_item: the sections that have a title, of which there may be any
 * number: networks, schedules and issuers.
 *
 * An item begins with its name.  Its keys are in snapshot_keys with is_item.
 */
#ifndef RELAY_SNAPSHOT_ITEM_H
#define RELAY_SNAPSHOT_ITEM_H

#include "relay/snapshot_load.h"

/* sec, a section of that name, has ended: checks it and appends it to its
 * list.  Returns 0 or EINVAL. */
MUST_CHECK int
snapshot_item_add(struct snapshot_loader *ld, const char *section, cfg_t *sec);
void snapshot_item_free(struct snapshot *s);
/* Those that stand inside section; NULL: inside none. */
void
snapshot_item_dump(const struct snapshot *s, const char *section, FILE *out);
/* "network campus: added", "network campus.rate: 1Mbit/s -> 2Mbit/s" */
void snapshot_item_diff(
    const struct snapshot *old, const struct snapshot *new, FILE *out);

#endif
