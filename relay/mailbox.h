/*
 * mailbox: how one thread asks another to do something.
 *
 * A bounded lock-free queue (many writers, one reader) of function+argument
 * and an eventfd that wakes the reader's loop once per batch.
 */
#ifndef RELAY_MAILBOX_H
#define RELAY_MAILBOX_H

#include <stddef.h>

#include "common/code.h"

/* Runs in the reader's thread.  context is what the reader handed to
 * mailbox_drain, arg what the writer posted (ownership as the two agree). */
typedef void mailbox_fn(void *context, void *arg);

struct mailbox;

/* room: messages, rounded up to a power of two.  NULL when short. */
struct mailbox *mailbox_new(size_t room);
void mailbox_free(struct mailbox *mb);

/* The eventfd the reader watches; borrowed. */
int mailbox_fd(const struct mailbox *mb);

/* Any thread.  Returns 0, or EAGAIN when full (nothing was taken). */
MUST_CHECK int mailbox_post(struct mailbox *mb, mailbox_fn *fn, void *arg);

/* Reader only: clears the eventfd and runs all that is queued. */
void mailbox_drain(struct mailbox *mb, void *context);

#endif
