#include "net/out.h"

#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "net/out_core.h"
#include "net/slots.h"
#include "relay/snapshot.h"

struct net_out *
net_out_new(struct net *n)
{
	struct net_out *o = mem_try_aligned(sizeof(*o));

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

/* Of IPv4 all that counts, of none zero. */
static inline uint64_t
head_of(const struct addr *a)
{
	uint64_t head;

	memcpy(&head, a, sizeof(head));
	return head;
}

static inline bool
is_same_way(const struct net_out_packet *a, const struct net_out_packet *b)
{
	if (head_of(&a->to) != head_of(&b->to) ||
	    head_of(&a->from) != head_of(&b->from) || a->df != b->df ||
	    a->kind != b->kind)
		return false;
	return addr_family(&a->to) != AF_INET6 ||
	    (addr_equal_host(&a->to, &b->to) &&
		addr_equal_host(&a->from, &b->from));
}

/* What p says, for an entry at the end of s's chain. */
static const struct net_out_packet *
keep_way(
    struct net_out *o, const struct net_sock *s, const struct net_out_packet *p)
{
	struct net_out_packet *way;

	/* packets of a flow come in runs */
	if (s->first != 0 && is_same_way(o->entries[s->last - 1].way, p))
		return o->entries[s->last - 1].way;
	way = &o->ways[o->count];
	*way = *p;
	return way;
}

void
net_out_push(struct net_out *o, struct net_sock *s,
    const struct net_out_packet *p, struct buf *b)
{
	struct entry *e;

	if (o->count == OUT_QUEUE)
		net_out_flush(o);
	net_slots_queue(o->net->slots, b->base);
	e = &o->entries[o->count];
	e->way = keep_way(o, s, p);
	o->count++;
	e->base = b->base;
	e->data = b->data;
	e->len = b->len;
	e->next = 0;
	e->behind = 0;
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

/* Makes r the i-th message; its packets go to iov.  Returns how many. */
unsigned
net_out_put_message(struct net_out *o, unsigned i, struct iovec *iov)
{
	struct msghdr *m = &o->msgs[i].msg_hdr;
	struct run *r = &o->runs[i];
	struct entry *e = r->first;
	const uint16_t size = (uint16_t)e->len;

	m->msg_name = (struct addr *)&e->way->to;
	m->msg_namelen = addr_len(&e->way->to);
	m->msg_iov = iov;
	m->msg_iovlen = r->count;
	m->msg_control = NULL;
	m->msg_controllen = 0;
	if (!addr_is_none(&e->way->from))
		put_source(m, &o->control[i], &e->way->from);
	iov->iov_base = e->data;
	iov->iov_len = e->len;
	if (r->count == 1)
		return 1;
	while (e->behind != 0) {
		e = &o->entries[e->behind - 1];
		iov++;
		iov->iov_base = e->data;
		iov->iov_len = e->len;
	}
	/* where to cut */
	memcpy(
	    put_control(m, &o->control[i], SOL_UDP, UDP_SEGMENT, sizeof(size)),
	    &size, sizeof(size));
	stats_count(o->net->stats, STATS_SEGMENTS_SENT, (int64_t)r->count);
	return r->count;
}

/* ---- which packets make a message */

static void
begin_run(struct run *r, struct entry *e, bool may_grow)
{
	r->first = r->last = e;
	r->bytes = e->len;
	r->count = 1;
	r->is_closed = !may_grow || e->len == 0;
}

/* Has r, which goes the same way, room for e? */
static inline bool
has_room(const struct run *r, const struct entry *e)
{
	return !r->is_closed && e->len <= r->first->len && e->len > 0 &&
	    r->bytes + e->len <= OUT_SEGMENTED_MAX && r->count < OUT_SEGMENTS;
}

static bool
may_join(const struct run *r, const struct entry *e)
{
	return has_room(r, e) && is_same_way(r->first->way, e->way);
}

static void
join(const struct net_out *o, struct run *r, struct entry *e)
{
	r->last->behind = (uint16_t)(e - o->entries + 1);
	r->last = e;
	r->bytes += e->len;
	r->count++;
	if (e->len < r->first->len)
		r->is_closed = true;
}

static unsigned
hash(const struct addr *a)
{
	uint32_t words[4], h;

	if (addr_family(a) == AF_INET6) {
		memcpy(words, &a->u.in6.sin6_addr, sizeof(words));
		h = words[0] ^ words[1] ^ words[2] ^ words[3];
	} else {
		h = a->u.in4.sin_addr.s_addr;
	}
	h = (h ^ ((uint32_t)a->u.in4.sin_port << 8)) * 2654435761u;
	return h / (UINT32_MAX / LATEST + 1);
}

static bool
is_admitted(struct net_out *o, const struct entry *e)
{
	const struct net_sink *k = &o->net->sink;

	return k->admit(
	    k->arg, e->way->kind, e->len + net_wire_udp(&e->way->to));
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

/* Where the latest message to the address of e stands, or will. */
static uint16_t *
find_latest(struct net_out *o, const struct entry *e)
{
	const struct addr *to = &e->way->to;
	unsigned i = hash(to);

	while (o->latest[i] != 0 &&
	    !addr_equal(&o->runs[o->latest[i] - 1].first->way->to, to))
		i = (i + 1) % LATEST;
	return &o->latest[i];
}

/* The message that e may join: the latest to its address, so that order is
 * kept; NULL: none. */
static struct run *
find_run(struct net_out *o, unsigned count, const struct entry *e)
{
	struct run *last;
	unsigned i;

	if (count == 0)
		return NULL;
	last = &o->runs[count - 1];
	if (last->first->way == e->way)
		return has_room(last, e) ? last : NULL;
	if (count == 1)
		return may_join(last, e) ? last : NULL;
	if ((i = *find_latest(o, e)) == 0)
		return NULL;
	return may_join(&o->runs[i - 1], e) ? &o->runs[i - 1] : NULL;
}

/* Lets the i-th be found: most sockets need one message, and no table. */
static void
note_run(struct net_out *o, unsigned i)
{
	if (i == 0)
		return;
	if (i == 1) {
		memset(o->latest, 0, sizeof(o->latest));
		*find_latest(o, o->runs[0].first) = 1;
	}
	*find_latest(o, o->runs[i].first) = (uint16_t)(i + 1);
}

/* Fills one batch from the chain of s: packets of one DF setting.  Returns
 * how many messages they make. */
static unsigned
fill_batch(struct net_out *o, struct net_sock *s, bool df)
{
	unsigned count = 0;

	while (s->first != 0) {
		struct entry *e = &o->entries[s->first - 1];
		struct run *r = find_run(o, count, e);

		if (e->way->df != df || (r == NULL && count == OUT_BATCH))
			break;
		s->first = e->next;
		if (!is_admitted(o, e))
			continue;
		if (r != NULL) {
			join(o, r, e);
			continue;
		}
		begin_run(&o->runs[count], e, may_segment(o, s, e));
		note_run(o, count++);
	}
	return count;
}

static void
put_messages(struct net_out *o, unsigned count)
{
	struct iovec *iov = o->iov;

	for (unsigned i = 0; i < count; i++)
		iov += net_out_put_message(o, i, iov);
}

/* ---- all that waits */

static void
flush_sock(struct net_out *o, struct net_sock *s)
{
	while (s->first != 0) {
		const uint16_t first = s->first;
		const bool df = o->entries[first - 1].way->df;
		unsigned count = fill_batch(o, s, df);

		if (count > 0 && df != s->df) {
			net_out_set_df(s->fd, s->family, df);
			s->df = df;
		}
		put_messages(o, count);
		net_out_send(o, s, count, first);
	}
	s->last = 0;
	list_remove(&s->node);
}

void
net_out_flush_sock(struct net_out *o, struct net_sock *s)
{
	net_out_submit(o);
	flush_sock(o, s);
	net_out_submit(o);
}

void
net_out_hand_over(struct net_out *o)
{
	/* a socket has one message there at most */
	net_out_submit(o);
	while (!list_is_empty(&o->socks))
		flush_sock(o, LIST_ITEM(o->socks.next, struct net_sock, node));
	if (o->later.count == 0)
		o->count = 0;
}

void
net_out_flush(struct net_out *o)
{
	net_out_hand_over(o);
	net_out_submit(o);
}
