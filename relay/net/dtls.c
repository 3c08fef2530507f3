#include "net/dtls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "common/digest.h"
#include "common/entropy.h"
#include "common/mem.h"
#include "common/secret.h"
#include "common/table.h"
#include "net/conn.h"
#include "net/demux.h"
#include "net/limits.h"
#include "net/listeners.h"
#include "net/slots.h"
#include "net/tls.h"
#include "net/udp.h"

enum {
	COOKIE_LEN = DIGEST_SHA256_LEN,
	RECORD_HEADER = 13,  /* RFC 6347, section 4.1 */
	TYPE_HANDSHAKE = 22, /* ContentType */
	CLIENT_HELLO = 1,    /* HandshakeType */
};

/* What an SSL object's BIO stands on: one datagram in, datagrams out. */
struct pipe {
	struct net_dtls *dtls; /* borrowed */
	struct net_flow flow;
	const uint8_t *in; /* borrowed; NULL: read */
	size_t in_len;
};

struct assoc {
	/* OWNER: worker */
	struct net_conn conn; /* first: its ops get one */
	struct pipe pipe;
	SSL *ssl; /* ours */
	uint32_t hash;
	struct wheel_timer resend;
};

struct net_dtls {
	/* OWNER: worker */
	struct net *net; /* borrowed */
	BIO_METHOD *method;
	struct table *assocs; /* by client and local address */
	SSL *spare;           /* ours: answers first ClientHellos */
	struct pipe pipe;     /* of spare */
	uint8_t keys[2][32];  /* cookies: now, and before the last rotation */
	mono_ms rotated;
};

static struct assoc *
of(struct net_conn *c)
{
	return (struct assoc *)(void *)c;
}

/* ---- the BIO */

static int
bio_read(BIO *bio, char *out, int size)
{
	struct pipe *p = BIO_get_data(bio);
	int len;

	BIO_clear_retry_flags(bio);
	if (p->in == NULL) {
		BIO_set_retry_read(bio);
		return -1;
	}
	/* like a socket: what does not fit is lost */
	len = p->in_len < (size_t)size ? (int)p->in_len : size;
	memcpy(out, p->in, (size_t)len);
	p->in = NULL;
	return len;
}

static int
bio_write(BIO *bio, const char *data, int len)
{
	struct pipe *p = BIO_get_data(bio);
	struct net *n = p->dtls->net;
	struct buf b;

	BIO_clear_retry_flags(bio);
	if (!net_buf(n, &b, (size_t)len)) {
		net_dropped(n, STATS_DROP_NO_MEMORY);
		return len; /* lost on the way */
	}
	memcpy(buf_put(&b, (size_t)len), data, (size_t)len);
	net_udp_send(&p->flow, STATS_CLIENT_DTLS, &b);
	return len;
}

static long
bio_ctrl(BIO *bio, int what, long num, void *ptr)
{
	struct pipe *p = BIO_get_data(bio);

	(void)num;
	(void)ptr;
	switch (what) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_PENDING:
		return p->in != NULL ? (long)p->in_len : 0;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return DTLS_MTU;
	case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
		return (long)net_wire_udp(&p->flow.client);
	default:
		return 0;
	}
}

static BIO_METHOD *
make_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "net datagram");

	if (m == NULL)
		return NULL;
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_ctrl(m, bio_ctrl);
	return m;
}

/* ---- cookies */

static void
make_cookie(
    uint8_t out[COOKIE_LEN], const uint8_t key[32], const struct net_flow *f)
{
	size_t client_len, local_len;
	const uint8_t *client = addr_host(&f->client, &client_len);
	const uint8_t *local = addr_host(&f->local, &local_len);
	const uint16_t ports[] = { addr_port(&f->client),
		addr_port(&f->local) };
	const struct digest_part parts[] = { { client, client_len },
		{ local, local_len }, { ports, sizeof(ports) } };

	digest_hmac(out, DIGEST_SHA256, (struct digest_part){ key, 32 }, parts,
	    sizeof(parts) / sizeof(parts[0]));
}

static void
rotate_keys(struct net_dtls *d, mono_ms now)
{
	if (now - d->rotated < DTLS_COOKIE_ROTATE_MS)
		return;
	d->rotated = now;
	memcpy(d->keys[1], d->keys[0], sizeof(d->keys[1]));
	entropy_fill(d->keys[0], sizeof(d->keys[0]));
}

static int
on_make_cookie(SSL *ssl, unsigned char *cookie, unsigned *len)
{
	const struct pipe *p = BIO_get_data(SSL_get_rbio(ssl));

	make_cookie(cookie, p->dtls->keys[0], &p->flow);
	*len = COOKIE_LEN;
	return 1;
}

static int
on_check_cookie(SSL *ssl, const unsigned char *cookie, unsigned len)
{
	const struct pipe *p = BIO_get_data(SSL_get_rbio(ssl));
	uint8_t want[COOKIE_LEN];

	for (unsigned i = 0; i < 2; i++) {
		make_cookie(want, p->dtls->keys[i], &p->flow);
		if (len == COOKIE_LEN && secret_equal(cookie, want, len))
			return 1;
	}
	return 0;
}

/* ---- associations */

struct key {
	const struct addr *client;
	const struct addr *local;
};

static bool
is_of(const void *item, const void *key)
{
	const struct assoc *a = item;
	const struct key *k = key;

	return addr_equal(&a->pipe.flow.client, k->client) &&
	    addr_equal(&a->pipe.flow.local, k->local);
}

static uint32_t
hash_flow(const struct net_flow *f)
{
	const uint32_t hashes[] = { table_hash_addr(&f->client),
		table_hash_addr(&f->local) };

	return table_hash(hashes, sizeof(hashes));
}

static void on_resend(struct wheel_timer *t, mono_ms now);

static void
arm_resend(struct assoc *a)
{
	struct net *n = a->conn.net;
	struct timeval left;

	if (a->conn.state == CONN_DEAD)
		return;
	if (DTLSv1_get_timeout(a->ssl, &left) != 1) {
		wheel_stop(n->wheel, &a->resend);
		return;
	}
	wheel_set(n->wheel, &a->resend,
	    net_now(n) + left.tv_sec * 1000 + left.tv_usec / 1000 + 1,
	    on_resend);
}

static void
on_resend(struct wheel_timer *t, mono_ms now)
{
	struct assoc *a = LIST_ITEM(t, struct assoc, resend);

	(void)now;
	if (DTLSv1_handle_timeout(a->ssl) < 0) {
		ERR_clear_error();
		net_conn_drop(&a->conn, STATS_DROP_TLS_FAILED);
		return;
	}
	arm_resend(a);
}

/* Did ssl only run out of input?  Else the association ends here. */
static bool
wants_more(struct assoc *a, int rc)
{
	const int error = SSL_get_error(a->ssl, rc);

	ERR_clear_error();
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return true;
	if (error == SSL_ERROR_ZERO_RETURN)
		net_conn_end(&a->conn, true);
	else
		net_conn_drop(&a->conn, STATS_DROP_TLS_FAILED);
	return false;
}

/* Decrypts one record into slot; false when there is none. */
static bool
read_record(struct assoc *a, uint8_t *slot, size_t room, struct buf *b)
{
	int got;

	buf_init(
	    b, slot, net_slots_size(a->conn.net->slots, slot), BUF_HEADROOM);
	got = SSL_read(a->ssl, b->data, (int)room);
	if (got > 0) {
		b->len = (uint32_t)got;
		return true;
	}
	wants_more(a, got);
	return false;
}

/* room: no record of this datagram is longer. */
static void
read_records(struct assoc *a, size_t room)
{
	struct net *n = a->conn.net;
	uint8_t *slot = NULL;
	struct buf b;

	while (a->conn.state == CONN_NEW || a->conn.state == CONN_OPEN) {
		enum net_demux what;

		if (slot == NULL && !net_slots_take(n->slots, room, &slot)) {
			net_dropped(n, STATS_DROP_NO_MEMORY);
			return;
		}
		if (!read_record(a, slot, room, &b))
			break;
		what = net_demux_datagram(b.data, b.len);
		if (what == NET_DEMUX_STUN || what == NET_DEMUX_CHANNEL)
			net_conn_deliver(&a->conn, &b);
		else
			net_dropped(n, STATS_DROP_NOT_STUN);
	}
	if (slot != NULL)
		net_slots_release(n->slots, slot);
}

/* Works on the datagram in a's pipe. */
static void
step(struct assoc *a, size_t len)
{
	int rc;

	ERR_clear_error();
	if (!SSL_is_init_finished(a->ssl) && (rc = SSL_accept(a->ssl)) <= 0 &&
	    !wants_more(a, rc))
		return;
	if (SSL_is_init_finished(a->ssl))
		read_records(a, len);
	a->pipe.in = NULL;
	arm_resend(a);
}

static void
send_record(struct net_conn *c, struct buf *b)
{
	struct assoc *a = of(c);

	ERR_clear_error();
	if (!SSL_is_init_finished(a->ssl) ||
	    SSL_write(a->ssl, b->data, (int)b->len) <= 0)
		net_dropped(c->net, STATS_DROP_SEND_ERROR);
}

static void
close_assoc(struct net_conn *c)
{
	net_conn_end(c, false); /* datagrams that wait are not ours */
}

static void
stop_assoc(struct net_conn *c)
{
	struct assoc *a = of(c);

	stats_count(c->net->stats, STATS_DTLS_ASSOCIATIONS, -1);
	wheel_stop(c->net->wheel, &a->resend);
	table_remove(c->net->dtls->assocs, a->hash, a);
	if (SSL_is_init_finished(a->ssl))
		SSL_shutdown(a->ssl); /* close_notify */
	ERR_clear_error();
}

static void
free_assoc(struct net_conn *c)
{
	SSL_free(of(c)->ssl);
	mem_use_one(stats_memory(c->net->stats, MEMORY_ASSOCIATIONS), -1, c);
	mem_free(c);
}

static const struct net_conn_ops assoc_ops = {
	.send = send_record,
	.close = close_assoc,
	.stop = stop_assoc,
	.free = free_assoc,
};

/* ---- first contact */

static void
drop_spare(struct net_dtls *d)
{
	SSL_free(d->spare);
	d->spare = NULL;
}

static bool
make_spare(struct net_dtls *d)
{
	BIO *bio;

	if (d->spare != NULL)
		return true;
	d->spare = SSL_new(net_tls_datagram(d->net->tls));
	if (d->spare == NULL || (bio = BIO_new(d->method)) == NULL) {
		drop_spare(d);
		return false;
	}
	BIO_set_data(bio, &d->pipe);
	BIO_set_init(bio, 1);
	SSL_set_bio(d->spare, bio, bio);
	SSL_set_options(d->spare, SSL_OP_NO_QUERY_MTU | SSL_OP_COOKIE_EXCHANGE);
	SSL_set_mtu(d->spare, DTLS_MTU);
	SSL_set_accept_state(d->spare);
	return true;
}

/* Makes the association of the spare, whose client proved its address. */
static struct assoc *
promote(struct net_dtls *d, uint32_t hash)
{
	struct net *n = d->net;
	struct net_limits *limits = net_listeners_limits(n->listeners);
	const struct addr *client = &d->pipe.flow.client;
	struct assoc *a;

	if (!net_limits_take(limits, n->conf, client)) {
		net_dropped(n, STATS_DROP_CONN_LIMIT);
		return NULL;
	}
	if ((a = mem_try(1, sizeof(*a))) == NULL ||
	    table_add(d->assocs, hash, a) != 0) {
		net_dropped(n, STATS_DROP_NO_MEMORY);
		net_limits_give(limits, client);
		mem_free(a);
		return NULL;
	}
	a->hash = hash;
	a->pipe = d->pipe;
	a->ssl = d->spare;
	d->spare = NULL;
	BIO_set_data(SSL_get_rbio(a->ssl), &a->pipe);
	a->conn.ops = &assoc_ops;
	a->conn.counted = *client;
	a->conn.flow = d->pipe.flow;
	a->conn.flow.transport = NET_DTLS;
	net_conn_begin(&a->conn, n);
	mem_use_one(stats_memory(n->stats, MEMORY_ASSOCIATIONS), 1, a);
	stats_count(n->stats, STATS_DTLS_ASSOCIATIONS, 1);
	return a;
}

/* A ClientHello outside of a handshake; old: the association that its client
 * has left behind, or NULL. */
static void
meet(struct net_dtls *d, const struct buf *b, uint32_t hash, struct assoc *old)
{
	struct assoc *a;
	BIO_ADDR *unused;
	int rc;

	if (d->net->tls == NULL || !make_spare(d) ||
	    (unused = BIO_ADDR_new()) == NULL) {
		net_dropped(d->net, STATS_DROP_TLS_FAILED);
		return;
	}
	rotate_keys(d, net_now(d->net));
	ERR_clear_error();
	rc = DTLSv1_listen(d->spare, unused);
	BIO_ADDR_free(unused);
	ERR_clear_error();
	d->pipe.in = NULL;
	if (rc < 0)
		net_dropped(d->net, STATS_DROP_TLS_FAILED);
	if (rc <= 0)
		return;
	if (old != NULL)
		net_conn_end(&old->conn, true);
	if ((a = promote(d, hash)) == NULL)
		drop_spare(d); /* it is half-way through a handshake */
	else
		step(a, b->len);
}

static bool
is_client_hello(const struct buf *b)
{
	return b->len > RECORD_HEADER && b->data[0] == TYPE_HANDSHAKE &&
	    b->data[3] == 0 && b->data[4] == 0 && /* epoch */
	    b->data[RECORD_HEADER] == CLIENT_HELLO;
}

void
net_dtls_feed(
    struct net_dtls *d, const struct net_flow *from, const struct buf *b)
{
	const struct key key = { &from->client, &from->local };
	const uint32_t hash = hash_flow(from);
	struct assoc *a = table_find(d->assocs, hash, &key);

	if (a != NULL &&
	    (!is_client_hello(b) || !SSL_is_init_finished(a->ssl))) {
		a->pipe.in = b->data;
		a->pipe.in_len = b->len;
		step(a, b->len);
	} else if (is_client_hello(b)) {
		d->pipe.flow = *from;
		d->pipe.in = b->data;
		d->pipe.in_len = b->len;
		meet(d, b, hash, a);
	} else {
		net_dropped(d->net, STATS_DROP_TLS_FAILED);
	}
}

/* ---- life */

/* The contexts are shared by all workers: set once, when they are made. */
void
net_dtls_prepare(SSL_CTX *ctx)
{
	SSL_CTX_set_cookie_generate_cb(ctx, on_make_cookie);
	SSL_CTX_set_cookie_verify_cb(ctx, on_check_cookie);
}

struct net_dtls *
net_dtls_new(struct net *n)
{
	struct net_dtls *d = mem_try(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->net = n;
	d->pipe.dtls = d;
	entropy_fill(d->keys, sizeof(d->keys));
	d->rotated = net_now(n);
	if ((d->method = make_method()) == NULL ||
	    (d->assocs = table_new(0, is_of)) == NULL)
		goto fail;
	table_watch(d->assocs, stats_memory(n->stats, MEMORY_TABLES));
	return d;

fail:
	net_dtls_free(d);
	return NULL;
}

void
net_dtls_free(struct net_dtls *d)
{
	if (d == NULL)
		return;
	drop_spare(d);
	table_free(d->assocs);
	BIO_meth_free(d->method);
	secret_wipe(d->keys, sizeof(d->keys));
	mem_free(d);
}

void
net_dtls_apply(struct net_dtls *d)
{
	drop_spare(d);
}

size_t
net_dtls_count(const struct net_dtls *d)
{
	return table_count(d->assocs);
}
