#include "net/wire.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/queue.h"

/* ---- the socket */

static int
receive(struct net_wire *w, size_t *got, void *out, size_t size)
{
	ssize_t n;

	if (size > w->allow)
		size = w->allow;
	if (size == 0)
		return EAGAIN;
	n = recv(w->fd, out, size, MSG_DONTWAIT);
	if (n < 0)
		return errno == EINTR ? EAGAIN : errno;
	if (n == 0)
		return ESHUTDOWN;
	w->in += (size_t)n;
	/* no more was there: asking again would cost a system call to learn
	 * nothing; what comes later wakes the loop */
	w->allow = (size_t)n < size ? 0 : w->allow - (size_t)n;
	*got = (size_t)n;
	return 0;
}

static int
transmit(struct net_wire *w, size_t *done, struct iovec *iov, unsigned count)
{
	const struct msghdr m = { .msg_iov = iov, .msg_iovlen = count };
	ssize_t n = count == 1
	    ? send(w->fd, iov->iov_base, iov->iov_len,
		  MSG_DONTWAIT | MSG_NOSIGNAL)
	    : sendmsg(w->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EINTR ? EAGAIN : errno;
	w->out += (size_t)n;
	*done = (size_t)n;
	return 0;
}

/* ---- the BIO: what TLS stands on */

static int
bio_read(BIO *bio, char *out, int size)
{
	struct net_wire *w = BIO_get_data(bio);
	size_t got;
	int code;

	BIO_clear_retry_flags(bio);
	code = receive(w, &got, out, (size_t)size);
	if (code == 0)
		return (int)got;
	if (code == EAGAIN)
		BIO_set_retry_read(bio);
	else
		w->end = code;
	return code == ESHUTDOWN ? 0 : -1;
}

static int
bio_write(BIO *bio, const char *data, int len)
{
	struct net_wire *w = BIO_get_data(bio);
	struct iovec iov = { (void *)data, (size_t)len };
	size_t done;
	int code;

	BIO_clear_retry_flags(bio);
	code = transmit(w, &done, &iov, 1);
	if (code == 0)
		return (int)done;
	if (code == EAGAIN)
		BIO_set_retry_write(bio);
	return -1;
}

static long
bio_ctrl(BIO *bio, int what, long num, void *ptr)
{
	const struct net_wire *w = BIO_get_data(bio);

	(void)num;
	(void)ptr;
	if (what == BIO_CTRL_EOF)
		return w->end == ESHUTDOWN;
	return what == BIO_CTRL_FLUSH;
}

BIO_METHOD *
net_wire_method_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "net stream");

	if (m == NULL)
		return NULL;
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_ctrl(m, bio_ctrl);
	return m;
}

/* ---- TLS */

void
net_wire_prepare(SSL_CTX *ctx)
{
	/* header and body of records, and several records, by one read */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
		SSL_MODE_ENABLE_PARTIAL_WRITE);
}

int
net_wire_secure(struct net_wire *w, SSL_CTX *ctx, const BIO_METHOD *method)
{
	SSL *ssl = SSL_new(ctx);
	BIO *bio = BIO_new(method);

	ERR_clear_error();
	if (ssl == NULL || bio == NULL) {
		SSL_free(ssl);
		BIO_free(bio);
		return ENOMEM;
	}
	BIO_set_data(bio, w);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_accept_state(ssl);
	w->ssl = ssl;
	return 0;
}

/* What OpenSSL's rc means: EAGAIN, ESHUTDOWN or EPROTO. */
static int
translate(const struct net_wire *w, int rc)
{
	const int error = SSL_get_error(w->ssl, rc);

	ERR_clear_error();
	switch (error) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return ESHUTDOWN;
	default:
		return EPROTO;
	}
}

int
net_wire_shake(struct net_wire *w)
{
	int rc, code;

	ERR_clear_error();
	if ((rc = SSL_do_handshake(w->ssl)) == 1)
		return 0;
	code = translate(w, rc);
	return code == EAGAIN ? EAGAIN : EPROTO;
}

/* One record after the other, while they are there. */
static int
read_records(struct net_wire *w, size_t *got, uint8_t *out, size_t size)
{
	size_t held = 0, n;
	int rc, code = 0;

	ERR_clear_error();
	do {
		if ((rc = SSL_read_ex(w->ssl, out + held, size - held, &n)) !=
		    1)
			code = translate(w, rc);
		else
			held += n;
	} while (code == 0 && held < size && SSL_has_pending(w->ssl));
	/* told next time: no event would bring it again */
	if (code != 0 && code != EAGAIN)
		w->end = code;
	w->is_dry = code == EAGAIN;
	*got = held;
	return held > 0 ? 0 : code;
}

int
net_wire_read(struct net_wire *w, size_t *got, uint8_t *out, size_t size)
{
	if (w->ssl == NULL)
		return receive(w, got, out, size);
	return read_records(w, got, out, size);
}

bool
net_wire_has_more(const struct net_wire *w)
{
	return w->ssl != NULL &&
	    (w->end != 0 || (!w->is_dry && SSL_has_pending(w->ssl)));
}

/* Gathers up to max bytes, so that they become one record. */
static size_t
gather(
    struct iovec *iov, const struct net_queue *q, size_t max, uint8_t *scratch)
{
	const size_t len = max < q->len ? max : q->len;

	net_queue_look(q, iov, 1, len);
	if (iov->iov_len < len) {
		net_queue_copy(q, scratch, len);
		iov->iov_base = scratch;
		iov->iov_len = len;
	}
	return len;
}

static int
write_record(struct net_wire *w, size_t *done, const struct net_queue *q,
    size_t max, uint8_t *scratch)
{
	struct iovec iov;
	int rc;

	if (max > WIRE_RECORD_MAX)
		max = WIRE_RECORD_MAX;
	/* the same bytes again: some of their record may be out */
	if (w->again > 0)
		max = w->again;
	w->again = gather(&iov, q, max, scratch);
	ERR_clear_error();
	rc = SSL_write_ex(w->ssl, iov.iov_base, iov.iov_len, done);
	if (rc != 1) {
		*done = 0;
		return translate(w, rc) == EAGAIN ? EAGAIN : EPIPE;
	}
	w->again = 0;
	return 0;
}

static int
write_plain(
    struct net_wire *w, size_t *done, const struct net_queue *q, size_t max)
{
	struct iovec iov[WIRE_PIECES];
	const unsigned count = net_queue_look(q, iov, WIRE_PIECES, max);
	size_t asked = 0;
	int code;

	*done = 0;
	for (unsigned i = 0; i < count; i++)
		asked += iov[i].iov_len;
	code = transmit(w, done, iov, count);
	return code == 0 && *done < asked ? EAGAIN : code;
}

int
net_wire_write(struct net_wire *w, size_t *done, const struct net_queue *q,
    size_t max, uint8_t *scratch)
{
	assert(q->len > 0 && max > 0);
	if (w->ssl == NULL)
		return write_plain(w, done, q, max);
	return write_record(w, done, q, max, scratch);
}

bool
net_wire_is_full(const struct net_wire *w)
{
	return w->ssl != NULL && SSL_want_write(w->ssl);
}

/* ---- the end */

void
net_wire_stop(struct net_wire *w)
{
	if (w->ssl == NULL || !SSL_is_init_finished(w->ssl))
		return;
	SSL_shutdown(w->ssl); /* close_notify */
	ERR_clear_error();
}

void
net_wire_finish(struct net_wire *w)
{
	net_wire_stop(w);
	shutdown(w->fd, SHUT_WR);
}

void
net_wire_close(struct net_wire *w)
{
	SSL_free(w->ssl);
	w->ssl = NULL;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}
