#include "net/accept.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "net/core.h"
#include "net/limits.h"
#include "net/listeners.h"
#include "net/entry.h"
#include "net/streams.h"

enum {
	DEAD_PEER_MS = 60 * 1000, /* TCP_USER_TIMEOUT */
	RESUME_MS = 100,          /* without descriptors */
	CROWDED_MS = 16,          /* while many wait for their handshake */
};

struct acceptor {
	/* OWNER: worker */
	struct net *net; /* borrowed */
	int fd;          /* borrowed from net_listeners */
	struct addr bound;
	struct event ev;
	struct wheel_timer resume;
	struct list node; /* in net.acceptors */
};

static void
set_options(int fd)
{
	const int on = 1, dead = DEAD_PEER_MS;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead, sizeof(dead));
}

/* Takes fd. */
static void
welcome(struct acceptor *a, int fd, const struct addr *client)
{
	struct net *n = a->net;
	struct net_limits *limits = net_listeners_limits(n->listeners);
	struct addr local = a->bound;
	socklen_t len = sizeof(local);

	if (!net_limits_has_fd(limits, fd) ||
	    !net_limits_take(limits, n->conf, client)) {
		net_dropped(n, STATS_DROP_CONN_LIMIT);
		close(fd);
		return;
	}
	set_options(fd);
	if (addr_is_any(&a->bound))
		getsockname(fd, &local.u.sa, &len);
	if (net_entry_open(n, fd, client, &local) == 0)
		return;
	net_dropped(n, STATS_DROP_NO_MEMORY);
	net_limits_give(limits, client);
	close(fd);
}

static void
on_resume(struct wheel_timer *t, mono_ms now)
{
	struct acceptor *a = LIST_ITEM(t, struct acceptor, resume);

	(void)now;
	event_add(&a->ev, NULL);
}

/* The listener stays readable: rest for a moment. */
static void
rest(struct acceptor *a, mono_ms ms)
{
	event_del(&a->ev);
	wheel_set(a->net->wheel, &a->resume, net_now(a->net) + ms, on_resume);
}

/* Out of descriptors. */
static void
give_up(struct acceptor *a)
{
	log_limited(
	    LOG_LEVEL_WARN, "net: accepting paused reason=%s", strerror(errno));
	net_dropped(a->net, STATS_DROP_CONN_LIMIT);
	rest(a, RESUME_MS);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;

	(void)what;
	/* the kernel keeps them, and their deadline has not begun */
	if (net_streams_is_crowded(a->net->streams)) {
		rest(a, CROWDED_MS);
		return;
	}
	for (unsigned i = 0; i < ACCEPT_MAX; i++) {
		struct addr client;
		socklen_t len = sizeof(client);
		int got;

		memset(&client, 0, sizeof(client));
		got = accept4(
		    fd, &client.u.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (got >= 0)
			welcome(a, got, &client);
		else if (errno == EMFILE || errno == ENFILE ||
		    errno == ENOBUFS || errno == ENOMEM)
			return give_up(a);
		else if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static void
stop(struct acceptor *a)
{
	event_del(&a->ev);
	wheel_stop(a->net->wheel, &a->resume);
	list_remove(&a->node);
	mem_free(a);
}

int
net_accept_start(struct net *n, int fd, const struct addr *at)
{
	struct acceptor *a = mem_try(1, sizeof(*a));

	if (a == NULL)
		return ENOMEM;
	a->net = n;
	a->fd = fd;
	a->bound = *at;
	list_append(&n->acceptors, &a->node);
	event_assign(&a->ev, n->base, fd, EV_READ | EV_PERSIST, on_accept, a);
	if (event_add(&a->ev, NULL) == 0)
		return 0;
	stop(a);
	return ENOMEM;
}

void
net_accept_stop_all(struct net *n)
{
	while (!list_is_empty(&n->acceptors))
		stop(LIST_ITEM(n->acceptors.next, struct acceptor, node));
}
