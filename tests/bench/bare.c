/*
 * bare: a relay without a protocol, the limit of what user space can reach.
 *
 *	bare batch|gso|uring|hairpin|hairpin-gso PORT FLOWS
 *	bare modes	those that were built
 *
 * It moves the packets of a TURN relay, with one relayed socket per flow, and
 * knows everything beforehand: who the clients and the peer are
 * (bench_fleet.h), which flow a packet is of, that each header is four bytes.
 * No session, no permission, no cap, no counter.
 *
 *	batch	recvmmsg, sendmmsg where one socket sends more than one
 *	gso	the same with UDP_GRO and UDP_SEGMENT
 *	uring	io_uring: multishot receives, all sends of a turn submitted
 *		together; built where there is a liburing
 *	hairpin	from each client to its neighbour, never through a second
 *		socket; hairpin-gso: with UDP_GRO and UDP_SEGMENT
 */
#include <errno.h>
#include <netinet/udp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/support/bench_fleet.h"

enum {
	BATCH = 64,    /* datagrams in one turn */
	SEGMENTS = 64, /* of one datagram: UDP_MAX_SEGMENTS of old kernels */
	SLOT_BYTES = 64 * 1024,
	HEAD = STUN_CHANNEL_HEADER_LEN,
	SOCKET_BUFFER = 8 << 20,
	CONTROL = CMSG_SPACE(sizeof(int)),
};

struct bare {
	bool gso, hairpin;
	int client_fd; /* of all clients */
	int epoll_fd;
	unsigned count;
	int *fds;                        /* relayed, of each flow */
	struct sockaddr_in client, peer; /* client: its host is set per flow */
	uint8_t head[HEAD];              /* of the last size */
	size_t head_for;
};

/* One datagram on its way, with segments of one size. */
struct slot {
	uint8_t *bytes;
	unsigned flow;
	size_t segment;
	struct sockaddr_in from;
	uint8_t control[CONTROL];
	struct iovec iov[2 * SEGMENTS];
};

static struct slot slots[BATCH];
static struct mmsghdr in[BATCH], out[BATCH];
static struct iovec in_iov[BATCH];

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("bare: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static int
open_socket(const struct bare *b, struct in_addr host, in_port_t port)
{
	const struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr = host,
		.sin_port = htons(port),
	};
	const int size = SOCKET_BUFFER, on = 1;
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (const void *)&at, sizeof(at)) != 0)
		die("socket on port %u: %s", port, strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (b->gso && setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) != 0)
		die("UDP_GRO: %s", strerror(errno));
	return fd;
}

static void
tell_ready(void)
{
	puts("ready");
	(void)fflush(stdout);
}

/* ---- in batches */

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
			s->iov[n++] = (struct iovec){ head, HEAD };
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
		    (uint16_t)(s->segment - skip + (head != NULL ? HEAD : 0)));
}

static void
send_all(int fd, unsigned from, unsigned to)
{
	while (from < to) {
		const int n = sendmmsg(fd, out + from, to - from, MSG_DONTWAIT);

		from += n > 0 ? (unsigned)n : 1; /* a full buffer drops it */
	}
}

/* Client to peer: neighbours of one flow leave in one call. */
static void
go_up(struct bare *b)
{
	const unsigned n = take(b->client_fd, 0);
	unsigned end;

	for (unsigned i = 0; i < n; i++) {
		slots[i].flow = bench_fleet_flow(slots[i].from.sin_addr);
		pass(i, i, HEAD, NULL);
		out[i].msg_hdr.msg_name = &b->peer;
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
turn_back(struct bare *b)
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
head_of(struct bare *b, size_t payload)
{
	if (payload != b->head_for)
		stun_channel_header(b->head, BENCH_FLEET_CHANNEL, payload);
	b->head_for = payload;
	return b->head;
}

/* Peer to client: slots first.. hold what arrived at flow. */
static void
address_down(struct bare *b, unsigned flow, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		pass(i, i, 0, head_of(b, slots[i].segment));
		slots[i].from = b->client;
		slots[i].from.sin_addr = bench_fleet_host(flow);
		out[i].msg_hdr.msg_name = &slots[i].from;
	}
}

static void
run_batches(struct bare *b)
{
	struct epoll_event ready[BATCH];
	unsigned held;
	int n;

	for (;;) {
		n = epoll_wait(b->epoll_fd, ready, BATCH, -1);
		held = 0;
		for (int i = 0; i < n; i++) {
			const unsigned flow = ready[i].data.u32;
			unsigned got;

			if (flow == b->count)
				continue;
			got = take(b->fds[flow], held);
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
			else
				go_up(b);
		}
	}
}

static void
watch(struct bare *b, int fd, unsigned flow)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = flow };

	if (epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
		die("epoll_ctl: %s", strerror(errno));
}

static void
prepare_batches(struct bare *b)
{
	b->epoll_fd = epoll_create1(0);
	watch(b, b->client_fd, b->count);
	for (unsigned i = 0; i < b->count && !b->hairpin; i++)
		watch(b, b->fds[i], i);
	for (unsigned i = 0; i < BATCH; i++) {
		slots[i].bytes = mem_must(1, SLOT_BYTES);
		in_iov[i].iov_base = slots[i].bytes;
		in_iov[i].iov_len = SLOT_BYTES;
	}
}

/* ---- with io_uring */

#if __has_include(<liburing.h>)
#include <liburing.h>
#define MODES "batch gso hairpin hairpin-gso uring"

enum {
	RING = 2048,    /* buffers and submissions */
	BUFFER = 2048,  /* bytes of each, HEAD of it kept free */
	GROUP = 0,      /* the only one of buffers */
	SENT = 1u << 31 /* a buffer is free again; else: flow of a packet */
};

static struct io_uring ring;
static struct io_uring_buf_ring *free_buffers;
static uint8_t buffers[RING][HEAD + BUFFER];
static struct sockaddr_in targets[RING];
static struct msghdr client_layout = { .msg_namelen =
					   sizeof(struct sockaddr_in) };

static void
give_back(unsigned buffer)
{
	io_uring_buf_ring_add(free_buffers, buffers[buffer] + HEAD, BUFFER,
	    (unsigned short)buffer, io_uring_buf_ring_mask(RING), 0);
	io_uring_buf_ring_advance(free_buffers, 1);
}

static struct io_uring_sqe *
next_submission(void)
{
	struct io_uring_sqe *s;

	while ((s = io_uring_get_sqe(&ring)) == NULL)
		(void)io_uring_submit(&ring);
	return s;
}

/* Files are registered: flow by flow, the clients' last. */
static void
receive_on(const struct bare *b, unsigned flow)
{
	struct io_uring_sqe *s = next_submission();

	if (flow == b->count)
		io_uring_prep_recvmsg_multishot(
		    s, (int)flow, &client_layout, 0);
	else
		io_uring_prep_recv_multishot(s, (int)flow, NULL, 0, 0);
	s->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
	s->buf_group = GROUP;
	io_uring_sqe_set_data64(s, flow);
}

static void
send_on(unsigned file, unsigned buffer, const uint8_t *data, size_t len)
{
	struct io_uring_sqe *s = next_submission();

	io_uring_prep_send(s, (int)file, data, len, 0);
	io_uring_prep_send_set_addr(
	    s, (const void *)&targets[buffer], sizeof(targets[buffer]));
	s->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data64(s, SENT | buffer);
}

/* A packet of a client stands behind its address. */
static void
uring_up(struct bare *b, unsigned buffer, int got)
{
	struct io_uring_recvmsg_out *o = io_uring_recvmsg_validate(
	    buffers[buffer] + HEAD, got, &client_layout);
	const struct sockaddr_in *from;
	unsigned flow;

	if (o == NULL || o->payloadlen <= HEAD)
		goto drop;
	from = io_uring_recvmsg_name(o);
	if ((flow = bench_fleet_flow(from->sin_addr)) >= b->count)
		goto drop;
	targets[buffer] = b->peer;
	send_on(flow, buffer,
	    (uint8_t *)io_uring_recvmsg_payload(o, &client_layout) + HEAD,
	    o->payloadlen - HEAD);
	return;

drop:
	give_back(buffer);
}

static void
uring_down(struct bare *b, unsigned flow, unsigned buffer, size_t got)
{
	stun_channel_header(buffers[buffer], BENCH_FLEET_CHANNEL, got);
	targets[buffer] = b->client;
	targets[buffer].sin_addr = bench_fleet_host(flow);
	send_on(b->count, buffer, buffers[buffer], got + HEAD);
}

static void
complete(struct bare *b, const struct io_uring_cqe *c)
{
	const unsigned what = (unsigned)io_uring_cqe_get_data64(c);
	const unsigned buffer = c->flags >> IORING_CQE_BUFFER_SHIFT;

	if ((what & SENT) != 0) {
		give_back(what & ~SENT);
		return;
	}
	if ((c->flags & IORING_CQE_F_BUFFER) != 0) {
		if (what == b->count)
			uring_up(b, buffer, c->res);
		else
			uring_down(b, what, buffer, (size_t)c->res);
	}
	if ((c->flags & IORING_CQE_F_MORE) == 0)
		receive_on(b, what);
}

static void
prepare_uring(struct bare *b)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER |
		    IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
		.cq_entries = 16 * RING,
	};
	struct io_uring_buf_reg reg = { .ring_entries = RING, .bgid = GROUP };
	void *memory;

	if (posix_memalign(&memory, 4096, RING * sizeof(struct io_uring_buf)))
		die("no memory");
	free_buffers = memory;
	reg.ring_addr = (uintptr_t)memory;
	io_uring_buf_ring_init(free_buffers);
	if (io_uring_queue_init_params(RING, &ring, &p) != 0 ||
	    io_uring_register_files(&ring, b->fds, b->count + 1) != 0 ||
	    io_uring_register_buf_ring(&ring, &reg, 0) != 0 ||
	    io_uring_register_ring_fd(&ring) != 1)
		die("this kernel has no io_uring as it is wanted");
	for (unsigned i = 0; i < RING; i++)
		give_back(i);
	for (unsigned i = 0; i <= b->count; i++)
		receive_on(b, i);
}

static void
run_uring(struct bare *b)
{
	struct io_uring_cqe *c;
	unsigned at, seen;

	prepare_uring(b);
	tell_ready();
	for (;;) {
		(void)io_uring_submit_and_wait(&ring, 1);
		seen = 0;
		io_uring_for_each_cqe(&ring, at, c)
		{
			complete(b, c);
			seen++;
		}
		io_uring_cq_advance(&ring, seen);
	}
}
#else
#define MODES "batch gso hairpin hairpin-gso"

static void
run_uring(struct bare *b)
{
	(void)b;
	die("built without liburing");
}
#endif

int
main(int argc, char **argv)
{
	static struct bare b;
	struct rlimit files;
	in_port_t port;

	if (argc == 2 && strcmp(argv[1], "modes") == 0) {
		puts(MODES);
		return 0;
	}
	if (argc != 4)
		die("MODE PORT FLOWS");
	b.hairpin = strncmp(argv[1], "hairpin", 7) == 0;
	b.gso = strstr(argv[1], "gso") != NULL;
	port = (in_port_t)atoi(argv[2]);
	b.count = (unsigned)atoi(argv[3]);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	b.client.sin_family = b.peer.sin_family = AF_INET;
	b.client.sin_port = htons(port + BENCH_FLEET_BARE_CLIENT);
	b.peer.sin_port = htons(port + BENCH_FLEET_BARE_PEER);
	b.peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	b.fds = mem_must(b.count + 1, sizeof(b.fds[0]));
	for (unsigned i = 0; i < b.count && !b.hairpin; i++)
		b.fds[i] = open_socket(&b, bench_fleet_bare(i), port);
	b.client_fd = b.fds[b.count] = open_socket(&b, b.peer.sin_addr, port);
	if (strcmp(argv[1], "uring") == 0)
		run_uring(&b);
	prepare_batches(&b);
	tell_ready();
	run_batches(&b);
}
