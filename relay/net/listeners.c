#include "net/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "net/buffers.h"
#include "net/limits.h"
#include "net/out.h"
#include "relay/snapshot.h"

enum {
	BACKLOG = 1024,
	INHERITED_FIRST = 3, /* sd_listen_fds(3) */
};

struct listener {
	enum net_transport transport; /* the first list that names it */
	struct addr at;
	int *fds; /* one per worker, -1: not open */
};

struct net_listeners {
	/* FROZEN: after net_listeners_open */
	struct listener *at;
	size_t count;
	unsigned workers;
	struct net_buffers buffers; /* of each datagram socket */
	struct net_limits *limits;  /* SHARED by itself */
};

/* What is left of the inherited sockets, while opening. */
struct heirs {
	int count;
	bool *used;
};

/* ---- one socket */

static int
sock_type(enum net_transport t)
{
	return net_transport_is_datagram(t) ? SOCK_DGRAM : SOCK_STREAM;
}

static void
set_on(int fd, int level, int name)
{
	const int on = 1;

	setsockopt(fd, level, name, &on, sizeof(on));
}

static void
set_datagram_options(
    int fd, const struct addr *at, const struct net_buffers *buffers)
{
	net_buffers_set(fd, buffers);
	net_out_set_df(fd, addr_family(at), false);
	if (!addr_is_any(at))
		return;
	if (addr_family(at) == AF_INET6)
		set_on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
	else
		set_on(fd, IPPROTO_IP, IP_PKTINFO);
}

static void
close_fd(int fd)
{
	const int kept = errno;

	if (fd >= 0)
		close(fd);
	errno = kept;
}

/* Returns a bound socket, or -1 and errno. */
static int
bind_socket(enum net_transport t, const struct addr *at, bool shared)
{
	const int type = sock_type(t) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int fd = socket(addr_family(at), type, 0);

	if (fd < 0)
		return -1;
	if (addr_family(at) == AF_INET6)
		set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	/* connections of an earlier run that linger do no harm */
	if (!net_transport_is_datagram(t))
		set_on(fd, SOL_SOCKET, SO_REUSEADDR);
	if (shared)
		set_on(fd, SOL_SOCKET, SO_REUSEPORT);
	if (bind(fd, &at->u.sa, addr_len(at)) == 0)
		return fd;
	close_fd(fd);
	return -1;
}

/* Makes a bound socket ready.  Returns 0 or an errno. */
static int
finish(int fd, const struct listener *l, const struct net_buffers *buffers)
{
	if (net_transport_is_datagram(l->transport)) {
		set_datagram_options(fd, &l->at, buffers);
		return 0;
	}
	return listen(fd, BACKLOG) == 0 ? 0 : errno;
}

/* With SO_REUSEPORT a second supernoded would quietly get half of our
 * clients: is the address free for one alone? */
static int
probe(const struct listener *l)
{
	int fd;

	if (addr_port(&l->at) == 0)
		return 0;
	if ((fd = bind_socket(l->transport, &l->at, false)) < 0)
		return errno;
	close(fd);
	return 0;
}

/* ---- inherited sockets */

static bool
is_heir_of(int fd, const struct listener *l)
{
	struct addr at;
	socklen_t len = sizeof(at), type_len = sizeof(int);
	int type;

	memset(&at, 0, sizeof(at));
	return getsockname(fd, &at.u.sa, &len) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 &&
	    type == sock_type(l->transport) && addr_equal(&at, &l->at);
}

/* Returns an inherited socket for l, or -1. */
static int
take_heir(struct heirs *h, const struct listener *l)
{
	for (int i = 0; i < h->count; i++) {
		const int fd = INHERITED_FIRST + i;

		if (h->used[i] || !is_heir_of(fd, l))
			continue;
		h->used[i] = true;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		return fd;
	}
	return -1;
}

static void
close_rest(const struct heirs *h)
{
	for (int i = 0; i < h->count; i++) {
		if (h->used[i])
			continue;
		log_warn("net: inherited socket matched no listener fd=%d",
		    INHERITED_FIRST + i);
		close(INHERITED_FIRST + i);
	}
}

/* ---- one address */

/* What port did the kernel choose? */
static int
learn_port(int fd, struct addr *at)
{
	struct addr got;
	socklen_t len = sizeof(got);

	if (getsockname(fd, &got.u.sa, &len) != 0)
		return errno;
	addr_set_port(at, addr_port(&got));
	return 0;
}

/* A stream listener that cannot be opened a second time beside an inherited
 * one may be shared: a connection stays with who accepted it. */
static int
open_one(const struct listener *l, bool inherited)
{
	int fd = bind_socket(l->transport, &l->at, true);

	if (fd < 0 && inherited && !net_transport_is_datagram(l->transport))
		fd = fcntl(l->fds[0], F_DUPFD_CLOEXEC, 0);
	return fd;
}

static int
open_listener(
    struct listener *l, const struct net_listeners *all, struct heirs *h)
{
	const unsigned workers = all->workers;
	bool inherited = false;
	int code;

	for (unsigned i = 0; i < workers; i++) {
		l->fds[i] = take_heir(h, l);
		inherited |= l->fds[i] >= 0;
	}
	if (!inherited && (code = probe(l)) != 0)
		return code;
	for (unsigned i = 0; i < workers; i++) {
		if (l->fds[i] < 0 && (l->fds[i] = open_one(l, inherited)) < 0)
			return errno;
		if (addr_port(&l->at) == 0 &&
		    (code = learn_port(l->fds[i], &l->at)) != 0)
			return code;
		if ((code = finish(l->fds[i], l, &all->buffers)) != 0)
			return code;
	}
	return 0;
}

/* ---- all of them */

static bool
is_known(
    const struct net_listeners *l, enum net_transport t, const struct addr *at)
{
	for (size_t i = 0; i < l->count; i++) {
		if (sock_type(l->at[i].transport) == sock_type(t) &&
		    addr_port(at) != 0 && addr_equal(&l->at[i].at, at))
			return true;
	}
	return false;
}

static int
add(struct net_listeners *l, enum net_transport t, const struct addr *at)
{
	struct listener *new = &l->at[l->count];

	if (is_known(l, t, at))
		return 0;
	new->fds = mem_try(l->workers, sizeof(*new->fds));
	if (new->fds == NULL)
		return ENOMEM;
	memset(new->fds, 0xff, l->workers * sizeof(*new->fds)); /* -1 */
	new->transport = t;
	new->at = *at;
	l->count++;
	return 0;
}

static int
add_all(struct net_listeners *l, const struct snapshot *conf)
{
	const struct snapshot_addrs *lists[] = {
		[NET_UDP] = &conf->listen.udp,
		[NET_TCP] = &conf->listen.tcp,
		[NET_TLS] = &conf->listen.tls,
		[NET_DTLS] = &conf->listen.dtls,
	};
	size_t count = 0;
	int code = 0;

	for (int t = 0; t < NET_TRANSPORTS; t++)
		count += lists[t]->count;
	if ((l->at = mem_try(count + 1, sizeof(*l->at))) == NULL)
		return ENOMEM;
	for (int t = 0; t < NET_TRANSPORTS; t++) {
		for (size_t i = 0; i < lists[t]->count && code == 0; i++)
			code = add(l, (enum net_transport)t, &lists[t]->at[i]);
	}
	return code;
}

static int
open_all(struct net_listeners *l, struct heirs *h, char *why, size_t why_size)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < l->count; i++) {
		struct listener *at = &l->at[i];
		int code = open_listener(at, l, h);

		if (code == 0)
			continue;
		snprintf(why, why_size, "listen.%s %s: %s",
		    net_transport_name(at->transport),
		    addr_format(&at->at, text), strerror(code));
		return code;
	}
	return 0;
}

int
net_listeners_open(struct net_listeners **out, const struct snapshot *conf,
    int inherited, char *why, size_t why_size)
{
	struct heirs heirs = { .count = inherited };
	struct net_listeners *l = mem_try(1, sizeof(*l));
	int code = ENOMEM;

	snprintf(why, why_size, "listen: %s", strerror(ENOMEM));
	if (l == NULL)
		return ENOMEM;
	l->workers = conf->node.workers;
	l->buffers.receive = conf->listen.receive_buffer;
	l->buffers.send = conf->listen.send_buffer;
	if ((l->limits = net_limits_new()) == NULL ||
	    (heirs.used = mem_try((size_t)inherited + 1, 1)) == NULL)
		goto fail;
	if ((code = add_all(l, conf)) != 0 ||
	    (code = open_all(l, &heirs, why, why_size)) != 0)
		goto fail;
	close_rest(&heirs);
	mem_free(heirs.used);
	net_buffers_warn(conf);
	*out = l;
	return 0;

fail:
	mem_free(heirs.used);
	net_listeners_close(l);
	return code;
}

void
net_listeners_close(struct net_listeners *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->count; i++) {
		for (unsigned w = 0; w < l->workers; w++)
			close_fd(l->at[i].fds[w]);
		mem_free(l->at[i].fds);
	}
	mem_free(l->at);
	net_limits_free(l->limits);
	mem_free(l);
}

bool
net_listeners_at(const struct net_listeners *l, size_t i,
    enum net_transport *transport, struct addr *at)
{
	if (i >= l->count)
		return false;
	*transport = l->at[i].transport;
	*at = l->at[i].at;
	return true;
}

int
net_listeners_fd(const struct net_listeners *l, size_t i, unsigned worker)
{
	return l->at[i].fds[worker];
}

struct net_limits *
net_listeners_limits(const struct net_listeners *l)
{
	return l->limits;
}
