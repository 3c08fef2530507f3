/*
 * sift: random traffic through very many allocations; every byte of every
 * packet is compared (support/sift.h).
 *
 *	sift KEY=VALUE...	ends with 0 when nothing was wrong
 *
 *	server=HOST:PORT user=NAME password=TEXT	IPv4
 *	allocations=N	seconds=N	even; how long new packets are sent
 *	window=BYTES	seed=N
 *
 * Prints the seed first, which repeats the packets though not their timing,
 * and one line of counts at the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/entropy.h"
#include "common/mem.h"
#include "common/mono.h"
#include "tests/support/sift.h"

enum {
	STALL_MS = 15000, /* without a packet, while some are under way */
	QUIET_MS = 200,   /* at the end: nothing may come twice */
	JOIN_MS = 250,    /* after which UDP_GRO is turned on or off */
	SENDS = 8,        /* between two looks at what has arrived */
	MS_PER_S = 1000,
	WINDOW = 192 * 1024, /* half of what Linux allows by itself */
};

struct run {
	struct sift sift;
	struct bench_fleet_want want;
	uint64_t seed;
	mono_ms duration;
	mono_ms moved; /* when a packet last came */
	mono_ms joins; /* when UDP_GRO is turned next */
	int is_joined;
};

void
sift_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("sift: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

/* ---- arguments */

static uint64_t
number(const char *text, uint64_t max)
{
	char *end;
	const uint64_t v = strtoull(text, &end, 10);

	if (*text == '\0' || *end != '\0' || v == 0 || v > max)
		sift_die("%s: wanted 1 to %" PRIu64, text, max);
	return v;
}

static void
read_argument(struct run *r, const char *key, const char *value)
{
	if (strcmp(key, "server") == 0) {
		if (addr_parse(&r->want.server, value) != 0 ||
		    addr_family(&r->want.server) != AF_INET)
			sift_die("server: no IPv4 address: %s", value);
	} else if (strcmp(key, "user") == 0)
		r->want.user = value;
	else if (strcmp(key, "password") == 0)
		r->want.password = value;
	else if (strcmp(key, "allocations") == 0)
		r->want.count = (unsigned)number(value, BENCH_FLEET_MAX);
	else if (strcmp(key, "seconds") == 0)
		r->duration = (mono_ms)(strtod(value, NULL) * MS_PER_S);
	else if (strcmp(key, "window") == 0)
		r->sift.window = number(value, 1 << 30);
	else if (strcmp(key, "seed") == 0)
		r->seed = number(value, UINT64_MAX);
	else
		sift_die("no key %s", key);
}

static void
read_arguments(struct run *r, int argc, char **argv)
{
	char *eq;

	for (int i = 1; i < argc; i++) {
		if ((eq = strchr(argv[i], '=')) == NULL)
			sift_die("not KEY=VALUE: %s", argv[i]);
		*eq = '\0';
		read_argument(r, argv[i], eq + 1);
	}
	if (addr_is_none(&r->want.server) || r->want.user == NULL ||
	    r->want.password == NULL || r->want.count % 2 != 0)
		sift_die("server, user, password and an even number of "
			 "allocations are needed");
}

/* ---- set-up */

static void
check(const char *what, int rc)
{
	if (rc != 0)
		sift_die("%s: %d (%s)", what, rc, code_text(rc));
}

static size_t
ask_permission(void *arg, unsigned i, uint8_t out[TURNC_REQUEST_MAX])
{
	struct sift *s = arg;
	const struct addr peers[] = { s->far, s->fleet->relayed[i ^ 1] };

	return turnc_permission(&s->fleet->turn[i], out, peers, 2);
}

static size_t
ask_pair(void *arg, unsigned i, uint8_t out[TURNC_REQUEST_MAX])
{
	struct sift *s = arg;

	/* those without a channel only ask for the same again */
	if (!sift_has_channel(i))
		return ask_permission(arg, i, out);
	return turnc_channel_bind(&s->fleet->turn[i], out, SIFT_PAIR_CHANNEL,
	    &s->fleet->relayed[i ^ 1]);
}

static void
set_up(struct run *r)
{
	struct sift *s = &r->sift;
	const int on = 1;
	uint32_t *place;

	check("sockets", bench_fleet_open(&s->fleet, &r->want));
	check("socket", bench_fleet_socket(&s->far_fd, "127.0.0.3", &s->far));
	check("Allocate", bench_fleet_allocate(s->fleet));
	for (unsigned i = 0; i < r->want.count; i++) {
		place = &s->by_port[addr_port(&s->fleet->relayed[i])];
		if (*place != 0)
			sift_die("clients %u and %u have one address",
			    *place - 1, i);
		*place = i + 1;
	}
	check(
	    "CreatePermission", bench_fleet_each(s->fleet, ask_permission, s));
	check("ChannelBind", bench_fleet_bind(s->fleet));
	check("ChannelBind", bench_fleet_each(s->fleet, ask_pair, s));
	if (setsockopt(s->fleet->client_fd, IPPROTO_IP, IP_PKTINFO, &on,
		sizeof(on)) != 0)
		sift_die("IP_PKTINFO: %m");
	s->flows = flows_new(SIFT_WAYS * r->want.count, r->seed);
}

/* ---- traffic */

static void
wait_for_packets(const struct sift *s, int ms)
{
	struct pollfd fds[] = {
		{ .fd = s->fleet->client_fd, .events = POLLIN },
		{ .fd = s->fleet->peer_fd, .events = POLLIN },
		{ .fd = s->far_fd, .events = POLLIN },
	};

	if (poll(fds, sizeof(fds) / sizeof(fds[0]), ms) < 0 && errno != EINTR)
		sift_die("poll: %m");
}

static void __attribute__((noreturn)) die_of_loss(const struct run *r)
{
	const struct flows *f = r->sift.flows;
	const unsigned count = r->want.count;
	unsigned flow = flows_find_late(f, 0);

	for (int n = 0; n < 10 && flow < SIFT_WAYS * count; n++) {
		fprintf(stderr,
		    "sift: late: way %u, client %u, of %" PRIu32 " sent\n",
		    flow / count, flow % count, flows_sent(f, flow));
		flow = flows_find_late(f, flow + 1);
	}
	sift_die("%" PRIu64 " packets did not come", flows_under_way(f));
}

/* Takes what there is, or waits for it.  Stalled for long: it is lost. */
static void
take(struct run *r, bool may_wait)
{
	const mono_ms now = mono_now();

	if (sift_take(&r->sift) > 0) {
		r->moved = now;
		return;
	}
	if (flows_under_way(r->sift.flows) > 0 && now - r->moved > STALL_MS)
		die_of_loss(r);
	if (may_wait)
		wait_for_packets(&r->sift, 100);
}

static void
drain(struct run *r)
{
	while (flows_under_way(r->sift.flows) > 0)
		take(r, true);
}

/* Is it time to receive otherwise, one by one or several at a time?  What the
 * kernel had already joined would come without its segments' size. */
static void
change_join(struct run *r)
{
	if (mono_now() < r->joins)
		return;
	drain(r);
	r->joins = mono_now() + JOIN_MS;
	r->is_joined = !r->is_joined;
	sift_join(&r->sift, r->is_joined);
}

/* Each flow of each client at least once. */
static void
visit_all(struct run *r)
{
	struct sift *s = &r->sift;

	r->moved = mono_now();
	for (unsigned i = 0; i < r->want.count; i++) {
		sift_send_each(s, i);
		do
			take(r, flows_charge(s->flows) > s->window);
		while (flows_charge(s->flows) > s->window);
	}
	drain(r);
}

static void
stream(struct run *r)
{
	const mono_ms end = mono_now() + r->duration;
	unsigned sent;

	r->moved = mono_now();
	while (mono_now() < end) {
		change_join(r);
		sent = 0;
		for (int i = 0; i < SENDS; i++)
			sent += sift_send(&r->sift);
		take(r, sent == 0);
	}
	drain(r);
	/* whatever comes now came twice */
	wait_for_packets(&r->sift, QUIET_MS);
	(void)sift_take(&r->sift);
}

static void
print_counts(const struct run *r)
{
	static const char *const names[SIFT_WAYS] = { "up_near", "up_far",
		"pair", "down_near", "down_far" };
	const struct sift_count *c = &r->sift.count;
	uint64_t packets = 0;

	for (unsigned w = 0; w < SIFT_WAYS; w++)
		packets += c->packets[w];
	printf("packets=%" PRIu64 " bytes=%" PRIu64 " smallest=%zu"
	       " largest=%zu bursts=%" PRIu64 " joined=%" PRIu64
	       " asked_again=%" PRIu64,
	    packets, c->bytes, c->smallest, c->largest, c->bursts, c->joined,
	    r->sift.fleet->retransmitted);
	for (unsigned w = 0; w < SIFT_WAYS; w++)
		printf(" %s=%" PRIu64, names[w], c->packets[w]);
	putchar('\n');
}

int
main(int argc, char **argv)
{
	static struct run r = {
		.sift = { .window = WINDOW, .far_fd = -1 },
		.want = { .count = 2 },
		.duration = MS_PER_S,
	};

	entropy_fill(&r.seed, sizeof(r.seed));
	read_arguments(&r, argc, argv);
	printf("seed=%" PRIu64 "\n", r.seed);
	fflush(stdout);
	r.sift.random = r.seed | 1;
	set_up(&r);
	visit_all(&r);
	stream(&r);
	sift_join(&r.sift, 0);
	check("Refresh", bench_fleet_release(r.sift.fleet));
	print_counts(&r);
	flows_free(r.sift.flows);
	close(r.sift.far_fd);
	bench_fleet_close(r.sift.fleet);
	return 0;
}
