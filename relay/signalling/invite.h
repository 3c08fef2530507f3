/*
 * invite: `stream`: brings the two tickets of a stream to the two sessions;
 * who asked has his when the other one was told.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_INVITE_H
#define RELAY_SIGNALLING_INVITE_H

struct proto_message;
struct signal_session;

void signal_invite(struct signal_session *ss, const struct proto_message *m);

#endif
