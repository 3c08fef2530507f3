#include "net/net.h"

#include "common/mem.h"
#include "common/pool.h"
#include "net/conn.h"
#include "net/core.h"
#include "net/dtls.h"
#include "net/listeners.h"
#include "net/out.h"
#include "net/relayed.h"
#include "net/slots.h"
#include "net/uring.h"
#include "relay/snapshot.h"
#include "net/accept.h"
#include "net/streams.h"
#include "net/udp.h"

static const struct {
	const char *name;
	enum stats_kind kind;
} transports[NET_TRANSPORTS] = {
	[NET_UDP] = { "udp", STATS_CLIENT_UDP },
	[NET_TCP] = { "tcp", STATS_CLIENT_TCP },
	[NET_TLS] = { "tls", STATS_CLIENT_TLS },
	[NET_DTLS] = { "dtls", STATS_CLIENT_DTLS },
};

const char *
net_transport_name(enum net_transport t)
{
	return transports[t].name;
}

enum stats_kind
net_transport_kind(enum net_transport t)
{
	return transports[t].kind;
}

enum stats_kind
net_flow_kind(const struct net_flow *flow)
{
	if (flow->conn != NULL)
		return flow->conn->kind;
	return net_transport_kind(flow->transport);
}

/* ---- a worker's sockets */

static int
start_listeners(struct net *n)
{
	enum net_transport t;
	struct addr at;

	for (size_t i = 0; net_listeners_at(n->listeners, i, &t, &at); i++) {
		const int fd = net_listeners_fd(n->listeners, i, n->worker);
		int code = net_transport_is_datagram(t)
		    ? net_udp_start(n, fd, &at)
		    : net_accept_start(n, fd, &at);

		if (code != 0)
			return code;
	}
	return 0;
}

static void
init_lists(struct net *n)
{
	list_init(&n->udps);
	list_init(&n->acceptors);
	list_init(&n->relayed);
	list_init(&n->conns);
	list_init(&n->dead_relayed);
	list_init(&n->dead_conns);
}

static void
watch_memory(struct net *n)
{
	mem_use_add(stats_memory(n->stats, MEMORY_PACKETS),
	    SLOT_COUNT + SLOT_BIG_COUNT,
	    (int64_t)(net_slots_bytes(n->slots) + mem_size(n->out) +
		mem_size(n->batch)));
	pool_watch(n->relayed_pool, stats_memory(n->stats, MEMORY_RELAYED));
}

/* Without one, all goes by libevent. */
static void
start_ring(struct net *n, bool waits)
{
	n->uring = net_uring_new(n, waits);
	stats_count(n->stats, STATS_URING_WORKERS, n->uring != NULL);
}

/* What is left goes without it; the sockets are let go, then closed. */
static void
end_ring(struct net *n)
{
	if (n->uring == NULL)
		return;
	net_out_flush(n->out);
	net_uring_free(n->uring);
	n->uring = NULL;
	stats_count(n->stats, STATS_URING_WORKERS, -1);
}

struct net *
net_new(const struct net_config *config)
{
	struct net *n = mem_try_aligned(sizeof(*n));

	if (n == NULL) {
		net_tls_put(config->tls);
		return NULL;
	}
	init_lists(n);
	n->base = config->base;
	n->wheel = config->wheel;
	n->stats = config->stats;
	n->conf = config->conf;
	n->listeners = config->listeners;
	n->worker = config->worker;
	n->sink = config->sink;
	n->tls = config->tls;
	if ((n->slots = net_slots_new()) == NULL ||
	    (n->out = net_out_new(n)) == NULL ||
	    (n->batch = net_batch_new(n)) == NULL)
		goto fail;
	if (n->conf->relay.io_uring)
		start_ring(n, config->waits);
	if ((n->relayed_pool = net_relayed_pool_new()) == NULL ||
	    (n->dtls = net_dtls_new(n)) == NULL ||
	    (n->streams = net_streams_new(n)) == NULL ||
	    start_listeners(n) != 0)
		goto fail;
	watch_memory(n);
	/* the thread that will run the loop may be another one */
	n->owner.bound = false;
	n->now_us = 0;
	return n;

fail:
	net_free(n);
	return NULL;
}

void
net_free(struct net *n)
{
	if (n == NULL)
		return;
	/* whoever frees it is its only user by now */
	n->owner.bound = false;
	net_accept_stop_all(n);
	net_conn_end_all(n);
	net_conn_bury(n);
	end_ring(n);
	net_relayed_close_all(n);
	if (n->relayed_pool != NULL)
		net_relayed_bury(n);
	while (!list_is_empty(&n->udps))
		net_udp_stop(LIST_ITEM(n->udps.next, struct net_udp, node));
	net_dtls_free(n->dtls);
	net_streams_free(n->streams);
	pool_free(n->relayed_pool);
	net_batch_free(n->batch);
	net_out_free(n->out);
	net_slots_free(n->slots);
	net_tls_put(n->tls);
	mem_free(n);
}

void
net_apply(struct net *n, const struct snapshot *conf, struct net_tls *tls)
{
	struct net_tls *old = n->tls;

	OWNER_CHECK(n);
	n->conf = conf;
	n->tls = tls;
	net_dtls_apply(n->dtls);
	net_tls_put(old);
}

/* ---- the loop turn */

int64_t
net_now_us(struct net *n)
{
	/* the thread that runs the loop owns n */
	if (!n->owner.bound)
		owner_bind(&n->owner);
	if (n->now_us == 0)
		n->now_us = mono_now_us();
	return n->now_us;
}

mono_ms
net_now(struct net *n)
{
	return net_now_us(n) / 1000;
}

bool
net_wait(struct net *n, int ms)
{
	if (net_streams_has_soon(n->streams))
		ms = 0;
	return n->uring != NULL && net_uring_wait(n->uring, ms);
}

/* Sends what is queued, at the latest with the next wait. */
static void
send_all(struct net *n)
{
	if (n->uring == NULL) {
		net_out_flush(n->out);
		return;
	}
	if (net_uring_is_loop(n->uring))
		net_out_hand_over(n->out);
	else
		net_out_flush(n->out);
	/* what was refused has something to tell */
	if (net_uring_settle(n->uring))
		net_out_flush(n->out);
	net_uring_turn_end(n->uring);
}

void
net_turn_end(struct net *n)
{
	OWNER_CHECK(n);
	net_streams_turn_end(n->streams);
	send_all(n);
	net_slots_turn_end(n->slots);
	net_conn_bury(n);
	net_relayed_bury(n);
	n->now_us = 0;
}

/* ---- sending */

bool
net_buf(struct net *n, struct buf *b, size_t room)
{
	uint8_t *base = net_slots_lend(n->slots, room);

	/* what waits to be sent gives its memory back */
	if (base == NULL) {
		net_out_flush(n->out);
		base = net_slots_lend(n->slots, room);
	}
	if (base == NULL)
		return false;
	buf_init(b, base, net_slots_size(n->slots, base), BUF_HEADROOM);
	return true;
}

void
net_send(struct net *n, const struct net_flow *to, struct buf *b)
{
	if (to->conn == NULL) {
		net_udp_send(to, STATS_CLIENT_UDP, b);
		return;
	}
	if (to->conn->state == CONN_NEW || to->conn->state == CONN_OPEN)
		to->conn->ops->send(to->conn, b);
	/* its content was copied */
	net_slots_done(n->slots, b->base);
}

void
net_close(struct net *n, const struct net_flow *flow)
{
	OWNER_CHECK(n);
	if (flow->conn != NULL)
		net_conn_close(flow->conn);
}

void
net_keep(struct net *n, const struct net_flow *flow, bool keep)
{
	OWNER_CHECK(n);
	if (flow->conn != NULL)
		net_conn_keep(flow->conn, keep);
}
