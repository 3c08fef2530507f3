/*
 * blast: loads a TURN server over UDP and tells what each packet cost it.
 *
 *	blast KEY=VALUE...	one run, one JSON object on its output
 *
 *	server=HOST:PORT user=NAME password=TEXT	IPv4
 *	pids=PID[,PID...]	charged; memory is read from the first
 *	way=up|down|both|across|echo|setup|idle
 *		across: between the clients of a pair; setup: allocations
 *		only; idle: connections only
 *	transport=udp|tcp|tls|dtls	between the clients and the server
 *	bare=yes		the server is a bare forwarder (bare.c)
 *	allocations=N size=BYTES seconds=N
 *	burst=PACKETS		of one client, one right behind the other
 *	window=PACKETS		up, down, both: under way in each direction
 *	rate=N			echo: packets a second
 *
 * Delivered packets are counted where they arrive.  In an echo each packet
 * passes the server twice; cpu_ns_per_packet counts both.  System calls are
 * counted after the measurement, where the kernel lets us, so that counting
 * costs the server nothing while it is measured.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mono.h"
#include "tests/support/bench_calls.h"
#include "tests/support/bench_lane.h"
#include "tests/support/bench_proc.h"

enum {
	WARM_UP_MS = 100,
	CALLS_MS = 50,
	NS_PER_MS = 1000000,
	MS_PER_S = 1000,
	IDLE_NS = 5000
};

struct blast {
	struct bench_fleet_want want;
	struct bench_proc proc;
	const char *way;
	long size, seconds_ms, window, rate, burst;
	struct bench_fleet *fleet;
	struct bench_lane *up, *down; /* up: across as well */
	struct bench_hist hist;
	int64_t idle_ns; /* in which the load had nothing to do */
	json_t *result;
};

/* What had been spent and done at one moment. */
struct moment {
	int64_t wall_ns, cpu_ns, waited_ns, own_ns, idle_ns;
	struct bench_lane_count up, down;
};

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("blast: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

/* ---- arguments */

static long
number(const char *text, long min, long max)
{
	char *end;
	const long v = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || v < min || v > max)
		die("%s: wanted %ld to %ld", text, min, max);
	return v;
}

static void
read_pids(struct bench_proc *p, char *text)
{
	char *save = NULL;

	for (char *t = strtok_r(text, ",", &save); t != NULL;
	     t = strtok_r(NULL, ",", &save)) {
		if (p->count == BENCH_PROC_MAX)
			die("pids: at most %d", BENCH_PROC_MAX);
		p->pids[p->count++] = (int)number(t, 1, INT32_MAX);
	}
}

static void
read_argument(struct blast *b, const char *key, char *value)
{
	if (strcmp(key, "server") == 0) {
		if (addr_parse(&b->want.server, value) != 0 ||
		    addr_family(&b->want.server) != AF_INET)
			die("server: no IPv4 address: %s", value);
	} else if (strcmp(key, "user") == 0)
		b->want.user = value;
	else if (strcmp(key, "password") == 0)
		b->want.password = value;
	else if (strcmp(key, "pids") == 0)
		read_pids(&b->proc, value);
	else if (strcmp(key, "way") == 0)
		b->way = value;
	else if (strcmp(key, "allocations") == 0)
		b->want.count = (unsigned)number(value, 1, BENCH_FLEET_MAX);
	else if (strcmp(key, "size") == 0)
		b->size =
		    number(value, BENCH_LANE_SIZE_MIN, BENCH_LANE_SIZE_MAX);
	else if (strcmp(key, "seconds") == 0)
		b->seconds_ms = (long)(strtod(value, NULL) * MS_PER_S);
	else if (strcmp(key, "window") == 0)
		b->window = number(value, 1, 100000);
	else if (strcmp(key, "burst") == 0)
		b->burst = number(value, 1, BENCH_LANE_BURST_MAX);
	else if (strcmp(key, "bare") == 0)
		b->want.is_bare = strcmp(value, "yes") == 0;
	else if (strcmp(key, "transport") == 0) {
		if (wire_kind_parse(&b->want.kind, value) != 0)
			die("transport: %s", value);
	} else if (strcmp(key, "rate") == 0)
		b->rate = number(value, 1, 1000000);
	else
		die("no key %s", key);
}

static bool
is_way(const struct blast *b, const char *way)
{
	return strcmp(b->way, way) == 0;
}

static void
read_arguments(struct blast *b, int argc, char **argv)
{
	char *eq;

	for (int i = 1; i < argc; i++) {
		if ((eq = strchr(argv[i], '=')) == NULL)
			die("not KEY=VALUE: %s", argv[i]);
		*eq = '\0';
		read_argument(b, argv[i], eq + 1);
	}
	if (addr_is_none(&b->want.server) || b->proc.count == 0 ||
	    b->want.user == NULL || b->want.password == NULL)
		die("server, user, password and pids are needed");
	b->want.in_pairs = is_way(b, "across");
	if (b->want.in_pairs && b->want.count % 2 != 0)
		die("pairs: an even number of allocations");
	if (b->burst > 1 && (b->want.kind == WIRE_DTLS || is_way(b, "echo")))
		die("burst: not over DTLS and not in an echo");
}

/* ---- results */

static void
put(struct blast *b, const char *key, double value)
{
	json_object_set_new(b->result, key, json_real(value));
}

static void
put_count(struct blast *b, const char *key, uint64_t value)
{
	json_object_set_new(b->result, key, json_integer((json_int_t)value));
}

static double
per_s(double count, int64_t ns)
{
	return ns > 0 ? count * 1e9 / (double)ns : 0;
}

static struct moment
look(const struct blast *b)
{
	return (struct moment){
		.wall_ns = bench_proc_now_ns(),
		.cpu_ns = bench_proc_cpu_ns(&b->proc),
		.waited_ns = bench_proc_waited_ns(&b->proc),
		.own_ns = bench_proc_own_cpu_ns(),
		.idle_ns = b->idle_ns,
		.up = bench_lane_count(b->up),
		.down = bench_lane_count(b->down),
	};
}

static void
put_interval(
    struct blast *b, const struct moment *from, const struct moment *to)
{
	const int64_t cpu = to->cpu_ns - from->cpu_ns;
	const int64_t wall = to->wall_ns - from->wall_ns;
	const uint64_t up = to->up.delivered - from->up.delivered;
	const uint64_t down = to->down.delivered - from->down.delivered;
	const double n = (double)(up + down);

	put_count(b, "delivered_up", up);
	put_count(b, "delivered_down", down);
	put(b, "wall_s", (double)wall / 1e9);
	put(b, "server_cpu_s", (double)cpu / 1e9);
	put(b, "server_share", (double)cpu / (double)wall);
	put(b, "server_waited",
	    (double)(to->waited_ns - from->waited_ns) / (double)wall);
	put(b, "generator_share",
	    (double)(to->own_ns - from->own_ns) / (double)wall);
	put(b, "generator_idle",
	    (double)(to->idle_ns - from->idle_ns) / (double)wall);
	put(b, "packets_per_s", per_s(n, wall));
	put(b, "packets_per_cpu_s", per_s(n, cpu));
	put(b, "cpu_ns_per_packet", n > 0 ? (double)cpu / n : 0);
}

/* ---- phases */

static void
check(const char *what, int rc)
{
	if (rc != 0)
		die("%s: %d (%s)", what, rc, code_text(rc));
}

/* What a server's memory had become when the growth was counted. */
static void
put_growth(struct blast *b, const char *what, int64_t before)
{
	put(b, what,
	    (double)(bench_proc_anonymous(&b->proc) - before) / b->want.count);
}

static void
set_up(struct blast *b)
{
	const int64_t anonymous = bench_proc_anonymous(&b->proc);
	const int64_t cpu = bench_proc_cpu_ns(&b->proc);
	const int64_t wall = bench_proc_now_ns();
	const double n = b->want.count;
	int64_t spent;

	check("Allocate", bench_fleet_allocate(b->fleet));
	spent = bench_proc_cpu_ns(&b->proc) - cpu;
	put(b, "setups_per_cpu_s", per_s(n, spent));
	put(b, "setups_per_s", per_s(n, bench_proc_now_ns() - wall));
	put_count(b, "setup_retransmitted", b->fleet->retransmitted);
	put_growth(b, "bytes_per_allocation_unbound", anonymous);
	put_count(b, "rss", (uint64_t)bench_proc_rss(&b->proc));
	check("ChannelBind", bench_fleet_bind(b->fleet));
	put_growth(b, "bytes_per_allocation", anonymous);
}

static struct bench_lane *
new_lane(struct blast *b, enum bench_lane_way way)
{
	const struct bench_lane_want want = {
		.way = way,
		.size = (size_t)b->size,
		.burst = (unsigned)b->burst,
	};
	struct bench_lane *l = bench_lane_new(b->fleet, &want);

	bench_lane_set_window(l, (unsigned)b->window);
	return l;
}

/* In an echo single packets are what is timed: nothing may gather. */
static void
open_lanes(struct blast *b)
{
	const int size = b->burst > 1 ? (int)b->size : 0;
	const int header = size > 0 ? STUN_CHANNEL_HEADER_LEN : 0;

	b->up = new_lane(
	    b, is_way(b, "across") ? BENCH_LANE_ACROSS : BENCH_LANE_UP);
	b->down = new_lane(b, BENCH_LANE_DOWN);
	if (!is_way(b, "echo"))
		bench_fleet_coalesce(b->fleet, size + header, size);
}

/* Waits a little for packets to gather: asking an empty socket again and
 * again would take its lock from the server that fills it. */
static void
idle(struct blast *b, int64_t since)
{
	int64_t now;

	do {
		now = bench_proc_now_ns();
	} while (now - since < IDLE_NS);
	b->idle_ns += now - since;
}

/* As fast as the window allows, for ms. */
static void
stream(struct blast *b, long ms)
{
	const int64_t end = bench_proc_now_ns() + ms * (int64_t)NS_PER_MS;
	const bool up = !is_way(b, "down");
	const bool down = is_way(b, "down") || is_way(b, "both");
	unsigned moved;
	int64_t now;

	while ((now = bench_proc_now_ns()) < end) {
		moved = up ? bench_lane_turn(b->up, now) : 0;
		moved += down ? bench_lane_turn(b->down, now) : 0;
		if (moved == 0)
			idle(b, now);
	}
}

/* One packet each 1/rate seconds goes to the peer and comes back. */
static void
echo(struct blast *b, long ms)
{
	const int64_t gap = 1000 * (int64_t)NS_PER_MS / b->rate;
	int64_t now = bench_proc_now_ns(), due = now;
	const int64_t end = now + ms * (int64_t)NS_PER_MS;

	while ((now = bench_proc_now_ns()) < end) {
		if (now >= due) {
			bench_lane_send_one(b->up, now);
			due += gap;
		}
		bench_lane_take(b->up, NULL, b->down);
		bench_lane_take(b->down, &b->hist, NULL);
	}
}

/* A little more of the same load, for the calls of the server alone. */
static void
count_calls(struct blast *b, void (*load)(struct blast *b, long ms))
{
	struct bench_lane_count up, down;
	struct bench_calls *calls;
	uint64_t packets, counted;

	if (bench_calls_open(&calls, b->proc.pids[0]) != 0)
		return;
	up = bench_lane_count(b->up);
	down = bench_lane_count(b->down);
	counted = bench_calls_count(calls);
	load(b, CALLS_MS);
	counted = bench_calls_count(calls) - counted;
	packets = bench_lane_count(b->up).delivered - up.delivered +
	    bench_lane_count(b->down).delivered - down.delivered;
	if (packets > 0)
		put(b, "calls_per_packet", (double)counted / (double)packets);
	bench_calls_close(calls);
}

static void
measure(struct blast *b, void (*load)(struct blast *b, long ms))
{
	struct moment from, to;

	load(b, WARM_UP_MS);
	memset(&b->hist, 0, sizeof(b->hist));
	from = look(b);
	load(b, b->seconds_ms);
	to = look(b);
	put_interval(b, &from, &to);
	put_count(b, "lost",
	    to.up.lost - from.up.lost + to.down.lost - from.down.lost);
	if (load == stream)
		count_calls(b, load);
}

static void
measure_echo(struct blast *b)
{
	struct bench_lane_count up, down;

	measure(b, echo);
	put(b, "p50_us", (double)bench_hist_at(&b->hist, 0.5) / 1e3);
	put(b, "p99_us", (double)bench_hist_at(&b->hist, 0.99) / 1e3);
	put(b, "p999_us", (double)bench_hist_at(&b->hist, 0.999) / 1e3);
	/* late ones get their time before they count as lost */
	for (int64_t end = bench_proc_now_ns() + 50 * (int64_t)NS_PER_MS;
	     bench_proc_now_ns() < end;) {
		bench_lane_take(b->up, NULL, b->down);
		bench_lane_take(b->down, NULL, NULL);
	}
	up = bench_lane_count(b->up);
	down = bench_lane_count(b->down);
	put_count(b, "lost", up.sent - down.delivered);
}

static void
run(struct blast *b)
{
	const int64_t before = bench_proc_anonymous(&b->proc);

	check("sockets", bench_fleet_open(&b->fleet, &b->want));
	if (is_way(b, "idle")) {
		put_growth(b, "bytes_per_connection", before);
		bench_fleet_close(b->fleet);
		return;
	}
	set_up(b);
	open_lanes(b);
	if (is_way(b, "echo"))
		measure_echo(b);
	else if (!is_way(b, "setup"))
		measure(b, stream);
	bench_fleet_single(b->fleet);
	check("Refresh", bench_fleet_release(b->fleet));
	bench_lane_free(b->up);
	bench_lane_free(b->down);
	bench_fleet_close(b->fleet);
}

int
main(int argc, char **argv)
{
	static struct blast b = {
		.want = { .count = 1 },
		.way = "up",
		.size = 172,
		.seconds_ms = MS_PER_S,
		.window = 64,
		.rate = 20000,
		.burst = 1,
	};

	read_arguments(&b, argc, argv);
	b.result = json_object();
	json_object_set_new(b.result, "way", json_string(b.way));
	put_count(&b, "allocations", b.want.count);
	put_count(&b, "size", (uint64_t)b.size);
	put_count(&b, "burst", (uint64_t)b.burst);
	run(&b);
	if (json_dumpf(
		b.result, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) != 0)
		die("cannot write JSON");
	putchar('\n');
	json_decref(b.result);
	return 0;
}
