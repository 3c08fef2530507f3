#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/support/sift.h"

enum {
	BURST_MAX = 24, /* packets; room for them in each flow */
	BURST_BYTES = 65000,
	TRAIN_MAX = 8,
	HOT = 8,       /* clients: several packets for one of them meet */
	HOT_FOR = 400, /* sends */
	CHANNEL_LEN = STUN_CHANNEL_HEADER_LEN,
	/* Send: header, XOR-PEER-ADDRESS of an IPv4 address, DATA's header */
	SEND_LEN = STUN_HEADER_LEN + 12 + 4,
	/* a Data indication is as long as a Send indication */
	FAR_MAX = (SIFT_DATAGRAM_MAX - SEND_LEN) / 4 * 4,
	NEAR_MAX = SIFT_DATAGRAM_MAX - CHANNEL_LEN,
	SEGMENT_BYTES = CMSG_SPACE(sizeof(uint16_t)),
};

/* Packets of one sender that leave in one system call. */
struct burst {
	size_t size; /* of each but the last */
	size_t last;
	unsigned count;
	size_t len; /* what is written so far */
	uint8_t bytes[SIFT_DATAGRAM_MAX + 3];
};

/* xorshift64* */
unsigned
sift_below(struct sift *s, unsigned limit)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (unsigned)((s->random * 0x2545f4914f6cdd1d >> 32) % limit);
}

/* ---- shapes */

/* A datagram's size, min to max: small ones mostly, now and then the ends. */
static size_t
draw_size(struct sift *s, size_t min, size_t max)
{
	static const unsigned below[] = { 16, 64, 256, 256, 1300, 1472 };
	const unsigned kind = sift_below(s, 64);
	size_t size = max;

	if (kind < 58)
		size = min + sift_below(s, below[kind % 6]);
	else if (kind < 62)
		size = min + sift_below(s, 9000);
	else if (kind == 62)
		size = min + sift_below(s, (unsigned)(max - min + 1));
	return size < max ? size : max;
}

/* How many of that size. */
static void
draw_burst(struct sift *s, struct burst *b, size_t min, size_t max)
{
	b->len = 0;
	b->size = b->last = draw_size(s, min, max);
	b->count = sift_below(s, 2) ? 1 : 2 + sift_below(s, BURST_MAX - 1);
	if (b->count > BURST_BYTES / b->size)
		b->count = (unsigned)(BURST_BYTES / b->size);
	if (b->count < 1)
		b->count = 1;
	if (b->count > 1 && sift_below(s, 2))
		b->last = min + sift_below(s, (unsigned)(b->size - min + 1));
}

static bool
may_send(const struct sift *s, const struct burst *b)
{
	const uint64_t charge = b->count * (b->size + FLOWS_OVERHEAD);

	return flows_under_way(s->flows) == 0 ||
	    flows_charge(s->flows) + charge <= s->window;
}

/* ---- sending */

static void
transmit(struct sift *s, int fd, struct msghdr *m, const struct burst *b)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	const uint16_t size = (uint16_t)b->size;
	struct cmsghdr *c;

	if (b->count > 1) {
		c = (struct cmsghdr *)((uint8_t *)m->msg_control +
		    m->msg_controllen);
		m->msg_controllen += SEGMENT_BYTES;
		c->cmsg_level = SOL_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(size));
		memcpy(CMSG_DATA(c), &size, sizeof(size));
		s->count.bursts++;
	}
	while (sendmsg(fd, m, 0) < 0) {
		if (errno != EAGAIN && errno != ENOBUFS)
			sift_die("sendmsg of %u times %zu bytes: %m", b->count,
			    b->size);
		(void)poll(&p, 1, 100);
	}
}

static void
transmit_up(struct sift *s, unsigned client, struct burst *b)
{
	_Alignas(struct cmsghdr)
	    uint8_t control[BENCH_FLEET_CONTROL + SEGMENT_BYTES] = { 0 };
	struct iovec iov = { .iov_base = b->bytes, .iov_len = b->len };
	struct msghdr m = {
		.msg_name = &s->fleet->server.u,
		.msg_namelen = addr_len(&s->fleet->server),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	bench_fleet_control(&m, control, bench_fleet_host(client));
	transmit(s, s->fleet->client_fd, &m, b);
}

static void
transmit_down(struct sift *s, int fd, unsigned client, struct burst *b)
{
	_Alignas(struct cmsghdr) uint8_t control[SEGMENT_BYTES] = { 0 };
	struct iovec iov = { .iov_base = b->bytes, .iov_len = b->len };
	struct msghdr m = {
		.msg_name = &s->fleet->relayed[client].u,
		.msg_namelen = addr_len(&s->fleet->relayed[client]),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
	};

	transmit(s, fd, &m, b);
}

/* ---- the client's packets */

/* ChannelData of size bytes; up to three of them behind the data. */
static void
put_channel(struct sift *s, struct burst *b, unsigned flow, uint16_t number,
    size_t size)
{
	const size_t room = size - CHANNEL_LEN;
	const size_t len = room > 3 ? room - sift_below(s, 4) : room;
	uint8_t *out = b->bytes + b->len;

	stun_channel_header(out, number, len);
	flows_next(s->flows, flow, out + CHANNEL_LEN, len);
	memset(out + CHANNEL_LEN + len, 0, room - len);
	b->len += size;
}

/* A Send indication of size bytes, of which size % 4 is 0. */
static void
put_send(struct sift *s, struct burst *b, unsigned flow,
    const struct addr *peer, size_t size)
{
	static const uint8_t tid[STUN_TID_LEN] = "sift";
	static uint8_t data[SIFT_DATAGRAM_MAX];
	const size_t len = size - SEND_LEN - sift_below(s, 4);
	struct pen p;

	flows_next(s->flows, flow, data, len);
	stun_msg_begin(
	    &p, b->bytes + b->len, size, STUN_SEND, STUN_INDICATION, tid);
	stun_put_xor_addr(&p, STUN_ATTR_XOR_PEER_ADDRESS, peer, tid);
	stun_put(&p, STUN_ATTR_DATA, data, len);
	if (stun_msg_end(&p) != size)
		sift_die("an indication is not of %zu bytes", size);
	b->len += size;
}

/* One packet of that size to one of the client's peers. */
static void
put_packet(struct sift *s, struct burst *b, unsigned client, enum sift_way way,
    size_t size)
{
	const bool may_indicate = size % 4 == 0 && size >= SEND_LEN + 4;
	const bool indicate = may_indicate && sift_below(s, 2);
	const struct addr *pair = &s->fleet->relayed[client ^ 1];

	if (way == SIFT_PAIR && sift_has_channel(client) && !indicate)
		put_channel(
		    s, b, sift_flow(s, way, client), SIFT_PAIR_CHANNEL, size);
	else if (way == SIFT_PAIR && may_indicate)
		put_send(s, b, sift_flow(s, way, client), pair, size);
	else if (way == SIFT_UP_FAR && may_indicate)
		put_send(s, b, sift_flow(s, way, client), &s->far, size);
	else if (indicate)
		put_send(s, b, sift_flow(s, SIFT_UP_NEAR, client),
		    &s->fleet->peer, size);
	else
		put_channel(s, b, sift_flow(s, SIFT_UP_NEAR, client),
		    BENCH_FLEET_CHANNEL, size);
}

static bool
has_room_up(const struct sift *s, unsigned client, unsigned n)
{
	for (unsigned way = SIFT_UP_NEAR; way <= SIFT_PAIR; way++) {
		if (!flows_may_send(s->flows, sift_flow(s, way, client), n))
			return false;
	}
	return true;
}

static bool
send_up(struct sift *s, unsigned client)
{
	static struct burst b;

	draw_burst(s, &b, CHANNEL_LEN + 1, SIFT_DATAGRAM_MAX);
	if (!may_send(s, &b) || !has_room_up(s, client, b.count))
		return false;
	for (unsigned k = 0; k < b.count; k++)
		put_packet(s, &b, client, (enum sift_way)sift_below(s, 3),
		    k + 1 < b.count ? b.size : b.last);
	transmit_up(s, client, &b);
	return true;
}

/* Single packets right behind each other, of sizes that differ by little. */
static bool
send_train(struct sift *s, unsigned client)
{
	static struct burst b;
	const enum sift_way way = (enum sift_way)sift_below(s, 3);
	const unsigned n = 2 + sift_below(s, TRAIN_MAX - 1);
	const size_t size = 64 + sift_below(s, 1300);

	b.size = size + 4;
	b.count = n;
	if (!may_send(s, &b) || !has_room_up(s, client, n))
		return false;
	b.count = 1;
	for (unsigned k = 0; k < n; k++) {
		b.len = 0;
		put_packet(s, &b, client, way,
		    sift_below(s, 2) ? size : size + 4 - sift_below(s, 30));
		b.size = b.len;
		transmit_up(s, client, &b);
	}
	return true;
}

/* ---- the peers' packets */

static bool
send_down(struct sift *s, unsigned client, bool is_far)
{
	static struct burst b;
	const unsigned flow =
	    sift_flow(s, is_far ? SIFT_DOWN_FAR : SIFT_DOWN_NEAR, client);
	size_t size;

	draw_burst(s, &b, 1, is_far ? FAR_MAX : NEAR_MAX);
	if (!may_send(s, &b) || !flows_may_send(s->flows, flow, b.count))
		return false;
	for (unsigned k = 0; k < b.count; k++) {
		size = k + 1 < b.count ? b.size : b.last;
		flows_next(s->flows, flow, b.bytes + b.len, size);
		b.len += size;
	}
	transmit_down(s, is_far ? s->far_fd : s->fleet->peer_fd, client, &b);
	return true;
}

bool
sift_send(struct sift *s)
{
	unsigned client = sift_below(s, s->fleet->count);

	if (sift_below(s, HOT_FOR) == 0)
		s->hot = client;
	if (sift_below(s, 2))
		client = (s->hot + sift_below(s, HOT)) % s->fleet->count;
	switch (sift_below(s, 5)) {
	case 0:
	case 1:
		return send_up(s, client);
	case 2:
		return send_train(s, client);
	case 3:
		return send_down(s, client, false);
	default:
		return send_down(s, client, true);
	}
}

void
sift_send_each(struct sift *s, unsigned client)
{
	static struct burst b;

	b.count = 1;
	for (unsigned way = SIFT_UP_NEAR; way <= SIFT_PAIR; way++) {
		b.len = 0;
		b.size = SEND_LEN + 4 + 4 * sift_below(s, 64);
		put_packet(s, &b, client, (enum sift_way)way, b.size);
		transmit_up(s, client, &b);
	}
	for (unsigned way = SIFT_DOWN_NEAR; way <= SIFT_DOWN_FAR; way++) {
		b.len = b.size = 1 + sift_below(s, 8);
		flows_next(s->flows, sift_flow(s, way, client), b.bytes, b.len);
		transmit_down(s,
		    way == SIFT_DOWN_FAR ? s->far_fd : s->fleet->peer_fd,
		    client, &b);
	}
}
