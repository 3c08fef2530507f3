/*
 * mail: what one worker's signalling asks another's to do.
 *
 * Mail is gathered per worker and posted once a turn, in order.  Where the
 * other's mailbox is full it is tried again in the next turn, up to
 * SIGNAL_MAIL_MAX; what does not fit even there is refused at once.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_MAIL_H
#define RELAY_SIGNALLING_MAIL_H

#include "common/code.h"

struct signalling;
struct signal_mail;

enum { SIGNAL_MAIL_MAX = 64 * 1024 }; /* that wait for one worker */

/* First member of what is sent; made by mem_try, freed by its open or drop. */
struct signal_mail {
	struct signal_mail *next;
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

#endif
