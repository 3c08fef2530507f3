/*
 * bench_talk: nodes that say hello to a message server and then send each
 * other messages, in the server's own dialect.
 *
 *	ws	supernode.v1 over WebSocket; each node is a guest
 *	nats	each node subscribes to a subject of its own
 *	redis	RESP3, so that a node publishes and subscribes on one connection
 *	echo	what is sent comes back
 */
#ifndef TESTS_SUPPORT_BENCH_TALK_H
#define TESTS_SUPPORT_BENCH_TALK_H

#include "tests/support/bench_link.h"

enum {
	BENCH_TALK_FRAME = 256,
	BENCH_TALK_DATA = 64, /* bytes a message carries */
	BENCH_TALK_RESUME = 64,
};

enum bench_talk_state {
	BENCH_TALK_NEW,
	BENCH_TALK_UPGRADED, /* ws: after its 101 */
	BENCH_TALK_ASKED,    /* said hello */
	BENCH_TALK_READY,
};

struct bench_talk_node {
	struct bench_link link; /* first */
	unsigned index;
	enum bench_talk_state state;
	bool is_greeted;
	unsigned delivered; /* messages that came, taken by the caller */
	char resume[BENCH_TALK_RESUME];
	uint16_t frame_len;
	uint8_t frame[BENCH_TALK_FRAME]; /* one message to its partner */
};

struct bench_talk {
	const char *name;
	/* What is sent when the connection stands; returns its length. */
	size_t (*greet)(struct bench_talk_node *n, char *out, size_t size);
	/* Takes one thing off what was read: 1; 0: it is not all there; -1:
	 * the server said something it should not (told on stderr). */
	int (*take)(struct bench_talk_node *n);
	/* Writes the message of n to partner into n->frame. */
	void (*prepare)(struct bench_talk_node *n, unsigned partner);
	bool is_echo;
};

/* NULL: no such dialect. */
const struct bench_talk *bench_talk_find(const char *name);
/* Handles an event of n's connection.  Returns 0 or an errno. */
MUST_CHECK int
bench_talk_go(const struct bench_talk *t, struct bench_talk_node *n);

#endif
