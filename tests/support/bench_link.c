#include "tests/support/bench_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOPBACK_FIRST = 0x7f020001, PER_HOST = 20000 };

/* Addresses of the server's own host, each for so many connections. */
static int
bind_source(int fd, uint32_t at)
{
	const int on = 1;
	const struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr = { htonl(LOOPBACK_FIRST + at / PER_HOST) } };

	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0 ? 0
								       : errno;
}

static int
begin_connect(struct bench_link *l, const struct addr *server)
{
	const int on = 1;

	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(l->fd, &server->u.sa, addr_len(server)) == 0 ||
	    errno == EINPROGRESS)
		return 0;
	return errno;
}

int
bench_link_open(
    struct bench_link *l, const struct addr *server, SSL_CTX *ctx, uint32_t at)
{
	int rc;

	l->in_len = l->out_len = 0;
	l->is_connecting = true;
	l->is_shaking = ctx != NULL;
	l->wants_write = false;
	l->ssl = NULL;
	l->fd = socket(
	    addr_family(server), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return errno;
	if ((rc = bind_source(l->fd, at)) == 0)
		rc = begin_connect(l, server);
	if (rc == 0 && ctx != NULL) {
		l->ssl = SSL_new(ctx);
		if (l->ssl == NULL || SSL_set_fd(l->ssl, l->fd) != 1)
			rc = ENOMEM;
		else
			SSL_set_connect_state(l->ssl);
	}
	if (rc != 0)
		bench_link_close(l, true);
	return rc;
}

void
bench_link_close(struct bench_link *l, bool is_cut)
{
	const struct linger cut = { .l_onoff = 1 };

	if (l->fd < 0)
		return;
	SSL_free(l->ssl);
	l->ssl = NULL;
	if (is_cut)
		setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
	close(l->fd);
	l->fd = -1;
}

uint32_t
bench_link_events(const struct bench_link *l)
{
	const bool out = l->is_connecting || l->wants_write || l->out_len > 0;

	return EPOLLIN | (out ? (uint32_t)EPOLLOUT : 0u);
}

/* What an SSL call said.  Returns 0 (again later) or EPROTO. */
static int
read_ssl_error(struct bench_link *l, int ret)
{
	const int e = SSL_get_error(l->ssl, ret);

	l->wants_write = e == SSL_ERROR_WANT_WRITE;
	return e == SSL_ERROR_WANT_READ || l->wants_write ? 0 : EPROTO;
}

static int
shake(struct bench_link *l)
{
	const int ret = SSL_do_handshake(l->ssl);

	if (ret != 1)
		return read_ssl_error(l, ret);
	l->wants_write = false;
	l->is_shaking = false;
	return 0;
}

static int
write_out(struct bench_link *l)
{
	ssize_t n;

	if (l->out_len == 0 || !bench_link_is_up(l))
		return 0;
	if (l->ssl != NULL) {
		n = SSL_write(l->ssl, l->out, l->out_len);
		if (n <= 0)
			return read_ssl_error(l, (int)n);
	} else if ((n = send(l->fd, l->out, l->out_len, MSG_NOSIGNAL)) < 0) {
		return errno == EAGAIN ? 0 : errno;
	}
	l->out_len = (uint16_t)(l->out_len - n);
	memmove(l->out, l->out + n, l->out_len);
	return 0;
}

static int
read_in(struct bench_link *l)
{
	const size_t room = BENCH_LINK_IN - l->in_len;
	ssize_t n;

	if (room == 0)
		return ENOBUFS;
	if (l->ssl != NULL) {
		n = SSL_read(l->ssl, l->in + l->in_len, (int)room);
		if (n <= 0)
			return read_ssl_error(l, (int)n);
	} else {
		n = recv(l->fd, l->in + l->in_len, room, 0);
		if (n == 0)
			return ECONNRESET;
		if (n < 0)
			return errno == EAGAIN ? 0 : errno;
	}
	l->in_len = (uint16_t)(l->in_len + n);
	return 0;
}

static int
finish_connect(struct bench_link *l)
{
	socklen_t len = sizeof(int);
	int code = 0;
	struct sockaddr_storage peer;
	socklen_t peer_len = sizeof(peer);

	getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &code, &len);
	if (code != 0)
		return code;
	if (getpeername(l->fd, (struct sockaddr *)&peer, &peer_len) == 0)
		l->is_connecting = false;
	return 0;
}

int
bench_link_go(struct bench_link *l)
{
	int rc = 0;

	if (l->is_connecting && (rc = finish_connect(l)) != 0)
		return rc;
	if (l->is_connecting)
		return 0;
	if (l->is_shaking && ((rc = shake(l)) != 0 || l->is_shaking))
		return rc;
	if ((rc = write_out(l)) != 0)
		return rc;
	do
		rc = read_in(l);
	while (rc == 0 && l->ssl != NULL && SSL_pending(l->ssl) > 0);
	return rc;
}

int
bench_link_send(struct bench_link *l, const void *data, size_t len)
{
	if (len > BENCH_LINK_OUT - (size_t)l->out_len)
		return ENOBUFS;
	memcpy(l->out + l->out_len, data, len);
	l->out_len = (uint16_t)(l->out_len + len);
	return write_out(l);
}

void
bench_link_drain(struct bench_link *l, size_t len)
{
	l->in_len = (uint16_t)(l->in_len - len);
	memmove(l->in, l->in + len, l->in_len);
}
