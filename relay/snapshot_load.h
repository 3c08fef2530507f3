/*
 * snapshot_load: one load of a configuration, from text to struct snapshot.
 *
 * Text is scanned (snapshot_text.c), parsed by libconfuse into strings, each
 * of which is checked as it comes, where the line is still known
 * (snapshot_load.c), stored (snapshot_store.c), and the whole is checked for
 * what no key shows alone (snapshot_check.c).
 */
#ifndef RELAY_SNAPSHOT_LOAD_H
#define RELAY_SNAPSHOT_LOAD_H

#include <confuse.h>

#include "relay/snapshot_key.h"

/* Where a key or a section was last seen; line 0: nowhere. */
struct snapshot_mark {
	const char *file; /* borrowed for the load */
	int line;
};

struct snapshot_loader {
	struct snapshot *s;
	char *why;
	const char *main; /* file in messages about what is missing */
	cfg_t *cfg;
	struct snapshot_mark now; /* line is libconfuse's while it parses */
	struct snapshot_mark keys[SNAPSHOT_KEYS_MAX];
	struct snapshot_mark sections[SNAPSHOT_KEYS_MAX];
};

/* Writes "file:line: what: " and the sentence into ld->why unless another
 * stands there.  Returns EINVAL. */
int snapshot_refuse(struct snapshot_loader *ld, struct snapshot_mark at,
    const char *what, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for a key: where it stands, or its section, or the file. */
int snapshot_refuse_key(struct snapshot_loader *ld, const char *section,
    const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
struct snapshot_mark *snapshot_mark_of(
    struct snapshot_loader *ld, const char *section, const char *name);

/* Is every quote, comment, brace and ${VARIABLE} of text closed?  libconfuse
 * takes an open one for the end, and an open string spoils its next parse.
 * Writes blanks over comments.  Returns 0 or EINVAL. */
MUST_CHECK int
snapshot_text_clean(struct snapshot_loader *ld, const char *file, char *text);
/* Reads path whole: *out is the caller's (secret_free).  0 or an errno. */
MUST_CHECK int snapshot_text_read(char **out, const char *path);

/* Values of sec and defaults of the section's keys go into base, struct
 * snapshot or an item of it.  Returns 0 or EINVAL. */
MUST_CHECK int snapshot_store_section(
    struct snapshot_loader *ld, const char *section, cfg_t *sec, void *base);
/* Values of ld->cfg and defaults go into ld->s.  Returns 0 or EINVAL. */
MUST_CHECK int snapshot_store(struct snapshot_loader *ld);
/* Makes bytes of the key name, a burst, where it was stated as a time at
 * rate, and refuses what does not hold a packet.  0 or EINVAL. */
MUST_CHECK int snapshot_check_burst(struct snapshot_loader *ld,
    const char *section, const char *name, uint64_t rate, uint64_t *burst);
/* Fills in what follows from the machine and from other keys, refuses what
 * does not go together.  Returns 0 or EINVAL. */
MUST_CHECK int snapshot_check(struct snapshot_loader *ld);
/* Reads auth.secret-file and makes the users' keys.  Returns 0 or EINVAL. */
MUST_CHECK int snapshot_credentials(struct snapshot_loader *ld);

#endif
