/*
 * bed: one struct net on a loop of its own, for the tests of net/.  What the
 * sink is told is kept in struct bed; hooks let a test act inside a call.
 */
#ifndef TESTS_UNIT_NET_BED_H
#define TESTS_UNIT_NET_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/wheel.h"
#include "net/net.h"
#include "relay/snapshot.h"

enum { BED_DEADLINE_MS = 5000, BED_PACKET_MAX = 70000 };

/* Beds of now on receive and send by io_uring, where it can be had. */
static bool bed_by_ring;

struct bed {
	struct event_base *base;
	struct wheel *wheel;
	struct stats stats;
	struct snapshot conf;
	struct addr at; /* the one listener asked for */
	struct net_listeners *listeners;
	struct net_tls *tls;
	struct net *net;
	/* what was told */
	unsigned messages, closed, relayed, icmps, requests;
	struct net_flow flow; /* of the last message */
	uint8_t data[BED_PACKET_MAX];
	size_t len;
	void *owner;
	struct addr peer;
	struct net_icmp icmp;
	uint64_t wire[STATS_DIRS][STATS_KINDS];
	bool is_capped; /* taken and admit say no */
	unsigned takes, admits;
	unsigned not_taken, not_admitted; /* this one is not; from 1 */
	size_t room;
	bool waits; /* the loop is the ring's */
	/* what a test does inside */
	void (*on_message)(
	    struct bed *bed, const struct net_flow *from, struct buf *b);
	void (*on_relayed)(struct bed *bed, struct buf *b);
	void (*on_closed)(struct bed *bed, const struct net_flow *flow);
	void (*on_request)(
	    struct bed *bed, struct net_web *w, const struct net_request *r);
	void *test; /* the test's own */
};

static inline void
bed_message(void *arg, const struct net_flow *from, struct buf *b, mono_ms now)
{
	struct bed *bed = arg;

	(void)now;
	bed->messages++;
	bed->flow = *from;
	memcpy(bed->data, b->data, b->len);
	bed->len = b->len;
	assert_true(buf_headroom(b) >= BUF_HEADROOM || buf_tailroom(b) == 0);
	if (bed->on_message != NULL)
		bed->on_message(bed, from, b);
}

static inline void
bed_closed(void *arg, const struct net_flow *flow, mono_ms now)
{
	struct bed *bed = arg;

	(void)now;
	bed->closed++;
	if (bed->on_closed != NULL)
		bed->on_closed(bed, flow);
}

static inline void
bed_relayed(void *arg, void *owner, const struct addr *peer, struct buf *b)
{
	struct bed *bed = arg;

	bed->relayed++;
	bed->owner = owner;
	bed->peer = *peer;
	memcpy(bed->data, b->data, b->len);
	bed->len = b->len;
	if (bed->on_relayed != NULL)
		bed->on_relayed(bed, b);
}

static inline void
bed_icmp(void *arg, void *owner, const struct net_icmp *e)
{
	struct bed *bed = arg;

	bed->icmps++;
	bed->owner = owner;
	bed->icmp = *e;
}

static inline void
bed_request(void *arg, struct net_web *w, const struct net_request *r)
{
	struct bed *bed = arg;

	bed->requests++;
	if (bed->on_request != NULL)
		bed->on_request(bed, w, r);
}

static inline bool
bed_taken(void *arg, enum stats_kind kind, size_t wire)
{
	struct bed *bed = arg;

	bed->wire[STATS_IN][kind] += wire;
	return !bed->is_capped && ++bed->takes != bed->not_taken;
}

static inline bool
bed_admit(void *arg, enum stats_kind kind, size_t wire)
{
	struct bed *bed = arg;

	if (bed->is_capped || ++bed->admits == bed->not_admitted)
		return false;
	bed->wire[STATS_OUT][kind] += wire;
	return true;
}

static inline size_t
bed_room(void *arg, const struct net_flow *flow, enum stats_dir dir)
{
	struct bed *bed = arg;

	(void)flow;
	(void)dir;
	return bed->room;
}

static inline void
bed_charge(
    void *arg, const struct net_flow *flow, enum stats_dir dir, size_t wire)
{
	struct bed *bed = arg;

	bed->wire[dir][net_flow_kind(flow)] += wire;
}

/* Fills config for the bed; the test may change it before net_new. */
static inline struct net_config
bed_config(struct bed *bed)
{
	return (struct net_config){
		.base = bed->base,
		.wheel = bed->wheel,
		.stats = &bed->stats,
		.conf = &bed->conf,
		.tls = net_tls_get(bed->tls),
		.listeners = bed->listeners,
		.waits = bed->waits,
		.sink = {
			.arg = bed,
			.message = bed_message,
			.closed = bed_closed,
			.relayed = bed_relayed,
			.relayed_icmp = bed_icmp,
			.taken = bed_taken,
			.admit = bed_admit,
			.request = bed_request,
			.room = bed_room,
			.charge = bed_charge,
		},
	};
}

/* A bed that listens at `at` ("127.0.0.1:0") for transport. */
static inline struct bed *
bed_prepare(enum net_transport transport, const char *at)
{
	struct bed *bed = mem_must(1, sizeof(*bed));
	struct snapshot_addrs *list;

	bed->base = event_base_new();
	bed->wheel = wheel_new(mono_now());
	bed->room = 1 << 20;
	bed->conf.node.workers = 1;
	bed->conf.listen.offload = true;
	bed->conf.relay.io_uring = bed_by_ring;
	bed->conf.listen.certificate = (char *)"";
	bed->conf.listen.private_key = (char *)"";
	bed->conf.caps.connections = 100;
	bed->conf.caps.connections_per_prefix = 100;
	assert_int_equal(addr_parse(&bed->at, at), 0);
	list = transport == NET_UDP ? &bed->conf.listen.udp
	    : transport == NET_TCP  ? &bed->conf.listen.tcp
	    : transport == NET_TLS  ? &bed->conf.listen.tls
				    : &bed->conf.listen.dtls;
	list->at = &bed->at;
	list->count = 1;
	return bed;
}

static inline void
bed_listen(struct bed *bed)
{
	enum net_transport t;
	char why[256];
	struct addr at;

	assert_int_equal(net_listeners_open(
			     &bed->listeners, &bed->conf, 0, why, sizeof(why)),
	    0);
	assert_true(net_listeners_at(bed->listeners, 0, &t, &at));
	bed->at = at;
}

static inline struct bed *
bed_start(struct bed *bed)
{
	struct net_config config;

	bed_listen(bed);
	config = bed_config(bed);
	bed->net = net_new(&config);
	assert_non_null(bed->net);
	return bed;
}

static inline struct bed *
bed_new(enum net_transport transport, const char *at)
{
	return bed_start(bed_prepare(transport, at));
}

static inline void
bed_free(struct bed *bed)
{
	net_free(bed->net);
	net_listeners_close(bed->listeners);
	net_tls_put(bed->tls);
	wheel_free(bed->wheel);
	event_base_free(bed->base);
	mem_free(bed);
}

/* One pass of the loop, as the worker runs it. */
static inline void
bed_turn(struct bed *bed)
{
	const struct timeval tick = { .tv_usec = 2000 };

	if (!bed->waits || !net_wait(bed->net, 2)) {
		event_base_loopexit(bed->base, &tick);
		event_base_loop(bed->base, EVLOOP_ONCE);
	}
	wheel_advance(bed->wheel, net_now(bed->net));
	net_turn_end(bed->net);
}

/* Turns the loop until *count >= want, or fails the test. */
static inline void
bed_until(struct bed *bed, const unsigned *count, unsigned want)
{
	const mono_ms deadline = mono_now() + BED_DEADLINE_MS;

	while (*count < want && mono_now() < deadline)
		bed_turn(bed);
	assert_int_equal(*count, want);
}

#define BED_UNTIL(bed, condition)                                  \
	do {                                                       \
		const mono_ms end_ = mono_now() + BED_DEADLINE_MS; \
		while (!(condition) && mono_now() < end_)          \
			bed_turn(bed);                             \
		assert_true(condition);                            \
	} while (0)

/* Turns the loop until nothing more can be on its way on loopback. */
static inline void
bed_settle(struct bed *bed)
{
	for (int i = 0; i < 20; i++)
		bed_turn(bed);
}

static inline uint64_t
bed_drops(const struct bed *bed, enum stats_drop why)
{
	return atomic_load(&bed->stats.drop[why]);
}

static inline uint64_t
bed_counter(const struct bed *bed, enum stats_counter c)
{
	return atomic_load(&bed->stats.counter[c]);
}

/* A client's socket, connected to at; 5 s timeout. */
static inline int
bed_client(int type, const struct addr *at)
{
	const struct timeval limit = { .tv_sec = BED_DEADLINE_MS / 1000 };
	int fd = socket(addr_family(at), type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, &at->u.sa, addr_len(at)), 0);
	return fd;
}

static inline void
bed_name(int fd, struct addr *out)
{
	socklen_t len = sizeof(*out);

	memset(out, 0, sizeof(*out));
	assert_int_equal(getsockname(fd, &out->u.sa, &len), 0);
}

/* The i-th byte of what tests send: every place in it looks different. */
static inline uint8_t
bed_pattern(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + 1);
}

/* Sends len bytes as packets of size (the last may be shorter) that arrive
 * coalesced where the receiver takes that. */
static inline void
bed_burst(int fd, const void *data, size_t len, uint16_t size)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(size))];
	} control = { .align.cmsg_len = CMSG_LEN(sizeof(size)) };
	struct iovec iov = { (void *)data, len };
	const struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.align.cmsg_level = SOL_UDP;
	control.align.cmsg_type = UDP_SEGMENT;
	memcpy(CMSG_DATA(&control.align), &size, sizeof(size));
	assert_int_equal(sendmsg(fd, &m, 0), len);
}

/* For on_message: sends back what came. */
static inline void
bed_echo(struct bed *bed, const struct net_flow *from, struct buf *b)
{
	net_send(bed->net, from, b);
}

static inline void
bed_write(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

/* ChannelData with len bytes of the pattern from seed on, padded.  Returns
 * the length of the frame. */
static inline size_t
bed_channel(uint8_t *out, size_t len, size_t seed)
{
	const size_t frame = (4 + len + 3) / 4 * 4;

	memset(out, 0, frame);
	out[0] = 0x40;
	out[1] = 1;
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
	for (size_t i = 0; i < len; i++)
		out[4 + i] = bed_pattern(seed + i);
	return frame;
}

/* A Binding request; out holds 20 bytes. */
static inline size_t
bed_stun(uint8_t out[20])
{
	static const uint8_t head[] = { 0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42 };

	memset(out, 'T', 20);
	memcpy(out, head, sizeof(head));
	return 20;
}

/* The same tests by libevent and by io_uring.  Returns how many failed. */
#define BED_RUN(tests)                                                   \
	(cmocka_run_group_tests_name("by libevent", tests, NULL, NULL) + \
	    (bed_by_ring = true,                                         \
		cmocka_run_group_tests_name(                             \
		    "by io_uring", tests, NULL, NULL)))

#endif
