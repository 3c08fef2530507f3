/*
 * audit_file: the audit log on disk: a chain (common/chain.h) over one file
 * and those it was rotated to, and a seal of its end kept elsewhere.
 *
 * A line is on disk whole or not at all: what could not be written is taken
 * back, counted, and told by a line "lost" once writing works again.  After a
 * kill the chain goes on behind the last whole line; a line "gap" tells what
 * is missing then.
 *
 * OWNER: the audit thread.
 */
#ifndef RELAY_AUDIT_FILE_H
#define RELAY_AUDIT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/chain.h"
#include "common/code.h"

struct audit_file;
struct audit_key;

enum {
	/* a checkpoint after so many lines, or so long after a line */
	AUDIT_FILE_CHECKPOINT_LINES = 256,
	AUDIT_FILE_CHECKPOINT_MS = 10 * 1000,
	/* a new file this often, so that retention has something to remove */
	AUDIT_FILE_AGE_MS = 24 * 3600 * 1000,
};

struct audit_file_config {
	const char *path;            /* borrowed until audit_file_close */
	const char *head;            /* the seal's file, borrowed as well */
	uint64_t rotate_bytes;       /* 0: never for its size */
	uint64_t retention_s;        /* of rotated files, 0: for ever */
	const struct audit_key *key; /* borrowed as well */
};

/* Begins or goes on.  Returns 0, or an errno with a sentence in why. */
MUST_CHECK int
audit_file_open(struct audit_file **out, const struct audit_file_config *config,
    int64_t wall_ms, char *why, size_t why_size);
/* Seals and closes.  NULL is legal. */
void audit_file_close(struct audit_file *f, int64_t wall_ms);

/* Adds a line, on disk by the next audit_file_flush at the latest. */
void audit_file_add(struct audit_file *f, int64_t wall_ms, const char *event,
    const char *members);
/* n lines never reached audit_file_add. */
void audit_file_lose(struct audit_file *f, uint64_t n);

/* Writes what was added, and a checkpoint or a new file when one is due.
 * Returns 0, or the errno for which lines were lost or still cannot be
 * written. */
MUST_CHECK int audit_file_flush(struct audit_file *f, int64_t wall_ms);

/* Goes by config from now on, whose path must be the same, and begins a new
 * file where somebody has moved ours away.  Returns 0, or an errno: the old
 * one is still written to. */
MUST_CHECK int audit_file_reopen(struct audit_file *f,
    const struct audit_file_config *config, int64_t wall_ms);

/* How long flush need not be called, ms; -1: until something is added. */
int audit_file_wait_ms(const struct audit_file *f, int64_t wall_ms);

struct audit_file_view {
	uint64_t seq;    /* of the last line on disk */
	uint64_t sealed; /* the last one that a signature covers */
	uint64_t lost;   /* since the file was opened */
};
void audit_file_view(const struct audit_file *f, struct audit_file_view *out);

#endif
