/*
 * fake_net: net/ without sockets: what is sent is kept, what is opened is
 * written down; included once by each test that needs it.
 */
#ifndef UNIT_TURN_FAKE_NET_H
#define UNIT_TURN_FAKE_NET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/net.h"

enum {
	FAKE_SENT_MAX = 16,
	FAKE_RELAYED_MAX = 64,
	FAKE_PACKET_MAX = 2048,
};

struct net {
	mono_ms now;
};

struct net_relayed {
	struct addr at;
	void *owner;
	bool is_open;
};

struct fake_sent {
	bool to_peer;
	struct net_flow flow; /* to a client */
	struct addr from;     /* to a peer: the relayed address */
	struct addr peer;
	bool dont_fragment;
	uint8_t data[FAKE_PACKET_MAX];
	size_t len;
};

static struct {
	struct net net;
	struct fake_sent sent[FAKE_SENT_MAX];
	unsigned sent_count;
	struct net_relayed relayed[FAKE_RELAYED_MAX];
	unsigned opened; /* attempts */
	unsigned open;   /* now */
	unsigned in_use; /* so many attempts meet another program */
	int open_error;  /* every attempt fails like this */
	bool no_buf;
	int kept; /* net_keep(true) less net_keep(false) */
	uint8_t mem[FAKE_PACKET_MAX];
} fake;

static inline void
fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
}

mono_ms
net_now(struct net *n)
{
	return n->now;
}

int64_t
net_now_us(struct net *n)
{
	return n->now * 1000;
}

bool
net_buf(struct net *n, struct buf *b, size_t room)
{
	(void)n;
	if (fake.no_buf)
		return false;
	assert_true(room + BUF_HEADROOM <= sizeof(fake.mem));
	/* an answer must not hold what was there before */
	memset(fake.mem, 0xA5, sizeof(fake.mem));
	buf_init(b, fake.mem, BUF_HEADROOM + room, BUF_HEADROOM);
	return true;
}

static inline struct fake_sent *
fake_keep(const struct buf *b)
{
	struct fake_sent *s = &fake.sent[fake.sent_count % FAKE_SENT_MAX];

	fake.sent_count++;
	memset(s, 0, sizeof(*s));
	assert_true(b->len <= sizeof(s->data));
	memcpy(s->data, b->data, b->len);
	s->len = b->len;
	return s;
}

void
net_send(struct net *n, const struct net_flow *to, struct buf *b)
{
	(void)n;
	fake_keep(b)->flow = *to;
}

void
net_keep(struct net *n, const struct net_flow *flow, bool keep)
{
	(void)n;
	assert_non_null(flow->conn);
	fake.kept += keep ? 1 : -1;
}

int
net_relayed_open(
    struct net_relayed **out, struct net *n, const struct addr *at, void *owner)
{
	struct net_relayed *r = fake.relayed;

	(void)n;
	fake.opened++;
	if (fake.open_error != 0)
		return fake.open_error;
	if (fake.in_use > 0) {
		fake.in_use--;
		return EADDRINUSE;
	}
	while (r->is_open)
		r++;
	assert_true(r < fake.relayed + FAKE_RELAYED_MAX);
	*r = (struct net_relayed){ .at = *at, .owner = owner, .is_open = true };
	fake.open++;
	*out = r;
	return 0;
}

void
net_relayed_close(struct net_relayed *r)
{
	if (r == NULL)
		return;
	assert_true(r->is_open);
	r->is_open = false;
	fake.open--;
}

const struct addr *
net_relayed_addr(const struct net_relayed *r)
{
	return &r->at;
}

void
net_relayed_send(struct net_relayed *r, const struct addr *peer, struct buf *b,
    bool dont_fragment)
{
	struct fake_sent *s = fake_keep(b);

	assert_true(r->is_open);
	s->to_peer = true;
	s->from = r->at;
	s->peer = *peer;
	s->dont_fragment = dont_fragment;
}

const char *
net_transport_name(enum net_transport t)
{
	static const char *const names[] = { "udp", "tcp", "tls", "dtls" };

	return names[t];
}

#endif
