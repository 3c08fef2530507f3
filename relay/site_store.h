/*
 * site_store: the last words of networks, so that a restart knows them before
 * anybody has answered.
 */
#ifndef RELAY_SITE_STORE_H
#define RELAY_SITE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"
#include "policy/policy.h"

struct site_store_entry {
	const char *name; /* borrowed: of the domain, the file */
	struct policy_site word;
	int64_t heard_s; /* wall clock; 0: never */
};

/* Fills word and heard_s of the entries that path knows.  Returns 0, ENOENT,
 * EINVAL (damaged: nothing is filled) or another errno. */
MUST_CHECK int site_store_load(
    struct site_store_entry *entries, size_t count, const char *path);
/* Whole or not at all.  Returns 0 or an errno. */
MUST_CHECK int site_store_save(
    const struct site_store_entry *entries, size_t count, const char *path);

#endif
