#include "net/relayed.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/pool.h"
#include "net/buffers.h"
#include "net/limits.h"
#include "net/listeners.h"
#include "net/out.h"
#include "net/slots.h"
#include "net/udp.h"
#include "net/uring.h"
#include "relay/snapshot.h"

enum {
	TURN_BATCH = 32, /* datagrams in one wake-up of one socket */
	ERRORS_MAX = 16, /* ICMP errors in one wake-up */
	CHECK_DROPS_MS = 1000,
};

struct net_relayed {
	/* OWNER: worker */
	struct net *net; /* borrowed */
	void *owner;     /* borrowed: the caller's */
	struct net_sock sock;
	union {
		struct event ev;
		struct net_watch watch; /* by_ring */
	};
	struct addr at;
	bool by_ring;
	bool is_closed;
	struct net_batch_pace pace;
	uint32_t kernel_drops; /* as told last */
	mono_ms checked;       /* when */
	struct list node;      /* in net.relayed or net.dead_relayed */
};

struct pool *
net_relayed_pool_new(void)
{
	return pool_new(sizeof(struct net_relayed), 0);
}

/* ---- receiving */

/* b NULL: it was cut. */
static void
deliver(struct net_relayed *r, unsigned i, struct buf *b)
{
	struct net *n = r->net;
	const size_t len = b != NULL ? b->len : net_batch_len(n->batch, i);

	if (!n->sink.taken(n->sink.arg, STATS_PEER, len + net_wire_udp(&r->at)))
		return;
	if (r->is_closed)
		net_dropped(n, STATS_DROP_NO_ALLOCATION);
	else if (b == NULL)
		net_dropped(n, STATS_DROP_TRUNCATED);
	else if (!net_batch_part(n->batch, b))
		net_dropped(n, STATS_DROP_NO_MEMORY);
	else
		n->sink.relayed(
		    n->sink.arg, r->owner, net_batch_from(n->batch, i), b);
}

static void
deliver_all(struct net_relayed *r, unsigned i)
{
	struct net_batch *batch = r->net->batch;
	struct buf b;

	if (!net_batch_open(batch, i)) {
		deliver(r, i, NULL);
		return;
	}
	while (net_batch_next(batch, &b))
		deliver(r, i, &b);
	net_batch_close(batch);
}

/* Translates what the kernel says of a packet sent to peer; false when it is
 * nothing a client wants to know. */
static bool
translate(struct net_icmp *out, const struct sock_extended_err *e)
{
	out->type = e->ee_type;
	out->code = e->ee_code;
	out->data = e->ee_info;
	if (e->ee_origin == SO_EE_ORIGIN_ICMP ||
	    e->ee_origin == SO_EE_ORIGIN_ICMP6)
		return true;
	/* too large for the path as we know it, refused before it left */
	if (e->ee_origin != SO_EE_ORIGIN_LOCAL || e->ee_errno != EMSGSIZE)
		return false;
	if (addr_family(&out->peer) == AF_INET6) {
		out->type = ICMP6_PACKET_TOO_BIG;
		out->code = 0;
	} else {
		out->type = ICMP_DEST_UNREACH;
		out->code = ICMP_FRAG_NEEDED;
	}
	return true;
}

static bool
find_error(struct msghdr *m, struct sock_extended_err *out)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL;
	     h = CMSG_NXTHDR(m, h)) {
		if ((h->cmsg_level == IPPROTO_IP &&
			h->cmsg_type == IP_RECVERR) ||
		    (h->cmsg_level == IPPROTO_IPV6 &&
			h->cmsg_type == IPV6_RECVERR)) {
			memcpy(out, CMSG_DATA(h), sizeof(*out));
			return true;
		}
	}
	return false;
}

/* Takes one ICMP error; false when there is none. */
static bool
take_error(struct net_relayed *r)
{
	union {
		struct cmsghdr align;
		char room[512];
	} control;
	struct net_icmp icmp = { .type = 0 };
	struct sock_extended_err e;
	char packet[64]; /* the packet that was refused: nobody asks */
	struct iovec iov = { packet, sizeof(packet) };
	struct msghdr m = {
		.msg_name = &icmp.peer,
		.msg_namelen = sizeof(icmp.peer),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	if (recvmsg(r->sock.fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	if (find_error(&m, &e) && !addr_is_none(&icmp.peer) &&
	    translate(&icmp, &e))
		r->net->sink.relayed_icmp(r->net->sink.arg, r->owner, &icmp);
	return true;
}

/* Where one datagram waited alone, none was lost since the last look. */
static void
check_drops(struct net_relayed *r)
{
	if (r->is_closed || net_now(r->net) - r->checked < CHECK_DROPS_MS)
		return;
	r->checked = net_now(r->net);
	net_udp_count_drops(r->net, r->sock.fd, &r->kernel_drops);
}

/* An error waits, or none does. */
static void
take_errors(struct net_relayed *r)
{
	for (unsigned i = 0; i < ERRORS_MAX && !r->is_closed; i++) {
		if (!take_error(r))
			break;
	}
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct net_relayed *r = arg;
	int count = net_batch_recv(r->net->batch, fd, &r->pace, TURN_BATCH);

	(void)what;
	for (int i = 0; i < count; i++)
		deliver_all(r, (unsigned)i);
	if (count > 1)
		check_drops(r);
	/* woken, but by no datagram: an error waits */
	if (count <= 0)
		take_errors(r);
}

static void
on_got(struct net_watch *w)
{
	struct net_relayed *r = LIST_ITEM(w, struct net_relayed, watch);

	deliver_all(r, BATCH_ONE);
	check_drops(r);
}

static void
on_failed(struct net_watch *w)
{
	take_errors(LIST_ITEM(w, struct net_relayed, watch));
}

/* ---- opening and closing */

static void
set_options(int fd, int family, const struct snapshot *conf)
{
	const struct net_buffers buffers = { conf->relay.receive_buffer,
		conf->relay.send_buffer };
	const int on = 1;

	net_buffers_set(fd, &buffers);
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	net_out_set_df(fd, family, false);
	net_batch_coalesce(fd, conf->listen.offload);
}

/* Returns 0 or an errno. */
static int
open_socket(int *out, struct addr *at, const struct net *n)
{
	const int family = addr_family(at), on = 1;
	socklen_t len = sizeof(*at);
	int code, fd;

	fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	errno = EMFILE;
	if (!net_limits_has_fd(net_listeners_limits(n->listeners), fd))
		goto fail;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &at->u.sa, addr_len(at)) != 0)
		goto fail;
	if (addr_port(at) == 0 && getsockname(fd, &at->u.sa, &len) != 0)
		goto fail;
	set_options(fd, family, n->conf);
	*out = fd;
	return 0;

fail:
	code = errno;
	close(fd);
	return code;
}

/* Has packets of it come in.  Returns 0 or ENOMEM. */
static int
start_receiving(struct net_relayed *r)
{
	struct net *n = r->net;

	r->by_ring = n->uring != NULL;
	if (r->by_ring) {
		r->watch = (struct net_watch){
			.got = on_got,
			.failed = on_failed,
			.fd = r->sock.fd,
		};
		r->sock.watch = &r->watch;
		net_uring_watch(n->uring, &r->watch);
		return 0;
	}
	event_assign(
	    &r->ev, n->base, r->sock.fd, EV_READ | EV_PERSIST, on_read, r);
	return event_add(&r->ev, NULL) == 0 ? 0 : ENOMEM;
}

static void
stop_receiving(struct net_relayed *r)
{
	if (!r->by_ring)
		event_del(&r->ev);
	else if (r->net->uring != NULL)
		net_uring_unwatch(r->net->uring, &r->watch);
	r->sock.watch = NULL;
}

int
net_relayed_open(
    struct net_relayed **out, struct net *n, const struct addr *at, void *owner)
{
	struct net_relayed *r;
	int code;

	OWNER_CHECK(n);
	if ((r = pool_get(n->relayed_pool)) == NULL)
		return ENOMEM;
	r->net = n;
	r->owner = owner;
	r->at = *at;
	r->sock.family = addr_family(at);
	code = open_socket(&r->sock.fd, &r->at, n);
	if (code != 0) {
		pool_put(n->relayed_pool, r);
		return code;
	}
	list_append(&n->relayed, &r->node);
	if ((code = start_receiving(r)) != 0) {
		net_relayed_close(r);
		return code;
	}
	*out = r;
	return 0;
}

void
net_relayed_close(struct net_relayed *r)
{
	struct net *n;

	if (r == NULL)
		return;
	n = r->net;
	OWNER_CHECK(n);
	assert(!r->is_closed);
	net_out_flush_sock(n->out, &r->sock);
	net_udp_count_drops(n, r->sock.fd, &r->kernel_drops);
	stop_receiving(r);
	close(r->sock.fd);
	r->is_closed = true;
	list_remove(&r->node);
	list_append(&n->dead_relayed, &r->node);
}

const struct addr *
net_relayed_addr(const struct net_relayed *r)
{
	return &r->at;
}

void
net_relayed_bury(struct net *n)
{
	struct list *node, *next;

	LIST_EACH_SAFE (node, next, &n->dead_relayed) {
		struct net_relayed *r =
		    LIST_ITEM(node, struct net_relayed, node);

		/* the ring still has something to say of it */
		if (r->by_ring && r->watch.is_armed && n->uring != NULL)
			continue;
		list_remove(node);
		pool_put(n->relayed_pool, r);
	}
}

void
net_relayed_close_all(struct net *n)
{
	while (!list_is_empty(&n->relayed))
		net_relayed_close(
		    LIST_ITEM(n->relayed.next, struct net_relayed, node));
}

void
net_relayed_send(struct net_relayed *r, const struct addr *peer, struct buf *b,
    bool dont_fragment)
{
	const struct net_out_packet p = {
		.to = *peer,
		.kind = STATS_PEER,
		.df = dont_fragment,
	};

	if (r->is_closed) {
		net_slots_done(r->net->slots, b->base);
		return;
	}
	net_out_push(r->net->out, &r->sock, &p, b);
}
