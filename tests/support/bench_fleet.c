#include "tests/support/bench_fleet.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/mono.h"

enum {
	IN_FLIGHT = 32, /* requests: fits the smallest socket buffer */
	STALL_MS = 500,
	STALLS_MAX = 10,
	SOCKET_BUFFER = 8 << 20,
	ANSWER_MS = 3000, /* over a connection */
	TID_AT = 8,
};

/* One step of set-up: what to ask, what to keep of the answer. */
struct phase {
	bench_fleet_ask ask;
	void *arg;
	void (*keep)(
	    struct bench_fleet *f, unsigned i, const struct turnc_answer *a);
	unsigned asked; /* clients 0 .. asked-1 */
	unsigned done;
	int refused;
};

void
bench_fleet_control(
    struct msghdr *m, uint8_t control[BENCH_FLEET_CONTROL], struct in_addr host)
{
	struct in_pktinfo info = { .ipi_spec_dst = host };
	struct cmsghdr *c;

	_Static_assert(
	    CMSG_SPACE(sizeof(struct in_pktinfo)) == BENCH_FLEET_CONTROL,
	    "room for one control message");
	m->msg_control = control;
	m->msg_controllen = BENCH_FLEET_CONTROL;
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
}

/* ---- sockets */

int
bench_fleet_socket(int *out, const char *where, struct addr *bound)
{
	const int size = SOCKET_BUFFER;
	socklen_t len = sizeof(bound->u);
	int fd;

	if (addr_parse(bound, where) != 0)
		return EINVAL;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	*out = fd;
	/* FORCE needs root; without it the kernel's limit is taken */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (bind(fd, &bound->u.sa, addr_len(bound)) != 0 ||
	    getsockname(fd, &bound->u.sa, &len) != 0)
		return errno;
	return 0;
}

/* A bare forwarder's: on a port that follows from the server's. */
static int
open_sockets(struct bench_fleet *f)
{
	const unsigned port = addr_port(&f->server);
	char clients[32] = "0.0.0.0", peer[32] = "127.0.0.2";
	struct addr any;
	int rc;

	if (f->is_bare) {
		snprintf(clients, sizeof(clients), "0.0.0.0:%u",
		    port + BENCH_FLEET_BARE_CLIENT);
		snprintf(peer, sizeof(peer), "127.0.0.2:%u",
		    port + BENCH_FLEET_BARE_PEER);
	}
	if ((rc = bench_fleet_socket(&f->client_fd, clients, &any)) != 0)
		return rc;
	return bench_fleet_socket(&f->peer_fd, peer, &f->peer);
}

static int
open_wires(struct bench_fleet *f, enum wire_kind kind)
{
	struct epoll_event e = { .events = EPOLLIN };
	int rc;

	f->wires = mem_must(f->count, sizeof(f->wires[0]));
	if ((f->epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
		return errno;
	for (unsigned i = 0; i < f->count; i++) {
		rc = wire_open(
		    &f->wires[i], kind, &f->server, mono_now() + ANSWER_MS);
		if (rc != 0)
			return rc;
		e.data.u32 = i;
		if (epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, wire_fd(f->wires[i]),
			&e) != 0)
			return errno;
	}
	return 0;
}

static void
set_bare(struct addr *out, struct in_addr host, const struct addr *server)
{
	*out = *server;
	out->u.in4.sin_addr = host;
}

int
bench_fleet_open(struct bench_fleet **out, const struct bench_fleet_want *want)
{
	struct bench_fleet *f = mem_must(1, sizeof(*f));
	int rc;

	f->client_fd = f->peer_fd = f->epoll_fd = -1;
	f->server = want->server;
	f->count = want->count;
	f->is_bare = want->is_bare;
	f->in_pairs = want->in_pairs;
	f->relayed = mem_must(f->count, sizeof(f->relayed[0]));
	f->turn = mem_must(f->count, sizeof(f->turn[0]));
	f->is_done = mem_must(f->count, 1);
	for (unsigned i = 0; i < f->count; i++) {
		if (f->is_bare)
			set_bare(
			    &f->relayed[i], bench_fleet_bare(i), &f->server);
		/* the id says whose answer it is */
		turnc_init(&f->turn[i], want->user, want->password, i);
	}
	if ((rc = open_sockets(f)) != 0)
		goto fail;
	if (want->kind != WIRE_UDP && (rc = open_wires(f, want->kind)) != 0)
		goto fail;
	*out = f;
	return 0;

fail:
	bench_fleet_close(f);
	return rc;
}

void
bench_fleet_close(struct bench_fleet *f)
{
	if (f == NULL)
		return;
	if (f->client_fd >= 0)
		close(f->client_fd);
	if (f->peer_fd >= 0)
		close(f->peer_fd);
	if (f->epoll_fd >= 0)
		close(f->epoll_fd);
	for (unsigned i = 0; f->wires != NULL && i < f->count; i++)
		wire_close(f->wires[i]);
	mem_free(f->wires);
	mem_free(f->relayed);
	mem_free(f->turn);
	mem_free(f->is_done);
	mem_free(f);
}

/* ---- phases */

static size_t
ask_allocate(void *arg, unsigned i, uint8_t out[TURNC_REQUEST_MAX])
{
	struct bench_fleet *f = arg;
	const struct turnc_want want = { 0 };

	return turnc_allocate(&f->turn[i], out, &want);
}

static void
keep_relayed(struct bench_fleet *f, unsigned i, const struct turnc_answer *a)
{
	f->relayed[i] = a->relayed;
}

static size_t
ask_channel(void *arg, unsigned i, uint8_t out[TURNC_REQUEST_MAX])
{
	struct bench_fleet *f = arg;

	return turnc_channel_bind(&f->turn[i], out, BENCH_FLEET_CHANNEL,
	    f->in_pairs ? &f->relayed[i ^ 1] : &f->peer);
}

static size_t
ask_release(void *arg, unsigned i, uint8_t out[TURNC_REQUEST_MAX])
{
	struct bench_fleet *f = arg;

	return turnc_refresh(&f->turn[i], out, 0);
}

static void
keep_nothing(struct bench_fleet *f, unsigned i, const struct turnc_answer *a)
{
	(void)f;
	(void)i;
	(void)a;
}

static void
ask(struct bench_fleet *f, const struct phase *p, unsigned i)
{
	uint8_t control[BENCH_FLEET_CONTROL] = { 0 };
	uint8_t request[TURNC_REQUEST_MAX];
	struct iovec iov = { .iov_base = request };
	struct msghdr m = {
		.msg_name = &f->server.u,
		.msg_namelen = addr_len(&f->server),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	iov.iov_len = p->ask(p->arg, i, request);
	bench_fleet_control(&m, control, bench_fleet_host(i));
	/* what is not sent now is sent again after STALL_MS */
	if (sendmsg(f->client_fd, &m, 0) < 0)
		f->retransmitted++;
}

static void
take(struct bench_fleet *f, struct phase *p, const uint8_t *data, size_t len)
{
	struct turnc_answer a;
	struct cursor c;
	uint32_t i;

	if (len < STUN_HEADER_LEN)
		return;
	cursor_init(&c, data + TID_AT, sizeof(i));
	i = cursor_u32(&c);
	if (i >= f->count || f->is_done[i] ||
	    turnc_parse(&f->turn[i], &a, data, len) != 0 ||
	    a.class == STUN_INDICATION)
		return;
	if (a.may_retry) {
		ask(f, p, i);
		return;
	}
	if (a.code != 0 && p->refused == 0)
		p->refused = a.code;
	p->keep(f, i, &a);
	f->is_done[i] = 1;
	p->done++;
}

/* Takes all that is there; waits for the first. */
static bool
take_all(struct bench_fleet *f, struct phase *p)
{
	struct pollfd fd = { .fd = f->client_fd, .events = POLLIN };
	uint8_t data[TURNC_REQUEST_MAX];
	ssize_t n;

	if (poll(&fd, 1, STALL_MS) == 0)
		return false;
	while ((n = recv(f->client_fd, data, sizeof(data), 0)) >= 0)
		take(f, p, data, (size_t)n);
	return true;
}

static void
ask_again(struct bench_fleet *f, const struct phase *p)
{
	for (unsigned i = 0; i < p->asked; i++) {
		if (f->is_done[i])
			continue;
		f->retransmitted++;
		ask(f, p, i);
	}
}

/* Over a connection: one client after the other. */
static int
run_wire(struct bench_fleet *f, const struct phase *p, unsigned i)
{
	const mono_ms deadline = mono_now() + ANSWER_MS;
	uint8_t data[TURNC_REQUEST_MAX];
	struct turnc_answer a = { .may_retry = true };
	struct addr from;
	long n;
	int rc;

	while (a.may_retry) {
		n = (long)p->ask(p->arg, i, data);
		if ((rc = wire_send(f->wires[i], data, (size_t)n)) != 0)
			return rc;
		/* late packets of a load come before the answer */
		do {
			n = wire_recv(
			    f->wires[i], data, sizeof(data), &from, deadline);
			if (n <= 0)
				return n == 0 ? ETIMEDOUT : EPIPE;
		} while (turnc_parse(&f->turn[i], &a, data, (size_t)n) != 0);
	}
	p->keep(f, i, &a);
	return a.code;
}

static int
run_wires(struct bench_fleet *f, const struct phase *p)
{
	int rc = 0;

	for (unsigned i = 0; i < f->count && rc == 0; i++)
		rc = run_wire(f, p, i);
	return rc;
}

static int
run(struct bench_fleet *f, struct phase *p)
{
	int stalls = 0;

	if (f->is_bare)
		return 0;
	if (f->wires != NULL)
		return run_wires(f, p);
	memset(f->is_done, 0, f->count);
	while (p->done < f->count && p->refused == 0) {
		while (p->asked < f->count && p->asked - p->done < IN_FLIGHT)
			ask(f, p, p->asked++);
		if (take_all(f, p)) {
			stalls = 0;
			continue;
		}
		if (++stalls == STALLS_MAX)
			return ETIMEDOUT;
		ask_again(f, p);
	}
	return p->refused;
}

int
bench_fleet_allocate(struct bench_fleet *f)
{
	struct phase p = {
		.ask = ask_allocate, .arg = f, .keep = keep_relayed
	};

	return run(f, &p);
}

int
bench_fleet_each(struct bench_fleet *f, bench_fleet_ask each, void *arg)
{
	struct phase p = { .ask = each, .arg = arg, .keep = keep_nothing };

	return run(f, &p);
}

int
bench_fleet_bind(struct bench_fleet *f)
{
	return bench_fleet_each(f, ask_channel, f);
}

int
bench_fleet_release(struct bench_fleet *f)
{
	return bench_fleet_each(f, ask_release, f);
}

static void
coalesce(int fd, int size, int on)
{
	(void)setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size));
	(void)setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
}

void
bench_fleet_coalesce(struct bench_fleet *f, int up, int down)
{
	coalesce(f->client_fd, up, 1);
	coalesce(f->peer_fd, down, 1);
}

void
bench_fleet_single(struct bench_fleet *f)
{
	coalesce(f->client_fd, 0, 0);
	coalesce(f->peer_fd, 0, 0);
}
