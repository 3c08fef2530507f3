/*
 * bench_fleet: many TURN clients, for load.
 *
 * Over UDP each client has an address of its own out of 127.0.0.0/8
 * (IP_PKTINFO) and all share one port, so that one system call sends for many
 * of them.  Over TCP, TLS and DTLS each has a connection.  One peer, on a
 * socket of its own, is bound to the same channel of each; in pairs, clients
 * 2n and 2n+1 are each other's peers instead.
 *
 * A bare forwarder (tests/bench/bare.c) is asked for nothing: its addresses
 * follow from the server's port, see below.
 */
#ifndef TESTS_SUPPORT_BENCH_FLEET_H
#define TESTS_SUPPORT_BENCH_FLEET_H

#include "tests/support/turnc.h"
#include "tests/support/wire.h"

enum {
	BENCH_FLEET_CHANNEL = 0x4000,
	BENCH_FLEET_MAX = 200000,
	BENCH_FLEET_CONTROL = 32,       /* CMSG_SPACE(struct in_pktinfo) */
	BENCH_FLEET_HOSTS = 0x7f010001, /* 127.1.0.1, the first client */
	BENCH_FLEET_PEER = 0x7f000002,  /* 127.0.0.2: not the server's host */
	/* a bare forwarder's first relayed address, 127.16.0.1, and where its
	 * clients and its peer are: on the server's port and so many more */
	BENCH_FLEET_BARE = 0x7f100001,
	BENCH_FLEET_BARE_CLIENT = 1,
	BENCH_FLEET_BARE_PEER = 2,
};

/* A client's address, and whose it is (not below the count: nobody's). */
static inline struct in_addr
bench_fleet_host(unsigned i)
{
	return (struct in_addr){ htonl(BENCH_FLEET_HOSTS + i) };
}

static inline unsigned
bench_fleet_flow(struct in_addr host)
{
	return ntohl(host.s_addr) - BENCH_FLEET_HOSTS;
}

static inline struct in_addr
bench_fleet_bare(unsigned i)
{
	return (struct in_addr){ htonl(BENCH_FLEET_BARE + i) };
}

struct bench_fleet {
	int client_fd;
	int peer_fd;
	struct addr server; /* IPv4 */
	struct addr peer;
	unsigned count;
	bool is_bare, in_pairs;
	struct wire **wires;  /* of the clients; NULL over UDP */
	int epoll_fd;         /* with wires: who has something to read */
	struct addr *relayed; /* of the clients */
	struct turnc *turn;   /* cold: set-up only */
	uint8_t *is_done;     /* in the current phase of set-up */
	uint64_t retransmitted;
};

struct bench_fleet_want {
	struct addr server;
	const char *user;
	const char *password;
	unsigned count;
	enum wire_kind kind;
	bool is_bare;
	bool in_pairs; /* count is even */
};

/* Opens the sockets and connections.  Returns 0 or an errno. */
MUST_CHECK int
bench_fleet_open(struct bench_fleet **out, const struct bench_fleet_want *want);
void bench_fleet_close(struct bench_fleet *f);

/* Each does one thing for all clients and returns 0, ETIMEDOUT, or the error
 * code of the first refusal. */
MUST_CHECK int bench_fleet_allocate(struct bench_fleet *f);
MUST_CHECK int bench_fleet_bind(struct bench_fleet *f);
MUST_CHECK int bench_fleet_release(struct bench_fleet *f);

/* Writes a request of client i into out and returns its length. */
typedef size_t (*bench_fleet_ask)(
    void *arg, unsigned i, uint8_t out[TURNC_REQUEST_MAX]);
/* The same with any request: each client's is written by ask, again when it
 * must be sent again. */
MUST_CHECK int
bench_fleet_each(struct bench_fleet *f, bench_fleet_ask ask, void *arg);

/* A UDP socket like the fleet's own, on where.  Returns 0 or an errno. */
MUST_CHECK int
bench_fleet_socket(int *out, const char *where, struct addr *bound);

/* Bursts that leave are cut into packets of these sizes by the kernel (0: a
 * burst is one packet), and what arrives may be several (UDP_GRO). */
void bench_fleet_coalesce(struct bench_fleet *f, int up, int down);
/* Packets leave and arrive one by one, as before.  Needed for requests: an
 * answer may have travelled behind a late packet, as one with it. */
void bench_fleet_single(struct bench_fleet *f);

/* The control message that makes host the source; control is zeroed. */
void bench_fleet_control(struct msghdr *m, uint8_t control[BENCH_FLEET_CONTROL],
    struct in_addr host);

#endif
