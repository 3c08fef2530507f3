/*
 * bench_fleet: many TURN clients on one socket, for load.
 *
 * Each client has an address of its own out of 127.0.0.0/8 (IP_PKTINFO) and
 * all share one port, so that one system call sends for many of them.  One
 * peer, on a socket of its own, is bound to the same channel of each.
 */
#ifndef TESTS_SUPPORT_BENCH_FLEET_H
#define TESTS_SUPPORT_BENCH_FLEET_H

#include "tests/support/turnc.h"

enum {
	BENCH_FLEET_CHANNEL = 0x4000,
	BENCH_FLEET_MAX = 200000,
	BENCH_FLEET_CONTROL = 32, /* CMSG_SPACE(struct in_pktinfo) */
};

struct bench_fleet {
	int client_fd;
	int peer_fd;
	struct addr server; /* IPv4 */
	struct addr peer;
	unsigned count;
	struct in_addr *hosts; /* of the clients */
	struct addr *relayed;  /* of the clients */
	struct turnc *turn;    /* cold: set-up only */
	uint8_t *is_done;      /* in the current phase of set-up */
	uint64_t retransmitted;
};

struct bench_fleet_want {
	struct addr server;
	const char *user;
	const char *password;
	unsigned count;
};

/* Opens the sockets.  Returns 0 or an errno. */
MUST_CHECK int
bench_fleet_open(struct bench_fleet **out, const struct bench_fleet_want *want);
void bench_fleet_close(struct bench_fleet *f);

/* Each does one thing for all clients and returns 0, ETIMEDOUT, or the error
 * code of the first refusal. */
MUST_CHECK int bench_fleet_allocate(struct bench_fleet *f);
MUST_CHECK int bench_fleet_bind(struct bench_fleet *f);
MUST_CHECK int bench_fleet_release(struct bench_fleet *f);

/* The control message that makes host the source; control is zeroed. */
void bench_fleet_control(struct msghdr *m, uint8_t control[BENCH_FLEET_CONTROL],
    struct in_addr host);

#endif
