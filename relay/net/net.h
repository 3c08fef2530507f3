/*
 * net: sockets.  Everything that touches the kernel's network, for one
 * worker: datagram listeners, stream and TLS listeners, DTLS associations
 * and relayed transport addresses, on the worker's libevent base.
 *
 * Packets travel up through struct net_sink, without includes.  Every byte
 * passes sink->admit (sending) or sink->taken (receiving) once: the one
 * accounting point.
 *
 * Loop: the worker waits by net_wait or, where that is not the way, runs the
 * base with EVLOOP_ONCE; it calls net_turn_end after each pass; net reads the
 * clock once a turn (net_now) and keeps what is to be sent until net_turn_end
 * (or until a batch is full).
 */
#ifndef RELAY_NET_H
#define RELAY_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/buf.h"
#include "common/code.h"
#include "common/mono.h"
#include "relay/stats.h"

struct event_base;
struct snapshot;
struct wheel;

enum net_transport { NET_UDP, NET_TCP, NET_TLS, NET_DTLS, NET_TRANSPORTS };

enum {
	NET_DATAGRAM_MAX = 65535,
	/* IPv4/IPv6 + UDP, and IPv4/IPv6 + TCP without options */
	NET_WIRE_UDP4 = 28,
	NET_WIRE_UDP6 = 48,
	/* more under DTLS: header, explicit nonce, tag (AES-GCM) */
	NET_WIRE_DTLS = 13 + 8 + 16,
	NET_WIRE_TCP4 = 40,
	NET_WIRE_TCP6 = 60,
};

struct net;
struct net_conn;      /* a TCP or TLS connection, or a DTLS association */
struct net_udp;       /* one datagram listener of this worker */
struct net_request;   /* of HTTP: net/web.h */
struct net_web;       /* the same */
struct net_relayed;   /* one relayed transport address */
struct net_tls;       /* certificates and contexts; FROZEN, counted */
struct net_listeners; /* all sockets of all workers, opened by main */

/*
 * The 5-tuple a client's bytes come by, and the way back to it.  A plain
 * value; good until the connection it names is reported closed.
 */
struct net_flow {
	struct addr client;
	struct addr local; /* ours, as the client addressed it */
	enum net_transport transport;
	struct net_udp *udp;   /* borrowed; UDP and DTLS */
	struct net_conn *conn; /* borrowed; NULL for UDP */
};

/* ICMP error on a relayed address (RFC 8656, section 11.5). */
struct net_icmp {
	struct addr peer;
	uint8_t type;
	uint8_t code;
	uint32_t data;
};

struct net_sink {
	void *arg;

	/* One whole STUN message or ChannelData frame from a client, out of
	 * a datagram or a stream (framing and padding taken off).  b belongs
	 * to net: it is valid until the call returns, may be changed and
	 * sent on.  It has BUF_HEADROOM and room for padding, or, when it
	 * arrived coalesced with others or on a stream, neither. */
	void (*message)(
	    void *arg, const struct net_flow *from, struct buf *b, mono_ms now);
	/* The connection or association is gone; flow->conn must be
	 * forgotten. */
	void (*closed)(void *arg, const struct net_flow *flow, mono_ms now);
	/* A datagram arrived on a relayed address; owner is what
	 * net_relayed_open was given. */
	void (*relayed)(
	    void *arg, void *owner, const struct addr *peer, struct buf *b);
	void (*relayed_icmp)(void *arg, void *owner, const struct net_icmp *e);

	/* An HTTP request on a stream: see net/web.h.  NULL: every one is
	 * answered by 404. */
	void (*request)(
	    void *arg, struct net_web *w, const struct net_request *r);

	/* The accounting point.  wire: IP packet length.  taken returns false
	 * when the packet must be dropped (over the cap, already counted);
	 * admit when it must not be sent (counted too). */
	bool (*taken)(void *arg, enum stats_kind kind, size_t wire);
	bool (*admit)(void *arg, enum stats_kind kind, size_t wire);
	/* Streams are held back, not dropped: how many bytes of flow may be
	 * read or written now, and what was.  Also while the last output of a
	 * flow leaves that was reported closed. */
	size_t (*room)(
	    void *arg, const struct net_flow *flow, enum stats_dir dir);
	void (*charge)(void *arg, const struct net_flow *flow,
	    enum stats_dir dir, size_t wire);
};

/* ---- start-up, main thread */

/*
 * Opens every listener of conf for each of conf->node.workers workers
 * (SO_REUSEPORT; inherited ones where inherited > 0, from fd 3 on).
 * Returns 0, or an errno with a sentence in why (address, transport,
 * reason).
 */
MUST_CHECK int net_listeners_open(struct net_listeners **out,
    const struct snapshot *conf, int inherited, char *why, size_t why_size);
void net_listeners_close(struct net_listeners *l);
/* What was really bound (port 0 in the configuration is a free port):
 * the i-th listener, false behind the last. */
bool net_listeners_at(const struct net_listeners *l, size_t i,
    enum net_transport *transport, struct addr *at);

/*
 * Loads certificate and key and makes the TLS and DTLS contexts.
 * Returns 0, or EINVAL with a sentence in why.  *out is NULL with 0 when
 * conf names no certificate.
 */
MUST_CHECK int net_tls_load(struct net_tls **out, const struct snapshot *conf,
    char *why, size_t why_size);
/* Any thread: one more (returns t) / one less user; NULL is legal. */
struct net_tls *net_tls_get(struct net_tls *t);
void net_tls_put(struct net_tls *t);

/* ---- one per worker */

struct net_config {
	struct event_base *base; /* borrowed, as all below */
	struct wheel *wheel;
	struct stats *stats;
	const struct snapshot *conf;
	struct net_tls *tls; /* takes one count, even when it fails */
	const struct net_listeners *listeners;
	unsigned worker; /* whose sockets of listeners */
	bool waits;      /* the loop calls net_wait before base's own way */
	struct net_sink sink;
};

/* Returns NULL when memory is short.  The thread that calls it is the one
 * that runs the loop. */
struct net *net_new(const struct net_config *config);
/* Closes everything without reporting it. */
void net_free(struct net *n);
/* New configuration and certificates (takes one count of tls; the old ones
 * are put back). */
void net_apply(struct net *n, const struct snapshot *conf, struct net_tls *tls);

/* The clock of this loop turn: read on first use in a turn. */
mono_ms net_now(struct net *n);
int64_t net_now_us(struct net *n);
/* Waits, ms at most, and does what base has to do too; timers of base are
 * not waited for.  False: nothing was done, run base instead. */
bool net_wait(struct net *n, int ms);
/* Sends what is queued (net_wait may be what does it), forgets the clock. */
void net_turn_end(struct net *n);

/* ---- sending */

/* An empty packet with BUF_HEADROOM and at least room bytes for an answer;
 * belongs to net until the end of the turn.  False: no memory. */
bool net_buf(struct net *n, struct buf *b, size_t room);

/*
 * Sends b to the client of to.  b's memory must be net's (received, or from
 * net_buf) and is left alone by the caller from now on.  Datagrams leave at
 * the end of the turn; on streams b is padded to 4 bytes (ChannelData) and
 * appended.  What cannot be sent is dropped and counted.
 */
void net_send(struct net *n, const struct net_flow *to, struct buf *b);

/* Closes the connection or association of flow once what was sent is out.
 * No `closed` report follows.  Nothing for UDP. */
void net_close(struct net *n, const struct net_flow *flow);
/* A connection that proved itself (authenticated) leaves the deadline for
 * idle connections behind; false puts it back. */
void net_keep(struct net *n, const struct net_flow *flow, bool keep);

/* ---- relayed transport addresses */

/*
 * Opens a datagram socket at the address and port of at.  owner is handed
 * back with each packet.  Returns 0, EADDRINUSE (try another port) or
 * another errno.
 */
MUST_CHECK int net_relayed_open(struct net_relayed **out, struct net *n,
    const struct addr *at, void *owner);
void net_relayed_close(struct net_relayed *r); /* NULL is legal */
const struct addr *net_relayed_addr(const struct net_relayed *r);

/* Sends b to peer from r; memory rules as net_send.  dont_fragment sets DF
 * for this packet (RFC 8656, section 14.8). */
void net_relayed_send(struct net_relayed *r, const struct addr *peer,
    struct buf *b, bool dont_fragment);

/* "udp", "tcp", "tls", "dtls" */
const char *net_transport_name(enum net_transport t);
enum stats_kind net_transport_kind(enum net_transport t);
/* What flow's bytes are counted as: a connection's kind is known once it is
 * known what it speaks. */
enum stats_kind net_flow_kind(const struct net_flow *flow);

#endif
