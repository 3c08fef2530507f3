/*
 * ask: who waits to hear what became of a send, and is told: `sent` by the
 * first receiver that has it, `peer-offline` when none will.
 *
 * OWNER: worker; answers travel to the sender's as mail.
 */
#ifndef RELAY_SIGNALLING_ASK_H
#define RELAY_SIGNALLING_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/code.h"
#include "signalling/window.h"

struct signalling;

enum { SIGNAL_ASKS_MAX = 64 * 1024 }; /* with several receivers, of a worker */

/* o was handed over, or will not be.  Nobody waits where o->session is 0, and
 * without an id (-1) only errors are told. */
void signal_ask_answer(
    struct signalling *s, const struct signal_origin *o, bool is_sent);

/*
 * Makes *o, which has one receiver, that of so many: each answer to it counts.
 * Returns 0, ENOSPC or ENOMEM.
 */
MUST_CHECK int signal_ask_open(
    struct signalling *s, struct signal_origin *o, unsigned receivers);

MUST_CHECK int signal_asks_init(struct signalling *s);
void signal_asks_fini(struct signalling *s);

#endif
