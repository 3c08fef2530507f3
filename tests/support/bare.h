/*
 * bare: the loops of a relay without a protocol (tests/bench/bare.c).
 */
#ifndef TESTS_SUPPORT_BARE_H
#define TESTS_SUPPORT_BARE_H

#include "tests/support/bench_fleet.h"

enum { BARE_HEAD = STUN_CHANNEL_HEADER_LEN };

struct bare {
	bool gso, hairpin;
	int client_fd;          /* of all clients */
	int raw_fd;             /* -1: each flow sends by its own socket */
	in_port_t relayed_port; /* network order */
	unsigned count;
	int *fds;                        /* relayed, of each flow */
	struct sockaddr_in client, peer; /* client: its host is set per flow */
};

void
bare_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Says that packets may come. */
void bare_tell_ready(void);

/* Neither returns. */
void bare_run_batches(const struct bare *b) __attribute__((noreturn));
void bare_run_uring(const struct bare *b) __attribute__((noreturn));
/* Was it built in? */
bool bare_has_uring(void);

#endif
