/*
 * fuzz: a connection that speaks HTTP and perhaps becomes a WebSocket, through
 * all of net/.  The input is played whole and in pieces, the second time also
 * held back and sometimes without memory: the requests and messages that go
 * up and what is answered must be the same.
 */
#include <assert.h>

#include "net/core.h"
#include "net/entry.h"
#include "net/http_head.h"
#include "net/limits.h"
#include "net/listeners.h"
#include "net/stream.h"
#include "net/web.h"
#include "tests/unit/net/bed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SIZES = 8, /* of pieces; 0: held back for a turn */
	HEAD = 1 + SIZES,
	BYTES_MAX = 16 * 1024,
	SHORT_MEMORY = 1, /* flags in the first byte */
	HOLDING = 2,
	IN_PARTS = 4,
};

struct seen {
	uint64_t told, answered;
	size_t requests, messages, answer_len, closed;
	uint64_t broken;
};

static struct bed *bed;
static struct seen seen;
static struct net_web *web; /* the WebSocket, while it is one */
static uint8_t flags;
static int64_t now_us;

static void
mix(uint64_t *hash, const void *data, size_t len)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ at[i]) * 0x100000001b3u;
}

static void
mix_text(const char *text)
{
	assert(text != NULL);
	mix(&seen.told, text, strlen(text) + 1);
}

/* ---- what goes up */

static void
on_message(void *owner, const struct net_web_data *d)
{
	(void)owner;
	assert(web != NULL);
	seen.messages += d->is_last;
	mix(&seen.told, d->data, d->len);
	/* the same answer, however it came */
	if (d->is_last)
		(void)!net_web_send(web, d->kind, "got it", 6);
	if ((flags & HOLDING) != 0)
		net_web_hold(web, true);
}

static void
on_pong(void *owner, const uint8_t *data, size_t len)
{
	(void)owner;
	mix(&seen.told, data, len);
}

static void
on_drained(void *owner)
{
	(void)owner;
}

static void
on_closed(void *owner, unsigned code)
{
	(void)owner;
	assert(web != NULL);
	(void)code;
	web = NULL;
	seen.closed++;
}

static void
on_request(struct bed *b, struct net_web *w, const struct net_request *r)
{
	static const struct net_web_ops ops = {
		.message = on_message,
		.pong = on_pong,
		.drained = on_drained,
		.closed = on_closed,
	};
	const struct net_web_accept accept = {
		.ops = &ops,
		.owner = b,
		.message_max = 2000,
		.out_max = SIZE_MAX,
		.parts = (flags & IN_PARTS) != 0 ? 100 : 0,
	};

	seen.requests++;
	mix_text(r->method);
	mix_text(r->path);
	mix_text(r->query);
	mix_text(r->host);
	mix_text(r->origin);
	mix_text(r->authorization);
	mix_text(r->protocols);
	mix(&seen.told, r->body, r->body_len);
	if (r->is_upgrade && net_web_accept(w, &accept) == 0)
		web = w;
	else if (r->path[1] != 'n')
		net_web_answer(
		    w, 200, "text/plain", NULL, r->path, strlen(r->path));
}

/* ---- a connection */

static void
turn(void)
{
	if (web != NULL)
		net_web_hold(web, false);
	bed->net->now_us = now_us;
	event_base_loop(bed->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	wheel_advance(bed->wheel, net_now(bed->net));
	net_turn_end(bed->net);
}

/* The second of an answer's date may differ. */
static void
read_answers(int fd)
{
	static uint8_t got[1 << 17];
	ssize_t n;

	while ((n = recv(fd, got, sizeof(got), MSG_DONTWAIT)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (got[i] >= 'a' && got[i] <= 'z')
				mix(&seen.answered, got + i, 1);
		}
		seen.answer_len += (size_t)n;
	}
}

/* Returns the client's end, or -1. */
static int
connect_client(void)
{
	int fds[2];

	bed->net->now_us = now_us;
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	if (net_limits_take(
		net_listeners_limits(bed->listeners), &bed->conf, &bed->at) &&
	    net_entry_open(bed->net, fds[0], &bed->at, &bed->at) == 0)
		return fds[1];
	net_limits_give(net_listeners_limits(bed->listeners), &bed->at);
	close(fds[0]);
	close(fds[1]);
	return -1;
}

static void
play(int fd, const uint8_t *sizes, const uint8_t *data, size_t len)
{
	size_t n;

	for (size_t at = 0, i = 0; at < len; at += n, i++) {
		n = sizes != NULL ? (size_t)sizes[i % SIZES] + 1 : len;
		if (n > len - at)
			n = len - at;
		/* the other end may be gone */
		(void)!send(fd, data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		turn();
		read_answers(fd);
	}
	for (size_t i = 0; i < 8 + len / 64; i++) {
		turn();
		read_answers(fd);
	}
}

static struct seen
run(const uint8_t *sizes, const uint8_t *data, size_t len)
{
	int fd;

	memset(&seen, 0, sizeof(seen));
	if ((fd = connect_client()) < 0)
		return seen;
	play(fd, sizes, data, len);
	close(fd);
	mem_fail_at(-1);
	for (int i = 0; i < 4; i++)
		turn();
	assert(bed_counter(bed, STATS_CONNECTIONS) == 0);
	assert(bed_counter(bed, STATS_WEBSOCKETS) == 0);
	assert(web == NULL);
	seen.broken = bed_drops(bed, STATS_DROP_WS_BROKEN);
	return seen;
}

static void
set_up(void)
{
	bed = bed_prepare(NET_TCP, "127.0.0.1:0");
	bed_start(bed);
	bed->on_request = on_request;
	now_us = mono_now_us();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, cut;
	uint64_t was;

	if (size < HEAD || size > BYTES_MAX)
		return 0;
	if (bed == NULL)
		set_up();
	was = bed_drops(bed, STATS_DROP_WS_BROKEN);
	flags = data[0] & IN_PARTS;
	whole = run(NULL, data + HEAD, size - HEAD);
	flags = data[0];
	if ((flags & SHORT_MEMORY) != 0)
		mem_fail_at(flags >> 4);
	cut = run(data + 1, data + HEAD, size - HEAD);
	if ((flags & SHORT_MEMORY) != 0)
		return 0;
	assert(whole.requests == cut.requests);
	assert(whole.messages == cut.messages);
	assert(whole.closed == cut.closed);
	/* of a text that is none, more or less was told before that was seen */
	if ((flags & IN_PARTS) == 0 || whole.broken == was)
		assert(whole.told == cut.told);
	assert(whole.answered == cut.answered);
	assert(whole.answer_len == cut.answer_len);
	return 0;
}
