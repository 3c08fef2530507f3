#include "net/stream.h"

#include <errno.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "net/streams.h"

static struct net_stream *
of(struct net_conn *c)
{
	return (struct net_stream *)(void *)c;
}

static struct net_bank *
bank_of(const struct net_stream *s)
{
	return s->conn.net->streams->bank;
}

/* ---- accounting */

static void
charge(struct net_stream *s, enum stats_dir dir, size_t bytes, size_t segments)
{
	const struct net_flow *f = &s->conn.flow;
	const struct net_sink *k = &s->conn.net->sink;
	const size_t header =
	    addr_family(&f->client) == AF_INET6 ? NET_WIRE_TCP6 : NET_WIRE_TCP4;

	bytes += segments * (header + s->seen.options);
	if (bytes > 0)
		k->charge(k->arg, f, dir, bytes);
}

static size_t
estimate_segments(size_t bytes)
{
	return (bytes + STREAM_SEGMENT - 1) / STREAM_SEGMENT;
}

/* Under a cap headers are counted as they were, and acknowledgements, which
 * the kernel sends also for what is held back.  Without one they are
 * estimated, one for each full segment and the rest: to ask costs a system
 * call. */
void
net_stream_charge(struct net_stream *s)
{
	const size_t in = s->wire.in, out = s->wire.out;
	const struct net_segments was = s->seen;

	s->wire.in = s->wire.out = 0;
	if (!s->is_capped || !net_segments_read(&s->seen, s->wire.fd)) {
		charge(s, STATS_IN, in, estimate_segments(in));
		charge(s, STATS_OUT, out, estimate_segments(out));
		return;
	}
	charge(s, STATS_IN, in, s->seen.in - was.in);
	charge(s, STATS_OUT, out + (s->seen.repeated - was.repeated),
	    s->seen.out - was.out);
}

static size_t
find_piece(struct net_stream *s, enum stats_dir dir)
{
	const struct net_sink *k = &s->conn.net->sink;
	const size_t room = k->room(k->arg, &s->conn.flow, dir);

	if (s->is_capped != (room < SIZE_MAX)) {
		s->is_capped =
		    !s->is_capped && net_segments_read(&s->seen, s->wire.fd);
		if (!s->is_capped)
			s->seen.options = 0;
	}
	if (room > STREAM_PIECE_MAX)
		return STREAM_PIECE_MAX;
	return room > 0 && room < STREAM_PIECE_MIN ? STREAM_PIECE_MIN : room;
}

/* ---- holding back */

static void offer_again(struct net_stream *s);

static void
on_retry(struct wheel_timer *t, mono_ms now)
{
	struct net_stream *s = LIST_ITEM(t, struct net_stream, retry);

	(void)now;
	net_stream_charge(s);
	if (s->is_held)
		net_stream_go_on(s);
	net_stream_flush(s);
}

static void
retry_soon(struct net_stream *s)
{
	struct net *n = s->conn.net;

	if (!wheel_is_set(&s->retry))
		wheel_set(n->wheel, &s->retry, net_now(n) + STREAM_RETRY_MS,
		    on_retry);
}

/* Leaves what comes to the kernel, which holds the client back. */
static void
hold(struct net_stream *s)
{
	if (!s->is_held)
		event_del(&s->reads);
	s->is_held = true;
	retry_soon(s);
}

static void
let_go(struct net_stream *s)
{
	if (s->is_held)
		event_add(&s->reads, NULL);
	s->is_held = false;
}

void
net_stream_rest(struct net_stream *s)
{
	event_del(&s->reads);
	s->is_held = true;
}

void
net_stream_stop(struct net_stream *s, bool stop)
{
	if (stop == s->is_stopped || !net_stream_is_alive(s))
		return;
	s->is_stopped = stop;
	if (stop) {
		net_stream_rest(s);
		return;
	}
	s->is_again = true;
	net_streams_soon(s->conn.net->streams, &s->soon);
}

/* ---- reading */

void
net_stream_go_on(struct net_stream *s)
{
	size_t piece;

	if (!net_stream_is_alive(s) || s->is_stopped)
		return;
	if ((piece = find_piece(s, STATS_IN)) == 0) {
		hold(s);
		return;
	}
	let_go(s);
	s->wire.allow = piece;
	if (s->is_again)
		offer_again(s);
	if (net_stream_is_alive(s) && !s->is_stopped)
		s->protocol->ready(s);
	if (net_stream_is_alive(s) && net_wire_is_full(&s->wire))
		net_stream_await_room(s);
}

/* Offers len bytes to the protocol and keeps what it leaves.  They lie
 * behind room for what was kept before. */
static void
feed(struct net_stream *s, uint8_t *at, size_t len)
{
	struct net_bank *bank = bank_of(s);
	const size_t kept = s->rest.len;
	size_t done;

	if (kept + len < s->need) {
		if (net_queue_add(&s->rest, bank, at + kept, len, 0) != 0)
			net_conn_drop(&s->conn, STATS_DROP_NO_MEMORY);
		return;
	}
	if (kept > 0) {
		net_queue_copy(&s->rest, at, kept);
		net_queue_drain(&s->rest, bank, kept);
	}
	len += kept;
	s->need = 0;
	net_streams_take(s->conn.net->streams, len);
	done = s->protocol->input(s, at, len);
	if (net_stream_is_alive(s) && done < len &&
	    net_queue_add(&s->rest, bank, at + done, len - done, 0) != 0)
		net_conn_drop(&s->conn, STATS_DROP_NO_MEMORY);
}

/* The protocol, which had stopped, may go on with what it left. */
static void
offer_again(struct net_stream *s)
{
	uint8_t *at;

	s->is_again = false;
	if (s->rest.len == 0)
		return;
	if (net_streams_room(s->conn.net->streams,
		s->rest.len + STREAM_PIECE_MIN, &at) > 0) {
		feed(s, at, 0);
		return;
	}
	s->is_again = true;
	hold(s);
}

/* The client ended its sending, or the connection broke. */
static void
end(struct net_stream *s, int code)
{
	if (code == ESHUTDOWN)
		net_conn_finish(&s->conn);
	else
		net_conn_end(&s->conn, true);
}

/* False when there is nothing more for now. */
static bool
take_piece(struct net_stream *s)
{
	const size_t kept = s->rest.len;
	size_t room, got;
	uint8_t *at;
	int code;

	room = net_streams_room(
	    s->conn.net->streams, kept + STREAM_PIECE_MIN, &at);
	if (room == 0) {
		hold(s);
		return false;
	}
	code = net_wire_read(&s->wire, &got, at + kept, room - kept);
	net_stream_charge(s);
	if (code == 0)
		feed(s, at, got);
	else if (code != EAGAIN)
		end(s, code);
	return code == 0;
}

void
net_stream_take(struct net_stream *s)
{
	while (take_piece(s)) {
		if (!net_stream_is_alive(s) || s->is_stopped ||
		    !net_wire_has_more(&s->wire))
			break;
	}
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	net_stream_go_on(arg);
}

void
net_stream_speak(struct net_stream *s, const struct net_protocol *p)
{
	s->protocol = p;
}

/* ---- writing */

int
net_stream_push(struct net_stream *s, const void *data, size_t len, size_t pad)
{
	if (net_queue_add(&s->out, bank_of(s), data, len, pad) != 0)
		return ENOMEM;
	if (!list_is_linked(&s->node))
		list_append(&s->conn.net->streams->dirty, &s->node);
	return 0;
}

int
net_stream_push_framed(
    struct net_stream *s, const struct iovec *head, const struct iovec *body)
{
	const size_t len = head->iov_len + body->iov_len;

	if (net_queue_expect(&s->out, bank_of(s), len) != 0)
		return ENOMEM;
	(void)!net_stream_push(s, head->iov_base, head->iov_len, 0);
	return net_stream_push(s, body->iov_base, body->iov_len, 0);
}

void
net_stream_await_room(struct net_stream *s)
{
	event_add(&s->writes, NULL);
}

/* Writes once.  Returns 0, EAGAIN (it goes on by itself later) or another
 * errno. */
static int
write_piece(struct net_stream *s)
{
	const size_t piece = find_piece(s, STATS_OUT);
	size_t done;
	int code;

	if (piece == 0) {
		retry_soon(s);
		return EAGAIN;
	}
	code = net_wire_write(
	    &s->wire, &done, &s->out, piece, s->conn.net->streams->scratch);
	net_queue_drain(&s->out, bank_of(s), done);
	net_stream_charge(s);
	if (code == EAGAIN)
		net_stream_await_room(s);
	return code;
}

void
net_stream_flush(struct net_stream *s)
{
	int code = 0;

	/* what found the socket full waits until it is not */
	if (s->conn.state == CONN_DEAD ||
	    event_pending(&s->writes, EV_WRITE, NULL))
		return;
	while (s->out.len > 0 && code == 0)
		code = write_piece(s);
	if (code != 0 && code != EAGAIN)
		net_conn_end(&s->conn, true);
	else if (s->out.len == 0 && s->conn.state == CONN_CLOSING)
		net_conn_end(&s->conn, false);
	else if (s->protocol->written != NULL && net_stream_is_alive(s))
		s->protocol->written(s);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct net_stream *s = arg;

	(void)fd;
	(void)what;
	if (s->out.len > 0)
		net_stream_flush(s);
	else
		net_stream_go_on(s); /* TLS: it had to write first */
}

/* ---- what net_conn asks for */

static void
send_message(struct net_conn *c, struct buf *b)
{
	struct net_stream *s = of(c);

	if (s->protocol->send != NULL)
		s->protocol->send(s, b);
}

static void
close_stream(struct net_conn *c)
{
	struct net_stream *s = of(c);

	event_del(&s->reads);
	if (s->out.len == 0)
		net_conn_end(c, false);
}

static bool
tell_protocol(struct net_conn *c)
{
	struct net_stream *s = of(c);

	if (s->protocol->closed == NULL)
		return false;
	s->protocol->closed(s);
	return true;
}

static void
stop_stream(struct net_conn *c)
{
	struct net_stream *s = of(c);

	stats_count(c->net->stats, STATS_CONNECTIONS, -1);
	wheel_stop(c->net->wheel, &s->retry);
	event_del(&s->reads);
	event_del(&s->writes);
	list_remove(&s->node);
	net_streams_leave(c->net->streams, s);
	net_wire_stop(&s->wire);
	net_stream_charge(s);
}

static void
free_stream(struct net_conn *c)
{
	struct net_stream *s = of(c);

	if (s->protocol->free != NULL)
		s->protocol->free(s);
	net_wire_close(&s->wire);
	net_queue_drain(&s->rest, bank_of(s), s->rest.len);
	net_queue_drain(&s->out, bank_of(s), s->out.len);
	mem_use_one(stats_memory(c->net->stats, MEMORY_CONNECTIONS), -1, s);
	mem_free(s);
}

static const struct net_conn_ops stream_ops = {
	.send = send_message,
	.close = close_stream,
	.closed = tell_protocol,
	.stop = stop_stream,
	.free = free_stream,
};

int
net_stream_open(struct net *n, const struct net_stream_config *config)
{
	struct net_stream *s = mem_try(1, sizeof(*s));

	if (s == NULL)
		return ENOMEM;
	s->wire.fd = config->fd;
	s->protocol = config->protocol;
	s->conn.ops = &stream_ops;
	s->conn.counted = config->client;
	s->conn.flow.client = config->client;
	s->conn.flow.local = config->local;
	s->conn.flow.transport = NET_TCP;
	event_assign(&s->reads, n->base, config->fd, EV_READ | EV_PERSIST,
	    on_readable, s);
	event_assign(&s->writes, n->base, config->fd, EV_WRITE, on_writable, s);
	if (event_add(&s->reads, NULL) != 0) {
		mem_free(s);
		return ENOMEM;
	}
	net_conn_begin(&s->conn, n);
	mem_use_one(stats_memory(n->stats, MEMORY_CONNECTIONS), 1, s);
	stats_count(n->stats, STATS_CONNECTIONS, 1);
	stats_count(n->stats, STATS_CONNECTIONS_TOTAL, 1);
	return 0;
}
