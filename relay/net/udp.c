#include "net/udp.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "net/demux.h"
#include "net/dtls.h"
#include "relay/snapshot.h"

enum {
	ROUNDS = 4, /* batches in one wake-up: others want their turn */
	CHECK_DROPS_MS = 1000,
};

void
net_udp_count_drops(struct net *n, int fd, uint32_t *seen)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0 ||
	    len <= SK_MEMINFO_DROPS * sizeof(info[0]))
		return;
	/* the kernel's counter has 32 bits and wraps */
	stats_count(
	    n->stats, STATS_RCVBUF_DROPS, info[SK_MEMINFO_DROPS] - *seen);
	*seen = info[SK_MEMINFO_DROPS];
}

static void
make_flow(struct net_udp *u, struct net_flow *f, unsigned i)
{
	f->client = *net_batch_from(u->net->batch, i);
	f->local = u->bound;
	if (u->is_wildcard)
		net_batch_local(u->net->batch, i, &f->local);
	f->transport = NET_UDP;
	f->udp = u;
	f->conn = NULL;
}

static void
deliver(struct net_udp *u, const struct net_flow *from, struct buf *b)
{
	struct net *n = u->net;
	const enum net_demux what = net_demux_datagram(b->data, b->len);
	const enum stats_kind kind =
	    what == NET_DEMUX_DTLS ? STATS_CLIENT_DTLS : STATS_CLIENT_UDP;

	if (!n->sink.taken(
		n->sink.arg, kind, b->len + net_wire_udp(&from->client)))
		return;
	switch (what) {
	case NET_DEMUX_STUN:
	case NET_DEMUX_CHANNEL:
		net_deliver(n, from, b);
		break;
	case NET_DEMUX_DTLS:
		net_dtls_feed(n->dtls, from, b);
		break;
	default:
		net_dropped(n, STATS_DROP_NOT_STUN);
	}
}

/* Too large for anybody: counted, not looked at. */
static void
drop_cut(struct net_udp *u, unsigned i)
{
	struct net *n = u->net;
	size_t wire = net_batch_len(n->batch, i) + net_wire_udp(&u->bound);

	if (n->sink.taken(n->sink.arg, STATS_CLIENT_UDP, wire))
		net_dropped(n, STATS_DROP_TRUNCATED);
}

static void
deliver_all(struct net_udp *u, unsigned i)
{
	struct net_batch *batch = u->net->batch;
	struct net_flow from;
	struct buf b;

	if (!net_batch_open(batch, i)) {
		drop_cut(u, i);
		return;
	}
	make_flow(u, &from, i);
	while (net_batch_next(batch, &b))
		deliver(u, &from, &b);
	net_batch_close(batch);
}

static void
check_drops(struct net_udp *u)
{
	struct net *n = u->net;

	if (net_now(n) - u->checked < CHECK_DROPS_MS)
		return;
	u->checked = net_now(n);
	net_udp_count_drops(n, u->sock.fd, &u->kernel_drops);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct net_udp *u = arg;
	struct net *n = u->net;
	int count = 0;

	(void)what;
	for (unsigned round = 0; round < ROUNDS; round++) {
		count = net_batch_recv(n->batch, fd, &u->pace, BATCH_MAX);
		for (int i = 0; i < count; i++)
			deliver_all(u, (unsigned)i);
		if (count < BATCH_MAX)
			break;
	}
	check_drops(u);
}

static void
on_got(struct net_watch *w)
{
	struct net_udp *u = LIST_ITEM(w, struct net_udp, watch);

	deliver_all(u, BATCH_ONE);
	check_drops(u);
}

/* What the kernel says of packets to clients is nobody's. */
static void
on_failed(struct net_watch *w)
{
	(void)w;
}

static int
start_receiving(struct net_udp *u)
{
	struct net *n = u->net;

	if (n->uring != NULL) {
		u->watch = (struct net_watch){
			.got = on_got,
			.failed = on_failed,
			.fd = u->sock.fd,
			.wants_local = u->is_wildcard,
		};
		net_uring_watch(n->uring, &u->watch);
		return 0;
	}
	event_assign(
	    &u->ev, n->base, u->sock.fd, EV_READ | EV_PERSIST, on_read, u);
	return event_add(&u->ev, NULL) == 0 ? 0 : ENOMEM;
}

int
net_udp_start(struct net *n, int fd, const struct addr *at)
{
	struct net_udp *u = mem_try(1, sizeof(*u));

	if (u == NULL)
		return ENOMEM;
	u->net = n;
	u->sock.fd = fd;
	u->sock.family = addr_family(at);
	u->bound = *at;
	u->is_wildcard = addr_is_any(at);
	net_batch_coalesce(fd, n->conf->listen.offload);
	list_append(&n->udps, &u->node);
	if (start_receiving(u) == 0)
		return 0;
	net_udp_stop(u);
	return ENOMEM;
}

void
net_udp_stop(struct net_udp *u)
{
	net_out_flush_sock(u->net->out, &u->sock);
	if (event_initialized(&u->ev))
		event_del(&u->ev);
	else if (u->net->uring != NULL)
		net_uring_unwatch(u->net->uring, &u->watch);
	list_remove(&u->node);
	mem_free(u);
}

void
net_udp_send(const struct net_flow *to, enum stats_kind kind, struct buf *b)
{
	struct net_udp *u = to->udp;
	struct net_out_packet p = { .to = to->client, .kind = kind };

	if (u->is_wildcard)
		p.from = to->local;
	net_out_push(u->net->out, &u->sock, &p, b);
}
