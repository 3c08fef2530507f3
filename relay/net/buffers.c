#include "net/buffers.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/units.h"
#include "relay/snapshot.h"

/* FORCE goes over net.core.*mem_max. */
static void
set_one(int fd, int force, int plain, uint64_t bytes)
{
	const int size = (int)bytes;

	if (bytes == 0)
		return;
	if (setsockopt(fd, SOL_SOCKET, force, &size, sizeof(size)) != 0)
		setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size));
}

void
net_buffers_set(int fd, const struct net_buffers *want)
{
	set_one(fd, SO_RCVBUFFORCE, SO_RCVBUF, want->receive);
	set_one(fd, SO_SNDBUFFORCE, SO_SNDBUF, want->send);
}

/* The kernel doubles what it is asked for, for its own overhead, and tells
 * the double (socket(7)). */
static uint64_t
get_one(int fd, int name)
{
	int size = 0;
	socklen_t len = sizeof(size);

	if (getsockopt(fd, SOL_SOCKET, name, &size, &len) != 0 || size < 0)
		return 0;
	return (uint64_t)size / 2;
}

void
net_buffers_get(int fd, struct net_buffers *out)
{
	out->receive = get_one(fd, SO_RCVBUF);
	out->send = get_one(fd, SO_SNDBUF);
}

const char *
net_buffers_text(
    const struct net_buffers_case *c, char text[NET_BUFFERS_TEXT_MAX])
{
	char asked[UNITS_TEXT_MAX], granted[UNITS_TEXT_MAX];

	if (c->granted >= c->asked)
		return NULL;
	snprintf(text, NET_BUFFERS_TEXT_MAX,
	    "%s: asked for %s, the kernel grants %s: raise %s", c->key,
	    units_format_size(c->asked, asked),
	    units_format_size(c->granted, granted), c->sysctl);
	return text;
}

static void
warn_one(const struct net_buffers_case *c)
{
	char text[NET_BUFFERS_TEXT_MAX];

	if (net_buffers_text(c, text) != NULL)
		log_warn("net: %s", text);
}

static void
warn_section(
    const char *receive, const char *send, const struct net_buffers *want)
{
	struct net_buffers got;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	net_buffers_set(fd, want);
	net_buffers_get(fd, &got);
	close(fd);
	warn_one(&(struct net_buffers_case){
	    receive, "net.core.rmem_max", want->receive, got.receive });
	warn_one(&(struct net_buffers_case){
	    send, "net.core.wmem_max", want->send, got.send });
}

void
net_buffers_warn(const struct snapshot *conf)
{
	const struct net_buffers listen = { conf->listen.receive_buffer,
		conf->listen.send_buffer };
	const struct net_buffers relay = { conf->relay.receive_buffer,
		conf->relay.send_buffer };

	warn_section("listen.receive-buffer", "listen.send-buffer", &listen);
	warn_section("relay.receive-buffer", "relay.send-buffer", &relay);
}
