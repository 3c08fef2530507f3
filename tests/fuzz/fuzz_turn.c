/*
 * fuzz: a whole TURN server without sockets.  An input is a short script:
 * requests (raw ones, and ones built and signed here, so that deep states are
 * reached), packets of both sides, time, new connections, reloads, short
 * memory.  No packet may go where policy forbids it, no answer may grow, and
 * nothing may be left open at the end.
 */
#include "tests/unit/turn/bed.h"

#include "common/entropy.h"
#include "common/log.h"
#include "common/token/turnrest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	STEPS_MAX = 400,
	ATTRS_MAX = 8, /* in one request */
	BYTES_MAX = 1400,
	WAIT_UNIT_MS = 50, /* times 16 bits: up to 54 minutes */
	CLIENTS = 4,
	CHANNELS = 8,
	FAIL_WITHIN = 8, /* allocations of memory */
	REST_LIVES_S = 1000,
};

static struct {
	struct cursor in;
	struct addr relayed; /* of the last allocation, as a peer */
	uint8_t token[STUN_TOKEN_LEN];
	uint8_t last[BED_PACKET_MAX]; /* request, to be sent again */
	size_t last_len;
} play;

/* ---- the same input is the same run */

static uint64_t weak;

void
entropy_fill(void *out, size_t len)
{
	uint8_t *at = out;

	for (size_t i = 0; i < len; i++) {
		weak = weak * 6364136223846793005 + 1442695040888963407;
		at[i] = (uint8_t)(weak >> 56);
	}
}

uint32_t
entropy_below(uint32_t limit)
{
	uint32_t r;

	entropy_fill(&r, sizeof(r));
	return r % limit;
}

/* ---- taking the input apart */

static unsigned
pick(unsigned count)
{
	return cursor_u8(&play.in) % count;
}

/* Some bytes of the input, as many as it says and has. */
static size_t
take_bytes(const uint8_t **at)
{
	size_t len = cursor_u16(&play.in) % (BYTES_MAX + 1);

	if (len > cursor_left(&play.in))
		len = cursor_left(&play.in);
	*at = cursor_bytes(&play.in, len);
	return *at == NULL ? 0 : len;
}

static struct addr
pick_peer(void)
{
	static const char *const peers[] = { "9.9.9.9:7000", "9.9.9.9:7001",
		"9.9.9.10:7000", "10.1.2.3:7000", "[2620:fe::9]:7000",
		"[::ffff:9.9.9.9]:7000", "8.8.8.7:3478", "255.255.255.255:1" };
	const unsigned i = pick(sizeof(peers) / sizeof(peers[0]) + 1);

	return i < sizeof(peers) / sizeof(peers[0]) ? bed_addr(peers[i])
						    : play.relayed;
}

/* ---- what must hold */

static void
learn(const struct stun_msg *m)
{
	const struct stun_attr *a;

	if ((a = stun_msg_find(m, STUN_ATTR_RESERVATION_TOKEN)) != NULL)
		memcpy(play.token, a->value, sizeof(play.token));
	if ((a = stun_msg_find(m, STUN_ATTR_XOR_RELAYED_ADDRESS)) != NULL)
		assert_int_equal(stun_attr_xor_addr(&play.relayed, m, a), 0);
}

static void
check_sent(const struct fake_sent *s)
{
	struct stun_msg m;
	uint16_t number;
	size_t len;

	if (s->to_peer) {
		assert_true(addr_family(&s->from) == addr_family(&s->peer));
		assert_int_equal(
		    policy_peer(bed.policy, &s->peer, true,
			turn_ports_is_live(bed.shared->ports, &s->peer)),
		    POLICY_ALLOW);
		return;
	}
	if (stun_msg_parse(&m, s->data, s->len) == 0)
		learn(&m);
	else
		assert_int_equal(
		    stun_channel_parse(&number, &len, s->data, s->len), 0);
}

/* Before a client has proved itself (RFC 8489 calls it unauthenticated). */
static void
check_growth(size_t asked, unsigned sent_before)
{
	if (bed.flow.transport == NET_UDP && fake.sent_count > sent_before)
		assert_true((bed_last()->len + NET_WIRE_UDP4) * 2 <=
		    (asked + NET_WIRE_UDP4) * 5);
}

/* ---- steps */

static void
hand(const uint8_t *data, size_t len)
{
	memcpy(play.last, data, len);
	play.last_len = len;
	bed_hand(play.last, len);
}

static void
say_raw(void)
{
	const unsigned before = fake.sent_count;
	const uint8_t *data;
	struct stun_msg m;
	size_t len = take_bytes(&data);

	if (len == 0)
		return;
	hand(data, len);
	if (stun_msg_parse(&m, data, len) == 0 && m.class == STUN_REQUEST &&
	    m.integrity == NULL && m.integrity256 == NULL)
		check_growth(len, before);
}

static void
say_again(void)
{
	if (play.last_len > 0)
		bed_hand(play.last, play.last_len);
}

static void
put_attr(struct bed_ask *q)
{
	static const uint16_t bytes[] = { STUN_ATTR_REQUESTED_TRANSPORT,
		STUN_ATTR_REQUESTED_ADDRESS_FAMILY,
		STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY };
	const uint8_t *data = NULL;
	struct addr peer;
	unsigned kind = pick(11);
	size_t len;

	if (kind < sizeof(bytes) / sizeof(bytes[0])) {
		bed_put_byte(q, bytes[kind], cursor_u8(&play.in));
		return;
	}
	switch (kind) {
	case 3:
		stun_put_u32(&q->pen, STUN_ATTR_LIFETIME, cursor_u16(&play.in));
		return;
	case 4:
		bed_put_number(
		    q, (uint16_t)(STUN_CHANNEL_MIN + pick(CHANNELS)));
		return;
	case 5:
		stun_put(&q->pen, STUN_ATTR_EVEN_PORT,
		    (uint8_t[]){ cursor_u8(&play.in) }, 1);
		return;
	case 6:
		stun_put(&q->pen, STUN_ATTR_RESERVATION_TOKEN, play.token,
		    sizeof(play.token));
		return;
	case 7:
		stun_put(&q->pen, STUN_ATTR_DONT_FRAGMENT, "", 0);
		return;
	case 8:
		len = take_bytes(&data);
		stun_put(&q->pen, STUN_ATTR_DATA, data, len);
		return;
	case 9:
		kind = cursor_u16(&play.in);
		len = take_bytes(&data);
		stun_put(&q->pen, (uint16_t)kind, data, len);
		return;
	}
	peer = pick_peer();
	stun_put_xor_addr(&q->pen, STUN_ATTR_XOR_PEER_ADDRESS, &peer, q->tid);
}

static void
put_attrs(struct bed_ask *q)
{
	for (unsigned n = pick(ATTRS_MAX + 1); n > 0; n--)
		put_attr(q);
}

/* RFC 8489: the algorithm chosen out of the list, SHA-256. */
static void
sign_modern(struct bed_ask *q)
{
	char nonce[TURN_NONCE_MAX];
	const size_t len = turn_nonce_make(nonce, &bed.shared->nonce_key,
	    &bed.flow.client, bed.now / 1000, TURN_NONCE_PASSWORD_ALGORITHMS);

	stun_put(&q->pen, STUN_ATTR_USERHASH, bed_users[0].userhash,
	    STUN_USERHASH_LEN);
	stun_put(&q->pen, STUN_ATTR_REALM, BED_REALM, strlen(BED_REALM));
	stun_put(&q->pen, STUN_ATTR_NONCE, nonce, len);
	stun_put_algorithms(&q->pen);
	stun_put_algorithm(&q->pen, STUN_ALGORITHM_SHA256);
	stun_put_integrity256(&q->pen, &bed_users[0].sha256);
}

static void
sign_rest(struct bed_ask *q)
{
	char name[64], password[TURNREST_PASSWORD_MAX];

	snprintf(
	    name, sizeof(name), "%d:@u:host", BED_START_WALL_S + REST_LIVES_S);
	turnrest_password(password, bed_secrets[0], name, strlen(name));
	bed_sign_as(q, name, password);
}

static void
sign(struct bed_ask *q)
{
	switch (pick(6)) {
	case 0:
		bed_sign_as(q, "bob", "builder");
		return;
	case 1:
		sign_modern(q);
		return;
	case 2:
		sign_rest(q);
		return;
	case 3:
		bed_sign_as(q, "alice", "wrong");
		return;
	}
	bed_sign_as(q, "alice", "wonder");
}

/* What does not fit is not sent. */
static void
finish(struct bed_ask *q)
{
	size_t len;

	if (pick(2) == 1)
		stun_put_fingerprint(&q->pen);
	if ((len = stun_msg_end(&q->pen)) > 0)
		hand(q->mem, len);
}

static void
ask(void)
{
	static const enum stun_method methods[] = { STUN_ALLOCATE, STUN_REFRESH,
		STUN_CREATE_PERMISSION, STUN_CHANNEL_BIND, STUN_BINDING,
		STUN_CONNECT };
	struct bed_ask q;

	bed_begin(&q, methods[pick(6)], STUN_REQUEST);
	put_attrs(&q);
	sign(&q);
	finish(&q);
}

/* The usual beginning, in one byte. */
static void
allocate(void)
{
	struct bed_ask q;

	bed_begin_allocate(&q);
	if (pick(2) == 1)
		bed_put_byte(
		    &q, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY, STUN_FAMILY_IPV6);
	bed_sign_as(&q, "alice", "wonder");
	bed_send(&q);
}

static void
indicate(void)
{
	struct bed_ask q;

	bed_begin(&q, STUN_SEND, STUN_INDICATION);
	put_attrs(&q);
	finish(&q);
}

static void
send_channel_data(void)
{
	uint8_t mem[STUN_CHANNEL_HEADER_LEN + BYTES_MAX];
	const unsigned number = STUN_CHANNEL_MIN + pick(CHANNELS);
	const uint8_t *data;
	size_t len = take_bytes(&data);

	stun_channel_header(mem, (uint16_t)number, len);
	if (len > 0)
		memcpy(mem + STUN_CHANNEL_HEADER_LEN, data, len);
	bed_hand(mem, STUN_CHANNEL_HEADER_LEN + len);
}

static struct net_relayed *
pick_relayed(void)
{
	struct net_relayed *r = &fake.relayed[pick(FAKE_RELAYED_MAX)];

	return r->is_open ? r : NULL;
}

static void
peer_sends(void)
{
	struct net_relayed *r = pick_relayed();
	const struct addr from = pick_peer();
	uint8_t mem[BED_PACKET_MAX];
	const uint8_t *data;
	const size_t len = take_bytes(&data);
	struct buf b;

	if (r == NULL || addr_is_none(&from))
		return;
	buf_init(&b, mem, sizeof(mem), BUF_HEADROOM);
	if (len > 0)
		memcpy(buf_put(&b, len), data, len);
	turn_relayed(bed.turn, r->owner, &from, &b);
}

static void
peer_fails(void)
{
	struct net_relayed *r = pick_relayed();
	struct net_icmp e = { .peer = pick_peer() };

	e.type = cursor_u8(&play.in);
	e.code = cursor_u8(&play.in);
	e.data = cursor_u16(&play.in);
	if (r != NULL && !addr_is_none(&e.peer))
		turn_relayed_icmp(bed.turn, r->owner, &e);
}

static void
let_time_pass(void)
{
	bed_wait((int64_t)cursor_u16(&play.in) * WAIT_UNIT_MS);
}

/* The next packets are another client's, by UDP or on a connection. */
static void
change_client(void)
{
	static char conns[CLIENTS];
	const unsigned i = pick(CLIENTS);
	const bool stream = pick(2) == 1;

	addr_set_port(&bed.flow.client, (uint16_t)(4000 + i));
	bed.flow.transport = stream ? NET_TCP : NET_UDP;
	bed.flow.conn = stream ? (struct net_conn *)(void *)&conns[i] : NULL;
}

static void
hang_up(void)
{
	if (bed.flow.conn != NULL)
		turn_closed(bed.turn, &bed.flow, bed.now);
}

static void
reload(void)
{
	bed_conf.relay.enabled = pick(4) > 0;
	bed_conf.auth.user_count = 1 + pick(2);
	turn_apply(bed.turn, &bed_conf, bed.policy, bed.now);
}

typedef void step_fn(void);

static step_fn *const steps[] = { allocate, ask, ask, ask, say_raw, say_again,
	indicate, send_channel_data, peer_sends, peer_fails, let_time_pass,
	change_client, hang_up, reload };

static void
take_step(void)
{
	const unsigned kind = cursor_u8(&play.in);
	const unsigned before = fake.sent_count;

	/* the top bits: memory is short, or a port is in use */
	if (kind >> 6 == 3)
		mem_fail_at((long)pick(FAIL_WITHIN));
	if (kind >> 6 == 2)
		fake.in_use = pick(FAIL_WITHIN);
	steps[(kind & 63) % (sizeof(steps) / sizeof(steps[0]))]();
	mem_fail_at(-1);
	fake.in_use = 0;
	/* one packet in, at most one out */
	assert_in_range(fake.sent_count - before, 0, 1);
	if (fake.sent_count > before)
		check_sent(bed_last());
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (log_open(LOG_LEVEL_ERROR, "stderr") != 0)
		abort();
	weak = 0;
	memset(&play, 0, sizeof(play));
	cursor_init(&play.in, data, size);
	bed_set_up(NULL);
	play.relayed = bed_addr("9.9.9.11:7000");
	for (unsigned i = 0; i < STEPS_MAX && cursor_left(&play.in) > 0; i++)
		take_step();
	bed_tear_down(NULL);
	return 0;
}
