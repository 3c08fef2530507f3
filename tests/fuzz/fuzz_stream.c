/*
 * fuzz: a connection's bytes as net/ takes them apart: entry, PROXY header,
 * framing, and what waits in between.  The input is cut into pieces by sizes
 * out of itself, with and without room in the budget; the messages that
 * arrive, and their echo, must not depend on the cuts.
 */
#include <assert.h>

#include "common/stun/channel.h"
#include "net/core.h"
#include "net/demux.h"
#include "net/entry.h"
#include "net/limits.h"
#include "net/listeners.h"
#include "net/proxy.h"
#include "net/stream.h"
#include "tests/unit/net/bed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SIZES = 8, /* of pieces; 0: a turn without room */
	HEAD = 1 + SIZES,
	BYTES_MAX = 16 * 1024,
	STALLS_MAX = 100, /* so that no deadline passes */
	STALL_US = 40 * 1000,
	SHORT_MEMORY = 1, /* flags in the first byte */
	HALF_CLOSE = 2,
};

/* What came through: running hashes stand for it. */
struct seen {
	uint64_t messages, echo;
	size_t count, echoed;
	bool is_broken; /* framing was lost: so may be the last answers */
};

static struct bed *bed;
static struct addr_prefix anybody;
static struct seen seen;
static int64_t now_us;

static void
mix(uint64_t *hash, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ data[i]) * 0x100000001b3u;
}

/* ---- what should come */

/* Where the messages begin: behind a PROXY header, if it is a good one. */
static size_t
skip_header(const uint8_t *data, size_t len)
{
	struct net_proxy p;
	size_t size;

	if (net_demux_stream(data, len) != NET_DEMUX_PROXY)
		return 0;
	if (len < PROXY_HEAD_LEN || net_proxy_size(&size, data) != 0 ||
	    len < size || net_proxy_parse(&p, data, size) != 0)
		return len;
	return size;
}

static void
note(struct seen *s, const uint8_t *data, size_t len, size_t frame)
{
	static const uint8_t zero[4];

	mix(&s->messages, data, len);
	s->messages += len;
	mix(&s->echo, data, len);
	mix(&s->echo, zero, frame - len);
	s->echoed += frame;
	s->count++;
}

static void
expect(struct seen *s, const uint8_t *data, size_t len)
{
	size_t at = skip_header(data, len), frame, message;

	if (net_demux_stream(data + at, len - at) != NET_DEMUX_STUN)
		return;
	for (; len - at >= STUN_FRAME_NEED; at += frame) {
		/* the first message is what proves a client, here */
		if (stun_frame_size(&frame, &message, data + at, len - at) !=
			0 ||
		    (frame > STREAM_NEW_MAX && s->count == 0)) {
			s->is_broken = true;
			return;
		}
		if (frame > len - at)
			return;
		note(s, data + at, message, frame);
	}
}

/* ---- what comes */

static void
on_message(struct bed *b, const struct net_flow *from, struct buf *buf)
{
	mix(&seen.messages, buf->data, buf->len);
	seen.messages += buf->len;
	seen.count++;
	net_keep(b->net, from, true);
	net_send(b->net, from, buf);
}

static void
turn(size_t room)
{
	/* who was held back looks again in a moment */
	if (bed->room == 0)
		now_us += STALL_US;
	bed->room = room;
	bed->net->now_us = now_us;
	event_base_loop(bed->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	wheel_advance(bed->wheel, net_now(bed->net));
	net_turn_end(bed->net);
}

static void
read_echo(int fd)
{
	static uint8_t got[BYTES_MAX];
	ssize_t n;

	while ((n = recv(fd, got, sizeof(got), MSG_DONTWAIT)) > 0) {
		mix(&seen.echo, got, (size_t)n);
		seen.echoed += (size_t)n;
	}
}

static void
play(int fd, const uint8_t *sizes, const uint8_t *data, size_t len)
{
	size_t n, stalls = 0;

	for (size_t at = 0, i = 0; at < len; at += n, i++) {
		n = sizes[i % SIZES];
		if (n == 0 && stalls++ < STALLS_MAX)
			turn(0);
		if (n == 0 || n > len - at)
			n = len - at < 100 ? len - at : 100;
		/* the other end may be gone */
		(void)!send(fd, data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		turn(i % 3 == 0 ? 700 : 1 << 20);
		read_echo(fd);
	}
}

static void
set_up(void)
{
	assert(addr_prefix_parse(&anybody, "0.0.0.0/0") == 0);
	bed = bed_prepare(NET_TCP, "127.0.0.1:0");
	bed->conf.listen.proxy.at = &anybody;
	bed->conf.listen.proxy.count = 1;
	bed_start(bed);
	bed->on_message = on_message;
	now_us = mono_now_us();
}

/* Returns the client's end, or -1. */
static int
connect_client(void)
{
	int fds[2];

	bed->net->now_us = now_us; /* else it reads the clock */
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	if (net_limits_take(
		net_listeners_limits(bed->listeners), &bed->conf, &bed->at) &&
	    net_entry_open(bed->net, fds[0], &bed->at, &bed->at) == 0)
		return fds[1];
	net_limits_give(net_listeners_limits(bed->listeners), &bed->at);
	close(fds[0]);
	close(fds[1]);
	return -1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen want = { 0 };
	bool is_short;
	int fd;

	if (size < HEAD || size > BYTES_MAX)
		return 0;
	if (bed == NULL)
		set_up();
	is_short = (data[0] & SHORT_MEMORY) != 0;
	memset(&seen, 0, sizeof(seen));
	expect(&want, data + HEAD, size - HEAD);
	if (is_short)
		mem_fail_at(data[0] >> 4);
	if ((fd = connect_client()) >= 0) {
		play(fd, data + 1, data + HEAD, size - HEAD);
		if ((data[0] & HALF_CLOSE) != 0)
			shutdown(fd, SHUT_WR);
		for (size_t i = 0; i < 4 + size / 400; i++) {
			turn(i == 0 ? 0 : 1 << 20);
			read_echo(fd);
		}
		close(fd);
	}
	mem_fail_at(-1);
	turn(0);
	turn(1 << 20);
	turn(1 << 20);
	assert(bed_counter(bed, STATS_CONNECTIONS) == 0);
	if (is_short)
		return 0;
	assert(seen.count == want.count && seen.messages == want.messages);
	/* what is answered in HTTP is no echo */
	if (want.count > 0 && !want.is_broken)
		assert(seen.echoed == want.echoed && seen.echo == want.echo);
	return 0;
}
