/*
 * resume: a connection takes over the estate of an earlier one, by its
 * number and secret, at this worker or another.
 *
 * The worker that has it lets it go: it closes the old connection, moves the
 * claim in the directory and sends the estate as mail.  What arrives here
 * before that is kept and put behind it.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_RESUME_H
#define RELAY_SIGNALLING_RESUME_H

#include <stdbool.h>

#include "common/code.h"

struct proto_message;
struct signal_session;
struct signal_who;

/*
 * Returns 0: resumed, and told so; EINPROGRESS: another worker was asked, m
 * is taken; ENOENT: there is nothing that who may resume.
 */
MUST_CHECK int signal_resume_begin(struct signal_session *ss,
    const struct signal_who *who, struct proto_message *m);
/* ss ends: what it has asked for is not its any more. */
void signal_resume_abandon(struct signal_session *ss);
/* The name that ss is about to resume; NULL: it is not. */
const char *signal_resume_name(const struct signal_session *ss);
/* The estate that ss has asked for is on its way. */
bool signal_resume_is_let_go(const struct signal_session *ss);

#endif
