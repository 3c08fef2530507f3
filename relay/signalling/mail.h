/*
 * mail: what one worker's signalling asks another's to do.
 *
 * Mail is gathered per worker and put into its box once a turn, in order; a
 * bell, one mailbox message, tells a worker whose box was empty.  Where the
 * mailbox has no room the bell is rung in a later turn.
 *
 * OWNER: worker, but for struct signal_boxes: SHARED: atomics.
 */
#ifndef RELAY_SIGNALLING_MAIL_H
#define RELAY_SIGNALLING_MAIL_H

#include <stddef.h>

#include "common/code.h"

struct mailbox;
struct signalling;
struct signal_boxes; /* of all workers */
struct signal_mail;
struct signal_post; /* of one: what it will send */

/* that wait for one worker; 64 Ki of the longest texts were 4 GiB */
enum {
	SIGNAL_MAIL_MAX = 64 * 1024,
	SIGNAL_MAIL_BYTES_MAX = 64 * 1024 * 1024, /* of their sizes */
};

/* First member of what is sent; made by mem_try, freed by its open or drop. */
struct signal_mail {
	struct signal_mail *next;
	/* Of the text it holds; 0: of none, bounded by number alone. */
	size_t size;
	/* At the receiving worker: takes m. */
	void (*open)(struct signalling *there, struct signal_mail *m);
	/* Instead of open, when the receiver is gone: frees m.  Any thread. */
	void (*drop)(struct signal_mail *m);
};

/*
 * Takes m.  To the own worker: opened at the end of this turn, never within
 * this call.  Returns 0, or EAGAIN: too much waits, and m is still the
 * caller's.
 */
MUST_CHECK int
signal_mail_send(struct signalling *s, unsigned worker, struct signal_mail *m);
/* Opens what came from the own worker, posts what is for others. */
void signal_mail_turn_end(struct signalling *s);

/* ---- start and end */

/* Returns NULL when memory is short. */
struct signal_boxes *signal_boxes_new(unsigned workers);
/* When all workers have ended: drops what was not opened. */
void signal_boxes_free(struct signal_boxes *b);

/* s is there: mailbox, borrowed until signal_boxes_free, wakes it.  Sets
 * s->post.  Returns 0 or ENOMEM. */
MUST_CHECK int signal_mail_join(struct signalling *s, struct mailbox *mailbox);
/* s opens no more; what it had not sent is dropped. */
void signal_mail_leave(struct signalling *s);

#endif
