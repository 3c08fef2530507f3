#include "tests/support/bench_lane.h"

#include <assert.h>
#include <string.h>

#include "common/mem.h"
#include "tests/support/bench_proc.h"

enum {
	CHANNEL_LEN = STUN_CHANNEL_HEADER_LEN,
	PACKET_BYTES = BENCH_LANE_SIZE_MAX + CHANNEL_LEN,
	HEAD_BYTES = 64, /* what is looked at of a packet that arrives */
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
	enum bench_lane_way way;
	size_t size;
	unsigned window;
	unsigned under_way;
	uint32_t epoch;
	unsigned flow; /* the next to send */
	int64_t moved_ns;
	struct bench_lane_count count;
	struct mmsghdr out[BENCH_LANE_BATCH];
	struct iovec out_iov[BENCH_LANE_BATCH];
	uint8_t control[BENCH_LANE_BATCH][BENCH_FLEET_CONTROL];
	uint8_t packet[BENCH_LANE_BATCH][PACKET_BYTES];
	struct mmsghdr in[BENCH_LANE_BATCH];
	struct iovec in_iov[BENCH_LANE_BATCH];
	uint8_t head[BENCH_LANE_BATCH][HEAD_BYTES];
};

_Static_assert(sizeof(struct mark) == BENCH_LANE_SIZE_MIN,
    "the smallest payload is a mark");
_Static_assert(
    CHANNEL_LEN + sizeof(struct mark) <= HEAD_BYTES, "the mark is looked at");

static bool
is_up(const struct bench_lane *l)
{
	return l->way == BENCH_LANE_UP;
}

static void
prepare(struct bench_lane *l, unsigned i)
{
	const size_t head = is_up(l) ? CHANNEL_LEN : 0;
	struct msghdr *m = &l->out[i].msg_hdr;

	memset(l->packet[i], 0x5a, PACKET_BYTES);
	if (is_up(l))
		stun_channel_header(l->packet[i], BENCH_FLEET_CHANNEL, l->size);
	l->out_iov[i].iov_base = l->packet[i];
	l->out_iov[i].iov_len = head + l->size;
	m->msg_iov = &l->out_iov[i];
	m->msg_iovlen = 1;
	m->msg_namelen = sizeof(struct sockaddr_in);
	m->msg_name = &l->fleet->server.u;
	if (is_up(l))
		bench_fleet_control(m, l->control[i], l->fleet->hosts[0]);
	l->in_iov[i].iov_base = l->head[i];
	l->in_iov[i].iov_len = HEAD_BYTES;
	l->in[i].msg_hdr.msg_iov = &l->in_iov[i];
	l->in[i].msg_hdr.msg_iovlen = 1;
}

struct bench_lane *
bench_lane_new(struct bench_fleet *f, enum bench_lane_way way, size_t size)
{
	struct bench_lane *l = mem_must(1, sizeof(*l));

	assert(size >= BENCH_LANE_SIZE_MIN && size <= BENCH_LANE_SIZE_MAX);
	l->fleet = f;
	l->way = way;
	l->size = size;
	for (unsigned i = 0; i < BENCH_LANE_BATCH; i++)
		prepare(l, i);
	return l;
}

void
bench_lane_free(struct bench_lane *l)
{
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

/* Addresses packet i from or to a client and marks it. */
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

	if (is_up(l))
		bench_fleet_control(m, l->control[i], l->fleet->hosts[flow]);
	else
		m->msg_name = &l->fleet->relayed[flow].u;
	memcpy(
	    l->packet[i] + (is_up(l) ? CHANNEL_LEN : 0), &mark, sizeof(mark));
}

static void
transmit(struct bench_lane *l, unsigned n)
{
	const int fd = is_up(l) ? l->fleet->client_fd : l->fleet->peer_fd;
	const int sent = sendmmsg(fd, l->out, n, MSG_DONTWAIT);

	if (sent <= 0)
		return;
	l->count.sent += (unsigned)sent;
	l->under_way += (unsigned)sent;
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
	unsigned n = l->window - l->under_way;

	/* small batches would cost this process more than the server */
	if (n < l->window / 4)
		return 0;
	n = n < BENCH_LANE_BATCH ? n : BENCH_LANE_BATCH;
	for (unsigned i = 0; i < n; i++)
		address(l, i, next_flow(l), now_ns);
	transmit(l, n);
	return n;
}

void
bench_lane_send_one(struct bench_lane *l, int64_t now_ns)
{
	address(l, 0, next_flow(l), now_ns);
	transmit(l, 1);
}

/* ---- receiving */

/* Reads packet i that arrived; false when it is not of this lane's epoch. */
static bool
read_mark(struct mark *out, const struct bench_lane *l, unsigned i)
{
	const size_t head = is_up(l) ? 0 : CHANNEL_LEN;

	if (l->in[i].msg_len < head + l->size)
		return false;
	memcpy(out, l->head[i] + head, sizeof(*out));
	return out->magic == MAGIC && out->epoch == l->epoch &&
	    out->flow < l->fleet->count;
}

static int
receive(struct bench_lane *l)
{
	const int fd = is_up(l) ? l->fleet->peer_fd : l->fleet->client_fd;

	/* MSG_TRUNC: the rest of the payload is not copied */
	return recvmmsg(
	    fd, l->in, BENCH_LANE_BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
}

static void
count_delivered(struct bench_lane *l, int64_t now_ns)
{
	l->count.delivered++;
	l->moved_ns = now_ns;
	if (l->under_way > 0)
		l->under_way--;
}

unsigned
bench_lane_take(
    struct bench_lane *l, struct bench_hist *h, struct bench_lane *back)
{
	const int n = receive(l);
	const int64_t now = n > 0 ? bench_proc_now_ns() : 0;
	struct mark mark;

	for (int i = 0; i < n; i++) {
		if (!read_mark(&mark, l, (unsigned)i))
			continue;
		count_delivered(l, now);
		if (h != NULL)
			bench_hist_add(h, (uint64_t)(now - mark.sent_ns));
		if (back == NULL)
			continue;
		address(back, 0, mark.flow, mark.sent_ns);
		transmit(back, 1);
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
