#include "net/batch.h"

#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "net/core.h"
#include "net/out.h"
#include "net/slots.h"

enum { LONE_TIMES = 4 };

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
	    CMSG_SPACE(sizeof(int))];
};

/* A walk through one place. */
struct walk {
	uint8_t *slot; /* what holds the packets */
	uint32_t room; /* its size */
	uint32_t at;   /* the first byte in it */
	uint8_t *next;
	uint32_t left;    /* bytes not yet given out */
	uint32_t segment; /* size of each but the last; 0: there is one */
	bool done;
};

struct net_batch {
	/* OWNER: worker */
	struct net *net;              /* borrowed */
	unsigned used;                /* places the last recv filled */
	struct walk walk;             /* through the open one */
	uint8_t *part, *big_part;     /* for the next that needs its own */
	uint32_t one_at;              /* where in its slot BATCH_ONE begins */
	uint8_t *slot[BATCH_MAX + 1]; /* NULL: went on to be sent */
	uint8_t *big[BATCH_MAX];
	struct mmsghdr msgs[BATCH_MAX + 1];
	struct iovec iov[BATCH_MAX][2];
	struct addr from[BATCH_MAX + 1];
	union control control[BATCH_MAX];
};

static void
reset(struct net_batch *b, unsigned i)
{
	struct msghdr *m = &b->msgs[i].msg_hdr;

	m->msg_namelen = sizeof(b->from[i]);
	m->msg_controllen = sizeof(b->control[i]);
	m->msg_flags = 0;
}

struct net_batch *
net_batch_new(struct net *n)
{
	struct net_batch *b = mem_try(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->net = n;
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		struct msghdr *m = &b->msgs[i].msg_hdr;

		m->msg_name = &b->from[i];
		m->msg_iov = b->iov[i];
		m->msg_iovlen = 2;
		m->msg_control = &b->control[i];
		reset(b, i);
	}
	return b;
}

void
net_batch_free(struct net_batch *b)
{
	mem_free(b); /* its slots go with net->slots */
}

void
net_batch_coalesce(int fd, bool on)
{
	const int v = on;

	/* where the kernel has it not, packets come one by one */
	setsockopt(fd, SOL_UDP, UDP_GRO, &v, sizeof(v));
}

/* Gives place i its memory.  False when there is none. */
static bool
arm(struct net_batch *b, unsigned i)
{
	struct net_slots *s = b->net->slots;

	if (b->slot[i] == NULL) {
		if (!net_slots_take(s, SLOT_ROOM, &b->slot[i]))
			return false;
		b->iov[i][0].iov_base = b->slot[i] + BUF_HEADROOM;
		b->iov[i][0].iov_len = SLOT_ROOM;
	}
	if (b->big[i] == NULL) {
		if (!net_slots_take(s, SLOT_BIG_ROOM, &b->big[i]))
			return false;
		/* so that only the first piece must be copied in front */
		b->iov[i][1].iov_base = b->big[i] + BUF_HEADROOM + SLOT_ROOM;
		b->iov[i][1].iov_len = SLOT_BIG_ROOM - SLOT_ROOM;
	}
	return true;
}

/* Gives the first places up to max their memory.  Returns how many have. */
static unsigned
arm_all(struct net_batch *b, unsigned max)
{
	unsigned ready = 0;

	while (ready < max && arm(b, ready))
		ready++;
	return ready;
}

/* One of them costs less by the call for one. */
static int
receive(struct net_batch *b, int fd, unsigned count)
{
	ssize_t n;

	if (count != 1)
		return recvmmsg(fd, b->msgs, count, MSG_DONTWAIT, NULL);
	n = recvmsg(fd, &b->msgs[0].msg_hdr, MSG_DONTWAIT);
	if (n < 0)
		return -1;
	b->msgs[0].msg_len = (unsigned)n;
	return 1;
}

int
net_batch_recv(
    struct net_batch *b, int fd, struct net_batch_pace *pace, unsigned max)
{
	const bool is_lone = pace->lone > 0;
	unsigned ready;
	int n;

	if (is_lone) {
		pace->lone--;
		max = 1;
	}
	for (unsigned i = 0; i < b->used; i++)
		reset(b, i);
	b->used = 0;
	ready = arm_all(b, max);
	/* memory that waits to be sent comes back by sending it */
	if (ready < max) {
		net_out_flush(b->net->out);
		ready = arm_all(b, max);
	}
	n = receive(b, fd, ready);
	stats_count(b->net->stats, STATS_SYSCALLS_RECV, 1);
	if (!is_lone && n == 1)
		pace->lone = LONE_TIMES;
	if (n > 0)
		b->used = (unsigned)n;
	return n;
}

/* ---- the packets of a place */

/* The size of the packets in m; 0: it holds one. */
static uint32_t
find_segment(const struct msghdr *m, size_t len)
{
	int size;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL;
	     h = CMSG_NXTHDR((struct msghdr *)m, h)) {
		if (h->cmsg_level != SOL_UDP || h->cmsg_type != UDP_GRO)
			continue;
		memcpy(&size, CMSG_DATA(h), sizeof(size));
		return size > 0 && (size_t)size < len ? (uint32_t)size : 0;
	}
	return 0;
}

bool
net_batch_open(struct net_batch *b, unsigned i)
{
	const struct msghdr *m = &b->msgs[i].msg_hdr;
	struct walk *w = &b->walk;

	if ((m->msg_flags & MSG_TRUNC) != 0)
		return false;
	w->left = b->msgs[i].msg_len;
	w->segment = find_segment(m, w->left);
	w->done = false;
	w->at = BUF_HEADROOM;
	if (i == BATCH_ONE) {
		w->slot = b->slot[i];
		w->room = SLOT_RING_BYTES;
		w->at = b->one_at;
	} else if (w->left <= SLOT_ROOM) {
		w->slot = b->slot[i];
		w->room = SLOT_BYTES;
	} else {
		w->slot = b->big[i];
		w->room = SLOT_BIG_BYTES;
		memcpy(w->slot + BUF_HEADROOM, b->slot[i] + BUF_HEADROOM,
		    SLOT_ROOM);
	}
	w->next = w->slot + w->at;
	/* the first of them may be sent while others are still here */
	if (w->segment > 0)
		net_slots_pin(b->net->slots, w->slot);
	return true;
}

bool
net_batch_next(struct net_batch *b, struct buf *out)
{
	struct walk *w = &b->walk;

	if (w->done)
		return false;
	if (w->segment == 0) {
		buf_init(out, w->slot, w->room, w->at);
		out->len = w->left;
		w->done = true;
		return true;
	}
	out->len = w->left < w->segment ? w->left : w->segment;
	out->cap = out->len;
	out->base = out->data = w->next;
	w->next += out->len;
	w->left -= out->len;
	w->done = w->left == 0;
	stats_count(b->net->stats, STATS_SEGMENTS_RECEIVED, 1);
	return true;
}

bool
net_batch_part(struct net_batch *b, struct buf *packet)
{
	struct net_slots *s = b->net->slots;
	const bool is_big = packet->len > SLOT_ROOM;
	uint8_t **own = is_big ? &b->big_part : &b->part;
	const uint8_t *data = packet->data;
	const uint32_t len = packet->len;

	if (b->walk.segment == 0)
		return true;
	if (*own == NULL && !net_slots_take(s, len, own)) {
		net_out_flush(b->net->out);
		if (!net_slots_take(s, len, own))
			return false;
	}
	buf_init(
	    packet, *own, is_big ? SLOT_BIG_BYTES : SLOT_BYTES, BUF_HEADROOM);
	memcpy(buf_put(packet, len), data, len);
	return true;
}

void
net_batch_close(struct net_batch *b)
{
	if (b->walk.segment > 0)
		net_slots_release(b->net->slots, b->walk.slot);
}

/* ---- the one that came by io_uring */

void
net_batch_put(struct net_batch *b, const struct net_batch_got *got)
{
	struct msghdr *m = &b->msgs[BATCH_ONE].msg_hdr;

	net_slots_arrive(b->net->slots, got->slot, &b->slot[BATCH_ONE]);
	b->one_at = got->at;
	b->msgs[BATCH_ONE].msg_len = got->len;
	m->msg_flags = got->flags;
	m->msg_control = got->control;
	m->msg_controllen = got->control_len;
	/* a header may be written where the kernel put it */
	memcpy(&b->from[BATCH_ONE], got->from, sizeof(struct addr));
}

void
net_batch_take_back(struct net_batch *b)
{
	if (b->slot[BATCH_ONE] != NULL)
		net_slots_release(b->net->slots, b->slot[BATCH_ONE]);
	b->slot[BATCH_ONE] = NULL;
}

/* ---- what is known of a place */

size_t
net_batch_len(const struct net_batch *b, unsigned i)
{
	return b->msgs[i].msg_len;
}

const struct addr *
net_batch_from(const struct net_batch *b, unsigned i)
{
	return &b->from[i];
}

void
net_batch_local(const struct net_batch *b, unsigned i, struct addr *host)
{
	const struct msghdr *m = &b->msgs[i].msg_hdr;
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	struct cmsghdr *h;

	for (h = CMSG_FIRSTHDR(m); h != NULL;
	     h = CMSG_NXTHDR((struct msghdr *)m, h)) {
		if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(h), sizeof(v4));
			host->u.in4.sin_addr = v4.ipi_addr;
		} else if (h->cmsg_level == IPPROTO_IPV6 &&
		    h->cmsg_type == IPV6_PKTINFO) {
			memcpy(&v6, CMSG_DATA(h), sizeof(v6));
			host->u.in6.sin6_addr = v6.ipi6_addr;
			if (IN6_IS_ADDR_LINKLOCAL(&v6.ipi6_addr))
				host->u.in6.sin6_scope_id = v6.ipi6_ifindex;
		}
	}
}
