#include "turn/relay.h"

#include <string.h>

#include "budget/budget.h"
#include "common/stun/attr.h"
#include "common/stun/channel.h"
#include "relay/snapshot.h"
#include "turn/alloc.h"
#include "turn/context.h"
#include "turn/gate.h"
#include "turn/hairpin.h"
#include "turn/peer.h"

enum {
	ATTR_HEADER_LEN = 4,
	/* header, XOR-PEER-ADDRESS, head of DATA: 36 or 48 */
	DATA_HEAD_V4 = STUN_HEADER_LEN + ATTR_HEADER_LEN + 8 + ATTR_HEADER_LEN,
	DATA_HEAD_V6 = STUN_HEADER_LEN + ATTR_HEADER_LEN + 20 + ATTR_HEADER_LEN,
	ICMP_LEN = 8,
	/* RFC 8656, section 11.5: what is passed on */
	ICMP4_UNREACHABLE = 3,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_CODE_TOO_BIG = 4,
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
};

static void
drop(struct turn_alloc *al, enum stats_drop why)
{
	al->dropped++;
	turn_drops_add(&al->drops, why);
	stats_dropped(al->turn->stats, why);
}

/* ---- client to peer */

static struct turn_alloc *
find_alloc(struct turn *t, const struct net_flow *from)
{
	struct turn_alloc *al = turn_alloc_find(t, from);

	if (al == NULL)
		stats_dropped(t->stats,
		    turn_gate_is_shut(t) ? STATS_DROP_RELAY_OFF
					 : STATS_DROP_NO_ALLOCATION);
	return al;
}

static size_t
wire_udp(const struct addr *a)
{
	return addr_family(a) == AF_INET6 ? NET_WIRE_UDP6 : NET_WIRE_UDP4;
}

/* May the packet that came last leave with so many bytes on the wire? */
static bool
is_affordable(struct turn_alloc *al, const struct budget_packet *p)
{
	struct turn *t = al->turn;

	if (budget_relay(t->budget, &al->chain, p, net_now_us(t->net)))
		return true;
	al->dropped++;
	turn_drops_add(&al->drops, al->chain.why);
	return false;
}

static bool
is_stream(const struct turn_alloc *al)
{
	return al->session.flow.transport == NET_TCP ||
	    al->session.flow.transport == NET_TLS;
}

/* Where a packet goes: peer by its permission, and its port, if that is one
 * of ours. */
struct way {
	const struct addr *peer;
	const struct turn_port *port;
	const struct turn_perm *perm;
	bool dont_fragment;
};

static void
send_up(struct turn_alloc *al, const struct way *to, struct buf *b)
{
	const struct snapshot *conf = al->turn->conf;
	struct stats *stats = al->turn->stats;
	struct turn_leg *leg = turn_alloc_leg(al, addr_family(to->peer));
	const struct budget_packet packet = {
		.out = b->len + wire_udp(to->peer),
		.network = to->perm->network,
		.is_stream = is_stream(al),
	};

	if (leg == NULL) {
		drop(al, STATS_DROP_FAMILY);
		return;
	}
	if (!is_affordable(al, &packet))
		return;
	al->up_packets++;
	al->up_bytes += b->len;
	stats_count(stats, STATS_RELAYED_UP_PACKETS, 1);
	stats_count(stats, STATS_RELAYED_UP_BYTES, b->len);
	if (to->port == NULL || !conf->relay.hairpin ||
	    !turn_hairpin_send(leg, to->port, b))
		net_relayed_send(leg->socket, to->peer, b, to->dont_fragment);
}

/* The permission by which b may go to peer, or NULL: counted. */
static const struct turn_perm *
let_out(struct turn_alloc *al, const struct addr *peer, mono_ms now)
{
	struct turn_perm *perm = turn_perm_find(&al->perms, peer);

	if (perm == NULL || !turn_perm_is_live(perm, now)) {
		drop(al, STATS_DROP_NO_PERMISSION);
		return NULL;
	}
	if (!turn_perm_is_allowed(perm, al->turn) ||
	    !turn_peer_is_allowed(al->turn, peer)) {
		drop(al, STATS_DROP_DENIED_PEER);
		return NULL;
	}
	return perm;
}

void
turn_relay_send(struct turn *t, const struct net_flow *from,
    const struct stun_msg *m, struct buf *b, mono_ms now)
{
	const struct stun_attr *data = stun_msg_find(m, STUN_ATTR_DATA);
	struct turn_alloc *al = find_alloc(t, from);
	struct way to = { 0 };
	struct addr peer;
	uint16_t unknown[STUN_UNKNOWN_MAX];
	int rc;

	if (al == NULL)
		return;
	if (data == NULL || stun_msg_unknown(m, unknown) > 0) {
		drop(al, STATS_DROP_MALFORMED);
		return;
	}
	rc = turn_peer_read(
	    &peer, al, m, stun_msg_find(m, STUN_ATTR_XOR_PEER_ADDRESS));
	if (rc != 0) {
		drop(al, rc == 443 ? STATS_DROP_FAMILY : STATS_DROP_MALFORMED);
		return;
	}
	if ((to.perm = let_out(al, &peer, now)) == NULL)
		return;
	/* the data leaves from where it lies */
	buf_pull(b, (size_t)(data->value - b->data));
	buf_trim(b, data->len);
	to.peer = &peer;
	to.port = turn_ports_find(t->shared->ports, &peer);
	to.dont_fragment = stun_msg_find(m, STUN_ATTR_DONT_FRAGMENT) != NULL;
	send_up(al, &to, b);
}

void
turn_relay_channel(
    struct turn *t, const struct net_flow *from, struct buf *b, mono_ms now)
{
	struct turn_alloc *al;
	struct turn_channel *ch;
	struct way to = { 0 };
	uint16_t number;
	size_t len;

	if (stun_channel_parse(&number, &len, b->data, b->len) != 0) {
		stats_dropped(t->stats, STATS_DROP_MALFORMED);
		return;
	}
	if ((al = find_alloc(t, from)) == NULL)
		return;
	ch = turn_channel_by_number(&al->channels, number, now);
	if (ch == NULL) {
		drop(al, STATS_DROP_NO_CHANNEL);
		return;
	}
	if (!turn_perm_is_allowed(ch->perm, t) ||
	    !turn_peer_channel_is_allowed(t, ch)) {
		drop(al, STATS_DROP_DENIED_PEER);
		return;
	}
	buf_pull(b, STUN_CHANNEL_HEADER_LEN);
	buf_trim(b, len);
	to.peer = &ch->peer;
	to.port = ch->port;
	to.perm = ch->perm;
	send_up(al, &to, b);
}

/* ---- peer to client */

/* The next transaction id of a Data indication. */
static const uint8_t *
next_tid(struct turn *t)
{
	uint64_t serial;

	memcpy(&serial, t->tid, sizeof(serial));
	serial++;
	memcpy(t->tid, &serial, sizeof(serial));
	return t->tid;
}

/* Gives b a place of its own where it has no room for a Data indication
 * around it: it came coalesced with others, and by the hairpin.  False: no
 * memory. */
static bool
make_room(struct turn *t, struct buf *b)
{
	const size_t pad = stun_padded(b->len) - b->len;
	struct buf own;

	if (buf_headroom(b) >= DATA_HEAD_V6 && buf_tailroom(b) >= pad)
		return true;
	if (!net_buf(t->net, &own, b->len + pad))
		return false;
	memcpy(buf_put(&own, b->len), b->data, b->len);
	*b = own;
	return true;
}

/* Puts the head of a Data indication in front of b, padding behind it.
 * False: it would be too long. */
static bool
wrap_data(struct buf *b, struct turn *t, const struct addr *peer)
{
	static const uint8_t zeroes[STUN_PADDING];
	const size_t head =
	    addr_family(peer) == AF_INET6 ? DATA_HEAD_V6 : DATA_HEAD_V4;
	const size_t len = b->len;
	const size_t pad = stun_padded(len) - len;
	struct addr shown = *peer;
	struct pen p;

	if (buf_tailroom(b) < pad)
		return false;
	memcpy(buf_put(b, pad), zeroes, pad);
	turn_ports_outside(t->shared->ports, &shown);
	stun_msg_begin(&p, buf_push(b, head), head, STUN_DATA, STUN_INDICATION,
	    next_tid(t));
	stun_put_xor_addr(&p, STUN_ATTR_XOR_PEER_ADDRESS, &shown, t->tid);
	pen_u16(&p, STUN_ATTR_DATA);
	pen_u16(&p, (uint16_t)len);
	stun_msg_set_length(&p, len + pad);
	return !p.bad;
}

/* The permission that lets peer in, or NULL: counted. */
static struct turn_perm *
let_in(struct turn_alloc *al, const struct addr *peer,
    const struct turn_channel *ch, mono_ms now)
{
	struct turn_perm *perm =
	    ch != NULL ? ch->perm : turn_perm_find(&al->perms, peer);

	if (perm == NULL || !turn_perm_is_live(perm, now)) {
		drop(al, STATS_DROP_NO_PERMISSION);
		return NULL;
	}
	if (!turn_perm_is_allowed(perm, al->turn)) {
		drop(al, STATS_DROP_DENIED_PEER);
		return NULL;
	}
	return perm;
}

/* What a message of len bytes is on the wire to the client, in a channel or
 * as an indication from peer.  Of streams it is an estimate: they are charged
 * when they are written. */
static size_t
wire_down(const struct turn_alloc *al, const struct addr *peer,
    const struct turn_channel *ch, size_t len)
{
	const struct net_flow *flow = &al->session.flow;

	if (ch != NULL)
		len += STUN_CHANNEL_HEADER_LEN;
	else
		len = stun_padded(len) +
		    (addr_family(peer) == AF_INET6 ? DATA_HEAD_V6
						   : DATA_HEAD_V4);
	if (flow->transport == NET_DTLS)
		len += NET_WIRE_DTLS;
	return len + wire_udp(&flow->client);
}

bool
turn_relay_down(
    struct turn_leg *leg, const struct addr *peer, struct buf *b, mono_ms now)
{
	struct turn_alloc *al = leg->alloc;
	struct turn *t = al->turn;
	const struct turn_channel *ch =
	    turn_channel_by_peer(&al->channels, peer, now);
	const uint32_t len = b->len;
	const struct turn_perm *perm = let_in(al, peer, ch, now);
	struct budget_packet packet;

	if (perm == NULL)
		return false;
	packet = (struct budget_packet){
		.out = wire_down(al, peer, ch, len),
		.network = perm->network,
	};
	if (!is_affordable(al, &packet))
		return false;
	if (ch != NULL) {
		uint8_t *head = buf_push(b, STUN_CHANNEL_HEADER_LEN);

		/* over the one it came with, if it has no other room */
		stun_channel_header(head, ch->number, len);
	} else if (!make_room(t, b)) {
		drop(al, STATS_DROP_NO_MEMORY);
		return false;
	} else if (!wrap_data(b, t, peer)) {
		drop(al, STATS_DROP_TRUNCATED);
		return false;
	}
	al->down_packets++;
	al->down_bytes += len;
	stats_count(t->stats, STATS_RELAYED_DOWN_PACKETS, 1);
	stats_count(t->stats, STATS_RELAYED_DOWN_BYTES, len);
	net_send(t->net, &al->session.flow, b);
	return true;
}

/* ---- ICMP */

/* Is e of a kind that the client is told?  *data: the MTU, else zero. */
static bool
is_told(uint32_t *data, const struct net_icmp *e)
{
	const bool is6 = addr_family(&e->peer) == AF_INET6;
	const bool too_big = is6
	    ? e->type == ICMP6_TOO_BIG
	    : e->type == ICMP4_UNREACHABLE && e->code == ICMP4_CODE_TOO_BIG;

	*data = too_big ? e->data : 0;
	if (is6)
		return e->type == ICMP6_UNREACHABLE ||
		    e->type == ICMP6_TOO_BIG || e->type == ICMP6_TIME_EXCEEDED;
	return e->type == ICMP4_UNREACHABLE || e->type == ICMP4_TIME_EXCEEDED;
}

/*
 * ICMP attribute (RFC 8656, section 18.13): 16 bits reserved, 7 bits type,
 * 9 bits code, 32 bits data.
 */
static void
put_icmp(struct pen *p, const struct net_icmp *e, uint32_t data)
{
	pen_u16(p, STUN_ATTR_ICMP);
	pen_u16(p, ICMP_LEN);
	pen_u16(p, 0);
	pen_u16(p, (uint16_t)((e->type & 0x7F) << 9 | e->code));
	pen_u32(p, data);
}

void
turn_relay_icmp(struct turn_leg *leg, const struct net_icmp *e, mono_ms now)
{
	struct turn_alloc *al = leg->alloc;
	struct turn *t = al->turn;
	const size_t room = DATA_HEAD_V6 + ICMP_LEN;
	struct addr shown = e->peer;
	struct buf b;
	struct pen p;
	uint32_t data;

	if (!is_told(&data, e) || let_in(al, &e->peer, NULL, now) == NULL)
		return;
	if (!net_buf(t->net, &b, room)) {
		drop(al, STATS_DROP_NO_MEMORY);
		return;
	}
	turn_ports_outside(t->shared->ports, &shown);
	stun_msg_begin(
	    &p, b.data, room, STUN_DATA, STUN_INDICATION, next_tid(t));
	stun_put_xor_addr(&p, STUN_ATTR_XOR_PEER_ADDRESS, &shown, t->tid);
	put_icmp(&p, e, data);
	buf_put(&b, stun_msg_end(&p));
	net_send(t->net, &al->session.flow, &b);
}
