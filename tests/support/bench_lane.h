/*
 * bench_lane: one direction of load through a relay, in batches.
 *
 * A window bounds what is under way: the slowest part sets the pace and
 * nothing is dropped in a socket buffer.  Packets leave for the clients in
 * turn, one by one or in bursts of one client: over UDP a burst is one
 * datagram that the kernel cuts (UDP_SEGMENT), over a stream it is one write.
 * They are numbered by an epoch, which a stall ends, so that
 * late ones are not counted twice.
 */
#ifndef TESTS_SUPPORT_BENCH_LANE_H
#define TESTS_SUPPORT_BENCH_LANE_H

#include <sys/socket.h>

#include "tests/support/bench_fleet.h"
#include "tests/support/bench_hist.h"

enum {
	BENCH_LANE_BATCH = 64, /* packets in one system call */
	BENCH_LANE_SIZE_MIN = 24,
	BENCH_LANE_SIZE_MAX = 1400,
	BENCH_LANE_BURST_MAX = 32,
};

/* Across: from each client of a pair to the other. */
enum bench_lane_way { BENCH_LANE_UP, BENCH_LANE_DOWN, BENCH_LANE_ACROSS };

struct bench_lane;

struct bench_lane_want {
	enum bench_lane_way way;
	size_t size; /* of a payload */
	unsigned burst;
};

struct bench_lane *
bench_lane_new(struct bench_fleet *f, const struct bench_lane_want *want);
void bench_lane_free(struct bench_lane *l);

/* At most this many packets under way. */
void bench_lane_set_window(struct bench_lane *l, unsigned window);
/* Takes what has arrived and fills the window up.  Returns how many packets
 * were taken or sent. */
unsigned bench_lane_turn(struct bench_lane *l, int64_t now_ns);
/* Sends one packet. */
void bench_lane_send_one(struct bench_lane *l, int64_t now_ns);
/* Takes what has arrived.  Where there is a histogram, adds each packet's
 * age to it; where there is a lane back, sends each back on that one. */
unsigned bench_lane_take(
    struct bench_lane *l, struct bench_hist *h, struct bench_lane *back);

struct bench_lane_count {
	uint64_t sent;
	uint64_t delivered;
	uint64_t lost;
};

struct bench_lane_count bench_lane_count(const struct bench_lane *l);

#endif
