/*
 * presence: who is told that a name came or went: those who watch it, and the
 * others in its room.
 *
 * OWNER: worker; news for other workers' sessions travel as mail.
 */
#ifndef RELAY_SIGNALLING_PRESENCE_H
#define RELAY_SIGNALLING_PRESENCE_H

#include <stdbool.h>

struct directory_place;
struct directory_watchers;
struct proto_message;
struct signal_estate;
struct signal_session;
struct signalling;

/* Whose name is e's: it came, and watchers are to hear it. */
void signal_presence_come(struct signalling *s, const struct signal_estate *e,
    const struct directory_watchers *watchers);
/* Releases e's claim and its watches, and tells who is to hear it. */
void signal_presence_leave(struct signalling *s, const struct signal_estate *e);
/* Tells ss about all it watches and all in its room. */
void signal_presence_all(struct signal_session *ss);
/* e's watches are those of its place now, no longer those of before. */
void signal_presence_move(struct signalling *s, const struct signal_estate *e,
    const struct directory_place *before);

/* The messages. */
void
signal_presence_watch(struct signal_session *ss, const struct proto_message *m);
void signal_presence_unwatch(
    struct signal_session *ss, const struct proto_message *m);

#endif
