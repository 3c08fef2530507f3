#include "tests/support/bench_talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COMPLAINTS_MAX = 3 };

#define DATA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
_Static_assert(sizeof(DATA) == BENCH_TALK_DATA + 1, "as it says");

/* The first few times: all nodes meet the same. */
static int
complain(const struct bench_talk_node *n, const char *what)
{
	static unsigned told;

	if (told++ >= COMPLAINTS_MAX)
		return -1;
	fprintf(stderr, "talk: node %u: %s: %.*s\n", n->index, what,
	    n->link.in_len < 200 ? n->link.in_len : 200,
	    (const char *)n->link.in);
	return -1;
}

/* Where a line ends that begins at the front; 0: not there yet. */
static size_t
line_len(const struct bench_talk_node *n)
{
	const uint8_t *end = memchr(n->link.in, '\n', n->link.in_len);

	return end != NULL ? (size_t)(end - n->link.in) + 1 : 0;
}

static bool
starts(const struct bench_talk_node *n, const char *text)
{
	const size_t len = strlen(text);

	return n->link.in_len >= len && memcmp(n->link.in, text, len) == 0;
}

static bool
says(const uint8_t *data, size_t len, const char *text)
{
	return memmem(data, len, text, strlen(text)) != NULL;
}

/* ---- supernode.v1: guests' names are of this run, for the server keeps those
 * of the last one for a while */

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10, MASKED = 0x80, FIN = 0x80 };

/* Returns the length of the frame. */
static size_t
ws_frame(uint8_t *out, unsigned opcode, const void *data, size_t len)
{
	static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
	size_t at = 0;

	out[at++] = (uint8_t)(FIN | opcode);
	if (len < 126) {
		out[at++] = (uint8_t)(MASKED | len);
	} else {
		out[at++] = MASKED | 126;
		out[at++] = (uint8_t)(len >> 8);
		out[at++] = (uint8_t)len;
	}
	memcpy(out + at, mask, sizeof(mask));
	at += sizeof(mask);
	for (size_t i = 0; i < len; i++)
		out[at + i] = ((const uint8_t *)data)[i] ^ mask[i % 4];
	return at + len;
}

static size_t
ws_greet(struct bench_talk_node *n, char *out, size_t size)
{
	(void)n;
	return (size_t)snprintf(out, size,
	    "GET /signal HTTP/1.1\r\nHost: localhost\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	    "Sec-WebSocket-Protocol: supernode.v1\r\n\r\n");
}

static int
ws_take_head(struct bench_talk_node *n)
{
	const uint8_t *end = memmem(n->link.in, n->link.in_len, "\r\n\r\n", 4);

	if (end == NULL)
		return 0;
	if (!starts(n, "HTTP/1.1 101"))
		return complain(n, "no upgrade");
	bench_link_drain(&n->link, (size_t)(end - n->link.in) + 4);
	n->state = BENCH_TALK_UPGRADED;
	return 1;
}

static int
ws_hello(struct bench_talk_node *n)
{
	uint8_t frame[BENCH_TALK_FRAME + 16];
	char text[BENCH_TALK_FRAME];
	size_t len = (size_t)snprintf(text, sizeof(text),
	    "{\"type\":\"hello\",\"id\":1,\"name\":\"guest-%d-%u\"", getpid(),
	    n->index);

	if (n->resume[0] != '\0')
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    ",\"resume\":\"%s\"", n->resume);
	text[len++] = '}';
	n->state = BENCH_TALK_ASKED;
	len = ws_frame(frame, TEXT, text, len);
	return bench_link_send(&n->link, frame, len) == 0 ? 1 : -1;
}

static void
keep_resume(struct bench_talk_node *n, const uint8_t *data, size_t len)
{
	static const char key[] = "\"resume\":\"";
	const char *at = memmem(data, len, key, sizeof(key) - 1);
	size_t size;

	if (at == NULL)
		return;
	at += sizeof(key) - 1;
	size = strcspn(at, "\"");
	if (size < sizeof(n->resume)) {
		memcpy(n->resume, at, size);
		n->resume[size] = '\0';
	}
}

static int
ws_text(struct bench_talk_node *n, const uint8_t *data, size_t len)
{
	if (says(data, len, "\"type\":\"message\"")) {
		n->delivered++;
	} else if (says(data, len, "\"type\":\"welcome\"")) {
		return ws_hello(n);
	} else if (says(data, len, "\"type\":\"ready\"")) {
		keep_resume(n, data, len);
		n->state = BENCH_TALK_READY;
	} else {
		return complain(n, "unexpected");
	}
	return 1;
}

static int
ws_take(struct bench_talk_node *n)
{
	const uint8_t *in = n->link.in;
	uint8_t pong[BENCH_TALK_FRAME];
	size_t head = 2, len;
	int rc = 1;

	if (n->state == BENCH_TALK_NEW)
		return ws_take_head(n);
	if (n->link.in_len < head)
		return 0;
	if ((len = in[1]) == 126) {
		head = 4;
		len = (size_t)in[2] << 8 | in[3];
	}
	if (len > BENCH_LINK_IN - head)
		return complain(n, "too long");
	if (n->link.in_len < head + len)
		return 0;
	if ((in[0] & 15) == TEXT)
		rc = ws_text(n, in + head, len);
	else if ((in[0] & 15) == PING && len < 126)
		rc = bench_link_send(&n->link, pong,
			 ws_frame(pong, PONG, in + head, len)) == 0
		    ? 1
		    : -1;
	else if ((in[0] & 15) == CLOSE)
		rc = complain(n, "closed");
	bench_link_drain(&n->link, head + len);
	return rc;
}

static void
ws_prepare(struct bench_talk_node *n, unsigned partner)
{
	char text[BENCH_TALK_FRAME];
	const int len = snprintf(text, sizeof(text),
	    "{\"type\":\"send\",\"to\":\"guest-%d-%u\",\"data\":\"" DATA "\"}",
	    getpid(), partner);

	n->frame_len = (uint16_t)ws_frame(n->frame, TEXT, text, (size_t)len);
}

/* ---- NATS */

static size_t
nats_greet(struct bench_talk_node *n, char *out, size_t size)
{
	n->state = BENCH_TALK_ASKED;
	return (size_t)snprintf(out, size,
	    "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n"
	    "SUB n%u 1\r\nPING\r\n",
	    n->index);
}

static int
nats_take(struct bench_talk_node *n)
{
	size_t len = line_len(n);

	if (len == 0)
		return 0;
	if (starts(n, "MSG ")) {
		len += BENCH_TALK_DATA + 2;
		if (n->link.in_len < len)
			return 0;
		n->delivered++;
	} else if (starts(n, "PONG")) {
		n->state = BENCH_TALK_READY;
	} else if (starts(n, "PING")) {
		if (bench_link_send(&n->link, "PONG\r\n", 6) != 0)
			return -1;
	} else if (!starts(n, "INFO")) {
		return complain(n, "unexpected");
	}
	bench_link_drain(&n->link, len);
	return 1;
}

static void
nats_prepare(struct bench_talk_node *n, unsigned partner)
{
	n->frame_len = (uint16_t)snprintf((char *)n->frame, sizeof(n->frame),
	    "PUB n%u %d\r\n" DATA "\r\n", partner, BENCH_TALK_DATA);
}

/* ---- Redis */

static size_t
redis_greet(struct bench_talk_node *n, char *out, size_t size)
{
	n->state = BENCH_TALK_ASKED;
	return (size_t)snprintf(
	    out, size, "HELLO 3\r\nSUBSCRIBE n%u\r\n", n->index);
}

/* A push of three: two texts, and a third or a number. */
static int
redis_push(struct bench_talk_node *n)
{
	const char *in = (const char *)n->link.in;
	const char *message = memmem(in, n->link.in_len, "message\r\n", 9);
	const size_t tail = BENCH_TALK_DATA + 2;
	const char *data;

	if (message == NULL) {
		if (n->state == BENCH_TALK_ASKED &&
		    says(n->link.in, n->link.in_len, "subscribe\r\n"))
			n->state = BENCH_TALK_READY;
		return 0;
	}
	data = memmem(message, (size_t)(in + n->link.in_len - message),
	    DATA "\r\n", tail);
	if (data == NULL)
		return 0;
	n->delivered++;
	bench_link_drain(&n->link, (size_t)(data - in) + tail);
	return 1;
}

/* What HELLO answers is passed over line by line. */
static int
redis_take(struct bench_talk_node *n)
{
	const size_t len = line_len(n);

	if (len == 0)
		return 0;
	if (starts(n, "-"))
		return complain(n, "refused");
	if (starts(n, ">"))
		return redis_push(n);
	bench_link_drain(&n->link, len);
	return 1;
}

static void
redis_prepare(struct bench_talk_node *n, unsigned partner)
{
	char name[16];
	const int len = snprintf(name, sizeof(name), "n%u", partner);

	n->frame_len = (uint16_t)snprintf((char *)n->frame, sizeof(n->frame),
	    "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n" DATA "\r\n", len,
	    name, BENCH_TALK_DATA);
}

/* ---- echo */

static size_t
echo_greet(struct bench_talk_node *n, char *out, size_t size)
{
	(void)out;
	(void)size;
	n->state = BENCH_TALK_READY;
	return 0;
}

static int
echo_take(struct bench_talk_node *n)
{
	if (n->link.in_len < n->frame_len)
		return 0;
	n->delivered++;
	bench_link_drain(&n->link, n->frame_len);
	return 1;
}

/* ---- all */

static const struct bench_talk talks[] = {
	{ "ws", ws_greet, ws_take, ws_prepare, false },
	{ "nats", nats_greet, nats_take, nats_prepare, false },
	{ "redis", redis_greet, redis_take, redis_prepare, false },
	/* as many bytes as in supernode.v1 */
	{ "echo", echo_greet, echo_take, ws_prepare, true },
};

const struct bench_talk *
bench_talk_find(const char *name)
{
	for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
		if (strcmp(talks[i].name, name) == 0)
			return &talks[i];
	}
	return NULL;
}

static int
greet(const struct bench_talk *t, struct bench_talk_node *n)
{
	char out[BENCH_LINK_OUT];
	const size_t len = t->greet(n, out, sizeof(out));

	n->is_greeted = true;
	return bench_link_send(&n->link, out, len);
}

int
bench_talk_go(const struct bench_talk *t, struct bench_talk_node *n)
{
	int rc = bench_link_go(&n->link), took = 1;

	if (rc != 0 || !bench_link_is_up(&n->link))
		return rc;
	if (!n->is_greeted && (rc = greet(t, n)) != 0)
		return rc;
	while (n->link.in_len > 0 && (took = t->take(n)) > 0)
		;
	return took < 0 ? EPROTO : 0;
}
