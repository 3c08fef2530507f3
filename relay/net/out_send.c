#include <errno.h>

#include "net/out_core.h"
#include "net/slots.h"
#include "net/uring.h"

_Static_assert((int)LATER_PIECES >= (int)OUT_QUEUE, "all that may wait");

enum { REFUSED_FOR = 1024 /* messages until segments are tried again */ };

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

/* An error of s was met by a send: the ring will not meet it again. */
static void
tell(struct net_out *o, struct net_sock *s)
{
	if (s->watch != NULL)
		net_uring_trouble(o->net->uring, s->watch);
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
	tell(o, s);
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

/* tries: how often the first was refused already. */
static void
send_batch(
    struct net_out *o, struct net_sock *s, unsigned count, unsigned tries)
{
	unsigned at = 0;

	while (at < count) {
		int n = send_some(o, s->fd, at, count);

		if (n > 0) {
			at += (unsigned)n;
			tries = 0;
			/* the next met an error, which is now forgotten */
			if (at < count)
				tell(o, s);
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

/* ---- by the ring */

/* What is left of a chain would overtake it. */
static bool
may_hand_over(const struct net_out *o, const struct net_sock *s, unsigned count)
{
	return o->net->uring != NULL && s->first == 0 && count == 1 &&
	    o->later.count < URING_SENDS;
}

/* Hands over the first message, of the chain that began with from. */
static void
hand_over(struct net_out *o, struct net_sock *s, uint16_t from)
{
	const struct net_later_item item = {
		.sock = s,
		.from = from,
		.to = s->first,
		.first = (uint16_t)(o->runs[0].first - o->entries + 1),
		.count = (uint16_t)o->runs[0].count,
	};
	const unsigned tag = o->later.count;

	net_uring_send(o->net->uring, s->fd,
	    net_later_keep(&o->later, &item, &o->msgs[0].msg_hdr), tag);
}

void
net_out_submit(struct net_out *o)
{
	if (o->later.count > 0)
		net_uring_submit(o->net->uring);
}

void
net_out_failed(struct net_out *o, unsigned tag, int code)
{
	const struct net_later_item *l = &o->later.items[tag];

	if (is_full(code)) {
		stats_add(&o->net->stats->drop[STATS_DROP_SEND_FULL], l->count);
		return;
	}
	tell(o, l->sock);
	o->runs[0].first = &o->entries[l->first - 1];
	o->runs[0].count = l->count;
	net_out_put_message(o, 0, o->iov);
	if (l->count > 1)
		stats_count(
		    o->net->stats, STATS_SEGMENTS_SENT, -(int64_t)l->count);
	send_batch(o, l->sock, 1, 1);
}

void
net_out_sent(struct net_out *o)
{
	for (unsigned i = 0; i < o->later.count; i++)
		release(o, o->later.items[i].from, o->later.items[i].to);
	net_later_clear(&o->later);
	if (list_is_empty(&o->socks))
		o->count = 0;
}

void
net_out_send(
    struct net_out *o, struct net_sock *s, unsigned count, uint16_t from)
{
	if (may_hand_over(o, s, count)) {
		hand_over(o, s, from);
		return;
	}
	send_batch(o, s, count, 0);
	release(o, from, s->first);
}
