#include <errno.h>
#include <string.h>

#include "common/ws/handshake.h"
#include "net/http_head.h"
#include "net/web_core.h"

/* ---- what is wrong with a request */

static enum stats_drop
find_reason(int status)
{
	return status == 413 || status == 431 ? STATS_DROP_HTTP_LARGE
					      : STATS_DROP_HTTP_BROKEN;
}

/* Answers what is no request: what follows could be anything. */
static void
refuse(struct net_web *w, int status)
{
	const struct net_http_head none = { .keeps = false };

	net_dropped(w->stream->conn.net, find_reason(status));
	net_conn_hear(&w->stream->conn);
	w->head = &none;
	net_web_answer(w, (unsigned)status, NULL, NULL, NULL, 0);
}

/* ---- one request */

/* RFC 6455, section 4.2.1.  Returns 0 (also when it asks for none) or the
 * status to answer. */
static int
check_upgrade(struct net_http_head *h)
{
	if (!h->is_upgrade || !h->is_get ||
	    !ws_list_has(net_http_head_text(h, HTTP_UPGRADE), "websocket"))
		return 0;
	if (strcmp(net_http_head_text(h, HTTP_WS_VERSION), "13") != 0)
		return 426;
	if (h->body_len > 0 ||
	    !ws_key_is_valid(net_http_head_text(h, HTTP_WS_KEY)))
		return 400;
	h->is_websocket = true;
	return 0;
}

static void
hand_up(struct net_web *w, const struct net_request *r)
{
	struct net *n = w->stream->conn.net;

	stats_count(n->stats, STATS_HTTP_REQUESTS, 1);
	if (n->sink.request != NULL)
		n->sink.request(n->sink.arg, w, r);
	if (w->head == NULL)
		return;
	net_dropped(n, STATS_DROP_HTTP);
	net_web_answer(w, 404, NULL, NULL, NULL, 0);
}

static void
serve(struct net_web *w, struct net_http_head *h, const uint8_t *body)
{
	struct net_request r;
	int code;

	net_conn_hear(&w->stream->conn);
	if ((code = net_http_head_finish(&r, h)) != 0) {
		refuse(w, code);
		return;
	}
	r.flow = &w->stream->conn.flow;
	r.body = body;
	r.body_len = h->body_len;
	w->head = h;
	if ((code = check_upgrade(h)) != 0) {
		net_web_answer(w, (unsigned)code, NULL, NULL, NULL, 0);
		return;
	}
	r.is_upgrade = h->is_websocket;
	hand_up(w, &r);
}

/* Its body is not there yet; it will not be offered again before. */
static void
await_body(struct net_web *w, const struct net_http_head *h, size_t skipped)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct net_http_text *expect = &h->field[HTTP_EXPECT];

	w->stream->need = skipped + h->len + h->body_len;
	if (expect->at != NULL)
		(void)!net_stream_push(w->stream, go_on, sizeof(go_on) - 1, 0);
}

/* RFC 9112, section 2.2: empty lines in front of a request. */
static size_t
skip_empty(const uint8_t *data, size_t len)
{
	size_t n = 0;

	while (len - n >= 2 && data[n] == '\r' && data[n + 1] == '\n')
		n += 2;
	return n;
}

/* Returns how many bytes are done with; 0: more are needed. */
static size_t
take_request(struct net_web *w, uint8_t *data, size_t len)
{
	const size_t skipped = skip_empty(data, len);
	struct net_http_head h;
	size_t all;
	int code;

	if (skipped == len)
		return len;
	code = net_http_head_read(&h, (char *)data + skipped, len - skipped);
	if (code == EAGAIN)
		return 0;
	if (code != 0) {
		refuse(w, code);
		return len;
	}
	all = skipped + h.len + h.body_len;
	if (len < all) {
		await_body(w, &h, skipped);
		return 0;
	}
	serve(w, &h, data + skipped + h.len);
	return all;
}

/* ---- the protocol */

static size_t
take_requests(struct net_stream *s, uint8_t *data, size_t len)
{
	size_t done = 0, n;

	while (
	    done < len && net_stream_is_alive(s) && s->protocol == &net_http) {
		/* answers that are not fetched: no more of them */
		if (s->out.len > WEB_ANSWERS_MAX) {
			net_stream_stop(s, true);
			break;
		}
		n = take_request(net_web_of(s), data + done, len - done);
		if (n == 0)
			break;
		done += n;
	}
	/* it speaks something else from here on */
	if (done < len && net_stream_is_alive(s) && s->protocol != &net_http)
		done += s->protocol->input(s, data + done, len - done);
	return done;
}

static void
go_on(struct net_stream *s)
{
	if (s->out.len <= WEB_ANSWERS_MAX)
		net_stream_stop(s, false);
}

static void
forget(struct net_stream *s)
{
	(void)s;
}

const struct net_protocol net_http = {
	.ready = net_stream_take,
	.input = take_requests,
	.written = go_on,
	.closed = forget,
	.free = net_web_free,
};
