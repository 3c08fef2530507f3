/*
 * echo: a bare server to compare with: libevent, one thread, and what comes is
 * written back; under TLS with a certificate and OpenSSL on the socket.
 *
 *	echo HOST:PORT [CERTIFICATE KEY]
 */
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"

enum { PIECE = 4096, BACKLOG = 4096 };

struct echo {
	struct event_base *base;
	SSL_CTX *ctx;
};

struct client {
	struct event *event;
	SSL *ssl;
};

static void
end(struct client *c, int fd)
{
	event_free(c->event);
	SSL_free(c->ssl);
	close(fd);
	free(c);
}

/* Returns 1 when bytes came, 0 when there are none, -1 at the end. */
static int
pass_tls(struct client *c)
{
	char bytes[PIECE];
	const int n = SSL_read(c->ssl, bytes, sizeof(bytes));

	if (n > 0)
		return SSL_write(c->ssl, bytes, n) == n ? 1 : -1;
	return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ ? 0 : -1;
}

static int
pass(int fd)
{
	char bytes[PIECE];
	const ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

	if (n > 0)
		return send(fd, bytes, (size_t)n, MSG_NOSIGNAL) == n ? 1 : -1;
	return n < 0 && errno == EAGAIN ? 0 : -1;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)what;
	if ((c->ssl != NULL ? pass_tls(c) : pass(fd)) < 0)
		end(c, fd);
}

static void
on_client(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
    int len, void *arg)
{
	struct echo *e = arg;
	struct client *c = calloc(1, sizeof(*c));
	const int on = 1;

	(void)l;
	(void)sa;
	(void)len;
	if (c == NULL)
		exit(1);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (e->ctx != NULL) {
		c->ssl = SSL_new(e->ctx);
		SSL_set_fd(c->ssl, fd);
		SSL_set_accept_state(c->ssl);
	}
	c->event = event_new(e->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_add(c->event, NULL);
}

static SSL_CTX *
open_tls(const char *certificate, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL ||
	    SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return NULL;
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	return ctx;
}

int
main(int argc, char **argv)
{
	struct echo e = { 0 };
	struct addr at;

	if ((argc != 2 && argc != 4) || addr_parse(&at, argv[1]) != 0) {
		fputs("usage: echo HOST:PORT [CERTIFICATE KEY]\n", stderr);
		return 2;
	}
	if (argc == 4 && (e.ctx = open_tls(argv[2], argv[3])) == NULL)
		return 1;
	if ((e.base = event_base_new()) == NULL ||
	    evconnlistener_new_bind(e.base, on_client, &e,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, BACKLOG, &at.u.sa,
		(int)addr_len(&at)) == NULL) {
		perror("echo");
		return 1;
	}
	event_base_dispatch(e.base);
	return 0;
}
