#include "net/out.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "net/core.h"
#include "net/slots.h"

struct entry {
	struct net_out_packet p;
	uint8_t *base; /* its slot */
	uint8_t *data;
	uint32_t len;
	uint16_t next; /* of the same socket, index + 1 */
};

union control {
	struct cmsghdr align;
	char v4[CMSG_SPACE(sizeof(struct in_pktinfo))];
	char v6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct net_out {
	/* OWNER: worker */
	struct net *net;   /* borrowed */
	struct list socks; /* those with a chain */
	unsigned count;    /* entries in use since the last whole flush */
	struct entry entries[OUT_QUEUE];
	/* one sendmmsg */
	struct mmsghdr msgs[OUT_BATCH];
	struct iovec iov[OUT_BATCH];
	union control control[OUT_BATCH];
};

struct net_out *
net_out_new(struct net *n)
{
	struct net_out *o = mem_try(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->net = n;
	list_init(&o->socks);
	for (unsigned i = 0; i < OUT_BATCH; i++) {
		o->msgs[i].msg_hdr.msg_iov = &o->iov[i];
		o->msgs[i].msg_hdr.msg_iovlen = 1;
	}
	return o;
}

void
net_out_free(struct net_out *o)
{
	mem_free(o);
}

void
net_out_set_df(int fd, int family, bool df)
{
	int v = df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;

	/* IPV6_PMTUDISC_* have the same values */
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v, sizeof(v));
	else
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v, sizeof(v));
}

void
net_out_push(struct net_out *o, struct net_sock *s,
    const struct net_out_packet *p, struct buf *b)
{
	struct entry *e;

	if (o->count == OUT_QUEUE)
		net_out_flush(o);
	net_slots_queue(o->net->slots, b->base);
	e = &o->entries[o->count++];
	e->p = *p;
	e->base = b->base;
	e->data = b->data;
	e->len = b->len;
	e->next = 0;
	if (s->first == 0) {
		s->first = (uint16_t)o->count;
		list_append(&o->socks, &s->node);
	} else {
		o->entries[s->last - 1].next = (uint16_t)o->count;
	}
	s->last = (uint16_t)o->count;
}

/* ---- sending */

/* The address to send from, as the socket is bound to any. */
static void
put_source(struct msghdr *m, union control *c, const struct addr *from)
{
	struct cmsghdr *h;

	memset(c, 0, sizeof(*c));
	m->msg_control = c;
	m->msg_controllen = sizeof(c->v4);
	if (addr_family(from) == AF_INET6)
		m->msg_controllen = sizeof(c->v6);
	h = CMSG_FIRSTHDR(m);
	if (addr_family(from) == AF_INET6) {
		struct in6_pktinfo info = {
			.ipi6_addr = from->u.in6.sin6_addr,
			.ipi6_ifindex = from->u.in6.sin6_scope_id,
		};

		h->cmsg_level = IPPROTO_IPV6;
		h->cmsg_type = IPV6_PKTINFO;
		h->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(h), &info, sizeof(info));
	} else {
		struct in_pktinfo info = {
			.ipi_spec_dst = from->u.in4.sin_addr,
		};

		h->cmsg_level = IPPROTO_IP;
		h->cmsg_type = IP_PKTINFO;
		h->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(h), &info, sizeof(info));
	}
}

static void
put_message(struct net_out *o, unsigned i, struct entry *e)
{
	struct msghdr *m = &o->msgs[i].msg_hdr;

	m->msg_name = &e->p.to;
	m->msg_namelen = addr_len(&e->p.to);
	o->iov[i].iov_base = e->data;
	o->iov[i].iov_len = e->len;
	m->msg_control = NULL;
	m->msg_controllen = 0;
	if (!addr_is_none(&e->p.from))
		put_source(m, &o->control[i], &e->p.from);
}

/*
 * What becomes of the first of msgs[at..count) that the kernel refused.
 * Returns how many to step over.  A pending ICMP error (IP_RECVERR) is told
 * to whoever sends next and means nothing to this packet: the first refusal
 * is tried again.
 */
static unsigned
give_up(struct net_out *o, unsigned left, unsigned *tries)
{
	if (errno == EAGAIN || errno == ENOBUFS) {
		stats_add(&o->net->stats->drop[STATS_DROP_SEND_FULL], left);
		return left;
	}
	if (errno == EINTR || (*tries)++ == 0)
		return 0;
	*tries = 0;
	net_dropped(o->net, STATS_DROP_SEND_ERROR);
	return 1;
}

static void
send_batch(struct net_out *o, struct net_sock *s, unsigned count)
{
	unsigned at = 0, tries = 0;

	while (at < count) {
		int n = sendmmsg(s->fd, o->msgs + at, count - at, MSG_DONTWAIT);

		stats_count(o->net->stats, STATS_SYSCALLS_SEND, 1);
		if (n > 0) {
			at += (unsigned)n;
			tries = 0;
			continue;
		}
		at += give_up(o, count - at, &tries);
	}
}

static bool
is_admitted(struct net_out *o, const struct entry *e)
{
	const struct net_sink *k = &o->net->sink;

	return k->admit(k->arg, e->p.kind, e->len + net_wire_udp(&e->p.to));
}

/* Fills one batch from the chain of s: packets of one DF setting.  Returns
 * how many. */
static unsigned
fill_batch(struct net_out *o, struct net_sock *s, bool df)
{
	unsigned count = 0;

	while (s->first != 0 && count < OUT_BATCH) {
		struct entry *e = &o->entries[s->first - 1];

		if (e->p.df != df)
			break;
		s->first = e->next;
		if (is_admitted(o, e))
			put_message(o, count++, e);
	}
	return count;
}

static void
release(struct net_out *o, uint16_t from, uint16_t to)
{
	while (from != to) {
		struct entry *e = &o->entries[from - 1];

		net_slots_release(o->net->slots, e->base);
		from = e->next;
	}
}

void
net_out_flush_sock(struct net_out *o, struct net_sock *s)
{
	while (s->first != 0) {
		const uint16_t first = s->first;
		const bool df = o->entries[first - 1].p.df;
		unsigned count = fill_batch(o, s, df);

		if (count > 0 && df != s->df) {
			net_out_set_df(s->fd, s->family, df);
			s->df = df;
		}
		send_batch(o, s, count);
		release(o, first, s->first);
	}
	s->last = 0;
	list_remove(&s->node);
}

void
net_out_flush(struct net_out *o)
{
	while (!list_is_empty(&o->socks))
		net_out_flush_sock(
		    o, LIST_ITEM(o->socks.next, struct net_sock, node));
	o->count = 0;
}
