#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/support/sift.h"

enum {
	BATCH = 16,
	BYTES = 65536,
	CONTROL =
	    CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int)),
};

/* What one call took from one socket. */
struct batch {
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	struct addr from[BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL];
	uint8_t bytes[BATCH][BYTES];
};

/* One datagram of it. */
struct datagram {
	struct addr from;
	struct in_addr to;
	size_t segment; /* several, each of that size; 0: one */
};

static const char *const ways[SIFT_WAYS] = { "client to near peer",
	"client to far peer", "client to client", "near peer to client",
	"far peer to client" };

/* ---- one packet */

static void
compare(struct sift *s, enum sift_way way, unsigned client, const uint8_t *data,
    size_t len)
{
	struct sift_count *c = &s->count;
	const char *wrong;

	wrong = flows_take(s->flows, sift_flow(s, way, client), data, len);
	if (wrong != NULL)
		sift_die("%s, client %u: %s", ways[way], client, wrong);
	c->packets[way]++;
	c->bytes += len;
	if (len > c->largest)
		c->largest = len;
	if (c->smallest == 0 || len < c->smallest)
		c->smallest = len;
}

/* Did this come from the client's pair by the relayed address it has? */
static bool
is_pair(const struct sift *s, unsigned client, const struct addr *from)
{
	return addr_equal(from, &s->fleet->relayed[client ^ 1]);
}

static void
take_channel(struct sift *s, unsigned client, const uint8_t *data, size_t size)
{
	uint16_t number = 0;
	size_t len = 0;

	if (stun_channel_parse(&number, &len, data, size) != 0 ||
	    size - STUN_CHANNEL_HEADER_LEN - len > 3)
		sift_die("client %u: ChannelData of %zu bytes is broken: "
			 "number %#x, length %zu",
		    client, size, number, len);
	data += STUN_CHANNEL_HEADER_LEN;
	if (number == BENCH_FLEET_CHANNEL)
		compare(s, SIFT_DOWN_NEAR, client, data, len);
	else if (number == SIFT_PAIR_CHANNEL && sift_has_channel(client))
		compare(s, SIFT_PAIR, client ^ 1, data, len);
	else
		sift_die("client %u: it has no channel %#x", client, number);
}

static void
take_indication(
    struct sift *s, unsigned client, const uint8_t *data, size_t size)
{
	char text[ADDR_TEXT_MAX];
	struct turnc_answer a;

	if (turnc_parse(&s->fleet->turn[client], &a, data, size) != 0 ||
	    a.class != STUN_INDICATION)
		sift_die("client %u: a message of %zu bytes is broken", client,
		    size);
	if (addr_equal(&a.peer, &s->far))
		compare(s, SIFT_DOWN_FAR, client, a.data, a.data_len);
	else if (is_pair(s, client, &a.peer) && !sift_has_channel(client))
		compare(s, SIFT_PAIR, client ^ 1, a.data, a.data_len);
	else
		sift_die("client %u: an indication of %s", client,
		    addr_format(&a.peer, text));
}

static void
take_at_client(
    struct sift *s, const struct datagram *d, const uint8_t *data, size_t len)
{
	const unsigned client = bench_fleet_flow(d->to);

	if (client >= s->fleet->count ||
	    !addr_equal(&d->from, &s->fleet->server))
		sift_die("a stray packet of %zu bytes for a client", len);
	if (len > 0 && data[0] >= STUN_CHANNEL_MIN >> 8)
		take_channel(s, client, data, len);
	else
		take_indication(s, client, data, len);
}

static void
take_at_peer(struct sift *s, const struct datagram *d, const uint8_t *data,
    size_t len, bool is_far)
{
	const unsigned client = s->by_port[addr_port(&d->from)];

	if (client == 0 ||
	    !addr_equal(&d->from, &s->fleet->relayed[client - 1]))
		sift_die("a stray packet of %zu bytes for a peer", len);
	compare(s, is_far ? SIFT_UP_FAR : SIFT_UP_NEAR, client - 1, data, len);
}

/* ---- many */

static int
receive(int fd, struct batch *b)
{
	for (unsigned i = 0; i < BATCH; i++) {
		b->iov[i].iov_base = b->bytes[i];
		b->iov[i].iov_len = BYTES;
		b->m[i].msg_hdr = (struct msghdr){
			.msg_name = &b->from[i].u,
			.msg_namelen = sizeof(b->from[i].u),
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i],
			.msg_controllen = CONTROL,
		};
	}
	return recvmmsg(fd, b->m, BATCH, MSG_DONTWAIT, NULL);
}

static struct datagram
look(struct batch *b, unsigned i)
{
	struct msghdr *m = &b->m[i].msg_hdr;
	struct datagram d = { .from = b->from[i] };
	struct in_pktinfo info;
	int size;

	if (m->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		sift_die("a datagram was cut");
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			d.to = info.ipi_addr;
		}
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&size, CMSG_DATA(c), sizeof(size));
			d.segment = (size_t)size;
		}
	}
	return d;
}

static void
take_datagram(struct sift *s, int fd, struct batch *b, unsigned i)
{
	const struct datagram d = look(b, i);
	const size_t size = b->m[i].msg_len;
	size_t at = 0, len;

	if (d.segment > 0 && size > d.segment)
		s->count.joined++;
	do {
		len = size - at;
		if (d.segment > 0 && len > d.segment)
			len = d.segment;
		if (fd == s->fleet->client_fd)
			take_at_client(s, &d, b->bytes[i] + at, len);
		else
			take_at_peer(
			    s, &d, b->bytes[i] + at, len, fd == s->far_fd);
		at += len;
	} while (at < size);
}

unsigned
sift_take(struct sift *s)
{
	const int fds[] = { s->fleet->client_fd, s->fleet->peer_fd, s->far_fd };
	static struct batch b;
	unsigned taken = 0;
	int n;

	for (unsigned k = 0; k < sizeof(fds) / sizeof(fds[0]); k++) {
		n = receive(fds[k], &b);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			sift_die("recvmmsg: %m");
		for (int i = 0; i < n; i++)
			take_datagram(s, fds[k], &b, (unsigned)i);
		taken += n > 0 ? (unsigned)n : 0;
	}
	return taken;
}

void
sift_join(const struct sift *s, int on)
{
	const int fds[] = { s->fleet->client_fd, s->fleet->peer_fd, s->far_fd };

	for (unsigned k = 0; k < sizeof(fds) / sizeof(fds[0]); k++)
		if (setsockopt(fds[k], SOL_UDP, UDP_GRO, &on, sizeof(on)) != 0)
			sift_die("UDP_GRO: %m");
}
