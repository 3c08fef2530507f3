#include "tests/support/caller.h"

#include <errno.h>
#include <string.h>

#include "common/entropy.h"
#include "common/stun/channel.h"

enum {
	REQUEST_MAX = 2048,
	RETRANSMIT_MS = 500, /* RFC 8489, section 6.2.1 */
	ATTEMPTS = 3,        /* unsigned, signed, with a fresh nonce */
};

static void
take_challenge(struct caller *c)
{
	const struct stun_attr *realm, *nonce;

	realm = stun_msg_find(&c->reply, STUN_ATTR_REALM);
	nonce = stun_msg_find(&c->reply, STUN_ATTR_NONCE);
	if (realm == NULL || nonce == NULL || realm->len >= CALLER_NAME_MAX ||
	    nonce->len > sizeof(c->nonce))
		return;
	memcpy(c->realm, realm->value, realm->len);
	c->realm[realm->len] = '\0';
	memcpy(c->nonce, nonce->value, nonce->len);
	c->nonce_len = nonce->len;
	if (stun_key_derive(&c->key, STUN_ALGORITHM_MD5, c->user, c->realm,
		c->password) != 0)
		c->nonce_len = 0;
}

static size_t
build(struct caller *c, uint8_t out[REQUEST_MAX], enum stun_method method,
    caller_fill fill, void *arg)
{
	uint8_t tid[STUN_TID_LEN];
	struct pen p;

	entropy_fill(tid, sizeof(tid));
	stun_msg_begin(&p, out, REQUEST_MAX, method, STUN_REQUEST, tid);
	if (fill != NULL)
		fill(&p, tid, arg);
	if (c->sign && c->nonce_len > 0 && method != STUN_BINDING) {
		stun_put(&p, STUN_ATTR_USERNAME, c->user, strlen(c->user));
		stun_put(&p, STUN_ATTR_REALM, c->realm, strlen(c->realm));
		stun_put(&p, STUN_ATTR_NONCE, c->nonce, c->nonce_len);
		stun_put_integrity(&p, &c->key);
	}
	return stun_msg_end(&p);
}

static void
take_indication(struct caller *c, const struct stun_msg *m)
{
	struct caller_path path = { .way = CALLER_INDICATION };
	const struct stun_attr *peer, *data;

	peer = stun_msg_find(m, STUN_ATTR_XOR_PEER_ADDRESS);
	data = stun_msg_find(m, STUN_ATTR_DATA);
	if (m->method != STUN_DATA || peer == NULL || data == NULL ||
	    stun_attr_xor_addr(&path.peer, m, peer) != 0)
		return;
	c->sink(c->arg, &path, data->value, data->len);
}

/* What is no answer: ChannelData, an indication, or a direct datagram. */
static void
take_payload(struct caller *c, const struct addr *from, size_t len)
{
	struct caller_path path = { .way = CALLER_DIRECT, .peer = *from };
	struct stun_msg m;
	size_t size;

	if (!addr_equal(from, wire_server(c->wire))) {
		c->sink(c->arg, &path, c->packet, len);
		return;
	}
	if (len > 0 && c->packet[0] >= 0x40) {
		path.way = CALLER_CHANNEL;
		if (stun_channel_parse(&path.channel, &size, c->packet, len) ==
		    0)
			c->sink(c->arg, &path,
			    c->packet + STUN_CHANNEL_HEADER_LEN, size);
		return;
	}
	if (stun_msg_parse(&m, c->packet, len) == 0 &&
	    m.class == STUN_INDICATION)
		take_indication(c, &m);
}

int
caller_poll(struct caller *c, mono_ms deadline)
{
	struct addr from;
	long n;

	n = wire_recv(c->wire, c->packet, sizeof(c->packet), &from, deadline);
	if (n <= 0)
		return n < 0 ? -1 : 0;
	take_payload(c, &from, (size_t)n);
	return 1;
}

/* Is the packet the answer to tid?  Then it stands in c->reply. */
static bool
is_reply(
    struct caller *c, const struct addr *from, size_t n, const uint8_t *tid)
{
	if (!addr_equal(from, wire_server(c->wire)) || c->packet[0] >= 0x40)
		return false;
	if (stun_msg_parse(&c->reply, c->packet, n) != 0)
		return false;
	return c->reply.class >= STUN_SUCCESS &&
	    memcmp(c->reply.tid, tid, STUN_TID_LEN) == 0;
}

/* One exchange with retransmission over datagrams. */
static int
exchange(struct caller *c, const uint8_t *request, size_t len)
{
	const mono_ms end = mono_now() + CALLER_TIMEOUT_MS;
	const uint8_t *tid = request + 8;
	mono_ms wait = RETRANSMIT_MS, until = 0;
	struct addr from;
	long n;

	for (;;) {
		if (mono_now() >= end)
			return ETIMEDOUT;
		if (mono_now() >= until) {
			if (wire_send(c->wire, request, len) != 0)
				return EPIPE;
			until =
			    wire_is_stream(c->wire) ? end : mono_now() + wait;
			wait *= 2;
		}
		n = wire_recv(c->wire, c->packet, sizeof(c->packet), &from,
		    until < end ? until : end);
		if (n < 0)
			return EPIPE;
		if (n == 0)
			continue;
		if (is_reply(c, &from, (size_t)n, tid)) {
			c->reply_len = n;
			return 0;
		}
		take_payload(c, &from, (size_t)n);
	}
}

static int
reply_code(const struct stun_msg *m)
{
	const struct stun_attr *a;
	int code;

	if (m->class == STUN_SUCCESS)
		return 0;
	a = stun_msg_find(m, STUN_ATTR_ERROR_CODE);
	if (a == NULL || stun_attr_error(&code, a) != 0)
		return EBADMSG;
	return code;
}

int
caller_request(
    struct caller *c, enum stun_method method, caller_fill fill, void *arg)
{
	uint8_t request[REQUEST_MAX];
	bool was_signed;
	size_t len;
	int rc = 0;

	for (int i = 0; i < ATTEMPTS; i++) {
		was_signed = c->sign && c->nonce_len > 0;
		if ((len = build(c, request, method, fill, arg)) == 0)
			return EMSGSIZE;
		c->sent_len = (long)len;
		if ((rc = exchange(c, request, len)) != 0)
			return rc;
		rc = reply_code(&c->reply);
		if (rc != 438 && (rc != 401 || was_signed))
			break;
		if (!c->sign)
			break;
		take_challenge(c);
	}
	return rc;
}

int
caller_send(struct caller *c, const struct caller_path *path,
    const uint8_t *data, size_t len)
{
	static uint8_t out[CALLER_PACKET_MAX + 64];
	uint8_t tid[STUN_TID_LEN];
	struct pen p;

	if (path->way == CALLER_DIRECT)
		return wire_send_to(c->wire, &path->peer, data, len);
	if (path->way == CALLER_CHANNEL) {
		memset(out, 0, 4 + stun_padded(len));
		stun_channel_header(out, path->channel, len);
		memcpy(out + STUN_CHANNEL_HEADER_LEN, data, len);
		if (wire_is_stream(c->wire))
			len = stun_padded(len);
		return wire_send(c->wire, out, STUN_CHANNEL_HEADER_LEN + len);
	}
	entropy_fill(tid, sizeof(tid));
	stun_msg_begin(&p, out, sizeof(out), STUN_SEND, STUN_INDICATION, tid);
	stun_put_xor_addr(&p, STUN_ATTR_XOR_PEER_ADDRESS, &path->peer, tid);
	stun_put(&p, STUN_ATTR_DATA, data, len);
	if ((len = stun_msg_end(&p)) == 0)
		return EMSGSIZE;
	return wire_send(c->wire, out, len);
}
