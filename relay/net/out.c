#include "net/out.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "net/core.h"
#include "net/slots.h"
#include "relay/snapshot.h"

enum { REFUSED_FOR = 1024 }; /* messages until segments are tried again */

struct entry {
	struct net_out_packet p;
	uint8_t *base; /* its slot */
	uint8_t *data;
	uint32_t len;
	uint16_t next; /* of the same socket, index + 1 */
};

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
	    CMSG_SPACE(sizeof(uint16_t))];
};

/* What becomes one message. */
struct run {
	const struct entry *first;
	uint32_t bytes;
	bool is_closed; /* nothing may follow */
};

struct net_out {
	/* OWNER: worker */
	struct net *net;   /* borrowed */
	struct list socks; /* those with a chain */
	unsigned count;    /* entries in use since the last whole flush */
	struct entry entries[OUT_QUEUE];
	/* one sendmmsg: runs[i] is msgs[i] */
	unsigned iovs; /* in use */
	struct iovec iov[OUT_QUEUE];
	struct mmsghdr msgs[OUT_BATCH];
	struct run runs[OUT_BATCH];
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

/* ---- making messages */

/* One more control message behind those of m; returns its data. */
static void *
put_control(struct msghdr *m, union control *c, int level, int type, size_t len)
{
	struct cmsghdr *h = (void *)(c->room + m->msg_controllen);

	m->msg_control = c;
	m->msg_controllen += CMSG_SPACE(len);
	h->cmsg_level = level;
	h->cmsg_type = type;
	h->cmsg_len = CMSG_LEN(len);
	return CMSG_DATA(h);
}

/* The address to send from, as the socket is bound to any. */
static void
put_source(struct msghdr *m, union control *c, const struct addr *from)
{
	const struct in6_pktinfo v6 = {
		.ipi6_addr = from->u.in6.sin6_addr,
		.ipi6_ifindex = from->u.in6.sin6_scope_id,
	};
	const struct in_pktinfo v4 = { .ipi_spec_dst = from->u.in4.sin_addr };

	if (addr_family(from) == AF_INET6)
		memcpy(
		    put_control(m, c, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(v6)),
		    &v6, sizeof(v6));
	else
		memcpy(put_control(m, c, IPPROTO_IP, IP_PKTINFO, sizeof(v4)),
		    &v4, sizeof(v4));
}

static void
begin_run(struct net_out *o, unsigned i, struct entry *e)
{
	struct msghdr *m = &o->msgs[i].msg_hdr;

	m->msg_name = &e->p.to;
	m->msg_namelen = addr_len(&e->p.to);
	m->msg_iov = &o->iov[o->iovs];
	m->msg_iovlen = 0;
	m->msg_control = NULL;
	m->msg_controllen = 0;
	if (!addr_is_none(&e->p.from))
		put_source(m, &o->control[i], &e->p.from);
	o->runs[i].first = e;
	o->runs[i].bytes = 0;
	o->runs[i].is_closed = false;
}

static bool
may_join(const struct net_out *o, unsigned i, const struct entry *e)
{
	const struct run *r = &o->runs[i];
	const struct entry *first = r->first;

	return !r->is_closed && e->len <= first->len && e->len > 0 &&
	    r->bytes + e->len <= OUT_SEGMENTED_MAX &&
	    o->msgs[i].msg_hdr.msg_iovlen < OUT_SEGMENTS &&
	    addr_equal(&e->p.to, &first->p.to) &&
	    addr_equal(&e->p.from, &first->p.from);
}

static void
join(struct net_out *o, unsigned i, const struct entry *e)
{
	struct run *r = &o->runs[i];

	o->iov[o->iovs].iov_base = e->data;
	o->iov[o->iovs].iov_len = e->len;
	o->iovs++;
	o->msgs[i].msg_hdr.msg_iovlen++;
	r->bytes += e->len;
	if (e->len < r->first->len)
		r->is_closed = true;
}

/* Tells the kernel where to cut. */
static void
end_run(struct net_out *o, unsigned i)
{
	struct msghdr *m = &o->msgs[i].msg_hdr;
	const uint16_t size = (uint16_t)o->runs[i].first->len;

	if (m->msg_iovlen < 2)
		return;
	memcpy(
	    put_control(m, &o->control[i], SOL_UDP, UDP_SEGMENT, sizeof(size)),
	    &size, sizeof(size));
	stats_count(o->net->stats, STATS_SEGMENTS_SENT, (int64_t)m->msg_iovlen);
}

static bool
is_admitted(struct net_out *o, const struct entry *e)
{
	const struct net_sink *k = &o->net->sink;

	return k->admit(k->arg, e->p.kind, e->len + net_wire_udp(&e->p.to));
}

/* May packets of s be cut out of a message at all? */
static bool
may_segment(const struct net_out *o, struct net_sock *s, const struct entry *e)
{
	if (!o->net->conf->listen.offload)
		return false;
	if (s->refused_for == 0)
		return true;
	s->refused_for--;
	return e->len < s->refused;
}

/* Fills one batch from the chain of s: packets of one DF setting.  Returns
 * how many messages they make. */
static unsigned
fill_batch(struct net_out *o, struct net_sock *s, bool df)
{
	unsigned count = 0;

	o->iovs = 0;
	while (s->first != 0) {
		struct entry *e = &o->entries[s->first - 1];
		const bool joins = count > 0 && may_join(o, count - 1, e);

		if (e->p.df != df || (!joins && count == OUT_BATCH))
			break;
		s->first = e->next;
		if (!is_admitted(o, e))
			continue;
		if (!joins) {
			begin_run(o, count, e);
			o->runs[count].is_closed = !may_segment(o, s, e);
			count++;
		}
		join(o, count - 1, e);
	}
	for (unsigned i = 0; i < count; i++)
		end_run(o, i);
	return count;
}

/* ---- sending */

static bool
is_full(int code)
{
	return code == EAGAIN || code == ENOBUFS;
}

/* Packets in the messages from at on. */
static uint64_t
count_packets(const struct net_out *o, unsigned at, unsigned count)
{
	uint64_t n = 0;

	while (at < count)
		n += o->msgs[at++].msg_hdr.msg_iovlen;
	return n;
}

/* Sends the packets of a message that the kernel did not want to cut. */
static void
send_apart(struct net_out *o, struct net_sock *s, unsigned at)
{
	struct msghdr m = o->msgs[at].msg_hdr;
	const size_t count = m.msg_iovlen;
	unsigned tries = 0;

	m.msg_controllen -= CMSG_SPACE(sizeof(uint16_t));
	m.msg_iovlen = 1;
	for (size_t i = 0; i < count;) {
		stats_count(o->net->stats, STATS_SYSCALLS_SEND, 1);
		if (sendmsg(s->fd, &m, MSG_DONTWAIT) < 0) {
			if (!is_full(errno) && tries++ == 0)
				continue;
			net_dropped(o->net,
			    is_full(errno) ? STATS_DROP_SEND_FULL
					   : STATS_DROP_SEND_ERROR);
		}
		tries = 0;
		m.msg_iov++;
		i++;
	}
}

static bool
is_refusal_to_cut(int code)
{
	return code == EIO || code == EINVAL || code == EMSGSIZE;
}

/*
 * What becomes of the first of msgs[at..count) that the kernel refused.
 * Returns how many to step over.  A pending ICMP error (IP_RECVERR) is told
 * to whoever sends next and means nothing to this packet: the first refusal
 * is tried again.
 */
static unsigned
give_up(struct net_out *o, struct net_sock *s, unsigned at, unsigned count,
    unsigned *tries)
{
	const int code = errno;

	if (is_full(code)) {
		stats_add(&o->net->stats->drop[STATS_DROP_SEND_FULL],
		    count_packets(o, at, count));
		return count - at;
	}
	if (code == EINTR || (*tries)++ == 0)
		return 0;
	*tries = 0;
	if (o->msgs[at].msg_hdr.msg_iovlen == 1) {
		net_dropped(o->net, STATS_DROP_SEND_ERROR);
		return 1;
	}
	if (is_refusal_to_cut(code)) {
		/* EIO is not about the size */
		s->refused = code == EIO ? 1 : (uint16_t)o->runs[at].first->len;
		s->refused_for = REFUSED_FOR;
	}
	stats_count(o->net->stats, STATS_SEGMENTS_SENT,
	    -(int64_t)o->msgs[at].msg_hdr.msg_iovlen);
	send_apart(o, s, at);
	return 1;
}

/* Sends the messages from at on.  Returns how many left, or -1 and errno. */
static int
send_some(struct net_out *o, int fd, unsigned at, unsigned count)
{
	const struct msghdr *m = &o->msgs[at].msg_hdr;

	stats_count(o->net->stats, STATS_SYSCALLS_SEND, 1);
	if (at + 1 < count)
		return sendmmsg(fd, o->msgs + at, count - at, MSG_DONTWAIT);
	/* the last, or a lone one: the shorter ways */
	if (m->msg_iovlen > 1 || m->msg_control != NULL)
		return sendmsg(fd, m, MSG_DONTWAIT) < 0 ? -1 : 1;
	return sendto(fd, m->msg_iov->iov_base, m->msg_iov->iov_len,
		   MSG_DONTWAIT, m->msg_name, m->msg_namelen) < 0
	    ? -1
	    : 1;
}

static void
send_batch(struct net_out *o, struct net_sock *s, unsigned count)
{
	unsigned at = 0, tries = 0;

	while (at < count) {
		int n = send_some(o, s->fd, at, count);

		if (n > 0) {
			at += (unsigned)n;
			tries = 0;
			continue;
		}
		at += give_up(o, s, at, count, &tries);
	}
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
