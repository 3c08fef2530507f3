#include "tests/support/bench_fleet.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/mono.h"

enum {
	IN_FLIGHT = 32, /* requests: fits the smallest socket buffer */
	STALL_MS = 500,
	STALLS_MAX = 10,
	SOCKET_BUFFER = 8 << 20,
	FIRST_HOST = 0x7f010001, /* 127.1.0.1 */
	TID_AT = 8,
};

/* One step of set-up: what to ask, what to keep of the answer. */
struct phase {
	size_t (*ask)(
	    struct bench_fleet *f, unsigned i, uint8_t out[TURNC_REQUEST_MAX]);
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

static int
open_socket(int *out, const char *where, struct addr *bound)
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

int
bench_fleet_open(struct bench_fleet **out, const struct bench_fleet_want *want)
{
	struct bench_fleet *f = mem_must(1, sizeof(*f));
	struct addr any;
	int rc;

	f->client_fd = f->peer_fd = -1;
	f->server = want->server;
	f->count = want->count;
	f->hosts = mem_must(f->count, sizeof(f->hosts[0]));
	f->relayed = mem_must(f->count, sizeof(f->relayed[0]));
	f->turn = mem_must(f->count, sizeof(f->turn[0]));
	f->is_done = mem_must(f->count, 1);
	for (unsigned i = 0; i < f->count; i++) {
		f->hosts[i].s_addr = htonl(FIRST_HOST + i);
		/* the id says whose answer it is */
		turnc_init(&f->turn[i], want->user, want->password, i);
	}
	if ((rc = open_socket(&f->client_fd, "0.0.0.0", &any)) != 0 ||
	    (rc = open_socket(&f->peer_fd, "127.0.0.1", &f->peer)) != 0)
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
	mem_free(f->hosts);
	mem_free(f->relayed);
	mem_free(f->turn);
	mem_free(f->is_done);
	mem_free(f);
}

/* ---- phases */

static size_t
ask_allocate(struct bench_fleet *f, unsigned i, uint8_t out[TURNC_REQUEST_MAX])
{
	const struct turnc_want want = { 0 };

	return turnc_allocate(&f->turn[i], out, &want);
}

static void
keep_relayed(struct bench_fleet *f, unsigned i, const struct turnc_answer *a)
{
	f->relayed[i] = a->relayed;
}

static size_t
ask_channel(struct bench_fleet *f, unsigned i, uint8_t out[TURNC_REQUEST_MAX])
{
	return turnc_channel_bind(
	    &f->turn[i], out, BENCH_FLEET_CHANNEL, &f->peer);
}

static size_t
ask_release(struct bench_fleet *f, unsigned i, uint8_t out[TURNC_REQUEST_MAX])
{
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

	iov.iov_len = p->ask(f, i, request);
	bench_fleet_control(&m, control, f->hosts[i]);
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

static int
run(struct bench_fleet *f, struct phase *p)
{
	int stalls = 0;

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
	struct phase p = { .ask = ask_allocate, .keep = keep_relayed };

	return run(f, &p);
}

int
bench_fleet_bind(struct bench_fleet *f)
{
	struct phase p = { .ask = ask_channel, .keep = keep_nothing };

	return run(f, &p);
}

int
bench_fleet_release(struct bench_fleet *f)
{
	struct phase p = { .ask = ask_release, .keep = keep_nothing };

	return run(f, &p);
}
