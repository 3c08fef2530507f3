/*
 * router: what a node asks for, by the type of its message.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_ROUTER_H
#define RELAY_SIGNALLING_ROUTER_H

struct proto_message;
struct signal_session;

/* One message that was read; m may be kept (hello.h). */
void signal_router_take(struct signal_session *ss, struct proto_message *m);

#endif
