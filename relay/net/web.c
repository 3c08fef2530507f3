#include "net/web.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/ws/handshake.h"
#include "net/http_answer.h"
#include "net/http_head.h"
#include "net/percent.h"
#include "net/streams.h"
#include "net/web_core.h"

/* ---- its life */

int
net_web_begin(struct net_stream *s)
{
	struct net_web *w = mem_try(1, sizeof(*w));

	if (w == NULL)
		return ENOMEM;
	w->stream = s;
	s->own = w;
	s->conn.kind = STATS_CLIENT_HTTP;
	mem_use_one(stats_memory(s->conn.net->stats, MEMORY_WEBS), 1, w);
	net_stream_speak(s, &net_http);
	return 0;
}

void
net_web_free(struct net_stream *s)
{
	struct net_web *w = net_web_of(s);
	struct stats *stats = s->conn.net->stats;

	if (s->conn.kind == STATS_CLIENT_SIGNALLING)
		stats_count(stats, STATS_WEBSOCKETS, -1);
	net_queue_drain(&w->held, s->conn.net->streams->bank, w->held.len);
	mem_use_one(stats_memory(stats, MEMORY_WEBS), -1, w);
	mem_free(w);
}

/* Says that nothing more is sent, once all has left. */
static void
finish(struct net_stream *s)
{
	struct net_web *w = net_web_of(s);

	if (s->out.len > 0 || w->is_finished)
		return;
	w->is_finished = true;
	net_wire_finish(&s->wire);
}

void
net_web_end(struct net_web *w)
{
	struct net_stream *s = w->stream;

	w->state = WEB_ENDED;
	net_conn_limit(&s->conn, WEB_LINGER_MS);
	net_stream_speak(s, &net_linger);
	net_stream_stop(s, false);
	finish(s);
}

/* ---- after the last word */

static size_t
ignore(struct net_stream *s, uint8_t *data, size_t len)
{
	(void)s;
	(void)data;
	return len;
}

static void
forget(struct net_stream *s)
{
	(void)s;
}

const struct net_protocol net_linger = {
	.ready = net_stream_take,
	.input = ignore,
	.written = finish,
	.closed = forget,
	.free = net_web_free,
};

/* ---- answers */

int
net_web_query(const char *query, const char *name, char *out, size_t size)
{
	const size_t len = strlen(name);

	while (query != NULL && *query != '\0') {
		const size_t item = strcspn(query, "&");

		if (item > len && strncmp(query, name, len) == 0 &&
		    query[len] == '=')
			return net_percent_decode(
			    out, query + len + 1, size, true);
		query += item;
		query += *query == '&';
	}
	return -1;
}

static void
push(struct net_web *w, const void *data, size_t len)
{
	if (net_stream_push(w->stream, data, len, 0) != 0)
		net_conn_drop(&w->stream->conn, STATS_DROP_NO_MEMORY);
}

static bool
has_body(const struct net_http_head *h, const struct net_http_answer *a)
{
	return !h->is_head && a->status != 204 && a->status != 304;
}

void
net_web_answer(struct net_web *w, unsigned status, const char *type,
    const char *headers, const void *body, size_t len)
{
	const struct net_http_head *h = w->head;
	struct net_http_answer a = {
		.status = status,
		.type = type,
		.headers = headers,
		.len = len,
		.wall_s = mono_wall_s(),
	};
	char text[HTTP_ANSWER_MAX];
	size_t head_len;

	assert(h != NULL);
	a.keeps = h->keeps;
	/* headers that repeat what a client sent may be too much */
	if ((head_len = net_http_answer_write(text, &a)) == 0) {
		a = (struct net_http_answer){
			.status = 500, .wall_s = a.wall_s, .keeps = a.keeps
		};
		head_len = net_http_answer_write(text, &a);
	}
	w->head = NULL;
	push(w, text, head_len);
	if (has_body(h, &a) && net_stream_is_alive(w->stream))
		push(w, body, a.len);
	if (!a.keeps && net_stream_is_alive(w->stream))
		net_web_end(w);
}

/* ---- WebSocket: its beginning */

static size_t
write_accept(char *out, size_t size, const struct net_http_head *h,
    const char *subprotocol)
{
	char key[WS_ACCEPT_MAX];
	const bool has = subprotocol != NULL;

	ws_key_accept(key, net_http_head_text(h, HTTP_WS_KEY));
	return (size_t)snprintf(out, size,
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
	    key, has ? "Sec-WebSocket-Protocol: " : "", has ? subprotocol : "",
	    has ? "\r\n" : "");
}

int
net_web_accept(struct net_web *w, const struct net_web_accept *a)
{
	struct net_stream *s = w->stream;
	char text[HTTP_ANSWER_MAX];
	size_t len;

	if (w->head == NULL || !w->head->is_websocket)
		return EPROTO;
	len = write_accept(text, sizeof(text), w->head, a->subprotocol);
	assert(len < sizeof(text));
	if (net_stream_push(s, text, len, 0) != 0)
		return ENOMEM;
	w->head = NULL;
	w->state = WEB_OPEN;
	w->ops = a->ops;
	w->owner = a->owner;
	w->out_max = a->out_max;
	w->reader.max = a->message_max;
	w->reader.piece = a->parts;
	s->conn.kind = STATS_CLIENT_SIGNALLING;
	stats_count(s->conn.net->stats, STATS_WEBSOCKETS, 1);
	stats_count(s->conn.net->stats, STATS_WEBSOCKETS_TOTAL, 1);
	net_conn_keep(&s->conn, true);
	net_stream_speak(s, &net_ws);
	return 0;
}

/* ---- sending */

static int
push_frame(struct net_web *w, const struct ws_frame *f, const void *data)
{
	uint8_t head[WS_HEAD_MAX];
	const struct iovec of_head = { head, ws_frame_write(head, f) };
	const struct iovec of_body = { (void *)data, (size_t)f->len };

	return net_stream_push_framed(w->stream, &of_head, &of_body);
}

/* One that waits alone may be longer than that. */
static bool
has_room(const struct net_web *w, size_t len)
{
	const size_t waiting = w->stream->out.len;

	return waiting == 0 || waiting + len + WS_HEAD_MAX <= w->out_max;
}

int
net_web_send_part(struct net_web *w, const struct net_web_data *part)
{
	const struct ws_frame f = {
		.opcode = w->is_sending ? WS_CONTINUATION
					: (enum ws_opcode)part->kind,
		.is_final = part->is_last,
		.len = part->len,
	};

	if (w->state != WEB_OPEN || !net_stream_is_alive(w->stream))
		return EPIPE;
	if (!has_room(w, part->len)) {
		w->awaits_drained = true;
		return EAGAIN;
	}
	if (push_frame(w, &f, part->data) != 0)
		return ENOMEM;
	w->is_sending = !part->is_last;
	return 0;
}

int
net_web_send(
    struct net_web *w, enum net_web_kind kind, const void *data, size_t len)
{
	const struct net_web_data whole = {
		.kind = kind,
		.data = (uint8_t *)data,
		.len = len,
		.is_last = true,
	};

	return net_web_send_part(w, &whole);
}

/* One more or less is no harm: without room or memory there is none. */
static void
send_control(
    struct net_web *w, enum ws_opcode opcode, const void *data, size_t len)
{
	const struct ws_frame f = {
		.opcode = opcode,
		.is_final = true,
		.len = len < WS_CONTROL_MAX ? len : WS_CONTROL_MAX,
	};

	if (w->state != WEB_OPEN || !net_stream_is_alive(w->stream))
		return;
	if (!has_room(w, len) || push_frame(w, &f, data) != 0)
		net_dropped(w->stream->conn.net, STATS_DROP_WS_SLOW);
}

void
net_web_ping(struct net_web *w, const void *data, size_t len)
{
	send_control(w, WS_PING, data, len);
}

void
net_web_pong(struct net_web *w, const void *data, size_t len)
{
	send_control(w, WS_PONG, data, len);
}

size_t
net_web_waiting(const struct net_web *w)
{
	return w->stream->out.len;
}

void
net_web_hold(struct net_web *w, bool hold)
{
	if (w->state == WEB_OPEN)
		net_stream_stop(w->stream, hold);
}

/* ---- its end */

void
net_web_say_close(struct net_web *w, unsigned code, const char *reason)
{
	uint8_t payload[WS_CONTROL_MAX];
	const struct ws_frame f = {
		.opcode = WS_CLOSE,
		.is_final = true,
		.len = code != WS_CODE_NONE
		    ? ws_close_write(payload, code, reason)
		    : 0,
	};

	(void)!push_frame(w, &f, payload);
}

void
net_web_close(struct net_web *w, unsigned code, const char *reason)
{
	if (w->state != WEB_OPEN)
		return;
	w->ops = NULL;
	w->state = WEB_CLOSING;
	if (!net_stream_is_alive(w->stream))
		return;
	net_web_say_close(w, code, reason);
	net_conn_limit(&w->stream->conn, NET_WEB_CLOSE_MS);
	net_stream_stop(w->stream, false);
}

/* ---- who it is */

const struct net_flow *
net_web_flow(const struct net_web *w)
{
	return &w->stream->conn.flow;
}

void *
net_web_owner(const struct net_flow *flow, const struct net_web_ops *ops)
{
	const struct net_web *w;

	if (flow->conn == NULL || flow->conn->kind != STATS_CLIENT_SIGNALLING)
		return NULL;
	w = net_web_of((const struct net_stream *)(const void *)flow->conn);
	return w->ops == ops ? w->owner : NULL;
}
