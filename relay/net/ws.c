/* The way in of a WebSocket: what its bytes say, and whom that is told. */
#include "common/mem.h"
#include "net/streams.h"
#include "net/web_core.h"

/* ---- the end */

/* The owner hears of it once. */
static void
let_owner_go(struct net_web *w, unsigned code)
{
	const struct net_web_ops *ops = w->ops;

	w->ops = NULL;
	if (ops != NULL)
		ops->closed(w->owner, code);
}

/* Fails the connection (RFC 6455, section 7.1.7). */
static void
fail(struct net_web *w, int code)
{
	net_dropped(w->stream->conn.net,
	    code == WS_CODE_TOO_BIG ? STATS_DROP_WS_LARGE
				    : STATS_DROP_WS_BROKEN);
	if (w->state == WEB_OPEN)
		net_web_say_close(w, (unsigned)code, NULL);
	net_web_end(w);
	let_owner_go(w, WS_CODE_BROKEN);
}

static void
take_close(struct net_web *w, const struct ws_piece *p)
{
	unsigned said;
	const int code = ws_close_read(&said, p->data, p->len);

	if (code != 0) {
		fail(w, code);
		return;
	}
	/* section 5.5.1: the same code goes back */
	if (w->state == WEB_OPEN)
		net_web_say_close(w, said, NULL);
	net_web_end(w);
	let_owner_go(w, said);
}

/* ---- control frames */

static void
take_control(struct net_web *w, const struct ws_piece *p)
{
	if (p->opcode == WS_CLOSE)
		take_close(w, p);
	else if (w->ops == NULL)
		return;
	else if (p->opcode == WS_PING)
		net_web_pong(w, p->data, p->len);
	else
		w->ops->pong(w->owner, p->data, p->len);
}

/* ---- messages */

static void
deliver(struct net_web *w, const struct ws_piece *p, uint8_t *data, size_t len)
{
	const struct net_web_data d = {
		.kind = (enum net_web_kind)p->opcode,
		.data = data,
		.len = len,
		.is_last = p->is_last,
	};

	w->ops->message(w->owner, &d);
}

/* What is held and p, as one. */
static void
deliver_whole(struct net_web *w, const struct ws_piece *p)
{
	struct net_bank *bank = w->stream->conn.net->streams->bank;
	const size_t len = w->held.len;
	uint8_t *whole = mem_try(1, len);

	if (whole == NULL) {
		net_conn_drop(&w->stream->conn, STATS_DROP_NO_MEMORY);
		return;
	}
	net_queue_copy(&w->held, whole, len);
	net_queue_drain(&w->held, bank, len);
	deliver(w, p, whole, len);
	mem_free(whole);
}

static void
take_piece(struct net_web *w, const struct ws_piece *p)
{
	struct net_bank *bank = w->stream->conn.net->streams->bank;

	if (w->ops == NULL)
		return;
	if (w->reader.piece > 0 || (p->is_first && p->is_last)) {
		deliver(w, p, p->data, p->len);
		return;
	}
	if (net_queue_add(&w->held, bank, p->data, p->len, 0) != 0)
		net_conn_drop(&w->stream->conn, STATS_DROP_NO_MEMORY);
	else if (p->is_last)
		deliver_whole(w, p);
}

/* ---- the protocol */

static size_t
take_frames(struct net_stream *s, uint8_t *data, size_t len)
{
	struct net_web *w = net_web_of(s);
	struct ws_piece p;
	size_t done = 0;

	while (
	    net_stream_is_alive(s) && !s->is_stopped && w->state != WEB_ENDED) {
		const enum ws_event event =
		    ws_reader_next(&w->reader, &p, data + done, len - done);

		done += p.used;
		if (event == WS_NOTHING)
			break;
		if (event == WS_PIECE)
			take_piece(w, &p);
		else if (event == WS_CONTROL)
			take_control(w, &p);
		else
			fail(w, p.code);
	}
	return w->state == WEB_ENDED ? len : done;
}

static void
tell_drained(struct net_stream *s)
{
	struct net_web *w = net_web_of(s);

	if (!w->awaits_drained || s->out.len > w->out_max / 2)
		return;
	w->awaits_drained = false;
	if (w->ops != NULL)
		w->ops->drained(w->owner);
}

static void
tell_closed(struct net_stream *s)
{
	let_owner_go(net_web_of(s), WS_CODE_BROKEN);
}

const struct net_protocol net_ws = {
	.ready = net_stream_take,
	.input = take_frames,
	.written = tell_drained,
	.closed = tell_closed,
	.free = net_web_free,
};
