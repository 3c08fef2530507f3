#include "tests/support/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/stun/channel.h"

enum {
	STREAM_MAX = 128 * 1024, /* two frames of the largest size */
	CERTIFICATE_BYTES = 8,
	SOCKET_BUFFER = 4 * 1024 * 1024,
};

struct wire {
	enum wire_kind kind;
	int fd;
	struct addr server;
	SSL_CTX *ctx;
	SSL *ssl;
	char certificate[2 * CERTIFICATE_BYTES + 1];
	bool is_closed;
	size_t have; /* bytes of in */
	uint8_t *in; /* ours, streams only */
};

int
wire_kind_parse(enum wire_kind *out, const char *name)
{
	static const char *const names[] = { "udp", "tcp", "tls", "dtls" };

	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum wire_kind)i;
			return 0;
		}
	}
	return EINVAL;
}

int
wire_fd(const struct wire *w)
{
	return w->fd;
}

bool
wire_is_stream(const struct wire *w)
{
	return w->kind == WIRE_TCP || w->kind == WIRE_TLS;
}

const struct addr *
wire_server(const struct wire *w)
{
	return &w->server;
}

const char *
wire_certificate(const struct wire *w)
{
	return w->certificate;
}

void
wire_local(const struct wire *w, struct addr *out)
{
	socklen_t len = sizeof(out->u);

	memset(out, 0, sizeof(*out));
	if (getsockname(w->fd, &out->u.sa, &len) != 0)
		memset(out, 0, sizeof(*out));
}

/* Returns true when fd is ready for events before the deadline. */
static bool
wait_for(int fd, short events, mono_ms deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	mono_ms left = deadline - mono_now();

	return poll(&p, 1, left > 0 ? (int)left : 0) > 0;
}

static int
connect_socket(struct wire *w, mono_ms deadline)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (connect(w->fd, &w->server.u.sa, addr_len(&w->server)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (!wait_for(w->fd, POLLOUT, deadline))
		return ETIMEDOUT;
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return errno;
	return error;
}

static int
open_socket(struct wire *w, mono_ms deadline)
{
	const int type = wire_is_stream(w) ? SOCK_STREAM : SOCK_DGRAM;
	const int size = SOCKET_BUFFER, one = 1;
	struct addr any = { 0 };

	w->fd = socket(
	    addr_family(&w->server), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return errno;
	(void)setsockopt(w->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (wire_is_stream(w))
		(void)setsockopt(
		    w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (w->kind != WIRE_UDP)
		return connect_socket(w, deadline);
	/* bound at once, so that wire_local knows the port */
	any.u.sa.sa_family = (sa_family_t)addr_family(&w->server);
	return bind(w->fd, &any.u.sa, addr_len(&any)) == 0 ? 0 : errno;
}

static void
keep_certificate(struct wire *w)
{
	X509 *x = SSL_get1_peer_certificate(w->ssl);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (x == NULL)
		return;
	if (X509_digest(x, EVP_sha256(), digest, &len) == 1) {
		for (unsigned i = 0; i < CERTIFICATE_BYTES; i++)
			snprintf(w->certificate + 2 * i, 3, "%02x", digest[i]);
	}
	X509_free(x);
}

static int
shake_hands(struct wire *w, mono_ms deadline)
{
	struct timeval tv;
	mono_ms until;
	int rc, why;

	while ((rc = SSL_connect(w->ssl)) != 1) {
		why = SSL_get_error(w->ssl, rc);
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return EPROTO;
		if (mono_now() >= deadline)
			return ETIMEDOUT;
		until = deadline;
		if (DTLSv1_get_timeout(w->ssl, &tv)) {
			until = mono_now() + tv.tv_sec * 1000 +
			    tv.tv_usec / 1000 + 1;
			until = until < deadline ? until : deadline;
		}
		(void)wait_for(w->fd,
		    why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until);
		if (w->kind == WIRE_DTLS && DTLSv1_handle_timeout(w->ssl) < 0)
			return EPROTO;
	}
	keep_certificate(w);
	return 0;
}

static int
open_tls(struct wire *w, mono_ms deadline)
{
	const bool dtls = w->kind == WIRE_DTLS;
	BIO *bio;

	w->ctx = SSL_CTX_new(dtls ? DTLS_client_method() : TLS_client_method());
	if (w->ctx == NULL || (w->ssl = SSL_new(w->ctx)) == NULL)
		return ENOMEM;
	bio = dtls ? BIO_new_dgram(w->fd, BIO_NOCLOSE)
		   : BIO_new_socket(w->fd, BIO_NOCLOSE);
	if (bio == NULL)
		return ENOMEM;
	if (dtls)
		BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &w->server.u);
	SSL_set_bio(w->ssl, bio, bio);
	return shake_hands(w, deadline);
}

int
wire_open(struct wire **out, enum wire_kind kind, const struct addr *server,
    mono_ms deadline)
{
	struct wire *w = mem_must(1, sizeof(*w));
	int rc;

	w->kind = kind;
	w->fd = -1;
	w->server = *server;
	if (wire_is_stream(w))
		w->in = mem_must(1, STREAM_MAX);
	if ((rc = open_socket(w, deadline)) != 0)
		goto fail;
	if (kind == WIRE_TLS || kind == WIRE_DTLS) {
		if ((rc = open_tls(w, deadline)) != 0)
			goto fail;
	}
	*out = w;
	return 0;

fail:
	wire_close(w);
	return rc;
}

void
wire_close(struct wire *w)
{
	if (w == NULL)
		return;
	if (w->ssl != NULL && !w->is_closed)
		(void)SSL_shutdown(w->ssl);
	SSL_free(w->ssl);
	SSL_CTX_free(w->ctx);
	ERR_clear_error();
	if (w->fd >= 0)
		close(w->fd);
	mem_free(w->in);
	mem_free(w);
}

/* One attempt: bytes written, 0 to wait for events, -1 broken. */
static long
write_some(struct wire *w, const uint8_t *data, size_t len, short *events)
{
	long n;
	int why;

	*events = POLLOUT;
	if (w->ssl == NULL) {
		n = send(w->fd, data, len, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		return n;
	}
	if ((n = SSL_write(w->ssl, data, (int)len)) > 0)
		return n;
	why = SSL_get_error(w->ssl, (int)n);
	if (why == SSL_ERROR_WANT_READ)
		*events = POLLIN;
	else if (why != SSL_ERROR_WANT_WRITE)
		return -1;
	return 0;
}

int
wire_send_to(
    struct wire *w, const struct addr *to, const void *data, size_t len)
{
	if (w->kind != WIRE_UDP)
		return EINVAL;
	while (sendto(w->fd, data, len, 0, &to->u.sa, addr_len(to)) < 0) {
		if (errno != EAGAIN ||
		    !wait_for(w->fd, POLLOUT, mono_now() + 1000))
			return errno;
	}
	return 0;
}

int
wire_send(struct wire *w, const void *data, size_t len)
{
	const mono_ms deadline = mono_now() + 10 * 1000;
	const uint8_t *at = data;
	short events;
	long n;

	if (w->kind == WIRE_UDP)
		return wire_send_to(w, &w->server, data, len);
	while (len > 0) {
		if ((n = write_some(w, at, len, &events)) < 0)
			return EPIPE;
		at += n;
		len -= (size_t)n;
		if (n == 0 && !wait_for(w->fd, events, deadline))
			return ETIMEDOUT;
	}
	return 0;
}

/* One attempt: bytes read, 0 nothing there, -1 closed. */
static long
read_some(struct wire *w, void *out, size_t size, struct addr *from)
{
	socklen_t len = sizeof(from->u);
	long n;
	int why;

	*from = w->server;
	if (w->ssl != NULL) {
		if ((n = SSL_read(w->ssl, out, (int)size)) > 0)
			return n;
		why = SSL_get_error(w->ssl, (int)n);
		ERR_clear_error();
		return why == SSL_ERROR_WANT_READ ? 0 : -1;
	}
	if (w->kind == WIRE_UDP) {
		n = recvfrom(w->fd, out, size, 0, &from->u.sa, &len);
		/* an ICMP error ends nothing here */
		return n < 0 ? 0 : n;
	}
	n = recv(w->fd, out, size, 0);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	return n == 0 ? -1 : n;
}

static long
read_until(
    struct wire *w, void *out, size_t size, struct addr *from, mono_ms deadline)
{
	long n;

	if (w->is_closed)
		return -1;
	while ((n = read_some(w, out, size, from)) == 0) {
		if (mono_now() >= deadline)
			return 0;
		(void)wait_for(w->fd, POLLIN, deadline);
	}
	if (n < 0)
		w->is_closed = true;
	return n;
}

/* Cuts one frame off the collected bytes; 0 when it is not whole yet. */
static long
take_frame(struct wire *w, void *out, size_t size)
{
	size_t frame, message;

	if (w->have < STUN_FRAME_NEED)
		return 0;
	if (stun_frame_size(&frame, &message, w->in, w->have) != 0 ||
	    frame > STREAM_MAX)
		return -1;
	if (w->have < frame)
		return 0;
	message = message < size ? message : size;
	memcpy(out, w->in, message);
	memmove(w->in, w->in + frame, w->have - frame);
	w->have -= frame;
	return (long)message;
}

long
wire_recv(
    struct wire *w, void *out, size_t size, struct addr *from, mono_ms deadline)
{
	long n;

	if (!wire_is_stream(w))
		return read_until(w, out, size, from, deadline);
	*from = w->server;
	while ((n = take_frame(w, out, size)) == 0) {
		n = read_until(
		    w, w->in + w->have, STREAM_MAX - w->have, from, deadline);
		if (n <= 0)
			return n;
		w->have += (size_t)n;
	}
	return n;
}

long
wire_recv_raw(struct wire *w, void *out, size_t size, mono_ms deadline)
{
	struct addr from;

	return read_until(w, out, size, &from, deadline);
}
