/* web_bed: a bed with one client that speaks HTTP and WebSocket to it, with
 * or without TLS. */
#ifndef TESTS_UNIT_NET_WEB_BED_H
#define TESTS_UNIT_NET_WEB_BED_H

#include <ctype.h>

#include "common/ws/frame.h"
#include "net/web.h"
#include "tests/unit/net/cert.h"

enum { WEB_BED_MAX = 1 << 21 };

/* The loop of beds of now on is the ring's. */
static bool web_bed_waits;

struct web_bed {
	struct bed *bed;
	struct cert cert;
	SSL_CTX *ctx;
	SSL *ssl; /* NULL: without TLS */
	int fd;
	/* what the owner of the WebSocket was told */
	struct net_web *web;
	unsigned messages, pongs, drained, closed;
	unsigned code; /* of closed */
	struct net_web_data last;
	uint8_t message[WEB_BED_MAX];
	size_t so_far; /* bytes of all pieces */
	/* what the client got */
	uint8_t got[WEB_BED_MAX];
	size_t got_len;
	bool is_ended; /* no more will come */
	/* for the test to set */
	struct net_web_accept accept;
	void (*on_message)(struct web_bed *t, const struct net_web_data *d);
	void (*on_closed)(struct web_bed *t);
	void (*on_drained)(struct web_bed *t);
	bool is_patient; /* does not read what comes */
};

static inline void
web_bed_message(void *owner, const struct net_web_data *d)
{
	struct web_bed *t = owner;

	t->messages++;
	t->last = *d;
	assert_true(t->so_far + d->len <= sizeof(t->message));
	memcpy(t->message + t->so_far, d->data, d->len);
	t->so_far += d->len;
	if (t->on_message != NULL)
		t->on_message(t, d);
}

static inline void
web_bed_pong(void *owner, const uint8_t *data, size_t len)
{
	struct web_bed *t = owner;

	t->pongs++;
	memcpy(t->message, data, len);
	t->so_far = len;
}

static inline void
web_bed_drained(void *owner)
{
	struct web_bed *t = owner;

	t->drained++;
	if (t->on_drained != NULL)
		t->on_drained(t);
}

static inline void
web_bed_closed(void *owner, unsigned code)
{
	struct web_bed *t = owner;

	t->closed++;
	t->code = code;
	if (t->on_closed != NULL)
		t->on_closed(t);
	t->web = NULL;
}

static const struct net_web_ops web_bed_ops = {
	.message = web_bed_message,
	.pong = web_bed_pong,
	.drained = web_bed_drained,
	.closed = web_bed_closed,
};

/* For on_request: each becomes a WebSocket. */
static inline void
web_bed_accept(struct bed *bed, struct net_web *w, const struct net_request *r)
{
	struct web_bed *t = bed->test;

	assert_true(r->is_upgrade);
	assert_int_equal(net_web_accept(w, &t->accept), 0);
	t->web = w;
}

static inline void
web_bed_connect(struct web_bed *t)
{
	t->fd = bed_client(SOCK_STREAM, &t->bed->at);
	fcntl(t->fd, F_SETFL, O_NONBLOCK);
	if (t->ctx == NULL)
		return;
	t->ssl = cert_client(t->ctx, t->fd, false);
	assert_true(cert_shake(t->bed, t->ssl));
}

static inline struct web_bed *
web_bed_new(bool tls)
{
	struct web_bed *t = mem_must(1, sizeof(*t));

	t->bed = tls ? cert_prepare(&t->cert, NET_TLS)
		     : bed_prepare(NET_TCP, "127.0.0.1:0");
	t->bed->waits = web_bed_waits;
	bed_start(t->bed);
	t->bed->test = t;
	if (tls)
		t->ctx = SSL_CTX_new(TLS_client_method());
	t->accept = (struct net_web_accept){
		.ops = &web_bed_ops,
		.owner = t,
		.message_max = 65536,
		.out_max = 256 * 1024,
	};
	web_bed_connect(t);
	return t;
}

static inline void
web_bed_leave(struct web_bed *t)
{
	SSL_free(t->ssl);
	t->ssl = NULL;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->got_len = 0;
	t->is_ended = false;
}

static inline void
web_bed_free(struct web_bed *t)
{
	web_bed_leave(t);
	bed_free(t->bed);
	if (t->ctx != NULL)
		cert_remove(&t->cert);
	SSL_CTX_free(t->ctx);
	mem_free(t);
}

/* Takes what has come for the client. */
static inline void
web_bed_pull(struct web_bed *t)
{
	ssize_t n;

	do {
		uint8_t *at = t->got + t->got_len;
		const size_t room = sizeof(t->got) - t->got_len;

		errno = 0;
		n = t->ssl != NULL ? SSL_read(t->ssl, at, (int)room)
				   : recv(t->fd, at, room, 0);
		if (n > 0)
			t->got_len += (size_t)n;
	} while (n > 0 && t->got_len < sizeof(t->got));
	if (n > 0)
		return;
	if (t->ssl != NULL) {
		const int why = SSL_get_error(t->ssl, (int)n);

		t->is_ended = why != SSL_ERROR_WANT_READ;
		ERR_clear_error();
	} else {
		t->is_ended = n == 0 || errno != EAGAIN;
	}
}

static inline void
web_bed_turn(struct web_bed *t)
{
	bed_turn(t->bed);
	if (!t->is_patient && !t->is_ended && t->fd >= 0)
		web_bed_pull(t);
}

#define WEB_BED_UNTIL(t, condition)                                \
	do {                                                       \
		const mono_ms end_ = mono_now() + BED_DEADLINE_MS; \
		while (!(condition) && mono_now() < end_)          \
			web_bed_turn(t);                           \
		assert_true(condition);                            \
	} while (0)

static inline void
web_bed_settle(struct web_bed *t)
{
	for (int i = 0; i < 10; i++)
		web_bed_turn(t);
}

/* Writes all, turning the loop where it must. */
static inline void
web_bed_write(struct web_bed *t, const void *data, size_t len)
{
	const mono_ms end = mono_now() + BED_DEADLINE_MS;
	const uint8_t *at = data;

	while (len > 0) {
		const ssize_t n = t->ssl != NULL
		    ? SSL_write(t->ssl, at, (int)len)
		    : send(t->fd, at, len, MSG_NOSIGNAL);

		assert_true(mono_now() < end);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else {
			web_bed_turn(t);
		}
	}
	ERR_clear_error();
}

static inline void
web_bed_say(struct web_bed *t, const char *text)
{
	web_bed_write(t, text, strlen(text));
}

/* Forgets len bytes of what the client got. */
static inline void
web_bed_skip(struct web_bed *t, size_t len)
{
	assert_true(len <= t->got_len);
	t->got_len -= len;
	memmove(t->got, t->got + len, t->got_len);
}

#define WEB_BED_HELLO                                      \
	"GET /signal HTTP/1.1\r\nHost: a.example:3478\r\n" \
	"Upgrade: websocket\r\nConnection: Upgrade\r\n"    \
	"Sec-WebSocket-Version: 13\r\n"                    \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* Length of the answer's head that the client got, 0: not there yet. */
static inline size_t
web_bed_head(struct web_bed *t)
{
	const uint8_t *end = memmem(t->got, t->got_len, "\r\n\r\n", 4);

	return end != NULL ? (size_t)(end - t->got) + 4 : 0;
}

/* The client asks for a WebSocket and gets it. */
static inline void
web_bed_open(struct web_bed *t)
{
	t->bed->on_request = web_bed_accept;
	web_bed_say(t, WEB_BED_HELLO "\r\n");
	WEB_BED_UNTIL(t, web_bed_head(t) > 0);
	assert_memory_equal(t->got, "HTTP/1.1 101 ", 13);
	web_bed_skip(t, web_bed_head(t));
}

static inline struct web_bed *
web_bed_opened(bool tls)
{
	struct web_bed *t = web_bed_new(tls);

	web_bed_open(t);
	return t;
}

/* Writes a client's frame.  Returns its length. */
static inline size_t
web_bed_frame(uint8_t *out, struct ws_frame f, const void *data)
{
	size_t head;

	f.is_masked = true;
	memcpy(f.mask, "\x12\xfe\x80\x01", WS_MASK_LEN);
	head = ws_frame_write(out, &f);
	if (f.len > 0)
		memcpy(out + head, data, f.len);
	ws_frame_mask(out + head, f.len, f.mask);
	return head + f.len;
}

static inline void
web_bed_send(struct web_bed *t, unsigned opcode, bool is_final,
    const void *data, size_t len)
{
	uint8_t *frame = mem_must(1, WS_HEAD_MAX + len);
	const struct ws_frame f = {
		.opcode = opcode, .is_final = is_final, .len = len
	};

	web_bed_write(t, frame, web_bed_frame(frame, f, data));
	mem_free(frame);
}

/* Takes the server's next frame: its payload stands in *data until then. */
static inline struct ws_frame
web_bed_take(struct web_bed *t, uint8_t **data)
{
	static uint8_t payload[WEB_BED_MAX];
	struct ws_frame f = { 0 };
	size_t head = 0;

	WEB_BED_UNTIL(t,
	    ws_frame_read(&f, &head, t->got, t->got_len) == 0 &&
		t->got_len >= head + f.len);
	assert_false(f.is_masked);
	memcpy(payload, t->got + head, f.len);
	web_bed_skip(t, head + f.len);
	*data = payload;
	return f;
}

static inline void
web_bed_expect(struct web_bed *t, unsigned opcode, const void *data, size_t len)
{
	uint8_t *got;
	const struct ws_frame f = web_bed_take(t, &got);

	assert_int_equal(f.opcode, opcode);
	assert_true(f.is_final);
	assert_int_equal(f.len, len);
	if (len > 0)
		assert_memory_equal(got, data, len);
}

/* The server closes with code, then ends. */
static inline void
web_bed_expect_close(struct web_bed *t, unsigned code)
{
	uint8_t *got;
	const struct ws_frame f = web_bed_take(t, &got);

	assert_int_equal(f.opcode, WS_CLOSE);
	assert_true(f.len >= 2);
	assert_int_equal(got[0] << 8 | got[1], code);
	WEB_BED_UNTIL(t, t->is_ended);
	assert_int_equal(t->got_len, 0);
}

/* With and without TLS. */
static inline void
web_bed_both(void (*test)(bool tls))
{
	test(false);
	test(true);
}

static uint8_t web_bed_pattern[1 << 20];

static inline int
web_bed_set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(web_bed_pattern); i++)
		web_bed_pattern[i] = bed_pattern(i);
	return 0;
}

static inline void
web_bed_echo(struct web_bed *t, const struct net_web_data *d)
{
	assert_int_equal(net_web_send_part(t->web, d), 0);
}

/* A fragmented text with controls in between, and one more message. */
static inline size_t
web_bed_mixture(uint8_t *out)
{
	static const struct {
		unsigned opcode;
		bool is_final;
		const char *text;
	} frames[] = {
		{ WS_TEXT, false, "gr\xc3" },
		{ WS_PING, true, "one" },
		{ WS_CONTINUATION, false, "" },
		{ WS_PONG, true, "" },
		{ WS_CONTINUATION, false, "\xbc\xc3\x9f" },
		{ WS_PING, true, "two" },
		{ WS_CONTINUATION, true, "e" },
		{ WS_TEXT, true, "and one whole" },
	};
	size_t len = 0;

	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		const struct ws_frame f = {
			.opcode = frames[i].opcode,
			.is_final = frames[i].is_final,
			.len = strlen(frames[i].text),
		};

		len += web_bed_frame(out + len, f, frames[i].text);
	}
	return len;
}

static inline void
web_bed_expect_mixture(struct web_bed *t)
{
	web_bed_expect(t, WS_PONG, "one", 3);
	web_bed_expect(t, WS_PONG, "two", 3);
	web_bed_expect(t, WS_TEXT,
	    "gr\xc3\xbc\xc3\x9f"
	    "e",
	    7);
	web_bed_expect(t, WS_TEXT, "and one whole", 13);
	assert_int_equal(t->pongs, 1);
	t->pongs = 0;
}

#endif
