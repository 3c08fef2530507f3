#include "net/batch.h"

#include <string.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "net/core.h"
#include "net/out.h"
#include "net/slots.h"

union control {
	struct cmsghdr align;
	char v4[CMSG_SPACE(sizeof(struct in_pktinfo))];
	char v6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct net_batch {
	/* OWNER: worker */
	struct net *net;          /* borrowed */
	unsigned used;            /* places the last recv filled */
	uint8_t *slot[BATCH_MAX]; /* NULL: went on to be sent */
	uint8_t *big[BATCH_MAX];
	struct mmsghdr msgs[BATCH_MAX];
	struct iovec iov[BATCH_MAX][2];
	struct addr from[BATCH_MAX];
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
	if (b->big[i] == NULL && net_slots_take(s, SLOT_BIG_ROOM, &b->big[i])) {
		/* so that only the first piece must be copied in front */
		b->iov[i][1].iov_base = b->big[i] + BUF_HEADROOM + SLOT_ROOM;
		b->iov[i][1].iov_len = SLOT_BIG_ROOM - SLOT_ROOM;
	}
	b->msgs[i].msg_hdr.msg_iovlen = b->big[i] != NULL ? 2 : 1;
	return true;
}

int
net_batch_recv(struct net_batch *b, int fd, unsigned max)
{
	unsigned ready = 0;
	int n;

	for (unsigned i = 0; i < b->used; i++)
		reset(b, i);
	b->used = 0;
	/* memory that waits to be sent comes back by sending it */
	if (net_slots_spare(b->net->slots) < max ||
	    net_slots_spare_big(b->net->slots) == 0)
		net_out_flush(b->net->out);
	while (ready < max && arm(b, ready))
		ready++;
	n = recvmmsg(fd, b->msgs, ready, MSG_DONTWAIT, NULL);
	stats_count(b->net->stats, STATS_SYSCALLS_RECV, 1);
	if (n > 0)
		b->used = (unsigned)n;
	return n;
}

bool
net_batch_packet(struct net_batch *b, unsigned i, struct buf *out)
{
	const size_t len = b->msgs[i].msg_len;

	if ((b->msgs[i].msg_hdr.msg_flags & MSG_TRUNC) != 0)
		return false;
	if (len <= SLOT_ROOM) {
		buf_init(out, b->slot[i], SLOT_BYTES, BUF_HEADROOM);
	} else {
		buf_init(out, b->big[i], SLOT_BIG_BYTES, BUF_HEADROOM);
		memcpy(out->data, b->slot[i] + BUF_HEADROOM, SLOT_ROOM);
	}
	out->len = (uint32_t)len;
	return true;
}

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
