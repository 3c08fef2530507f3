/*
 * chatter: nodes that hold connections to a message server, or talk in pairs
 * through it, and what that costs the server.
 *
 *	chatter KEY=VALUE...	one run, one JSON object on its output
 *
 *	server=HOST:PORT pids=PID	IPv4
 *	dialect=ws|nats|redis|echo tls=yes
 *	way=talk pairs=N seconds=N	one message under way in each pair
 *	way=hold nodes=N		connects all, tells memory, cuts all by
 *RST and has them back in
 *
 * Delivered messages are counted where they arrive.
 */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/support/bench_proc.h"
#include "tests/support/bench_talk.h"

enum {
	RAMP = 256, /* connections that begin at a time */
	EVENTS = 256,
	GIVE_UP_S = 120,
	TRIES_MAX = 20, /* of one node to get in */
	RETRY_NS = 200 * 1000 * 1000,
	WARM_UP_NS = 300 * 1000 * 1000,
	CHECK_EVERY = 64, /* turns between two looks at the clock */
};

struct chatter {
	struct addr server;
	struct bench_proc proc;
	const struct bench_talk *talk;
	SSL_CTX *ctx;
	const char *way;
	long pairs, nodes, seconds_ms;
	int epoll_fd;
	unsigned count, ready, begun, failures;
	bool is_talking;
	uint64_t delivered;
	struct bench_talk_node *node;
	uint8_t *tries;
	int64_t *retry_at; /* 0: not waiting */
	unsigned waiting;
	uint8_t *buffers;
};

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("chatter: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

/* ---- one node */

static void
watch(struct chatter *c, struct bench_talk_node *n, int op)
{
	struct epoll_event e = { .events = bench_link_events(&n->link),
		.data.ptr = n };

	if (epoll_ctl(c->epoll_fd, op, n->link.fd, &e) < 0)
		die("epoll_ctl: %s", strerror(errno));
}

/* It comes again a little later, as a client would. */
static void
fail_node(struct chatter *c, struct bench_talk_node *n, int code)
{
	if (n->state == BENCH_TALK_READY || c->is_talking)
		die("node %u lost its connection: %s", n->index,
		    strerror(code));
	bench_link_close(&n->link, true);
	c->failures++;
	if (++c->tries[n->index] > TRIES_MAX)
		die("node %u does not get in: %s", n->index, strerror(code));
	c->retry_at[n->index] = bench_proc_now_ns() + RETRY_NS;
	c->waiting++;
}

static void
begin_node(struct chatter *c, unsigned i)
{
	struct bench_talk_node *n = &c->node[i];
	int rc;

	n->state = BENCH_TALK_NEW;
	n->is_greeted = false;
	rc = bench_link_open(&n->link, &c->server, c->ctx, i);
	if (rc != 0)
		die("node %u: %s", i, strerror(rc));
	watch(c, n, EPOLL_CTL_ADD);
}

static void
say(struct chatter *c, struct bench_talk_node *n)
{
	if (bench_link_send(&n->link, n->frame, n->frame_len) != 0)
		die("node %u cannot send", n->index);
	if (n->link.out_len > 0)
		watch(c, n, EPOLL_CTL_MOD);
}

/* Whoever gets a message sends the next one; what came back from an echo is
 * followed by one of the partner, so that as many connections are used. */
static void
answer(struct chatter *c, struct bench_talk_node *n)
{
	if (n->delivered == 0)
		return;
	if (n->delivered != 1)
		die("node %u got %u messages for one", n->index, n->delivered);
	n->delivered = 0;
	c->delivered++;
	say(c, c->talk->is_echo ? &c->node[n->index ^ 1u] : n);
}

static void
handle(struct chatter *c, struct bench_talk_node *n)
{
	const uint32_t before = bench_link_events(&n->link);
	const bool was_ready = n->state == BENCH_TALK_READY;
	const int rc = bench_talk_go(c->talk, n);

	if (rc != 0) {
		fail_node(c, n, rc);
		return;
	}
	c->ready += !was_ready && n->state == BENCH_TALK_READY;
	answer(c, n);
	if (bench_link_events(&n->link) != before)
		watch(c, n, EPOLL_CTL_MOD);
}

static void
turn(struct chatter *c, int wait_ms)
{
	struct epoll_event e[EVENTS];
	const int n = epoll_wait(c->epoll_fd, e, EVENTS, wait_ms);

	for (int i = 0; i < n; i++)
		handle(c, e[i].data.ptr);
}

/* ---- all of them */

static void
retry(struct chatter *c)
{
	const int64_t now = c->waiting > 0 ? bench_proc_now_ns() : 0;

	for (unsigned i = 0; i < c->count && c->waiting > 0; i++) {
		if (c->retry_at[i] == 0 || c->retry_at[i] > now)
			continue;
		c->retry_at[i] = 0;
		c->waiting--;
		begin_node(c, i);
	}
}

/* Returns the seconds it took. */
static double
connect_all(struct chatter *c)
{
	const int64_t started = bench_proc_now_ns();

	c->ready = c->begun = 0;
	memset(c->tries, 0, c->count);
	while (c->ready < c->count) {
		while (c->begun < c->count && c->begun - c->ready < RAMP)
			begin_node(c, c->begun++);
		turn(c, 10);
		retry(c);
		if (bench_proc_now_ns() - started >
		    GIVE_UP_S * INT64_C(1000000000))
			die("only %u of %u nodes are in", c->ready, c->count);
	}
	return (double)(bench_proc_now_ns() - started) / 1e9;
}

static void
cut_all(struct chatter *c)
{
	for (unsigned i = 0; i < c->count; i++)
		bench_link_close(&c->node[i].link, true);
}

/* Turns for so long. */
static void
talk_for(struct chatter *c, int64_t ns)
{
	const int64_t end = bench_proc_now_ns() + ns;

	do {
		for (int i = 0; i < CHECK_EVERY; i++)
			turn(c, 1);
	} while (bench_proc_now_ns() < end);
}

static json_t *
run_talk(struct chatter *c)
{
	int64_t cpu, wall;
	uint64_t before;

	connect_all(c);
	c->is_talking = true;
	for (unsigned i = 0; i < c->count; i++)
		c->talk->prepare(&c->node[i], i ^ 1u);
	for (unsigned i = 0; i < c->count; i += 2)
		say(c, &c->node[i]);
	talk_for(c, WARM_UP_NS);
	before = c->delivered;
	cpu = bench_proc_cpu_ns(&c->proc);
	wall = bench_proc_now_ns();
	talk_for(c, c->seconds_ms * INT64_C(1000000));
	cpu = bench_proc_cpu_ns(&c->proc) - cpu;
	wall = bench_proc_now_ns() - wall;
	before = c->delivered - before;
	return json_pack("{s:I,s:f,s:f,s:f}", "delivered", (json_int_t)before,
	    "per_second", (double)before * 1e9 / (double)wall, "per_cpu_second",
	    (double)before * 1e9 / (double)(cpu + 1), "cpu_share",
	    (double)cpu / (double)wall);
}

static json_t *
run_hold(struct chatter *c)
{
	const int64_t before = bench_proc_anonymous(&c->proc);
	const double in_s = connect_all(c);
	const int64_t bytes = bench_proc_anonymous(&c->proc) - before;
	const unsigned failures = c->failures;
	double back_s;

	cut_all(c);
	back_s = connect_all(c);
	return json_pack("{s:i,s:f,s:f,s:i,s:f,s:i,s:i}", "nodes",
	    (int)c->count, "bytes_each", (double)bytes / c->count, "in_s", in_s,
	    "retries_in", (int)failures, "back_s", back_s, "retries_back",
	    (int)(c->failures - failures), "lost", (int)(c->count - c->ready));
}

/* ---- start */

static long
number(const char *text)
{
	char *end;
	const long v = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || v <= 0)
		die("%s: not a number above 0", text);
	return v;
}

static void
read_argument(struct chatter *c, const char *arg)
{
	const char *value = strchr(arg, '=');

	if (value++ == NULL)
		die("%s: KEY=VALUE is needed", arg);
	if (strncmp(arg, "server=", 7) == 0) {
		if (addr_parse(&c->server, value) != 0)
			die("%s: no address", value);
	} else if (strncmp(arg, "pids=", 5) == 0) {
		c->proc.pids[c->proc.count++] = (int)number(value);
	} else if (strncmp(arg, "dialect=", 8) == 0) {
		c->talk = bench_talk_find(value);
	} else if (strncmp(arg, "tls=", 4) == 0) {
		if ((c->ctx = SSL_CTX_new(TLS_client_method())) == NULL)
			die("no TLS");
	} else if (strncmp(arg, "way=", 4) == 0) {
		c->way = value;
	} else if (strncmp(arg, "pairs=", 6) == 0) {
		c->pairs = number(value);
	} else if (strncmp(arg, "nodes=", 6) == 0) {
		c->nodes = number(value);
	} else if (strncmp(arg, "seconds=", 8) == 0) {
		c->seconds_ms = (long)(strtod(value, NULL) * 1000);
	} else {
		die("%s: unknown", arg);
	}
}

static void
prepare(struct chatter *c)
{
	const bool holds = strcmp(c->way, "hold") == 0;
	const size_t each = BENCH_LINK_IN + BENCH_LINK_OUT;

	c->count = (unsigned)(holds ? c->nodes : 2 * c->pairs);
	c->node = mem_must(c->count, sizeof(*c->node));
	c->tries = mem_must(c->count, 1);
	c->retry_at = mem_must(c->count, sizeof(*c->retry_at));
	c->buffers = mem_must(c->count, each);
	for (unsigned i = 0; i < c->count; i++) {
		c->node[i].index = i;
		c->node[i].link.fd = -1;
		c->node[i].link.in = c->buffers + i * each;
		c->node[i].link.out = c->buffers + i * each + BENCH_LINK_IN;
	}
	if ((c->epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
		die("epoll: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	struct chatter c = {
		.way = "talk", .pairs = 100, .nodes = 1000, .seconds_ms = 1000
	};
	json_t *result;

	for (int i = 1; i < argc; i++)
		read_argument(&c, argv[i]);
	if (c.talk == NULL || addr_is_none(&c.server) || c.proc.count == 0)
		die("server, pids and dialect are needed");
	prepare(&c);
	result = strcmp(c.way, "hold") == 0 ? run_hold(&c) : run_talk(&c);
	json_dumpf(result, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	fputc('\n', stdout);
	cut_all(&c);
	json_decref(result);
	SSL_CTX_free(c.ctx);
	mem_free(c.node);
	mem_free(c.tries);
	mem_free(c.retry_at);
	mem_free(c.buffers);
	close(c.epoll_fd);
	return 0;
}
