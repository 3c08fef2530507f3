/*
 * bed: a TURN server without sockets, a clock in the hand, and a client that
 * can say anything; included once by each test of relay/turn.
 */
#ifndef UNIT_TURN_BED_H
#define UNIT_TURN_BED_H

#include <errno.h>
#include <stdlib.h>

#include "budget/budget.h"
#include "common/mem.h"
#include "common/stun/attr.h"
#include "common/stun/channel.h"
#include "common/stun/integrity.h"
#include "policy/policy.h"
#include "relay/snapshot.h"
#include "tests/unit/turn/fake_net.h"
#include "turn/alloc.h"
#include "turn/context.h"
#include "turn/turn.h"

enum {
	BED_START_MS = 1000 * 1000,
	BED_START_WALL_S = 1893456000,
	BED_USERS = 2,
	BED_PACKET_MAX = 2000,
};

#define BED_REALM "example.org"

static struct snapshot_user bed_users[BED_USERS] = {
	{ .name = "alice", .password = "wonder" },
	{ .name = "bob", .password = "builder" },
};
static char *bed_secrets[] = { "north" };
static struct addr bed_relays[2];
static struct snapshot_external bed_external;
static struct snapshot bed_conf;

static struct {
	mono_ms now;
	int64_t wall_s;
	struct wheel *wheel;
	struct stats stats;
	struct budget_host *host;
	struct budget *budget;
	struct turn_shared *shared;
	struct policy *policy;
	struct turn *turn;
	struct net_flow flow; /* the client */
	uint32_t serial;      /* of transaction ids */
} bed;

/* ---- what the server stands on */

mono_ms
mono_now(void)
{
	return bed.now;
}

int64_t
mono_now_us(void)
{
	return bed.now * 1000;
}

int64_t
mono_wall_s(void)
{
	return bed.wall_s;
}

int64_t
mono_wall_ms(void)
{
	return bed.wall_s * 1000;
}

const struct snapshot_user *
snapshot_user(const struct snapshot *s, const void *name, size_t len)
{
	for (size_t i = 0; i < s->auth.user_count; i++)
		if (strlen(s->auth.users[i].name) == len &&
		    memcmp(s->auth.users[i].name, name, len) == 0)
			return &s->auth.users[i];
	return NULL;
}

const struct snapshot_user *
snapshot_user_by_hash(
    const struct snapshot *s, const uint8_t hash[STUN_USERHASH_LEN])
{
	for (size_t i = 0; i < s->auth.user_count; i++)
		if (memcmp(s->auth.users[i].userhash, hash,
			STUN_USERHASH_LEN) == 0)
			return &s->auth.users[i];
	return NULL;
}

static inline struct addr
bed_addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static inline void
bed_set_user(struct snapshot_user *u)
{
	assert_int_equal(stun_key_derive(&u->md5, STUN_ALGORITHM_MD5, u->name,
			     BED_REALM, u->password),
	    0);
	assert_int_equal(stun_key_derive(&u->sha256, STUN_ALGORITHM_SHA256,
			     u->name, BED_REALM, u->password),
	    0);
	stun_userhash(u->userhash, u->name, BED_REALM);
}

/* IPv4 and IPv6 relaying for alice, bob and TURN REST names. */
static inline void
bed_configure(void)
{
	for (size_t i = 0; i < BED_USERS; i++)
		bed_set_user(&bed_users[i]);
	bed_relays[0] = bed_addr("10.0.0.7");
	bed_relays[1] = bed_addr("2001:db8::7");
	bed_external.inside = bed_addr("10.0.0.7");
	bed_external.outside = bed_addr("8.8.8.7");
	memset(&bed_conf, 0, sizeof(bed_conf));
	bed_conf.node.realm = BED_REALM;
	bed_conf.relay.enabled = true;
	bed_conf.relay.addresses.at = bed_relays;
	bed_conf.relay.addresses.count = 2;
	bed_conf.relay.external = &bed_external;
	bed_conf.relay.external_count = 1;
	bed_conf.relay.port_min = 50000;
	bed_conf.relay.port_max = 50999;
	bed_conf.auth.users = bed_users;
	bed_conf.auth.user_count = BED_USERS;
	bed_conf.auth.secrets = bed_secrets;
	bed_conf.auth.secret_count = 1;
	bed_conf.caps.allocations = 100;
	bed_conf.caps.allocations_per_user = 10;
}

static inline struct turn *
bed_turn_new(void)
{
	const struct turn_config config = { .net = &fake.net,
		.wheel = bed.wheel,
		.stats = &bed.stats,
		.budget = bed.budget,
		.shared = bed.shared,
		.conf = &bed_conf,
		.policy = bed.policy };

	return turn_new(&config);
}

/* Starts the server on bed_conf as it stands. */
static inline void
bed_open(void)
{
	memset(&bed, 0, sizeof(bed));
	fake_reset();
	bed.now = fake.net.now = BED_START_MS;
	bed.wall_s = BED_START_WALL_S;
	bed.flow.client = bed_addr("198.51.100.5:4000");
	bed.flow.local = bed_addr("10.0.0.7:3478");
	assert_non_null(bed.wheel = wheel_new(bed.now));
	assert_non_null(bed.host = budget_host_new(&bed_conf));
	assert_non_null(bed.budget = budget_new(bed.host, &bed.stats));
	assert_non_null(bed.shared = turn_shared_new(&bed_conf));
	assert_non_null(bed.policy = policy_new(&bed_conf, NULL, 0));
	assert_non_null(bed.turn = bed_turn_new());
}

static inline int
bed_set_up(void **state)
{
	(void)state;
	bed_configure();
	bed_open();
	return 0;
}

static inline int
bed_tear_down(void **state)
{
	(void)state;
	turn_free(bed.turn);
	/* nothing is left open, whatever the test did */
	assert_int_equal(fake.open, 0);
	assert_int_equal(bed.stats.counter[STATS_ALLOCATIONS], 0);
	assert_int_equal(bed.stats.counter[STATS_PERMISSIONS], 0);
	assert_int_equal(bed.stats.counter[STATS_CHANNELS], 0);
	policy_free(bed.policy);
	turn_shared_free(bed.shared);
	budget_free(bed.budget);
	budget_host_free(bed.host);
	wheel_free(bed.wheel);
	return 0;
}

/* Lets time pass, and the timers run. */
static inline void
bed_wait(int64_t ms)
{
	bed.now += ms;
	bed.wall_s += ms / 1000;
	fake.net.now = bed.now;
	wheel_advance(bed.wheel, bed.now);
}

static inline uint64_t
bed_dropped(enum stats_drop why)
{
	return bed.stats.drop[why];
}

static inline uint64_t
bed_counter(enum stats_counter c)
{
	return bed.stats.counter[c];
}

/* ---- the client */

struct bed_ask {
	struct pen pen;
	uint8_t mem[BED_PACKET_MAX];
	uint8_t tid[STUN_TID_LEN];
};

static inline void
bed_begin(struct bed_ask *q, enum stun_method method, enum stun_class class)
{
	memset(q->tid, 't', sizeof(q->tid));
	bed.serial++;
	memcpy(q->tid, &bed.serial, sizeof(bed.serial));
	stun_msg_begin(&q->pen, q->mem, sizeof(q->mem), method, class, q->tid);
}

static inline void
bed_put_byte(struct bed_ask *q, uint16_t type, uint8_t value)
{
	const uint8_t bytes[4] = { value };

	stun_put(&q->pen, type, bytes, sizeof(bytes));
}

static inline void
bed_put_peer(struct bed_ask *q, const char *peer)
{
	const struct addr a = bed_addr(peer);

	stun_put_xor_addr(&q->pen, STUN_ATTR_XOR_PEER_ADDRESS, &a, q->tid);
}

static inline void
bed_put_number(struct bed_ask *q, uint16_t number)
{
	stun_put_u32(&q->pen, STUN_ATTR_CHANNEL_NUMBER, (uint32_t)number << 16);
}

/* USERNAME, REALM, NONCE and MESSAGE-INTEGRITY of a user under password. */
static inline void
bed_sign_as(struct bed_ask *q, const char *user, const char *password)
{
	char nonce[TURN_NONCE_MAX];
	const size_t len = turn_nonce_make(
	    nonce, &bed.shared->nonce_key, &bed.flow.client, bed.now / 1000, 0);
	struct stun_key key;

	assert_int_equal(stun_key_derive(&key, STUN_ALGORITHM_MD5, user,
			     BED_REALM, password),
	    0);
	stun_put(&q->pen, STUN_ATTR_USERNAME, user, strlen(user));
	stun_put(&q->pen, STUN_ATTR_REALM, BED_REALM, strlen(BED_REALM));
	stun_put(&q->pen, STUN_ATTR_NONCE, nonce, len);
	stun_put_integrity(&q->pen, &key);
}

/* Hands len bytes to the server as the client's. */
static inline void
bed_hand(const void *data, size_t len)
{
	/* of its own size, so that a sanitizer sees every byte beyond */
	uint8_t *mem = malloc(BUF_HEADROOM + len + STUN_PADDING);
	struct buf b;

	assert_non_null(mem);
	buf_init(&b, mem, BUF_HEADROOM + len + STUN_PADDING, BUF_HEADROOM);
	memcpy(buf_put(&b, len), data, len);
	turn_message(bed.turn, &bed.flow, &b, bed.now);
	free(mem);
}

static inline void
bed_send(struct bed_ask *q)
{
	const size_t len = stun_msg_end(&q->pen);

	assert_int_not_equal(len, 0);
	bed_hand(q->mem, len);
}

/* Sends a datagram of a peer to the n-th relayed address. */
static inline void
bed_peer_sends(unsigned n, const char *peer, const char *text)
{
	const struct addr from = bed_addr(peer);
	uint8_t mem[BED_PACKET_MAX];
	struct buf b;

	assert_true(fake.relayed[n].is_open);
	buf_init(&b, mem, sizeof(mem), BUF_HEADROOM);
	memcpy(buf_put(&b, strlen(text)), text, strlen(text));
	turn_relayed(bed.turn, fake.relayed[n].owner, &from, &b);
}

/* ---- what came back */

static inline const struct fake_sent *
bed_last(void)
{
	assert_int_not_equal(fake.sent_count, 0);
	return &fake.sent[(fake.sent_count - 1) % FAKE_SENT_MAX];
}

/* The last packet, which must be STUN for the client. */
static inline void
bed_answer(struct stun_msg *m)
{
	const struct fake_sent *s = bed_last();

	assert_false(s->to_peer);
	assert_int_equal(stun_msg_parse(m, s->data, s->len), 0);
}

/* 0 for success, else the code of the last answer. */
static inline int
bed_code(void)
{
	struct stun_msg m;
	int code;

	bed_answer(&m);
	if (m.class == STUN_SUCCESS)
		return 0;
	assert_int_equal(m.class, STUN_ERROR);
	assert_non_null(stun_msg_find(&m, STUN_ATTR_ERROR_CODE));
	assert_int_equal(
	    stun_attr_error(&code, stun_msg_find(&m, STUN_ATTR_ERROR_CODE)), 0);
	return code;
}

static inline struct addr
bed_answer_addr(uint16_t type)
{
	struct stun_msg m;
	struct addr a;

	bed_answer(&m);
	assert_non_null(stun_msg_find(&m, type));
	assert_int_equal(
	    stun_attr_xor_addr(&a, &m, stun_msg_find(&m, type)), 0);
	return a;
}

static inline uint32_t
bed_answer_lifetime(void)
{
	struct stun_msg m;
	uint32_t s;

	bed_answer(&m);
	assert_non_null(stun_msg_find(&m, STUN_ATTR_LIFETIME));
	assert_int_equal(
	    stun_attr_u32(&s, stun_msg_find(&m, STUN_ATTR_LIFETIME)), 0);
	return s;
}

/* ---- whole requests; each returns 0 or the code of the answer */

static inline int
bed_finish(struct bed_ask *q)
{
	const unsigned before = fake.sent_count;

	bed_sign_as(q, "alice", "wonder");
	bed_send(q);
	assert_int_equal(fake.sent_count, before + 1);
	return bed_code();
}

static inline void
bed_begin_allocate(struct bed_ask *q)
{
	bed_begin(q, STUN_ALLOCATE, STUN_REQUEST);
	bed_put_byte(q, STUN_ATTR_REQUESTED_TRANSPORT, STUN_TRANSPORT_UDP);
}

static inline int
bed_allocate(void)
{
	struct bed_ask q;

	bed_begin_allocate(&q);
	return bed_finish(&q);
}

/* One address of each family. */
static inline int
bed_allocate_dual(void)
{
	struct bed_ask q;

	bed_begin_allocate(&q);
	bed_put_byte(&q, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY, STUN_FAMILY_IPV6);
	return bed_finish(&q);
}

/* family: STUN_FAMILY_*, 0 = not said */
static inline int
bed_refresh(uint32_t lifetime, uint8_t family)
{
	struct bed_ask q;

	bed_begin(&q, STUN_REFRESH, STUN_REQUEST);
	stun_put_u32(&q.pen, STUN_ATTR_LIFETIME, lifetime);
	if (family != 0)
		bed_put_byte(&q, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, family);
	return bed_finish(&q);
}

static inline int
bed_permit(const char *peer)
{
	struct bed_ask q;

	bed_begin(&q, STUN_CREATE_PERMISSION, STUN_REQUEST);
	bed_put_peer(&q, peer);
	return bed_finish(&q);
}

static inline int
bed_bind(uint16_t number, const char *peer)
{
	struct bed_ask q;

	bed_begin(&q, STUN_CHANNEL_BIND, STUN_REQUEST);
	bed_put_number(&q, number);
	bed_put_peer(&q, peer);
	return bed_finish(&q);
}

/* A Send indication; nothing answers it. */
static inline void
bed_indicate(const char *peer, const char *text)
{
	struct bed_ask q;

	bed_begin(&q, STUN_SEND, STUN_INDICATION);
	bed_put_peer(&q, peer);
	stun_put(&q.pen, STUN_ATTR_DATA, text, strlen(text));
	bed_send(&q);
}

static inline void
bed_channel_data(uint16_t number, const char *text)
{
	uint8_t mem[BED_PACKET_MAX];

	stun_channel_header(mem, number, strlen(text));
	memcpy(mem + STUN_CHANNEL_HEADER_LEN, text, strlen(text));
	bed_hand(mem, STUN_CHANNEL_HEADER_LEN + strlen(text));
}

#define BED_TEST(f) \
	cmocka_unit_test_setup_teardown(f, bed_set_up, bed_tear_down)

#endif
