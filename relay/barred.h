/*
 * barred: names that were kicked and stay out for some time
 * (`supernodectl kick NAME --for 1h`).  Kept in node.state over a restart.
 *
 * SHARED: lock barred.
 */
#ifndef RELAY_BARRED_H
#define RELAY_BARRED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/code.h"

struct barred;

enum {
	BARRED_NAMES_MAX = 4096,
	BARRED_NAME_MAX = 512,          /* bytes: a TURN user's, too */
	BARRED_FOR_MAX_S = 366 * 86400, /* a year */
};

/* They are kept in the folder dir (node.state), which is made where it is
 * missing.  What cannot be read is logged and forgotten.  Returns NULL when
 * memory is short. */
struct barred *barred_new(const char *dir, int64_t now_s);
void barred_free(struct barred *b);

/* name stays out until until_s (wall clock); a later word replaces an earlier
 * one; until_s <= now_s lets it in again (ENOENT: it was not out).  Main
 * thread.  Returns 0; ENOSPC (too many), EINVAL (no name) or ENOMEM: nothing
 * has changed; or another errno: it holds, but is not on the disk. */
MUST_CHECK int barred_set(struct barred *b, const char *name, size_t len,
    int64_t until_s, int64_t now_s);

/* Until when name stays out; 0: it does not.  Any thread; without names it
 * takes no lock.  b NULL is legal. */
int64_t
barred_until(struct barred *b, const char *name, size_t len, int64_t now_s);

/* An array of {"name","until"}. */
json_t *barred_json(struct barred *b, int64_t now_s);
void barred_metrics(struct barred *b, FILE *out, int64_t now_s);

#endif
