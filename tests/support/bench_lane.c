#include "tests/support/bench_lane.h"

#include <assert.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/mem.h"
#include "tests/support/bench_proc.h"

enum {
	CHANNEL_LEN = STUN_CHANNEL_HEADER_LEN,
	PACKET_BYTES = BENCH_LANE_SIZE_MAX + CHANNEL_LEN,
	HEAD_BYTES = 64, /* what is looked at of a datagram that arrives */
	GRO_BYTES = CMSG_SPACE(sizeof(int)),
	MAGIC = 0x424c5354,
	STALL_NS = 300 * 1000 * 1000, /* longer than a busy host pauses */
};

/* The payload's beginning, in host order: it comes back to this process. */
struct mark {
	uint32_t magic;
	uint32_t epoch;
	uint32_t flow;
	uint32_t unused;
	int64_t sent_ns;
};

struct bench_lane {
	struct bench_fleet *fleet; /* borrowed */
	bool from_clients, to_clients;
	size_t size;
	unsigned burst;
	unsigned window;
	unsigned under_way;
	uint32_t epoch;
	unsigned flow; /* the next to send */
	int64_t moved_ns;
	struct bench_lane_count count;
	struct mmsghdr out[BENCH_LANE_BATCH];
	struct iovec out_iov[BENCH_LANE_BATCH];
	uint8_t control[BENCH_LANE_BATCH][BENCH_FLEET_CONTROL];
	uint8_t *bursts; /* ours, BENCH_LANE_BATCH of burst packets */
	struct mmsghdr in[BENCH_LANE_BATCH];
	struct iovec in_iov[BENCH_LANE_BATCH];
	uint8_t head[BENCH_LANE_BATCH][HEAD_BYTES];
	_Alignas(struct cmsghdr) uint8_t gro[BENCH_LANE_BATCH][GRO_BYTES];
};

_Static_assert(sizeof(struct mark) == BENCH_LANE_SIZE_MIN,
    "the smallest payload is a mark");
_Static_assert(
    CHANNEL_LEN + sizeof(struct mark) <= HEAD_BYTES, "the mark is looked at");

/* A packet as it leaves, with its header. */
static size_t
packet_bytes(const struct bench_lane *l)
{
	return l->size + (l->from_clients ? CHANNEL_LEN : 0);
}

static uint8_t *
packet_at(const struct bench_lane *l, unsigned i, unsigned k)
{
	return l->bursts + (i * l->burst + k) * packet_bytes(l);
}

static void
prepare_out(struct bench_lane *l, unsigned i)
{
	struct msghdr *m = &l->out[i].msg_hdr;

	for (unsigned k = 0; k < l->burst; k++) {
		memset(packet_at(l, i, k), 0x5a, packet_bytes(l));
		if (l->from_clients)
			stun_channel_header(
			    packet_at(l, i, k), BENCH_FLEET_CHANNEL, l->size);
	}
	l->out_iov[i].iov_base = packet_at(l, i, 0);
	l->out_iov[i].iov_len = l->burst * packet_bytes(l);
	m->msg_iov = &l->out_iov[i];
	m->msg_iovlen = 1;
	m->msg_namelen = sizeof(struct sockaddr_in);
	m->msg_name = &l->fleet->server.u;
	if (l->from_clients)
		bench_fleet_control(m, l->control[i], bench_fleet_host(0));
}

struct bench_lane *
bench_lane_new(struct bench_fleet *f, const struct bench_lane_want *want)
{
	struct bench_lane *l = mem_must(1, sizeof(*l));

	assert(want->size >= BENCH_LANE_SIZE_MIN &&
	    want->size <= BENCH_LANE_SIZE_MAX && want->burst >= 1 &&
	    want->burst <= BENCH_LANE_BURST_MAX);
	l->fleet = f;
	l->from_clients = want->way != BENCH_LANE_DOWN;
	l->to_clients = want->way != BENCH_LANE_UP;
	l->size = want->size;
	l->burst = want->burst;
	l->bursts = mem_must(BENCH_LANE_BATCH * l->burst, PACKET_BYTES);
	for (unsigned i = 0; i < BENCH_LANE_BATCH; i++) {
		prepare_out(l, i);
		l->in_iov[i].iov_base = l->head[i];
		l->in_iov[i].iov_len = HEAD_BYTES;
		l->in[i].msg_hdr.msg_iov = &l->in_iov[i];
		l->in[i].msg_hdr.msg_iovlen = 1;
		l->in[i].msg_hdr.msg_control = l->gro[i];
	}
	return l;
}

void
bench_lane_free(struct bench_lane *l)
{
	if (l == NULL)
		return;
	mem_free(l->bursts);
	mem_free(l);
}

void
bench_lane_set_window(struct bench_lane *l, unsigned window)
{
	l->window = window;
}

struct bench_lane_count
bench_lane_count(const struct bench_lane *l)
{
	return l->count;
}

/* ---- sending */

/* Addresses burst i from or to a client and marks each packet of it. */
static void
address(struct bench_lane *l, unsigned i, unsigned flow, int64_t sent_ns)
{
	const struct mark mark = {
		.magic = MAGIC,
		.epoch = l->epoch,
		.flow = flow,
		.sent_ns = sent_ns,
	};
	struct msghdr *m = &l->out[i].msg_hdr;

	if (l->from_clients)
		bench_fleet_control(m, l->control[i], bench_fleet_host(flow));
	else
		m->msg_name = &l->fleet->relayed[flow].u;
	for (unsigned k = 0; k < l->burst; k++)
		memcpy(packet_at(l, i, k) + (l->from_clients ? CHANNEL_LEN : 0),
		    &mark, sizeof(mark));
}

/* Over connections; the first of the n bursts is that of flow. */
static unsigned
transmit_wires(struct bench_lane *l, unsigned flow, unsigned n)
{
	struct wire **wires = l->fleet->wires;
	unsigned i;

	for (i = 0; i < n; i++) {
		if (wire_send(wires[(flow + i) % l->fleet->count],
			packet_at(l, i, 0), l->out_iov[i].iov_len) != 0)
			break;
	}
	return i;
}

static void
transmit(struct bench_lane *l, unsigned flow, unsigned n)
{
	const int fd =
	    l->from_clients ? l->fleet->client_fd : l->fleet->peer_fd;
	int sent;

	if (l->from_clients && l->fleet->wires != NULL)
		sent = (int)transmit_wires(l, flow, n);
	else
		sent = sendmmsg(fd, l->out, n, MSG_DONTWAIT);
	if (sent <= 0)
		return;
	l->count.sent += (unsigned)sent * l->burst;
	l->under_way += (unsigned)sent * l->burst;
}

static unsigned
next_flow(struct bench_lane *l)
{
	const unsigned flow = l->flow++;

	if (l->flow == l->fleet->count)
		l->flow = 0;
	return flow;
}

static unsigned
fill(struct bench_lane *l, int64_t now_ns)
{
	const unsigned room = l->window - l->under_way, first = l->flow;
	unsigned n;

	/* small batches would cost this process more than the server */
	if (room < l->window / 4)
		return 0;
	n = room / l->burst;
	n = n < BENCH_LANE_BATCH ? n : BENCH_LANE_BATCH;
	for (unsigned i = 0; i < n; i++)
		address(l, i, next_flow(l), now_ns);
	transmit(l, first, n);
	return n;
}

void
bench_lane_send_one(struct bench_lane *l, int64_t now_ns)
{
	const unsigned flow = next_flow(l);

	address(l, 0, flow, now_ns);
	transmit(l, flow, 1);
}

/* ---- receiving */

/* Reads the mark of datagram i that arrived; false when it is not of this
 * lane's epoch. */
static bool
read_mark(struct mark *out, const struct bench_lane *l, unsigned i)
{
	const size_t head = l->to_clients ? CHANNEL_LEN : 0;

	if (l->in[i].msg_len < head + l->size)
		return false;
	memcpy(out, l->head[i] + head, sizeof(*out));
	return out->magic == MAGIC && out->epoch == l->epoch &&
	    out->flow < l->fleet->count;
}

/* How many packets datagram i is (UDP_GRO). */
static unsigned
segments(const struct bench_lane *l, unsigned i)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(&l->in[i].msg_hdr);
	int size = 0;

	if (c == NULL || c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO)
		return 1;
	memcpy(&size, CMSG_DATA(c), sizeof(size));
	return size > 0
	    ? (l->in[i].msg_len + (unsigned)size - 1) / (unsigned)size
	    : 1;
}

static int
receive(struct bench_lane *l)
{
	const int fd = l->to_clients ? l->fleet->client_fd : l->fleet->peer_fd;

	for (unsigned i = 0; i < BENCH_LANE_BATCH; i++)
		l->in[i].msg_hdr.msg_controllen = GRO_BYTES;
	/* MSG_TRUNC: the rest of the payload is not copied */
	return recvmmsg(
	    fd, l->in, BENCH_LANE_BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
}

/* Takes what one connection has, from place n on. */
static unsigned
receive_wire(struct bench_lane *l, struct wire *w, unsigned n)
{
	uint8_t packet[PACKET_BYTES];
	struct addr from;
	long len;

	while (n < BENCH_LANE_BATCH &&
	    (len = wire_recv(w, packet, sizeof(packet), &from, 0)) > 0) {
		l->in[n].msg_len = (unsigned)len;
		l->in[n].msg_hdr.msg_controllen = 0;
		memcpy(l->head[n++], packet, HEAD_BYTES);
	}
	return n;
}

static unsigned
receive_wires(struct bench_lane *l)
{
	struct epoll_event ready[BENCH_LANE_BATCH];
	const int count =
	    epoll_wait(l->fleet->epoll_fd, ready, BENCH_LANE_BATCH, 0);
	unsigned n = 0;

	/* the last ones may not be asked: they stay ready */
	for (int i = 0; i < count && n < BENCH_LANE_BATCH; i++)
		n = receive_wire(l, l->fleet->wires[ready[i].data.u32], n);
	return n;
}

static void
count_delivered(struct bench_lane *l, unsigned n, int64_t now_ns)
{
	l->count.delivered += n;
	l->moved_ns = now_ns;
	l->under_way -= n < l->under_way ? n : l->under_way;
}

unsigned
bench_lane_take(
    struct bench_lane *l, struct bench_hist *h, struct bench_lane *back)
{
	const bool wires = l->to_clients && l->fleet->wires != NULL;
	const int n = wires ? (int)receive_wires(l) : receive(l);
	const int64_t now = n > 0 ? bench_proc_now_ns() : 0;
	struct mark mark;

	for (int i = 0; i < n; i++) {
		if (!read_mark(&mark, l, (unsigned)i))
			continue;
		count_delivered(l, segments(l, (unsigned)i), now);
		if (h != NULL)
			bench_hist_add(h, (uint64_t)(now - mark.sent_ns));
		if (back == NULL)
			continue;
		address(back, 0, mark.flow, mark.sent_ns);
		transmit(back, mark.flow, 1);
	}
	return n > 0 ? (unsigned)n : 0;
}

unsigned
bench_lane_turn(struct bench_lane *l, int64_t now_ns)
{
	const unsigned taken = bench_lane_take(l, NULL, NULL);

	if (l->moved_ns == 0)
		l->moved_ns = now_ns;
	if (now_ns - l->moved_ns > STALL_NS) {
		l->count.lost += l->under_way;
		l->under_way = 0;
		l->epoch++;
		l->moved_ns = now_ns;
	}
	return taken + fill(l, now_ns);
}
