#include "net/entry.h"

#include <errno.h>
#include <sys/socket.h>

#include "net/demux.h"
#include "net/frames.h"
#include "net/limits.h"
#include "net/listeners.h"
#include "net/proxy.h"
#include "net/stream.h"
#include "net/streams.h"
#include "net/tls.h"
#include "net/web_core.h"
#include "relay/snapshot.h"

/* ---- the first byte of what is not TLS, or no longer */

static size_t
begin_http(struct net_stream *s, uint8_t *data, size_t len)
{
	if (net_web_begin(s) == 0)
		return net_http.input(s, data, len);
	net_conn_drop(&s->conn, STATS_DROP_NO_MEMORY);
	return len;
}

/* Hands s over to the protocol that begins with data. */
static size_t
take_first(struct net_stream *s, uint8_t *data, size_t len)
{
	switch (net_demux_stream(data, len)) {
	case NET_DEMUX_STUN:
		net_stream_speak(s, &net_frames);
		return net_frames.input(s, data, len);
	case NET_DEMUX_HTTP:
		return begin_http(s, data, len);
	default:
		net_conn_drop(&s->conn, STATS_DROP_NOT_STUN);
		return len;
	}
}

static const struct net_protocol first = {
	.ready = net_stream_take,
	.input = take_first,
};

static void
begin_first(struct net_stream *s)
{
	net_stream_speak(s, &first);
	net_stream_take(s);
}

/* ---- TLS */

static void
go_on_shaking(struct net_stream *s)
{
	int code;

	if (!net_streams_admit(s->conn.net->streams, s)) {
		net_stream_rest(s);
		return;
	}
	code = net_wire_shake(&s->wire);
	net_stream_charge(s);
	if (code == 0)
		begin_first(s);
	else if (code != EAGAIN)
		net_conn_drop(&s->conn, STATS_DROP_TLS_FAILED);
}

static const struct net_protocol handshake = {
	.ready = go_on_shaking,
};

static void
begin_tls(struct net_stream *s)
{
	struct net *n = s->conn.net;

	if (n->tls == NULL) {
		net_conn_drop(&s->conn, STATS_DROP_TLS_FAILED);
		return;
	}
	if (net_wire_secure(
		&s->wire, net_tls_stream(n->tls), n->streams->method) != 0) {
		net_conn_drop(&s->conn, STATS_DROP_NO_MEMORY);
		return;
	}
	s->conn.flow.transport = NET_TLS;
	s->conn.kind = STATS_CLIENT_TLS;
	net_stream_speak(s, &handshake);
	go_on_shaking(s);
}

/* ---- a PROXY header */

static bool
may_proxy(const struct net_stream *s)
{
	const struct snapshot_prefixes *from = &s->conn.net->conf->listen.proxy;

	for (size_t i = 0; i < from->count; i++) {
		if (addr_prefix_has(&from->at[i], &s->conn.counted))
			return !s->is_proxied;
	}
	return false;
}

/* Reads on until want bytes of the header are kept, not a byte more.  Returns
 * 0 when they are there, EAGAIN, EBADMSG or ENOMEM. */
static int
fill_header(struct net_stream *s, size_t want)
{
	uint8_t bytes[PROXY_MAX];
	const size_t missing = want - s->rest.len;
	size_t got;
	int code;

	if (missing == 0)
		return 0;
	code = net_wire_read(&s->wire, &got, bytes, missing);
	net_stream_charge(s);
	if (code != 0)
		return code == EAGAIN ? EAGAIN : EBADMSG;
	if (net_queue_add(
		&s->rest, s->conn.net->streams->bank, bytes, got, 0) != 0)
		return ENOMEM;
	return got == missing ? 0 : EAGAIN;
}

/* From now on s is the client that the balancer names, also under the
 * limits.  Returns 0 or EUSERS. */
static int
become(struct net_stream *s, const struct net_proxy *p)
{
	struct net *n = s->conn.net;
	struct net_limits *limits = net_listeners_limits(n->listeners);

	if (!net_limits_take(limits, n->conf, &p->client))
		return EUSERS;
	net_limits_give(limits, &s->conn.counted);
	s->conn.counted = p->client;
	s->conn.flow.client = p->client;
	s->conn.flow.local = p->local;
	return 0;
}

/* Returns 0 when the header was read, EAGAIN, EBADMSG, ENOMEM or EUSERS (over
 * a limit). */
static int
read_header(struct net_stream *s)
{
	uint8_t bytes[PROXY_MAX];
	struct net_proxy p;
	size_t size;
	int code;

	if (s->rest.len < PROXY_HEAD_LEN &&
	    (code = fill_header(s, PROXY_HEAD_LEN)) != 0)
		return code;
	net_queue_copy(&s->rest, bytes, PROXY_HEAD_LEN);
	if (net_proxy_size(&size, bytes) != 0)
		return EBADMSG;
	if ((code = fill_header(s, size)) != 0)
		return code;
	net_queue_copy(&s->rest, bytes, size);
	net_queue_drain(&s->rest, s->conn.net->streams->bank, size);
	if (net_proxy_parse(&p, bytes, size) != 0)
		return EBADMSG;
	return p.is_local ? 0 : become(s, &p);
}

static enum stats_drop
find_reason(int code)
{
	switch (code) {
	case EUSERS:
		return STATS_DROP_CONN_LIMIT;
	case ENOMEM:
		return STATS_DROP_NO_MEMORY;
	default:
		return STATS_DROP_PROXY;
	}
}

static const struct net_protocol raw;

static void
go_on_header(struct net_stream *s)
{
	const int code = read_header(s);

	if (code == EAGAIN)
		return;
	s->is_proxied = true;
	net_stream_speak(s, &raw);
	if (code != 0)
		net_conn_drop(&s->conn, find_reason(code));
}

static const struct net_protocol header = {
	.ready = go_on_header,
};

static void
begin_header(struct net_stream *s)
{
	if (!may_proxy(s)) {
		net_conn_drop(&s->conn, STATS_DROP_PROXY);
		return;
	}
	net_stream_speak(s, &header);
	go_on_header(s);
}

/* ---- the very first byte: left where it is, for TLS reads by itself */

static void
look(struct net_stream *s)
{
	uint8_t byte;
	const ssize_t got = recv(s->wire.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		net_conn_end(&s->conn, true);
	else if (net_demux_stream(&byte, 1) == NET_DEMUX_PROXY)
		begin_header(s);
	else if (net_demux_stream(&byte, 1) == NET_DEMUX_TLS)
		begin_tls(s);
	else
		begin_first(s);
}

static const struct net_protocol raw = {
	.ready = look,
};

int
net_entry_open(
    struct net *n, int fd, const struct addr *client, const struct addr *local)
{
	const struct net_stream_config config = {
		.fd = fd,
		.client = *client,
		.local = *local,
		.protocol = &raw,
	};

	return net_stream_open(n, &config);
}
