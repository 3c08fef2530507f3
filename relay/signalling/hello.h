/*
 * hello: who a node is: a token and the proof of its key, or a guest's name;
 * then its claim in the directory, and `ready`.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_HELLO_H
#define RELAY_SIGNALLING_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "common/proto/proto.h"

struct signal_session;

/* Who says hello, as far as that is proved. */
struct signal_who {
	char name[PROTO_NAME_MAX + 1];
	int64_t expires_s; /* of the token; 0: none */
	bool has_token;
	bool is_bound; /* to a key, which was proved */
	bool is_guest;
};

/* m may be kept: its `json` is NULL then. */
void signal_hello(struct signal_session *ss, struct proto_message *m);
/* A name of its own, after there was nothing to resume. */
void signal_hello_fresh(struct signal_session *ss, const struct signal_who *who,
    const struct proto_message *m);

/* What a resume has brought. */
struct signal_resumed {
	uint64_t lost; /* messages that were not kept long enough */
};
/* Says ready, and all that follows it.  r NULL: nothing was resumed. */
void signal_hello_ready(struct signal_session *ss,
    const struct proto_message *m, const struct signal_resumed *r);

#endif
