/*
 * stats: what the workers count.
 *
 * Every worker owns one struct stats, aligned to cache lines, and is its
 * only writer; readers (metrics, status) sum over the workers.  A counter is
 * a plain 64-bit add for its owner, tear-free for its readers.
 */
#ifndef RELAY_STATS_H
#define RELAY_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "relay/memory.h"

/* Direction as the host sees it: in = taken from the kernel, out = handed to
 * it.  Kind: whom the bytes are exchanged with. */
enum stats_dir { STATS_IN, STATS_OUT, STATS_DIRS };
enum stats_kind {
	STATS_CLIENT_UDP,
	STATS_CLIENT_TCP,
	STATS_CLIENT_TLS,
	STATS_CLIENT_DTLS,
	STATS_PEER, /* relayed transport addresses */
	/* streams, once it is known that they speak that */
	STATS_CLIENT_HTTP,
	STATS_CLIENT_SIGNALLING,
	STATS_KINDS
};

/*
 * Reasons for which something was dropped or refused.  X(id, label, help)
 */
#define STATS_DROPS(X)                                                        \
	X(NOT_STUN, "not_stun", "first byte is no protocol we speak")         \
	X(MALFORMED, "malformed", "STUN that does not parse")                 \
	X(TRUNCATED, "truncated", "datagram larger than any we take")         \
	X(NO_ALLOCATION, "no_allocation",                                     \
	    "indication or data on no allocation")                            \
	X(NO_CHANNEL, "no_channel", "ChannelData on an unbound channel")      \
	X(NO_PERMISSION, "no_permission", "peer without permission")          \
	X(DENIED_PEER, "denied_peer", "peer address in a denied range")       \
	X(FAMILY, "family", "peer of another address family than relayed")    \
	X(CAP_IN, "cap_in", "over caps.rate, inbound")                        \
	X(CAP_OUT, "cap_out", "over caps.rate, outbound")                     \
	X(SHARE, "share", "over the user's fair share of caps.rate")          \
	X(CAP_NETWORK, "cap_network", "over the rate of a network")           \
	X(SHARE_NETWORK, "share_network",                                     \
	    "over the user's fair share of a network's rate")                 \
	X(CAP_USER, "cap_user", "over caps.rate-per-user")                    \
	X(CAP_ALLOCATION, "cap_allocation", "over caps.rate-per-allocation")  \
	X(QUOTA, "quota", "no quota left")                                    \
	X(NETWORK, "network", "network does not relay, or is none")           \
	X(THROTTLED, "throttled",                                             \
	    "unauthenticated answers over the budget of a prefix")            \
	X(AMPLIFICATION, "amplification",                                     \
	    "answer would exceed 2.5x the request")                           \
	X(SEND_FULL, "send_full", "kernel send buffer full")                  \
	X(SEND_ERROR, "send_error", "kernel refused to send")                 \
	X(STREAM_FULL, "stream_full", "stream client reads too slowly")       \
	X(STREAM_BROKEN, "stream_broken", "framing lost on a stream")         \
	X(STREAM_IDLE, "stream_idle", "connection without a message in time") \
	X(CONN_LIMIT, "conn_limit", "connection over a limit")                \
	X(TLS_FAILED, "tls_failed", "TLS or DTLS handshake failed")           \
	X(HTTP, "http", "HTTP request for what nobody serves")                \
	X(HTTP_BROKEN, "http_broken", "HTTP request malformed")               \
	X(HTTP_LARGE, "http_large", "HTTP head or body too large")            \
	X(WS_BROKEN, "ws_broken", "WebSocket protocol broken")                \
	X(WS_LARGE, "ws_large", "WebSocket message too large")                \
	X(WS_SLOW, "ws_slow", "WebSocket client reads too slowly")            \
	X(PROXY, "proxy", "PROXY header malformed or not allowed here")       \
	X(RESPONSE, "response", "STUN response nobody asked for")             \
	X(NO_MEMORY, "no_memory", "memory or a pool is exhausted")            \
	X(RELAY_OFF, "relay_off", "relaying is switched off")                 \
	X(TICKET, "ticket", "wrong, used or late ticket of a stream")         \
	X(SPLICE_ALONE, "splice_alone", "end of a stream without a partner")  \
	X(SPLICE_BROKEN, "splice_broken", "end of a stream broke its rules")  \
	X(SPLICE_STUCK, "splice_stuck",                                       \
	    "end of a stream takes or answers nothing")                       \
	X(HAIRPIN_FULL, "hairpin_full",                                       \
	    "another worker is behind in taking from us")

#define STATS_DROP_ENUM(id, label, help) STATS_DROP_##id,
enum stats_drop { STATS_DROPS(STATS_DROP_ENUM) STATS_DROP_COUNT };

/* Why a request failed authentication.  X(id, label) */
#define STATS_AUTHS(X)                      \
	X(CHALLENGED, "challenged")         \
	X(STALE_NONCE, "stale_nonce")       \
	X(UNKNOWN_USER, "unknown_user")     \
	X(EXPIRED, "expired")               \
	X(WRONG_PASSWORD, "wrong_password") \
	X(BID_DOWN, "bid_down")             \
	X(MALFORMED, "malformed")           \
	X(BARRED, "barred")                 \
	X(TOKEN, "token")                   \
	X(TOKEN_EXPIRED, "token_expired")   \
	X(TOKEN_KEY, "token_key")
#define STATS_AUTH_ENUM(id, label) STATS_AUTH_##id,
enum stats_auth { STATS_AUTHS(STATS_AUTH_ENUM) STATS_AUTH_COUNT };

/* Single counters and gauges.  X(id, metric name, type, help) */
#define STATS_COUNTERS(X)                                                      \
	X(ALLOCATIONS_TOTAL, "turn_allocations_total", "counter",              \
	    "Allocations made")                                                \
	X(ALLOCATIONS, "turn_allocations", "gauge", "Allocations held now")    \
	X(PERMISSIONS, "turn_permissions", "gauge", "Permissions held now")    \
	X(CHANNELS, "turn_channels", "gauge", "Channel bindings held now")     \
	X(RELAYED_UP_PACKETS, "turn_relayed_packets_up", "counter",            \
	    "Packets relayed client to peer")                                  \
	X(RELAYED_UP_BYTES, "turn_relayed_bytes_up", "counter",                \
	    "Payload bytes relayed client to peer")                            \
	X(RELAYED_DOWN_PACKETS, "turn_relayed_packets_down", "counter",        \
	    "Packets relayed peer to client")                                  \
	X(RELAYED_DOWN_BYTES, "turn_relayed_bytes_down", "counter",            \
	    "Payload bytes relayed peer to client")                            \
	X(HAIRPIN_PACKETS, "turn_hairpin_packets_total", "counter",            \
	    "Packets handed from allocation to allocation")                    \
	X(REQUESTS, "stun_requests_total", "counter", "STUN requests parsed")  \
	X(BINDINGS, "stun_bindings_total", "counter",                          \
	    "Binding requests answered")                                       \
	X(CONNECTIONS, "connections", "gauge", "TCP and TLS connections now")  \
	X(CONNECTIONS_TOTAL, "connections_total", "counter",                   \
	    "TCP and TLS connections accepted")                                \
	X(HTTP_REQUESTS, "http_requests_total", "counter",                     \
	    "HTTP requests taken")                                             \
	X(WEBSOCKETS, "websockets", "gauge", "WebSockets now")                 \
	X(WEBSOCKETS_TOTAL, "websockets_total", "counter",                     \
	    "WebSockets opened")                                               \
	X(STREAM_ENDS, "stream_ends", "gauge", "Ends of streams now")          \
	X(STREAMS_TOTAL, "streams_total", "counter",                           \
	    "Streams of which both ends came")                                 \
	X(DTLS_ASSOCIATIONS, "dtls_associations", "gauge",                     \
	    "DTLS associations now")                                           \
	X(RCVBUF_DROPS, "receive_buffer_drops_total", "counter",               \
	    "Datagrams the kernel dropped for a full receive buffer")          \
	X(SYSCALLS_RECV, "receive_calls_total", "counter",                     \
	    "System calls that received datagrams")                            \
	X(SYSCALLS_SEND, "send_calls_total", "counter",                        \
	    "System calls that sent datagrams")                                \
	X(URING_WORKERS, "io_uring_workers", "gauge",                          \
	    "Workers that receive and send by io_uring")                       \
	X(SEGMENTS_SENT, "segments_sent_total", "counter",                     \
	    "Datagrams that left several at once (UDP_SEGMENT)")               \
	X(SEGMENTS_RECEIVED, "segments_received_total", "counter",             \
	    "Datagrams that arrived several at once (UDP_GRO)")                \
	X(SIGNAL_SESSIONS, "signalling_sessions", "gauge",                     \
	    "Sessions of nodes with a connection")                             \
	X(SIGNAL_DETACHED, "signalling_detached", "gauge",                     \
	    "Sessions that wait to be resumed")                                \
	X(SIGNAL_READY, "signalling_ready_total", "counter", "Sessions begun") \
	X(SIGNAL_RESUMED, "signalling_resumed_total", "counter",               \
	    "Sessions taken over by another connection")                       \
	X(SIGNAL_HELLOS_REFUSED, "signalling_hellos_refused_total", "counter", \
	    "Hellos that were answered by an error")                           \
	X(SIGNAL_TURNED_AWAY, "signalling_turned_away_total", "counter",       \
	    "Connections over signalling.pending, answered 503")               \
	X(SIGNAL_MESSAGES_IN, "signalling_messages_in_total", "counter",       \
	    "Messages read from nodes")                                        \
	X(SIGNAL_MESSAGES_OUT, "signalling_delivered_total", "counter",        \
	    "Messages of nodes handed to nodes")                               \
	X(SIGNAL_WAITING, "signalling_waiting", "gauge",                       \
	    "Messages that wait for absent names")                             \
	X(SIGNAL_ERRORS, "signalling_errors_total", "counter",                 \
	    "Errors said to nodes")                                            \
	X(SIGNAL_LIMITED, "signalling_limited_total", "counter",               \
	    "Messages refused since a session spoke too fast")                 \
	X(PEERJS_CLIENTS, "signalling_peerjs_clients", "gauge",                \
	    "Clients of the PeerServer dialect")                               \
	X(PEERJS_REFUSED, "signalling_peerjs_refused_total", "counter",        \
	    "Clients of the PeerServer dialect that were not let in")
#define STATS_COUNTER_ENUM(id, name, type, help) STATS_##id,
enum stats_counter { STATS_COUNTERS(STATS_COUNTER_ENUM) STATS_COUNTER_COUNT };

enum { STATS_ERROR_MIN = 300, STATS_ERROR_COUNT = 300 };

struct stats {
	/* SHARED: atomic, one writer */
	_Alignas(64) _Atomic uint64_t wire_bytes[STATS_DIRS][STATS_KINDS];
	_Atomic uint64_t wire_packets[STATS_DIRS][STATS_KINDS];
	_Atomic uint64_t counter[STATS_COUNTER_COUNT];
	_Atomic uint64_t drop[STATS_DROP_COUNT];
	_Atomic uint64_t auth[STATS_AUTH_COUNT];
	_Atomic uint64_t
	    error[STATS_ERROR_COUNT]; /* STUN error answers by code */
	_Atomic uint64_t loop_turns;
	struct memory memory;
};

_Static_assert(_Alignof(struct stats) == 64 && sizeof(struct stats) % 64 == 0,
    "no line of it is another's");

/* Owner only: no atomic read-modify-write is needed. */
static inline void
stats_add(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(c,
	    atomic_load_explicit(c, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

static inline void
stats_count(struct stats *s, enum stats_counter c, int64_t n)
{
	stats_add(&s->counter[c], (uint64_t)n);
}

static inline struct mem_use *
stats_memory(struct stats *s, enum memory_kind kind)
{
	return &s->memory.use[kind];
}

static inline void
stats_dropped(struct stats *s, enum stats_drop why)
{
	stats_add(&s->drop[why], 1);
}

static inline void
stats_wire(
    struct stats *s, enum stats_dir dir, enum stats_kind kind, uint64_t bytes)
{
	stats_add(&s->wire_bytes[dir][kind], bytes);
	stats_add(&s->wire_packets[dir][kind], 1);
}

/* Adds one answered STUN error code. */
void stats_error(struct stats *s, int code);

/* Adds from into sum (both may be read by anybody, sum is the caller's). */
void stats_sum(struct stats *sum, const struct stats *from);

const char *stats_drop_label(enum stats_drop why);
const char *stats_drop_help(enum stats_drop why);
const char *stats_auth_label(enum stats_auth why);
const char *stats_counter_name(enum stats_counter c);
const char *stats_counter_type(enum stats_counter c);
const char *stats_counter_help(enum stats_counter c);
const char *stats_kind_label(enum stats_kind kind);
const char *stats_dir_label(enum stats_dir dir);

#endif
