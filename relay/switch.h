/*
 * switch: the operator's word whether to relay, as a file in node.state, so
 * that `relay off` stays off until someone says on.
 *
 * The file is replaced whole: after a crash the old word or the new one
 * stands there, never half of one.
 */
#ifndef RELAY_SWITCH_H
#define RELAY_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/code.h"

enum { SWITCH_REASON_MAX = 100, SWITCH_PATH_MAX = 4096 };

struct switch_word {
	bool relay;
	int64_t since_s;                /* wall clock; 0: never switched */
	int64_t uid;                    /* who said it; -1: unknown */
	char reason[SWITCH_REASON_MAX]; /* "": none given */
};

/*
 * Reads the word in dir.  Returns 0 (without a file: on, never switched),
 * EBADMSG when the file is damaged, or an errno when it cannot be read; *out
 * is set only with 0.
 */
MUST_CHECK int switch_read(struct switch_word *out, const char *dir);

/* Replaces it, on the disk when this returns 0; makes dir where it is missing.
 * Else an errno, and the old word still stands. */
MUST_CHECK int switch_write(const char *dir, const struct switch_word *w);

#endif
