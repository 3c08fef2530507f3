/*
 * audit: who was relayed for, when and how much, and every change of what
 * this host may do: a log that shows when it was tampered with
 * (audit_file.h).  Never content, never a peer.
 *
 * Any thread hands a record over by a mailbox and goes on; a thread of its
 * own does the rest.  Where the mailbox is full the record is counted, and
 * told by a line "lost".
 */
#ifndef RELAY_AUDIT_H
#define RELAY_AUDIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/code.h"
#include "common/mono.h"

struct audit;
struct snapshot;

enum {
	/* records under way: a second of 8000 allocations, opened and closed */
	AUDIT_ROOM = 16 * 1024,
};

/*
 * Begins, with conf's audit.file where there is one; the thread runs either
 * way.  Returns 0, or an errno with a sentence in why: the key or the file
 * cannot be had.  Whether the disk is full is not a reason.
 */
MUST_CHECK int audit_open(struct audit **out, const struct snapshot *conf,
    char *why, size_t why_size);
/* Writes what was handed over, seals and ends.  NULL is legal. */
void audit_close(struct audit *a);

/* ---- the main thread */

/* Could conf be applied?  Returns 0, or an errno with a sentence in why. */
MUST_CHECK int audit_may_apply(
    struct audit *a, const struct snapshot *conf, char *why, size_t why_size);
/* After a reload: another file or other subjects, and the same file anew where
 * somebody has moved it (logrotate). */
void audit_apply(struct audit *a, const struct snapshot *conf);

struct audit_view {
	bool is_on;
	int failing;     /* errno for which lines are lost now; 0: none */
	uint64_t lines;  /* on disk, over all files */
	uint64_t sealed; /* of these a signature covers */
	uint64_t lost;   /* since the start */
	/* hexadecimal, "" when off */
	char key[2 * 32 + 1];
};
void audit_view(struct audit *a, struct audit_view *out);

/* ---- any thread */

/*
 * A fact of the host: event is a constant ("relay", "caps", "quota");
 * detail, an object, is taken, whole: nobody else may hold a part of it.
 * Its members user, client and address are subjects and shown as
 * audit.subjects says; uid and the rest as they are.  NULL for a is legal, for
 * detail none.
 */
void audit_event(struct audit *a, const char *event, json_t *detail);

/* An allocation, for audit_opened and audit_closed. */
struct audit_session {
	uint64_t id;
	const char *user; /* borrowed; not ended by a NUL */
	size_t user_len;
	const char *transport; /* constant */
	const struct addr *client;
	const struct addr *relayed[2]; /* NULL: none of that family */
	/* of its end */
	const char *why; /* constant */
	mono_ms age_ms;
	uint64_t up_packets, up_bytes;
	uint64_t down_packets, down_bytes;
	uint64_t dropped;
};
void audit_opened(struct audit *a, const struct audit_session *s);
void audit_closed(struct audit *a, const struct audit_session *s);

#endif
