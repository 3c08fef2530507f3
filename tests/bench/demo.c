/*
 * demo: what `make run` shows.
 *
 *	demo port any|loopback PORT	prints PORT, or a free one if it is
 *taken demo relay HOST:PORT FILE	two clients talk through the server demo
 *ice PORT FILE		prints credentials for RTCPeerConnection
 *
 * FILE holds the TURN REST secret: an argument would be seen by everybody.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/entropy.h"
#include "common/mem.h"
#include "common/token/turnrest.h"
#include "tests/support/caller.h"
#include "tests/support/tally.h"

enum {
	PACKET_BYTES = 172, /* 20 ms of G.711 and its RTP header */
	PACKETS = 2000,     /* from each of the two */
	GAP_US = 500,
	STRAGGLERS_MS = 2000,
	CREDENTIAL_S = 24 * 3600,
	SECRET_MAX = 256,
	CHANNEL = 0x4001,
	EPHEMERAL_TRIES = 64,
};

struct talker {
	const char *name;
	struct caller caller;
	struct tally tally;
	struct addr relayed;
	struct addr peer;
};

struct call {
	const char *transport;
	struct talker alice, bob;
};

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("demo: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static void
read_secret(char out[SECRET_MAX], const char *path)
{
	FILE *f = fopen(path, "re");

	if (f == NULL || fgets(out, SECRET_MAX, f) == NULL)
		die("cannot read the secret: %s (%s)", path, strerror(errno));
	out[strcspn(out, "\n")] = '\0';
	fclose(f);
}

/* ---- port */

/* SO_REUSEPORT is left off on purpose: a second supernode would share the
 * port with the first one and each would see half of the clients. */
static bool
may_bind(const char *host, int type, long port)
{
	const int one = 1;
	struct addr a;
	bool free;
	int fd;

	if (addr_parse(&a, host) != 0)
		die("not an address: %s", host);
	addr_set_port(&a, (uint16_t)port);
	if ((fd = socket(addr_family(&a), type | SOCK_CLOEXEC, 0)) < 0)
		return errno == EAFNOSUPPORT;
	/* a connection that lingers in TIME_WAIT does not count */
	if (type == SOCK_STREAM)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (addr_family(&a) == AF_INET6)
		(void)setsockopt(
		    fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	free = bind(fd, &a.u.sa, addr_len(&a)) == 0 || errno == EADDRNOTAVAIL;
	close(fd);
	return free;
}

static bool
is_free(const char *where, long port)
{
	if (strcmp(where, "loopback") == 0)
		return may_bind("127.0.0.1", SOCK_STREAM, port);
	return may_bind("0.0.0.0", SOCK_DGRAM, port) &&
	    may_bind("0.0.0.0", SOCK_STREAM, port) &&
	    may_bind("::", SOCK_DGRAM, port) &&
	    may_bind("::", SOCK_STREAM, port);
}

static int
do_port(char **arg)
{
	long port = strtol(arg[1], NULL, 10);

	if (port <= 0 || port > UINT16_MAX)
		die("not a port: %s", arg[1]);
	/* below the range from which the kernel takes ports by itself */
	for (int i = 0; !is_free(arg[0], port); i++) {
		if (i == EPHEMERAL_TRIES)
			die("no free port");
		port = 20000 + entropy_below(12000);
	}
	printf("%ld\n", port);
	return 0;
}

/* ---- relay */

static void
push(struct talker *t, const struct caller_path *path, const uint8_t *data,
    size_t len)
{
	const int rc = caller_send(&t->caller, path, data, len);

	if (rc != 0)
		die("%s: cannot send: %s", t->name, code_text(rc));
}

static void
take_payload(
    void *arg, const struct caller_path *path, const uint8_t *data, size_t len)
{
	struct talker *t = arg;
	uint8_t copy[PACKET_BYTES];

	if (!tally_count(&t->tally, data, len, mono_now_us()) ||
	    len > sizeof(copy))
		return;
	memcpy(copy, data, len);
	tally_make_echo(copy);
	push(t, path, copy, len);
}

static void
fill_allocate(struct pen *p, const uint8_t *tid, void *arg)
{
	(void)tid;
	(void)arg;
	stun_put_u32(p, STUN_ATTR_REQUESTED_TRANSPORT,
	    (uint32_t)STUN_TRANSPORT_UDP << 24);
}

static void
fill_peer(struct pen *p, const uint8_t *tid, void *arg)
{
	stun_put_xor_addr(p, STUN_ATTR_XOR_PEER_ADDRESS, arg, tid);
}

static void
fill_channel(struct pen *p, const uint8_t *tid, void *arg)
{
	stun_put_u32(p, STUN_ATTR_CHANNEL_NUMBER, (uint32_t)CHANNEL << 16);
	fill_peer(p, tid, arg);
}

static void
fill_goodbye(struct pen *p, const uint8_t *tid, void *arg)
{
	(void)tid;
	(void)arg;
	stun_put_u32(p, STUN_ATTR_LIFETIME, 0);
}

static void
request(struct talker *t, enum stun_method method, caller_fill fill, void *arg)
{
	const int rc = caller_request(&t->caller, method, fill, arg);

	if (rc != 0)
		die("%s: %s was answered %d (%s)", t->name,
		    stun_method_name(method), rc, code_text(rc));
}

/* Connects, authenticates as a browser would, and allocates. */
static void
join(struct talker *t, enum wire_kind kind, const struct addr *server,
    const char *secret)
{
	struct caller *c = &t->caller;
	const struct stun_attr *a;
	int rc;

	c->sink = take_payload;
	c->arg = t;
	c->sign = true;
	t->tally.id = entropy_below(UINT32_MAX - 1) + 1;
	snprintf(c->user, sizeof(c->user), "%" PRId64 ":%s",
	    mono_wall_s() + CREDENTIAL_S, t->name);
	turnrest_password(c->password, secret, c->user, strlen(c->user));
	rc = wire_open(&c->wire, kind, server, mono_now() + CALLER_TIMEOUT_MS);
	if (rc != 0)
		die("%s: no connection: %s", t->name, code_text(rc));
	request(t, STUN_ALLOCATE, fill_allocate, NULL);
	a = stun_msg_find(&c->reply, STUN_ATTR_XOR_RELAYED_ADDRESS);
	if (a == NULL || stun_attr_xor_addr(&t->relayed, &c->reply, a) != 0)
		die("%s: Allocate gave no relayed address", t->name);
}

static void
meet(struct talker *t, const struct talker *other)
{
	t->peer = other->relayed;
	request(t, STUN_CREATE_PERMISSION, fill_peer, &t->peer);
	request(t, STUN_CHANNEL_BIND, fill_channel, &t->peer);
}

static void
say(struct talker *t)
{
	const struct caller_path path = { .way = CALLER_CHANNEL,
		.channel = CHANNEL };
	uint8_t data[PACKET_BYTES];

	tally_next(&t->tally, data, sizeof(data), mono_now_us());
	push(t, &path, data, sizeof(data));
}

static void
hear(struct talker *t)
{
	int rc;

	while ((rc = caller_poll(&t->caller, 0)) > 0)
		;
	if (rc < 0)
		die("%s: the server closed the connection", t->name);
}

static void
pass_time(struct call *c, int64_t until_us)
{
	struct pollfd fds[2] = {
		{ .fd = wire_fd(c->alice.caller.wire), .events = POLLIN },
		{ .fd = wire_fd(c->bob.caller.wire), .events = POLLIN },
	};
	int64_t left = until_us - mono_now_us();
	struct timespec ts = { .tv_nsec = left > 0 ? left * 1000 : 0 };

	(void)ppoll(fds, 2, &ts, NULL);
	hear(&c->alice);
	hear(&c->bob);
}

static bool
is_complete(const struct talker *t)
{
	return t->tally.echoes == PACKETS;
}

/* Both send PACKETS at a steady pace and return what the other sends. */
static void
talk(struct call *c)
{
	int64_t due = mono_now_us(), end;

	for (int i = 0; i < PACKETS; i++) {
		say(&c->alice);
		say(&c->bob);
		due += GAP_US;
		do
			pass_time(c, due);
		while (mono_now_us() < due);
	}
	end = mono_now_us() + STRAGGLERS_MS * INT64_C(1000);
	while (mono_now_us() < end &&
	    !(is_complete(&c->alice) && is_complete(&c->bob)))
		pass_time(c, mono_now_us() + 1000);
}

static int
by_size(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Returns how many came back. */
static unsigned
tell(const struct call *c)
{
	static uint32_t trip[2 * PACKETS];
	const unsigned a = (unsigned)c->alice.tally.echoes;
	const unsigned n = a + (unsigned)c->bob.tally.echoes;
	char left[ADDR_TEXT_MAX], right[ADDR_TEXT_MAX];

	memcpy(trip, c->alice.tally.trip_us, a * sizeof(trip[0]));
	memcpy(trip + a, c->bob.tally.trip_us, (n - a) * sizeof(trip[0]));
	qsort(trip, n, sizeof(trip[0]), by_size);
	printf("  %s  alice %s <-> bob %s\n", c->transport,
	    addr_format(&c->alice.relayed, left),
	    addr_format(&c->bob.relayed, right));
	printf("       %d packets of %d bytes each way and back: "
	       "sent %d, returned %u, lost %d (%.2f %%)\n",
	    PACKETS, PACKET_BYTES, 2 * PACKETS, n, 2 * PACKETS - (int)n,
	    100.0 * (2 * PACKETS - n) / (2 * PACKETS));
	if (n > 0)
		printf("       round trip p50 %.3f ms, p99 %.3f ms\n",
		    trip[n / 2] / 1e3, trip[n * 99 / 100] / 1e3);
	return n;
}

static unsigned
hold_call(enum wire_kind kind, const struct addr *server, const char *secret)
{
	struct call *c = mem_must(1, sizeof(*c));
	unsigned returned;

	c->transport = kind == WIRE_UDP ? "UDP" : "TCP";
	c->alice.name = "alice";
	c->bob.name = "bob";
	join(&c->alice, kind, server, secret);
	join(&c->bob, kind, server, secret);
	meet(&c->alice, &c->bob);
	meet(&c->bob, &c->alice);
	talk(c);
	request(&c->alice, STUN_REFRESH, fill_goodbye, NULL);
	request(&c->bob, STUN_REFRESH, fill_goodbye, NULL);
	wire_close(c->alice.caller.wire);
	wire_close(c->bob.caller.wire);
	returned = tell(c);
	mem_free(c);
	return returned;
}

static int
do_relay(char **arg)
{
	char secret[SECRET_MAX];
	struct addr server;

	if (addr_parse(&server, arg[0]) != 0)
		die("not an address: %s", arg[0]);
	read_secret(secret, arg[1]);
	if (hold_call(WIRE_UDP, &server, secret) == 0 ||
	    hold_call(WIRE_TCP, &server, secret) == 0)
		die("no packet came back");
	return 0;
}

/* ---- ice */

/* The address that this machine would use towards the internet; nothing is
 * sent to find it (192.0.2.1 is TEST-NET-1). */
static void
own_host(char out[ADDR_TEXT_MAX])
{
	struct addr to, own;
	socklen_t len = sizeof(own.u);
	int fd;

	snprintf(out, ADDR_TEXT_MAX, "127.0.0.1");
	if (addr_parse(&to, "192.0.2.1:9") != 0)
		return;
	if ((fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return;
	if (connect(fd, &to.u.sa, addr_len(&to)) == 0 &&
	    getsockname(fd, &own.u.sa, &len) == 0)
		addr_format_host(&own, out);
	close(fd);
}

static int
do_ice(char **arg)
{
	char host[ADDR_TEXT_MAX], udp[128], tcp[128], user[64];
	char secret[SECRET_MAX], password[TURNREST_PASSWORD_MAX];
	json_t *j;

	read_secret(secret, arg[1]);
	own_host(host);
	snprintf(udp, sizeof(udp), "turn:%s:%s?transport=udp", host, arg[0]);
	snprintf(tcp, sizeof(tcp), "turn:%s:%s?transport=tcp", host, arg[0]);
	snprintf(user, sizeof(user), "%" PRId64 ":guest",
	    mono_wall_s() + CREDENTIAL_S);
	turnrest_password(password, secret, user, strlen(user));
	j = json_pack("{s:[{s:[s,s],s:s,s:s}]}", "iceServers", "urls", udp, tcp,
	    "username", user, "credential", password);
	if (j == NULL || json_dumpf(j, stdout, JSON_INDENT(2)) != 0)
		die("cannot write JSON");
	putchar('\n');
	json_decref(j);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(char **arg);
	} verbs[] = { { "port", do_port }, { "relay", do_relay },
		{ "ice", do_ice } };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (argc == 4 && strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argv + 2);
	}
	fputs("usage: demo port any|loopback PORT | relay HOST:PORT FILE | "
	      "ice PORT FILE\n",
	    stderr);
	return 2;
}
