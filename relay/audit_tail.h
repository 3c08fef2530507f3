/*
 * audit_tail: reads where an audit log goes on: its first and its last whole
 * line, and the seal of its end.
 */
#ifndef RELAY_AUDIT_TAIL_H
#define RELAY_AUDIT_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/chain.h"
#include "common/code.h"

struct audit_tail {
	uint64_t size; /* of the file */
	uint64_t torn; /* bytes behind the last newline */
	int64_t began_ms;
	struct chain first; /* lines, unproved */
	struct chain last;
};

/* Returns 0; ENODATA (empty), EBADMSG (no log, or damaged at an end) or
 * another errno. */
MUST_CHECK int audit_tail_read(struct audit_tail *out, int fd);

/* The seal in the file path, if it is there, whole and signed by key. */
bool audit_tail_head(struct chain *out, const char *path,
    const uint8_t key[SIGNATURE_PUBLIC_LEN]);

#endif
