/*
 * buffers: what the kernel may keep for a datagram socket.
 */
#ifndef RELAY_NET_BUFFERS_H
#define RELAY_NET_BUFFERS_H

#include <stdint.h>

struct snapshot;

/* Bytes of payload and the kernel's own overhead are asked for once, as
 * socket(7) counts; 0: what the kernel gives unasked. */
struct net_buffers {
	uint64_t receive;
	uint64_t send;
};

/* Asks for want on fd: over net.core.*mem_max for who has CAP_NET_ADMIN,
 * else up to it. */
void net_buffers_set(int fd, const struct net_buffers *want);
/* What fd has; 0 where the kernel does not tell. */
void net_buffers_get(int fd, struct net_buffers *out);

/* Warns of each buffer of conf that the kernel does not grant in full, and
 * names the sysctl. */
void net_buffers_warn(const struct snapshot *conf);

/* The warning for one key, or NULL: all was granted. */
enum { NET_BUFFERS_TEXT_MAX = 200 };
struct net_buffers_case {
	const char *key;    /* "listen.receive-buffer" */
	const char *sysctl; /* "net.core.rmem_max" */
	uint64_t asked, granted;
};
const char *net_buffers_text(
    const struct net_buffers_case *c, char text[NET_BUFFERS_TEXT_MAX]);

#endif
