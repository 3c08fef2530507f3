#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "tests/support/bare.h"

enum {
	BATCH = 64,    /* datagrams in one turn */
	SEGMENTS = 64, /* of one datagram: UDP_MAX_SEGMENTS of old kernels */
	SLOT_BYTES = 64 * 1024,
	CONTROL = CMSG_SPACE(sizeof(int)),
};

/* One datagram on its way, with segments of one size. */
struct slot {
	uint8_t *bytes;
	unsigned flow;
	size_t segment;
	struct sockaddr_in from;
	struct iphdr ip; /* raw: what goes before it */
	struct udphdr udp;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL];
	struct iovec iov[2 * SEGMENTS];
};

static struct slot slots[BATCH];
static struct mmsghdr in[BATCH], out[BATCH];
static struct iovec in_iov[BATCH];
static int epoll_fd;

/* Takes what fd has into the slots from the first on; returns how many. */
static unsigned
take(int fd, unsigned first)
{
	int n;

	for (unsigned i = first; i < BATCH; i++) {
		in[i].msg_hdr = (struct msghdr){
			.msg_name = &slots[i].from,
			.msg_namelen = sizeof(slots[i].from),
			.msg_iov = &in_iov[i],
			.msg_iovlen = 1,
			.msg_control = slots[i].control,
			.msg_controllen = CONTROL,
		};
	}
	n = recvmmsg(fd, in + first, BATCH - first, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct slot *s = &slots[first + (unsigned)i];
		struct msghdr *m = &in[first + (unsigned)i].msg_hdr;
		const struct cmsghdr *c = CMSG_FIRSTHDR(m);

		s->segment = in[first + (unsigned)i].msg_len;
		if (c != NULL && c->cmsg_type == UDP_GRO)
			s->segment = (size_t) * (const int *)CMSG_DATA(c);
	}
	return n > 0 ? (unsigned)n : 0;
}

/* Takes one datagram without segments into slot i; returns how many. */
static unsigned
take_alone(int fd, unsigned i)
{
	socklen_t len = sizeof(slots[i].from);
	const ssize_t n = recvfrom(fd, slots[i].bytes, SLOT_BYTES, MSG_DONTWAIT,
	    (struct sockaddr *)&slots[i].from, &len);

	if (n < 0)
		return 0;
	in[i].msg_len = (unsigned)n;
	slots[i].segment = (size_t)n;
	return 1;
}

/* What waits at a flow: with many flows it is rarely more than one datagram,
 * and asking for one costs 7 % less. */
static unsigned
take_flow(const struct bare *b, unsigned flow, unsigned first)
{
	if (b->gso || b->count < BATCH)
		return take(b->fds[flow], first);
	return take_alone(b->fds[flow], first);
}

/* Sets the size of the segments that leave in one. */
static void
put_segment(struct msghdr *m, struct slot *s, uint16_t size)
{
	struct cmsghdr *c;

	m->msg_control = s->control;
	m->msg_controllen = CMSG_SPACE(sizeof(size));
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
}

/* Makes out[at] of slot i: each segment without skip bytes at its beginning,
 * and with a header where there is a head. */
static void
pass(unsigned at, unsigned i, size_t skip, uint8_t *head)
{
	struct slot *s = &slots[i];
	struct msghdr *m = &out[at].msg_hdr;
	size_t done = 0, piece, pieces = 0;
	unsigned n = 0;

	m->msg_iov = s->iov;
	while (done < in[i].msg_len && pieces < SEGMENTS) {
		piece = in[i].msg_len - done;
		piece = piece < s->segment ? piece : s->segment;
		if (piece <= skip)
			break;
		if (head != NULL)
			s->iov[n++] = (struct iovec){ head, BARE_HEAD };
		s->iov[n++] =
		    (struct iovec){ s->bytes + done + skip, piece - skip };
		done += piece;
		pieces++;
	}
	m->msg_iovlen = n;
	m->msg_control = NULL;
	m->msg_controllen = 0;
	m->msg_namelen = sizeof(struct sockaddr_in);
	if (pieces > 1)
		put_segment(m, s,
		    (uint16_t)(s->segment - skip +
			(head != NULL ? BARE_HEAD : 0)));
}

/* One datagram alone costs 6 % less by sendto. */
static bool
send_alone(int fd, const struct msghdr *m)
{
	if (m->msg_iovlen != 1)
		return false;
	(void)sendto(fd, m->msg_iov->iov_base, m->msg_iov->iov_len,
	    MSG_DONTWAIT, m->msg_name, m->msg_namelen);
	return true;
}

static void
send_all(int fd, unsigned from, unsigned to)
{
	if (to - from == 1 && send_alone(fd, &out[from].msg_hdr))
		return;
	while (from < to) {
		const int n = sendmmsg(fd, out + from, to - from, MSG_DONTWAIT);

		from += n > 0 ? (unsigned)n : 1; /* a full buffer drops it */
	}
}

/* The headers of a packet from a relayed address to the peer; the kernel
 * fills in length and checksum, UDP over IPv4 needs none. */
static void
put_headers(const struct bare *b, struct slot *s, size_t payload)
{
	const struct in_addr from = bench_fleet_bare(s->flow);

	s->ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(s->ip) / 4,
		.id = htons(1), /* else the kernel finds one */
		.frag_off = htons(IP_DF),
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.saddr = from.s_addr,
		.daddr = b->peer.sin_addr.s_addr,
	};
	s->udp = (struct udphdr){
		.source = b->relayed_port,
		.dest = b->peer.sin_port,
		.len = htons((uint16_t)(sizeof(s->udp) + payload)),
	};
}

/* Client to peer by one socket for all flows. */
static void
go_up_raw(const struct bare *b)
{
	const unsigned n = take(b->client_fd, 0);

	for (unsigned i = 0; i < n; i++) {
		struct slot *s = &slots[i];

		s->flow = bench_fleet_flow(s->from.sin_addr);
		put_headers(b, s, in[i].msg_len - BARE_HEAD);
		s->iov[0] =
		    (struct iovec){ &s->ip, sizeof(s->ip) + sizeof(s->udp) };
		s->iov[1] = (struct iovec){ s->bytes + BARE_HEAD,
			in[i].msg_len - BARE_HEAD };
		out[i].msg_hdr = (struct msghdr){
			.msg_name = (void *)&b->peer,
			.msg_namelen = sizeof(b->peer),
			.msg_iov = s->iov,
			.msg_iovlen = 2,
		};
	}
	send_all(b->raw_fd, 0, n);
}

/* Client to peer: neighbours of one flow leave in one call. */
static void
go_up(const struct bare *b)
{
	const unsigned n = take(b->client_fd, 0);
	unsigned end;

	for (unsigned i = 0; i < n; i++) {
		slots[i].flow = bench_fleet_flow(slots[i].from.sin_addr);
		pass(i, i, BARE_HEAD, NULL);
		out[i].msg_hdr.msg_name = (void *)&b->peer;
	}
	for (unsigned i = 0; i < n; i = end) {
		for (end = i + 1; end < n; end++) {
			if (slots[end].flow != slots[i].flow)
				break;
		}
		if (slots[i].flow < b->count)
			send_all(b->fds[slots[i].flow], i, end);
	}
}

static void
turn_back(const struct bare *b)
{
	const unsigned n = take(b->client_fd, 0);

	for (unsigned i = 0; i < n; i++) {
		slots[i].from.sin_addr = bench_fleet_host(
		    bench_fleet_flow(slots[i].from.sin_addr) ^ 1);
		pass(i, i, 0, NULL);
		out[i].msg_hdr.msg_name = &slots[i].from;
	}
	send_all(b->client_fd, 0, n);
}

static uint8_t *
head_of(size_t payload)
{
	static uint8_t head[BARE_HEAD];
	static size_t head_for;

	if (payload != head_for)
		stun_channel_header(head, BENCH_FLEET_CHANNEL, payload);
	head_for = payload;
	return head;
}

/* Peer to client: slots first.. hold what arrived at flow. */
static void
address_down(const struct bare *b, unsigned flow, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		pass(i, i, 0, head_of(slots[i].segment));
		slots[i].from = b->client;
		slots[i].from.sin_addr = bench_fleet_host(flow);
		out[i].msg_hdr.msg_name = &slots[i].from;
	}
}

static void
watch(int fd, unsigned flow)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = flow };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
		bare_die("epoll_ctl: %s", strerror(errno));
}

static void
prepare(const struct bare *b)
{
	epoll_fd = epoll_create1(0);
	watch(b->client_fd, b->count);
	for (unsigned i = 0; i < b->count && !b->hairpin; i++)
		watch(b->fds[i], i);
	for (unsigned i = 0; i < BATCH; i++) {
		slots[i].bytes = mem_must(1, SLOT_BYTES);
		in_iov[i].iov_base = slots[i].bytes;
		in_iov[i].iov_len = SLOT_BYTES;
	}
}

void
bare_run_batches(const struct bare *b)
{
	struct epoll_event ready[BATCH];
	unsigned held;
	int n;

	prepare(b);
	bare_tell_ready();
	for (;;) {
		n = epoll_wait(epoll_fd, ready, BATCH, -1);
		held = 0;
		for (int i = 0; i < n; i++) {
			const unsigned flow = ready[i].data.u32;
			unsigned got;

			if (flow == b->count)
				continue;
			got = take_flow(b, flow, held);
			address_down(b, flow, held, got);
			if ((held += got) < BATCH)
				continue;
			send_all(b->client_fd, 0, held);
			held = 0;
		}
		send_all(b->client_fd, 0, held);
		for (int i = 0; i < n; i++) {
			if (ready[i].data.u32 != b->count)
				continue;
			if (b->hairpin)
				turn_back(b);
			else if (b->raw_fd >= 0)
				go_up_raw(b);
			else
				go_up(b);
		}
	}
}
