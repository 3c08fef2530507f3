#include "net/stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event_struct.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/stun/attr.h"
#include "common/stun/channel.h"
#include "net/conn.h"
#include "net/demux.h"
#include "net/limits.h"
#include "net/listeners.h"
#include "net/out.h"
#include "net/proxy.h"
#include "net/slots.h"
#include "net/tls.h"
#include "relay/snapshot.h"

enum phase { PHASE_RAW, PHASE_TLS, PHASE_FIRST, PHASE_FRAMES };

/* A PROXY header that arrives in pieces. */
struct header {
	size_t len;
	uint8_t bytes[PROXY_MAX];
};

struct stream {
	/* OWNER: worker */
	struct net_conn conn; /* first: its ops get one */
	enum phase phase;
	int fd; /* ours until bev has it */
	struct event ev;
	struct header *header;   /* ours, while it is read */
	bool is_proxied;         /* a header was read: no second one */
	struct bufferevent *bev; /* ours, from TLS or FIRST on */
	SSL *ssl;                /* bev's */
	uint64_t told_in;        /* bytes of the socket, TLS: charged */
	uint64_t told_out;
	struct wheel_timer retry;
};

static struct stream *
of(struct net_conn *c)
{
	return (struct stream *)(void *)c;
}

static bool
is_alive(const struct stream *s)
{
	return s->conn.state == CONN_NEW || s->conn.state == CONN_OPEN;
}

/* ---- accounting */

/* Headers are estimated: one for each full segment and the rest. */
static void
charge(struct stream *s, enum stats_dir dir, uint64_t bytes)
{
	const struct net_flow *f = &s->conn.flow;
	const struct net_sink *k = &s->conn.net->sink;
	const size_t header =
	    addr_family(&f->client) == AF_INET6 ? NET_WIRE_TCP6 : NET_WIRE_TCP4;
	const uint64_t segments = (bytes + STREAM_SEGMENT - 1) / STREAM_SEGMENT;

	if (bytes > 0)
		k->charge(k->arg, dir, net_transport_kind(f->transport),
		    bytes + segments * header);
}

/* TLS: what its socket really carried since the last look. */
static void
charge_tls(struct stream *s)
{
	uint64_t in, out;

	if (s->ssl == NULL)
		return;
	in = BIO_number_read(SSL_get_rbio(s->ssl));
	out = BIO_number_written(SSL_get_wbio(s->ssl));
	charge(s, STATS_IN, in - s->told_in);
	charge(s, STATS_OUT, out - s->told_out);
	s->told_in = in;
	s->told_out = out;
}

static void
on_input(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
	struct stream *s = arg;

	(void)b;
	if (s->ssl != NULL)
		charge_tls(s);
	else
		charge(s, STATS_IN, info->n_added);
}

static void
on_output(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
	struct stream *s = arg;

	(void)b;
	if (s->ssl != NULL)
		charge_tls(s);
	else
		charge(s, STATS_OUT, info->n_deleted);
}

/* ---- holding back */

static size_t
find_piece(struct stream *s, enum stats_dir dir)
{
	const struct net_sink *k = &s->conn.net->sink;
	const size_t room = k->room(k->arg, dir);

	if (room > STREAM_PIECE_MAX)
		return STREAM_PIECE_MAX;
	return room > 0 && room < STREAM_PIECE_MIN ? STREAM_PIECE_MIN : room;
}

static void on_retry(struct wheel_timer *t, mono_ms now);

/* Lets s read and write as far as the budget has room; looks again in a
 * moment where it has none. */
static void
pace(struct stream *s)
{
	struct net *n = s->conn.net;
	const size_t in = find_piece(s, STATS_IN);
	const size_t out = find_piece(s, STATS_OUT);
	short on = 0, off = 0;

	if (s->bev == NULL || s->conn.state == CONN_DEAD)
		return;
	if (is_alive(s))
		*(in > 0 ? &on : &off) |= EV_READ;
	*(out > 0 ? &on : &off) |= EV_WRITE;
	if (in > 0)
		bufferevent_set_max_single_read(s->bev, in);
	if (out > 0)
		bufferevent_set_max_single_write(s->bev, out);
	if ((off & ~on & bufferevent_get_enabled(s->bev)) != 0)
		bufferevent_disable(s->bev, off);
	if ((on & ~bufferevent_get_enabled(s->bev)) != 0)
		bufferevent_enable(s->bev, on);
	if (off != 0 && !wheel_is_set(&s->retry))
		wheel_set(n->wheel, &s->retry, net_now(n) + STREAM_RETRY_MS,
		    on_retry);
}

static void
on_retry(struct wheel_timer *t, mono_ms now)
{
	(void)now;
	pace(LIST_ITEM(t, struct stream, retry));
}

/* ---- messages */

/* Moves one message of len bytes and its padding from in to the sink. */
static void
deliver(struct stream *s, struct evbuffer *in, size_t len, size_t frame)
{
	struct net *n = s->conn.net;
	uint8_t *slot;
	struct buf b;

	if (!net_slots_take(n->slots, len, &slot)) {
		net_out_flush(n->out);
		if (!net_slots_take(n->slots, len, &slot)) {
			net_dropped(n, STATS_DROP_NO_MEMORY);
			evbuffer_drain(in, frame);
			return;
		}
	}
	buf_init(&b, slot, net_slots_size(n->slots, slot), BUF_HEADROOM);
	evbuffer_remove(in, buf_put(&b, len), len);
	evbuffer_drain(in, frame - len);
	net_conn_deliver(&s->conn, &b);
	if (slot != NULL)
		net_slots_release(n->slots, slot);
}

/* Takes one frame; false when more bytes are needed. */
static bool
take_frame(struct stream *s, struct evbuffer *in)
{
	const size_t held = evbuffer_get_length(in);
	uint8_t head[8]; /* up to STUN's magic cookie */
	size_t frame, message;
	ssize_t got;

	if (held < STUN_FRAME_NEED)
		return false;
	got = evbuffer_copyout(in, head, sizeof(head));
	if (stun_frame_size(&frame, &message, head, (size_t)got) != 0 ||
	    (frame > STREAM_NEW_MAX && !s->conn.is_kept)) {
		net_conn_drop(&s->conn, STATS_DROP_STREAM_BROKEN);
		return false;
	}
	if (held < frame)
		return false;
	deliver(s, in, message, frame);
	return true;
}

static void
answer_http(struct stream *s, struct evbuffer *in)
{
	static const char answer[] = "HTTP/1.1 404 Not Found\r\n"
				     "Content-Length: 0\r\n"
				     "Connection: close\r\n\r\n";

	evbuffer_drain(in, evbuffer_get_length(in));
	net_dropped(s->conn.net, STATS_DROP_HTTP);
	bufferevent_write(s->bev, answer, sizeof(answer) - 1);
	net_conn_close(&s->conn);
}

static void
decide_first(struct stream *s, struct evbuffer *in)
{
	uint8_t first;

	if (evbuffer_copyout(in, &first, 1) != 1)
		return;
	switch (net_demux_stream(&first, 1)) {
	case NET_DEMUX_STUN:
		s->phase = PHASE_FRAMES;
		break;
	case NET_DEMUX_HTTP:
		answer_http(s, in);
		break;
	default:
		net_conn_drop(&s->conn, STATS_DROP_NOT_STUN);
	}
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct stream *s = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (s->phase == PHASE_FIRST && is_alive(s))
		decide_first(s, in);
	while (s->phase == PHASE_FRAMES && is_alive(s)) {
		if (!take_frame(s, in))
			break;
	}
	pace(s);
}

static void
on_write(struct bufferevent *bev, void *arg)
{
	struct stream *s = arg;

	if (s->conn.state == CONN_CLOSING &&
	    evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		net_conn_end(&s->conn, false);
	pace(s);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct stream *s = arg;

	(void)bev;
	charge_tls(s);
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		s->phase = PHASE_FIRST;
		pace(s);
		return;
	}
	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) == 0)
		return;
	ERR_clear_error();
	if (s->phase == PHASE_TLS)
		net_conn_drop(&s->conn, STATS_DROP_TLS_FAILED);
	else
		net_conn_end(&s->conn, true);
}

/* ---- before it is a stream of messages */

/* Gives fd to bev. */
static void
adopt(struct stream *s, struct bufferevent *bev, enum phase phase)
{
	event_del(&s->ev);
	s->fd = -1;
	s->bev = bev;
	s->phase = phase;
	bufferevent_setcb(bev, on_read, on_write, on_event, s);
	bufferevent_setwatermark(bev, EV_READ, 0, STREAM_IN_MAX);
	evbuffer_add_cb(bufferevent_get_input(bev), on_input, s);
	evbuffer_add_cb(bufferevent_get_output(bev), on_output, s);
	pace(s);
}

static void
begin_plain(struct stream *s)
{
	struct bufferevent *bev = bufferevent_socket_new(
	    s->conn.net->base, s->fd, BEV_OPT_CLOSE_ON_FREE);

	if (bev == NULL)
		net_conn_drop(&s->conn, STATS_DROP_NO_MEMORY);
	else
		adopt(s, bev, PHASE_FIRST);
}

static void
begin_tls(struct stream *s)
{
	struct net *n = s->conn.net;
	struct bufferevent *bev;
	SSL *ssl;

	if (n->tls == NULL) {
		net_conn_drop(&s->conn, STATS_DROP_TLS_FAILED);
		return;
	}
	ssl = SSL_new(net_tls_stream(n->tls));
	/* frees ssl when it fails */
	bev = ssl == NULL
	    ? NULL
	    : bufferevent_openssl_socket_new(n->base, s->fd, ssl,
		  BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL) {
		net_conn_drop(&s->conn, STATS_DROP_NO_MEMORY);
		return;
	}
	s->conn.flow.transport = NET_TLS;
	s->ssl = ssl;
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	adopt(s, bev, PHASE_TLS);
}

static bool
may_proxy(const struct stream *s)
{
	const struct snapshot_prefixes *from = &s->conn.net->conf->listen.proxy;

	for (size_t i = 0; i < from->count; i++) {
		if (addr_prefix_has(&from->at[i], &s->conn.counted))
			return !s->is_proxied;
	}
	return false;
}

/* Reads up to want bytes of the header.  Returns 0 when they are there,
 * EAGAIN, or EBADMSG. */
static int
fill_header(struct stream *s, size_t want)
{
	struct header *h = s->header;
	ssize_t got;

	if (h->len == want)
		return 0;
	got = recv(s->fd, h->bytes + h->len, want - h->len, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return EAGAIN;
	if (got <= 0)
		return EBADMSG;
	charge(s, STATS_IN, (uint64_t)got);
	h->len += (size_t)got;
	return h->len == want ? 0 : EAGAIN;
}

/* From now on s is the client that the balancer names, also under the
 * limits.  Returns 0 or EUSERS. */
static int
become(struct stream *s, const struct net_proxy *p)
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

/* Reads the header, not a byte more.  Returns 0 when it was read, EAGAIN,
 * EBADMSG or EUSERS (over a limit). */
static int
read_header(struct stream *s)
{
	struct net_proxy p;
	size_t size;
	int code;

	if (s->header->len < PROXY_HEAD_LEN &&
	    (code = fill_header(s, PROXY_HEAD_LEN)) != 0)
		return code;
	if (net_proxy_size(&size, s->header->bytes) != 0)
		return EBADMSG;
	if ((code = fill_header(s, size)) != 0)
		return code;
	if (net_proxy_parse(&p, s->header->bytes, size) != 0)
		return EBADMSG;
	return p.is_local ? 0 : become(s, &p);
}

static void
go_on_header(struct stream *s)
{
	const int code = read_header(s);

	if (code == EAGAIN)
		return;
	mem_free(s->header);
	s->header = NULL;
	s->is_proxied = true;
	if (code != 0)
		net_conn_drop(&s->conn,
		    code == EUSERS ? STATS_DROP_CONN_LIMIT : STATS_DROP_PROXY);
}

static void
begin_header(struct stream *s)
{
	if (!may_proxy(s))
		net_conn_drop(&s->conn, STATS_DROP_PROXY);
	else if ((s->header = mem_try(1, sizeof(*s->header))) == NULL)
		net_conn_drop(&s->conn, STATS_DROP_NO_MEMORY);
	else
		go_on_header(s);
}

static void
on_raw(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	uint8_t first;
	ssize_t got;

	(void)what;
	if (s->header != NULL) {
		go_on_header(s);
		return;
	}
	got = recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		net_conn_end(&s->conn, true);
	else if (net_demux_stream(&first, 1) == NET_DEMUX_PROXY)
		begin_header(s);
	else if (net_demux_stream(&first, 1) == NET_DEMUX_TLS)
		begin_tls(s);
	else
		begin_plain(s);
}

/* ---- what net_conn asks for */

/* How many bytes may wait behind b for c to take them: answers may use as
 * much again as media. */
static size_t
find_limit(const struct net_conn *c, const struct buf *b)
{
	if (!c->is_kept)
		return STREAM_NEW_MAX;
	if (net_demux_datagram(b->data, b->len) == NET_DEMUX_CHANNEL)
		return STREAM_OUT_MAX;
	return 2 * STREAM_OUT_MAX;
}

static void
send_message(struct net_conn *c, struct buf *b)
{
	static const uint8_t zero[STUN_PADDING];
	struct stream *s = of(c);
	struct evbuffer *out = bufferevent_get_output(s->bev);
	const size_t pad = stun_padded(b->len) - b->len;
	const size_t waits = evbuffer_get_length(out) + b->len + pad;

	if (waits > find_limit(c, b)) {
		net_dropped(c->net, STATS_DROP_STREAM_FULL);
		return;
	}
	pace(s);
	if (evbuffer_expand(out, b->len + pad) != 0) {
		net_dropped(c->net, STATS_DROP_NO_MEMORY);
		return;
	}
	evbuffer_add(out, b->data, b->len);
	if (pad > 0)
		evbuffer_add(out, zero, pad);
}

static void
close_stream(struct net_conn *c)
{
	struct stream *s = of(c);

	if (s->bev == NULL ||
	    evbuffer_get_length(bufferevent_get_output(s->bev)) == 0)
		net_conn_end(c, false);
	else
		bufferevent_disable(s->bev, EV_READ);
}

static void
stop_stream(struct net_conn *c)
{
	struct stream *s = of(c);

	stats_count(c->net->stats, STATS_CONNECTIONS, -1);
	wheel_stop(c->net->wheel, &s->retry);
	if (s->bev == NULL) {
		event_del(&s->ev);
		return;
	}
	bufferevent_setcb(s->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(s->bev, EV_READ | EV_WRITE);
	if (s->ssl != NULL && SSL_is_init_finished(s->ssl))
		SSL_shutdown(s->ssl);
	ERR_clear_error();
	charge_tls(s);
	evbuffer_remove_cb(bufferevent_get_input(s->bev), on_input, s);
	evbuffer_remove_cb(bufferevent_get_output(s->bev), on_output, s);
}

static void
free_stream(struct net_conn *c)
{
	struct stream *s = of(c);

	if (s->bev != NULL)
		bufferevent_free(s->bev);
	if (s->fd >= 0)
		close(s->fd);
	mem_free(s->header);
	mem_use_one(stats_memory(c->net->stats, MEMORY_CONNECTIONS), -1, s);
	mem_free(s);
}

static const struct net_conn_ops stream_ops = {
	.send = send_message,
	.close = close_stream,
	.stop = stop_stream,
	.free = free_stream,
};

int
net_stream_open(
    struct net *n, int fd, const struct addr *client, const struct addr *local)
{
	struct stream *s = mem_try(1, sizeof(*s));

	if (s == NULL)
		return ENOMEM;
	s->fd = fd;
	s->conn.ops = &stream_ops;
	s->conn.counted = *client;
	s->conn.flow.client = *client;
	s->conn.flow.local = *local;
	s->conn.flow.transport = NET_TCP;
	event_assign(&s->ev, n->base, fd, EV_READ | EV_PERSIST, on_raw, s);
	if (event_add(&s->ev, NULL) != 0) {
		mem_free(s);
		return ENOMEM;
	}
	net_conn_begin(&s->conn, n);
	mem_use_one(stats_memory(n->stats, MEMORY_CONNECTIONS), 1, s);
	stats_count(n->stats, STATS_CONNECTIONS, 1);
	stats_count(n->stats, STATS_CONNECTIONS_TOTAL, 1);
	return 0;
}
