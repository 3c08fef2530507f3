/*
 * A bed for streams: two workers without a network.  A fake struct net_web
 * takes what fits in front of its reader, who reads when told to; mail waits
 * until bed_turn.
 */
#ifndef TESTS_UNIT_SIGNALLING_STREAM_BED_H
#define TESTS_UNIT_SIGNALLING_STREAM_BED_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/mem.h"
#include "common/table.h"
#include "relay/snapshot.h"
#include "signalling/door.h"
#include "signalling/end.h"
#include "signalling/parcel.h"
#include "tests/unit/signalling/post_bed.h"

enum { BED_WORKERS = 2, BED_WEBS = 64, BED_RATE = 8 * 1000 * 1000 };

struct net_web {
	struct net_flow flow;
	struct signalling *s;
	const struct net_web_ops *ops; /* NULL: nobody is told any more */
	void *owner;
	struct net_web_accept accepted;
	bool is_held, fails;
	bool reads;     /* at once, all of it */
	size_t waiting; /* has not been read */
	bool awaits;    /* EAGAIN was said */
	uint8_t *got;   /* all that was ever taken */
	size_t len;
	unsigned messages; /* of them, whole ones */
	char text[64];     /* the last one */
	unsigned pings;
	unsigned code;   /* of the close frame we sent */
	unsigned status; /* of the answer */
};

struct bed {
	mono_ms now;
	struct snapshot conf;
	struct signalling_shared shared;
	struct signalling s[BED_WORKERS];
	struct stats stats[BED_WORKERS];
	struct budget_host *host;
	struct post_bed post[BED_WORKERS];
	bool is_full; /* mail takes nothing */
	struct net_web webs[BED_WEBS];
	unsigned web_count;
};

static struct bed bed;

/* ---- what streams stand on */

mono_ms
signalling_now(struct signalling *s)
{
	(void)s;
	return bed.now;
}

int64_t
net_now_us(struct net *n)
{
	(void)n;
	return bed.now * 1000;
}

const char *
net_transport_name(enum net_transport t)
{
	(void)t;
	return "tcp";
}

bool
signal_door_offers(const char *protocols, const char *name)
{
	return strcmp(protocols, name) == 0;
}

int
signal_mail_send(struct signalling *s, unsigned worker, struct signal_mail *m)
{
	assert_in_range(worker, 0, BED_WORKERS - 1);
	assert_int_not_equal(worker, s->config.worker);
	if (bed.is_full)
		return EAGAIN;
	post_put(&bed.post[worker], m);
	return 0;
}

void
net_web_answer(struct net_web *w, unsigned status, const char *type,
    const char *headers, const void *body, size_t len)
{
	(void)type;
	(void)headers;
	(void)body;
	(void)len;
	assert_int_equal(w->status, 0);
	w->status = status;
}

int
net_web_accept(struct net_web *w, const struct net_web_accept *a)
{
	if (w->fails)
		return ENOMEM;
	w->status = 101;
	w->accepted = *a;
	w->ops = a->ops;
	w->owner = a->owner;
	return 0;
}

int
net_web_send_part(struct net_web *w, const struct net_web_data *d)
{
	assert_int_equal(w->code, 0);
	if (w->ops == NULL)
		return EPIPE;
	if (w->waiting > 0 && w->waiting + d->len > w->accepted.out_max) {
		w->awaits = true;
		return EAGAIN;
	}
	if (!w->reads)
		w->waiting += d->len;
	w->messages += d->is_last;
	if (d->kind == NET_WEB_TEXT) {
		snprintf(w->text, sizeof(w->text), "%.*s", (int)d->len,
		    (const char *)d->data);
		return 0;
	}
	w->got = realloc(w->got, w->len + d->len);
	memcpy(w->got + w->len, d->data, d->len);
	w->len += d->len;
	return 0;
}

void
net_web_ping(struct net_web *w, const void *data, size_t len)
{
	(void)data;
	(void)len;
	w->pings++;
}

size_t
net_web_waiting(const struct net_web *w)
{
	return w->waiting;
}

void
net_web_hold(struct net_web *w, bool hold)
{
	w->is_held = hold;
}

void
net_web_close(struct net_web *w, unsigned code, const char *reason)
{
	assert_true(strlen(reason) <= NET_WEB_REASON_MAX);
	assert_non_null(w->ops);
	w->code = code;
	w->ops = NULL;
}

void *
net_web_owner(const struct net_flow *flow, const struct net_web_ops *ops)
{
	for (unsigned i = 0; i < bed.web_count; i++)
		if (&bed.webs[i].flow == flow && bed.webs[i].ops == ops)
			return bed.webs[i].owner;
	return NULL;
}

/* ---- the bed itself */

static int
bed_open(void **state)
{
	(void)state;
	memset(&bed, 0, sizeof(bed));
	bed.now = 1000;
	bed.conf.caps.allocations = 100;
	bed.conf.caps.allocations_per_user = 8;
	bed.host = budget_host_new(&bed.conf);
	bed.shared.workers = BED_WORKERS;
	bed.shared.tickets = signal_tickets_new();
	for (unsigned i = 0; i < BED_WORKERS; i++) {
		struct signalling *s = &bed.s[i];

		s->config.worker = i;
		s->config.stats = &bed.stats[i];
		s->config.budget = budget_new(bed.host, &bed.stats[i]);
		s->config.wheel = wheel_new(bed.now);
		s->conf = &bed.conf;
		s->shared = &bed.shared;
		s->streams = signal_streams_new(s);
		assert_non_null(s->streams);
	}
	return 0;
}

/* All mail arrives, and what it brings about. */
static inline void
bed_turn(void)
{
	bool any = true;

	while (any) {
		any = false;
		for (unsigned i = 0; i < BED_WORKERS; i++)
			any |= post_open(&bed.post[i], &bed.s[i]);
	}
}

static inline void
bed_pass(mono_ms ms)
{
	bed.now += ms;
	for (unsigned i = 0; i < BED_WORKERS; i++)
		wheel_advance(bed.s[i].config.wheel, bed.now);
	bed_turn();
}

static int
bed_close(void **state)
{

	(void)state;
	bed.is_full = false;
	for (unsigned i = 0; i < BED_WORKERS; i++) {
		signal_streams_free(bed.s[i].streams);
		assert_int_equal(bed.stats[i].counter[STATS_STREAM_ENDS], 0);
		assert_int_equal(
		    bed.stats[i].memory.use[MEMORY_STREAMS].count, 0);
		budget_free(bed.s[i].config.budget);
		wheel_free(bed.s[i].config.wheel);
	}
	for (unsigned i = 0; i < BED_WORKERS; i++)
		post_drop(&bed.post[i]);
	for (unsigned i = 0; i < BED_WEBS; i++)
		free(bed.webs[i].got);
	budget_host_free(bed.host);
	signal_tickets_free(bed.shared.tickets);
	return 0;
}

/* ---- streams */

static inline struct signal_ticket_pair
bed_tickets(const char *asker, const char *partner)
{
	const struct signal_party a = { asker, 1 }, b = { partner, 2 };
	struct signal_ticket_pair pair;
	enum proto_code why;

	assert_true(signal_stream_begin(&bed.s[0], &a, &b, &pair, &why));
	return pair;
}

/* A request with that ticket at worker. */
static inline struct net_web *
bed_come(unsigned worker, const char *ticket)
{
	struct net_web *w = &bed.webs[bed.web_count++];
	char path[64];
	const struct net_request r = { .flow = &w->flow,
		.method = "GET",
		.path = path,
		.protocols = "",
		.is_upgrade = true };

	assert_true(bed.web_count <= BED_WEBS);
	assert_int_equal(addr_parse(&w->flow.client, "192.0.2.7:5000"), 0);
	w->s = &bed.s[worker];
	w->reads = true;
	snprintf(path, sizeof(path), "/stream/%s", ticket);
	signal_stream_request(w->s, w, &r);
	return w;
}

struct bed_pair {
	struct net_web *a, *b;
};

/* One from alice, at the first worker, to bob at that of *state. */
static inline struct bed_pair
bed_stream(void **state)
{
	const struct signal_ticket_pair t = bed_tickets("alice", "bob");
	struct bed_pair p;

	p.a = bed_come(0, t.of[0]);
	assert_true(p.a->is_held);
	p.b = bed_come(*(const unsigned *)*state, t.of[1]);
	bed_turn();
	assert_int_equal(p.a->status, 101);
	assert_int_equal(p.b->status, 101);
	assert_false(p.a->is_held);
	assert_false(p.b->is_held);
	return p;
}

/* The client of w sends a piece. */
static inline void
bed_say_part(struct net_web *w, enum net_web_kind kind, const void *data,
    size_t len, bool is_last)
{
	const struct net_web_data d = {
		.kind = kind,
		.data = (uint8_t *)(uintptr_t)data,
		.len = len,
		.is_last = is_last,
	};

	assert_false(w->is_held);
	if (w->ops != NULL)
		w->ops->message(w->owner, &d);
}

static inline void
bed_say(struct net_web *w, const char *bytes)
{
	bed_say_part(w, NET_WEB_BINARY, bytes, strlen(bytes), true);
}

static inline void
bed_end(struct net_web *w)
{
	static const char end[] = "{\"type\":\"end\"}";

	bed_say_part(w, NET_WEB_TEXT, end, sizeof(end) - 1, true);
}

/* The client of w reads so many bytes. */
static inline void
bed_read(struct net_web *w, size_t len)
{
	w->waiting -= len < w->waiting ? len : w->waiting;
	if (!w->awaits || w->waiting > w->accepted.out_max / 2)
		return;
	w->awaits = false;
	if (w->ops != NULL)
		w->ops->drained(w->owner);
}

/* The client of w closes, or is cut. */
static inline void
bed_leave(struct net_web *w, unsigned code)
{
	const struct net_web_ops *ops = w->ops;

	w->ops = NULL;
	ops->closed(w->owner, code);
}

static inline uint64_t
bed_dropped(enum stats_drop why)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < BED_WORKERS; i++)
		sum += bed.stats[i].drop[why];
	return sum;
}

#endif
