#include "tests/support/bare.h"

#include <stdlib.h>
#include <string.h>

#if __has_include(<liburing.h>)
#include <liburing.h>

enum {
	RING = 2048,    /* buffers and submissions */
	BUFFER = 2048,  /* bytes of each, BARE_HEAD of it kept free */
	GROUP = 0,      /* the only one of buffers */
	SENT = 1u << 31 /* a buffer is free again; else: flow of a packet */
};

static struct io_uring ring;
static struct io_uring_buf_ring *free_buffers;
static uint8_t buffers[RING][BARE_HEAD + BUFFER];
static struct sockaddr_in targets[RING];
static struct msghdr client_layout = { .msg_namelen =
					   sizeof(struct sockaddr_in) };

static void
give_back(unsigned buffer)
{
	io_uring_buf_ring_add(free_buffers, buffers[buffer] + BARE_HEAD, BUFFER,
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
uring_up(const struct bare *b, unsigned buffer, int got)
{
	struct io_uring_recvmsg_out *o = io_uring_recvmsg_validate(
	    buffers[buffer] + BARE_HEAD, got, &client_layout);
	const struct sockaddr_in *from;
	unsigned flow;

	if (o == NULL || o->payloadlen <= BARE_HEAD)
		goto drop;
	from = io_uring_recvmsg_name(o);
	if ((flow = bench_fleet_flow(from->sin_addr)) >= b->count)
		goto drop;
	targets[buffer] = b->peer;
	send_on(flow, buffer,
	    (uint8_t *)io_uring_recvmsg_payload(o, &client_layout) + BARE_HEAD,
	    o->payloadlen - BARE_HEAD);
	return;

drop:
	give_back(buffer);
}

static void
uring_down(const struct bare *b, unsigned flow, unsigned buffer, size_t got)
{
	stun_channel_header(buffers[buffer], BENCH_FLEET_CHANNEL, got);
	targets[buffer] = b->client;
	targets[buffer].sin_addr = bench_fleet_host(flow);
	send_on(b->count, buffer, buffers[buffer], got + BARE_HEAD);
}

static void
complete(const struct bare *b, const struct io_uring_cqe *c)
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
prepare_uring(const struct bare *b)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER |
		    IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
		.cq_entries = 16 * RING,
	};
	struct io_uring_buf_reg reg = { .ring_entries = RING, .bgid = GROUP };
	void *memory;

	if (posix_memalign(&memory, 4096, RING * sizeof(struct io_uring_buf)))
		bare_die("no memory");
	free_buffers = memory;
	reg.ring_addr = (uintptr_t)memory;
	io_uring_buf_ring_init(free_buffers);
	if (io_uring_queue_init_params(RING, &ring, &p) != 0 ||
	    io_uring_register_files(&ring, b->fds, b->count + 1) != 0 ||
	    io_uring_register_buf_ring(&ring, &reg, 0) != 0 ||
	    io_uring_register_ring_fd(&ring) != 1)
		bare_die("this kernel has no io_uring as it is wanted");
	for (unsigned i = 0; i < RING; i++)
		give_back(i);
	for (unsigned i = 0; i <= b->count; i++)
		receive_on(b, i);
}

void
bare_run_uring(const struct bare *b)
{
	struct io_uring_cqe *c;
	unsigned at, seen;

	prepare_uring(b);
	bare_tell_ready();
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

bool
bare_has_uring(void)
{
	return true;
}
#else
bool
bare_has_uring(void)
{
	return false;
}

void
bare_run_uring(const struct bare *b)
{
	(void)b;
	bare_die("built without liburing");
}
#endif
