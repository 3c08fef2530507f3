/* Users who send through several workers, on a clock of their own. */
#ifndef TESTS_UNIT_BUDGET_SIM_H
#define TESTS_UNIT_BUDGET_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "budget/budget.h"
#include "common/mem.h"
#include "relay/snapshot.h"

enum {
	SIM_WORKERS = 4,
	SIM_USERS = 64,
	SIM_STEPS = 12000, /* of a millisecond */
	SIM_HEAD = 28,     /* IP and UDP */
	SIM_CHANNEL = 4,
	SIM_START_MS = 10 * 1000,
};

struct sim_user {
	uint64_t bits;  /* a second, payload and headers as it arrives */
	unsigned bytes; /* of a packet's payload */
	unsigned from;  /* the step in which it begins */
	unsigned network, peer;
	bool is_stream;
	/* filled in */
	struct budget_chain chain;
	uint64_t credit;       /* bits */
	uint64_t sent, passed; /* bytes as they arrive, since sim.counted */
};

struct sim {
	struct snapshot conf;
	struct budget_host *host;
	struct stats *stats[SIM_WORKERS];
	struct budget *budget[SIM_WORKERS];
	struct sim_user user[SIM_USERS];
	unsigned users;
	unsigned seed;
	unsigned counted; /* users' bytes are counted from this step on */
	uint64_t bytes[STATS_DIRS][SIM_STEPS]; /* of each step */
};

/* sim is large: not on the stack. */
static inline struct sim *
sim_new(uint64_t rate, uint64_t burst)
{
	struct sim *s = mem_must(1, sizeof(*s));

	s->conf.caps.rate = rate;
	s->conf.caps.burst = burst;
	s->conf.caps.allocations = SIM_USERS;
	s->conf.caps.allocations_per_user = SIM_USERS;
	s->seed = 11;
	return s;
}

static inline void
sim_open(struct sim *s)
{
	char name[16];

	assert_non_null(s->host = budget_host_new(&s->conf));
	for (unsigned i = 0; i < SIM_WORKERS; i++) {
		s->stats[i] = mem_try_aligned(sizeof(*s->stats[i]));
		s->budget[i] = budget_new(s->host, s->stats[i]);
		assert_non_null(s->budget[i]);
		budget_apply(s->budget[i], &s->conf);
	}
	for (unsigned i = 0; i < s->users; i++) {
		struct sim_user *u = &s->user[i];

		snprintf(name, sizeof(name), "u%u", i);
		assert_int_equal(budget_admit(s->budget[i % SIM_WORKERS],
				     &u->chain, name, strlen(name)),
		    0);
		u->chain.network = u->network;
	}
}

static inline void
sim_free(struct sim *s)
{
	for (unsigned i = 0; i < s->users; i++)
		budget_release(s->budget[i % SIM_WORKERS], &s->user[i].chain);
	for (unsigned i = 0; i < SIM_WORKERS; i++) {
		budget_free(s->budget[i]);
		mem_free(s->stats[i]);
	}
	budget_host_free(s->host);
	mem_free(s);
}

static inline void
sim_passed(
    struct sim *s, struct sim_user *u, unsigned step, size_t in, size_t out)
{
	s->bytes[STATS_IN][step] += in;
	s->bytes[STATS_OUT][step] += out;
	if (step >= s->counted)
		u->passed += in;
}

static inline void
sim_datagram(struct sim *s, struct sim_user *u, struct budget *b, unsigned step,
    int64_t now)
{
	const size_t in = u->bytes + SIM_CHANNEL + SIM_HEAD;
	const struct budget_packet p = { .out = u->bytes + SIM_HEAD,
		.network = u->peer };

	if (!budget_take(b, STATS_IN, STATS_CLIENT_UDP, in, now) ||
	    !budget_relay(b, &u->chain, &p, now))
		return;
	assert_true(budget_take(b, STATS_OUT, STATS_PEER, p.out, now));
	sim_passed(s, u, step, in, p.out);
}

/* A stream reads what it may, a packet at most; false: it is held back. */
static inline bool
sim_piece(struct sim *s, struct sim_user *u, struct budget *b, unsigned step,
    int64_t now)
{
	const size_t in = u->bytes + SIM_CHANNEL + SIM_HEAD;
	const struct budget_packet p = { .out = u->bytes + SIM_HEAD,
		.network = u->peer,
		.is_stream = true };

	if (budget_stream_room(b, &u->chain, STATS_IN, now) < in)
		return false;
	budget_charge(b, STATS_IN, STATS_CLIENT_TCP, in, now);
	budget_stream_charge(b, &u->chain, in, now);
	assert_true(budget_relay(b, &u->chain, &p, now));
	assert_true(budget_take(b, STATS_OUT, STATS_PEER, p.out, now));
	sim_passed(s, u, step, in, p.out);
	return true;
}

static inline void
sim_step_user(struct sim *s, unsigned i, unsigned step, int64_t now)
{
	struct sim_user *u = &s->user[i];
	struct budget *b = s->budget[i % SIM_WORKERS];
	const uint64_t cost = (u->bytes + SIM_CHANNEL + SIM_HEAD) * 8;

	if (step < u->from)
		return;
	u->credit += u->bits / 1000;
	for (; u->credit >= cost; u->credit -= cost) {
		if (step >= s->counted && !u->is_stream)
			u->sent += cost / 8;
		if (!u->is_stream)
			sim_datagram(s, u, b, step, now);
		else if (!sim_piece(s, u, b, step, now))
			break;
	}
	/* a held stream does not save up more than it can buffer */
	if (u->is_stream && u->credit > 64 * cost)
		u->credit = 64 * cost;
}

/* The users of a step in any order, then the end of the turn. */
static inline void
sim_run(struct sim *s, unsigned steps)
{
	for (unsigned step = 0; step < steps; step++) {
		const int64_t now = ((int64_t)SIM_START_MS + step) * 1000;
		const unsigned first = (unsigned)rand_r(&s->seed) % s->users;

		for (unsigned i = 0; i < s->users; i++)
			sim_step_user(s, (first + i) % s->users, step,
			    now + rand_r(&s->seed) % 1000);
		for (unsigned i = 0; i < SIM_WORKERS; i++)
			budget_turn_end(s->budget[i], now + 999);
	}
}

/* No second holds more than rate and burst. */
static inline void
sim_check_windows(
    const struct sim *s, unsigned steps, uint64_t rate, uint64_t burst)
{
	for (unsigned dir = 0; dir < STATS_DIRS; dir++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < steps; i++) {
			sum += s->bytes[dir][i];
			/* windows that end in step i have all of 999 ms */
			if (i >= 1000)
				sum -= s->bytes[dir][i - 1000];
			if (sum > rate / 8 + burst)
				fail_msg("dir %u step %u: %llu bytes", dir, i,
				    (unsigned long long)sum);
		}
	}
}

/* Of a direction, in the steps counted. */
static inline uint64_t
sim_total(const struct sim *s, enum stats_dir dir, unsigned steps)
{
	uint64_t sum = 0;

	for (unsigned i = s->counted; i < steps; i++)
		sum += s->bytes[dir][i];
	return sum;
}

#endif
