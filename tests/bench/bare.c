/*
 * bare: a relay without a protocol, the limit of what user space can reach.
 *
 *	bare batch|raw|gso|uring|hairpin|hairpin-gso PORT FLOWS
 *	bare modes	those that were built
 *
 * It moves the packets of a TURN relay, with one relayed socket per flow, and
 * knows everything beforehand: who the clients and the peer are
 * (bench_fleet.h), which flow a packet is of, that each header is four bytes.
 * No session, no permission, no cap, no counter.
 *
 *	batch	recvmmsg, sendmmsg where one socket sends more than one
 *	raw	the same, but one raw socket sends for all flows (needs root)
 *	gso	as batch with UDP_GRO and UDP_SEGMENT
 *	uring	io_uring: multishot receives, all sends of a turn submitted
 *		together; built where there is a liburing
 *	hairpin	from each client to its neighbour, never through a second
 *		socket; hairpin-gso: with UDP_GRO and UDP_SEGMENT
 */
#include <errno.h>
#include <netinet/udp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/support/bare.h"

enum { SOCKET_BUFFER = 8 << 20 };

void
bare_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("bare: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

void
bare_tell_ready(void)
{
	puts("ready");
	(void)fflush(stdout);
}

static int
open_socket(const struct bare *b, struct in_addr host, in_port_t port)
{
	const struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr = host,
		.sin_port = htons(port),
	};
	const int size = SOCKET_BUFFER, on = 1;
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (const void *)&at, sizeof(at)) != 0)
		bare_die("socket on port %u: %s", port, strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (b->gso && setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) != 0)
		bare_die("UDP_GRO: %s", strerror(errno));
	return fd;
}

int
main(int argc, char **argv)
{
	static struct bare b;
	struct rlimit files;
	in_port_t port;

	if (argc == 2 && strcmp(argv[1], "modes") == 0) {
		puts("batch gso hairpin hairpin-gso");
		if (bare_has_uring())
			puts("uring");
		if (geteuid() == 0)
			puts("raw");
		return 0;
	}
	if (argc != 4)
		bare_die("MODE PORT FLOWS");
	b.hairpin = strncmp(argv[1], "hairpin", 7) == 0;
	b.gso = strstr(argv[1], "gso") != NULL;
	port = (in_port_t)atoi(argv[2]);
	b.count = (unsigned)atoi(argv[3]);
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	b.raw_fd = -1;
	b.relayed_port = htons(port);
	if (strcmp(argv[1], "raw") == 0 &&
	    (b.raw_fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW)) < 0)
		bare_die("raw socket: %s", strerror(errno));
	b.client.sin_family = b.peer.sin_family = AF_INET;
	b.client.sin_port = htons(port + BENCH_FLEET_BARE_CLIENT);
	b.peer.sin_port = htons(port + BENCH_FLEET_BARE_PEER);
	b.peer.sin_addr.s_addr = htonl(BENCH_FLEET_PEER);
	b.fds = mem_must(b.count + 1, sizeof(b.fds[0]));
	for (unsigned i = 0; i < b.count && !b.hairpin; i++)
		b.fds[i] = open_socket(&b, bench_fleet_bare(i), port);
	b.client_fd = b.fds[b.count] =
	    open_socket(&b, (struct in_addr){ htonl(INADDR_LOOPBACK) }, port);
	if (strcmp(argv[1], "uring") == 0)
		bare_run_uring(&b);
	bare_run_batches(&b);
}
