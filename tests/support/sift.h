/*
 * sift: random traffic through very many allocations, every byte compared.
 *
 * Each client of a fleet (bench_fleet) has three peers: `near` by a channel,
 * `far` by indications, and the client it is paired with, by its relayed
 * address: every second pair over channels, the others by indications.  What
 * is sent is random: sizes from one byte to the largest datagram, alone, in
 * bursts that the kernel cuts (UDP_SEGMENT, the last one shorter, channels and
 * indications mixed) and in trains of mixed sizes.  A window bounds what is
 * under way, so that no receive buffer overflows: nothing may be lost.
 */
#ifndef TESTS_SUPPORT_SIFT_H
#define TESTS_SUPPORT_SIFT_H

#include "tests/support/bench_fleet.h"
#include "tests/support/flows.h"

enum {
	SIFT_PAIR_CHANNEL = BENCH_FLEET_CHANNEL + 1,
	SIFT_DATAGRAM_MAX = 65507, /* IPv4: 65535 less both headers */
	SIFT_PORTS = 65536,
};

/* Which way a flow goes; client to client it bears the sender's number. */
enum sift_way {
	SIFT_UP_NEAR,
	SIFT_UP_FAR,
	SIFT_PAIR,
	SIFT_DOWN_NEAR,
	SIFT_DOWN_FAR,
	SIFT_WAYS
};

struct sift_count {
	uint64_t packets[SIFT_WAYS]; /* that arrived and were right */
	uint64_t bytes;
	size_t smallest, largest;
	uint64_t bursts, joined; /* sent, and received by UDP_GRO */
};

struct sift {
	struct bench_fleet *fleet;
	struct flows *flows;
	struct sift_count count;
	int far_fd;
	struct addr far;
	uint64_t random;
	uint64_t window;              /* bytes, as flows_charge counts them */
	unsigned hot;                 /* the clients that talk most just now */
	uint32_t by_port[SIFT_PORTS]; /* client + 1 of a relayed port */
};

static inline unsigned
sift_flow(const struct sift *s, enum sift_way way, unsigned client)
{
	return (unsigned)way * s->fleet->count + client;
}

/* Are this client and its pair bound to each other's channel? */
static inline bool
sift_has_channel(unsigned client)
{
	return client / 2 % 2 == 0;
}

/* A number in [0, limit). */
unsigned sift_below(struct sift *s, unsigned limit);

/* Sends something from or to a random client, as far as the window allows.
 * Returns whether anything was sent. */
bool sift_send(struct sift *s);
/* Sends one packet on each of a client's flows. */
void sift_send_each(struct sift *s, unsigned client);

/* Takes what has arrived and compares it.  Returns the number of datagrams;
 * ends the program with a message when one is wrong. */
unsigned sift_take(struct sift *s);
/* Shall what arrives come several at a time (UDP_GRO)? */
void sift_join(const struct sift *s, int on);

void
sift_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
