#include "tests/unit/turn/bed.h"

#define PEER       "9.9.9.9:7000"
#define PEER_OTHER "9.9.9.9:7001"
#define PEER6      "[2620:fe::9]:7000"

static void
assert_sent_to_peer(const char *peer, const char *text)
{
	const struct fake_sent *s = bed_last();
	const struct addr a = bed_addr(peer);

	assert_true(s->to_peer);
	assert_true(addr_equal(&s->peer, &a));
	assert_int_equal(s->len, strlen(text));
	assert_memory_equal(s->data, text, s->len);
}

/* The last packet is a Data indication from peer. */
static void
assert_indicated(const char *peer, const char *text)
{
	const struct addr a = bed_addr(peer);
	const struct addr shown = bed_answer_addr(STUN_ATTR_XOR_PEER_ADDRESS);
	const struct stun_attr *data;
	struct stun_msg m;

	bed_answer(&m);
	data = stun_msg_find(&m, STUN_ATTR_DATA);
	assert_int_equal(m.method, STUN_DATA);
	assert_int_equal(m.class, STUN_INDICATION);
	assert_true(addr_equal(&shown, &a));
	assert_non_null(data);
	assert_int_equal(data->len, strlen(text));
	assert_memory_equal(data->value, text, data->len);
}

static void
test_send_indication_reaches_a_permitted_peer(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_permit(PEER), 0);
	bed_indicate(PEER, "hello");
	assert_sent_to_peer(PEER, "hello");
	assert_false(bed_last()->dont_fragment);
	assert_true(addr_equal(&bed_last()->from, &fake.relayed[0].at));
	assert_int_equal(bed_counter(STATS_RELAYED_UP_PACKETS), 1);
	assert_int_equal(bed_counter(STATS_RELAYED_UP_BYTES), 5);
}

/* A permission is for the host, whatever the port. */
static void
test_a_permission_covers_every_port_of_its_host(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_permit(PEER), 0);
	bed_indicate(PEER_OTHER, "hello");
	assert_sent_to_peer(PEER_OTHER, "hello");
	bed_peer_sends(0, PEER_OTHER, "back");
	assert_indicated(PEER_OTHER, "back");
}

static void
test_send_without_permission_is_dropped(void **state)
{
	unsigned before;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	before = fake.sent_count;
	bed_indicate(PEER, "hello");
	assert_int_equal(fake.sent_count, before);
	assert_int_equal(bed_dropped(STATS_DROP_NO_PERMISSION), 1);
}

static void
test_send_without_allocation_is_dropped(void **state)
{
	(void)state;
	bed_indicate(PEER, "hello");
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(bed_dropped(STATS_DROP_NO_ALLOCATION), 1);
}

static void
test_a_permission_ends_after_five_minutes(void **state)
{
	unsigned before;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_permit(PEER), 0);
	bed_wait(TURN_PERM_LIFETIME_MS - 1);
	bed_indicate(PEER, "last");
	assert_sent_to_peer(PEER, "last");
	before = fake.sent_count;
	bed_wait(1);
	bed_indicate(PEER, "late");
	bed_peer_sends(0, PEER, "late");
	assert_int_equal(fake.sent_count, before);
	assert_int_equal(bed_dropped(STATS_DROP_NO_PERMISSION), 2);
}

static void
test_send_indication_may_ask_for_no_fragments(void **state)
{
	struct bed_ask q;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_permit(PEER), 0);
	bed_begin(&q, STUN_SEND, STUN_INDICATION);
	bed_put_peer(&q, PEER);
	stun_put(&q.pen, STUN_ATTR_DONT_FRAGMENT, "", 0);
	stun_put(&q.pen, STUN_ATTR_DATA, "", 0);
	bed_send(&q);
	assert_sent_to_peer(PEER, "");
	assert_true(bed_last()->dont_fragment);
}

struct bad_send {
	bool peer, data, unknown;
};

static void
test_a_send_indication_must_be_whole(void **state)
{
	static const struct bad_send rows[] = { { false, true, false },
		{ true, false, false }, { true, true, true } };

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_permit(PEER), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const unsigned before = fake.sent_count;
		struct bed_ask q;

		bed_begin(&q, STUN_SEND, STUN_INDICATION);
		if (rows[i].peer)
			bed_put_peer(&q, PEER);
		if (rows[i].data)
			stun_put(&q.pen, STUN_ATTR_DATA, "x", 1);
		if (rows[i].unknown)
			stun_put(&q.pen, 0x7FFF, "x", 1);
		bed_send(&q);
		assert_int_equal(fake.sent_count, before);
		assert_int_equal(bed_dropped(STATS_DROP_MALFORMED), i + 1);
	}
}

static void
test_a_peer_of_the_other_family_gets_nothing(void **state)
{
	unsigned before;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	before = fake.sent_count;
	bed_indicate(PEER6, "hello");
	assert_int_equal(fake.sent_count, before);
	assert_int_equal(bed_dropped(STATS_DROP_FAMILY), 1);
}

static void
test_a_dual_allocation_sends_from_the_peers_family(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate_dual(), 0);
	assert_int_equal(bed_permit(PEER), 0);
	assert_int_equal(bed_permit(PEER6), 0);
	bed_indicate(PEER, "four");
	assert_int_equal(addr_family(&bed_last()->from), AF_INET);
	bed_indicate(PEER6, "six");
	assert_int_equal(addr_family(&bed_last()->from), AF_INET6);
	assert_sent_to_peer(PEER6, "six");
	bed_peer_sends(1, PEER6, "back");
	assert_indicated(PEER6, "back");
}

static void
test_channel_data_goes_both_ways(void **state)
{
	static const uint8_t framed[] = { 0x40, 0x01, 0, 4, 'b', 'a', 'c',
		'k' };

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_bind(0x4001, PEER), 0);
	bed_channel_data(0x4001, "hello");
	assert_sent_to_peer(PEER, "hello");
	bed_peer_sends(0, PEER, "back");
	assert_false(bed_last()->to_peer);
	assert_int_equal(bed_last()->len, sizeof(framed));
	assert_memory_equal(bed_last()->data, framed, sizeof(framed));
	assert_int_equal(bed_counter(STATS_RELAYED_DOWN_PACKETS), 1);
	assert_int_equal(bed_counter(STATS_RELAYED_DOWN_BYTES), 4);
	/* the same host without a channel */
	bed_peer_sends(0, PEER_OTHER, "other");
	assert_indicated(PEER_OTHER, "other");
}

static void
test_padding_behind_channel_data_is_not_relayed(void **state)
{
	static const uint8_t padded[] = { 0x40, 0x01, 0, 1, 'x', 0, 0, 0 };

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_bind(0x4001, PEER), 0);
	bed_hand(padded, sizeof(padded));
	assert_sent_to_peer(PEER, "x");
}

static void
test_channel_data_on_no_channel_is_dropped(void **state)
{
	static const uint8_t too_short[] = { 0x40, 0x01, 0, 2, 'x' };
	unsigned before;

	(void)state;
	bed_channel_data(0x4001, "x");
	assert_int_equal(bed_dropped(STATS_DROP_NO_ALLOCATION), 1);
	assert_int_equal(bed_allocate(), 0);
	before = fake.sent_count;
	bed_channel_data(0x4001, "x");
	assert_int_equal(bed_dropped(STATS_DROP_NO_CHANNEL), 1);
	bed_hand(too_short, sizeof(too_short));
	assert_int_equal(bed_dropped(STATS_DROP_MALFORMED), 1);
	assert_int_equal(fake.sent_count, before);
}

/* The binding lives ten minutes, its permission five. */
static void
test_a_channel_outlives_its_permission_one_way(void **state)
{
	unsigned before;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_refresh(3600, 0), 0);
	assert_int_equal(bed_bind(0x4001, PEER), 0);
	bed_wait(TURN_CHANNEL_LIFETIME_MS - 1);
	bed_channel_data(0x4001, "last");
	assert_sent_to_peer(PEER, "last");
	before = fake.sent_count;
	bed_peer_sends(0, PEER, "late");
	assert_int_equal(bed_dropped(STATS_DROP_NO_PERMISSION), 1);
	bed_wait(1);
	bed_channel_data(0x4001, "late");
	assert_int_equal(bed_dropped(STATS_DROP_NO_CHANNEL), 1);
	assert_int_equal(fake.sent_count, before);
}

static void
test_a_stranger_is_not_let_in(void **state)
{
	unsigned before;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_permit(PEER), 0);
	before = fake.sent_count;
	bed_peer_sends(0, "9.9.9.10:7000", "spam");
	assert_int_equal(fake.sent_count, before);
	assert_int_equal(bed_dropped(STATS_DROP_NO_PERMISSION), 1);
}

/* RFC 8656 asks for padding in DATA; it must not carry what was there. */
static void
test_a_data_indication_is_padded_with_zeroes(void **state)
{
	const struct fake_sent *s;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_permit(PEER), 0);
	bed_peer_sends(0, PEER, "12345");
	s = bed_last();
	assert_int_equal(s->len, 36 + 8);
	assert_memory_equal(s->data + 36 + 5, "\0\0\0", 3);
}

static void
test_every_data_indication_has_another_transaction_id(void **state)
{
	uint8_t first[STUN_TID_LEN];
	struct stun_msg m;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_permit(PEER), 0);
	bed_peer_sends(0, PEER, "1");
	bed_answer(&m);
	memcpy(first, m.tid, sizeof(first));
	bed_peer_sends(0, PEER, "2");
	bed_answer(&m);
	assert_memory_not_equal(m.tid, first, sizeof(first));
}

/* ---- denied peers and our own addresses */

static void
deny(const char *prefix)
{
	static struct addr_prefix denied;
	static struct snapshot conf;
	struct policy *policy;

	assert_int_equal(addr_prefix_parse(&denied, prefix), 0);
	conf = bed_conf;
	conf.relay.deny.at = &denied;
	conf.relay.deny.count = 1;
	assert_non_null(policy = policy_new(&conf, NULL, 0));
	turn_apply(bed.turn, &conf, policy, bed.now);
	policy_free(bed.policy);
	bed.policy = policy;
}

static void
test_a_peer_denied_by_a_reload_stops_passing(void **state)
{
	unsigned before;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_bind(0x4001, PEER), 0);
	bed_channel_data(0x4001, "x");
	bed_peer_sends(0, PEER, "x");
	before = fake.sent_count;
	deny("9.9.9.0/24");
	bed_channel_data(0x4001, "x");
	bed_indicate(PEER, "x");
	bed_peer_sends(0, PEER, "x");
	assert_int_equal(fake.sent_count, before);
	assert_int_equal(bed_dropped(STATS_DROP_DENIED_PEER), 3);
	/* and passes again when it is allowed again */
	deny("9.9.8.0/24");
	bed_channel_data(0x4001, "x");
	assert_int_equal(fake.sent_count, before + 1);
}

/* Where a relayed port of ours is no longer in use, another program may sit
 * on it; while it is, the peer is another client of ours. */
static void
test_only_live_relayed_ports_of_ours_are_reached(void **state)
{
	char peer[ADDR_TEXT_MAX], dead[ADDR_TEXT_MAX];
	struct addr at;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	at = bed_answer_addr(STUN_ATTR_XOR_RELAYED_ADDRESS);
	addr_format(&at, peer);
	addr_set_port(&at, (uint16_t)(addr_port(&at) ^ 1));
	addr_format(&at, dead);
	assert_int_equal(bed_permit(peer), 0);
	bed_indicate(peer, "self");
	/* named by its outside, sent to its inside */
	assert_true(bed_last()->to_peer);
	assert_true(addr_equal(&bed_last()->peer, &fake.relayed[0].at));
	bed_indicate(dead, "none");
	assert_int_equal(bed_dropped(STATS_DROP_DENIED_PEER), 1);
	assert_int_equal(bed_bind(0x4000, dead), 403);
	assert_int_equal(bed_bind(0x4000, peer), 0);
}

/* EVEN-PORT keeps the port above, which another program may have. */
static void
test_a_reserved_port_is_no_peer(void **state)
{
	char peer[ADDR_TEXT_MAX];
	struct bed_ask q;
	struct addr at;

	(void)state;
	bed_begin_allocate(&q);
	stun_put(&q.pen, STUN_ATTR_EVEN_PORT, "\x80", 1);
	assert_int_equal(bed_finish(&q), 0);
	at = bed_answer_addr(STUN_ATTR_XOR_RELAYED_ADDRESS);
	addr_set_port(&at, (uint16_t)(addr_port(&at) + 1));
	assert_int_equal(bed_bind(0x4000, addr_format(&at, peer)), 403);
}

static void
test_our_own_inside_is_shown_as_its_outside(void **state)
{
	char inside[ADDR_TEXT_MAX], outside[ADDR_TEXT_MAX];
	struct addr at;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	at = bed_answer_addr(STUN_ATTR_XOR_RELAYED_ADDRESS);
	addr_format(&at, outside);
	addr_format(&fake.relayed[0].at, inside);
	assert_string_not_equal(inside, outside);
	assert_int_equal(bed_permit(outside), 0);
	bed_peer_sends(0, inside, "self");
	assert_indicated(outside, "self");
}

/* A channel to a relayed port of ours ends with that port. */
static void
test_a_hairpin_channel_follows_the_other_allocation(void **state)
{
	const struct net_flow first = bed.flow;
	char peer[ADDR_TEXT_MAX];
	struct addr at;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	at = bed_answer_addr(STUN_ATTR_XOR_RELAYED_ADDRESS);
	addr_format(&at, peer);
	bed.flow.client = bed_addr("198.51.100.6:4000");
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_bind(0x4000, peer), 0);
	bed_channel_data(0x4000, "x");
	assert_true(bed_last()->to_peer);
	/* the other one goes */
	struct net_flow second = bed.flow;
	bed.flow = first;
	assert_int_equal(bed_refresh(0, 0), 0);
	bed.flow = second;
	bed_channel_data(0x4000, "x");
	assert_int_equal(bed_dropped(STATS_DROP_DENIED_PEER), 1);
}

/* ---- ICMP */

struct icmp_row {
	const char *peer;
	uint8_t type, code;
	uint32_t data;
	bool told;
	uint8_t value[8];
};

static void
test_icmp_errors_are_told_as_the_rfc_lists_them(void **state)
{
	static const struct icmp_row rows[] = {
		/* 7 bits of type, 9 of code: 3 << 9 | 3 = 0x0603 */
		{ PEER, 3, 3, 99, true, { 0, 0, 0x06, 0x03, 0, 0, 0, 0 } },
		{ PEER, 3, 4, 1280, true, { 0, 0, 0x06, 0x04, 0, 0, 5, 0 } },
		{ PEER, 11, 0, 0, true, { 0, 0, 0x16, 0x00, 0, 0, 0, 0 } },
		{ PEER, 5, 0, 0, false, { 0 } },
		{ PEER6, 1, 4, 9, true, { 0, 0, 0x02, 0x04, 0, 0, 0, 0 } },
		{ PEER6, 2, 0, 1280, true, { 0, 0, 0x04, 0x00, 0, 0, 5, 0 } },
		{ PEER6, 3, 1, 0, true, { 0, 0, 0x06, 0x01, 0, 0, 0, 0 } },
		{ PEER6, 4, 0, 0, false, { 0 } },
		{ "9.9.9.10:7000", 3, 3, 0, false, { 0 } },
	};

	(void)state;
	assert_int_equal(bed_allocate_dual(), 0);
	assert_int_equal(bed_bind(0x4001, PEER), 0);
	assert_int_equal(bed_permit(PEER6), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const unsigned before = fake.sent_count;
		struct net_icmp e = { .peer = bed_addr(rows[i].peer),
			.type = rows[i].type,
			.code = rows[i].code,
			.data = rows[i].data };
		const bool is6 = addr_family(&e.peer) == AF_INET6;
		struct stun_msg m;

		turn_relayed_icmp(bed.turn, fake.relayed[is6].owner, &e);
		assert_int_equal(fake.sent_count, before + rows[i].told);
		if (!rows[i].told)
			continue;
		bed_answer(&m);
		assert_int_equal(m.method, STUN_DATA);
		assert_null(stun_msg_find(&m, STUN_ATTR_DATA));
		assert_non_null(stun_msg_find(&m, STUN_ATTR_ICMP));
		assert_memory_equal(
		    stun_msg_find(&m, STUN_ATTR_ICMP)->value, rows[i].value, 8);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_send_indication_reaches_a_permitted_peer),
		BED_TEST(test_a_permission_covers_every_port_of_its_host),
		BED_TEST(test_send_without_permission_is_dropped),
		BED_TEST(test_send_without_allocation_is_dropped),
		BED_TEST(test_a_permission_ends_after_five_minutes),
		BED_TEST(test_send_indication_may_ask_for_no_fragments),
		BED_TEST(test_a_send_indication_must_be_whole),
		BED_TEST(test_a_peer_of_the_other_family_gets_nothing),
		BED_TEST(test_a_dual_allocation_sends_from_the_peers_family),
		BED_TEST(test_channel_data_goes_both_ways),
		BED_TEST(test_padding_behind_channel_data_is_not_relayed),
		BED_TEST(test_channel_data_on_no_channel_is_dropped),
		BED_TEST(test_a_channel_outlives_its_permission_one_way),
		BED_TEST(test_a_stranger_is_not_let_in),
		BED_TEST(test_a_data_indication_is_padded_with_zeroes),
		BED_TEST(test_every_data_indication_has_another_transaction_id),
		BED_TEST(test_a_peer_denied_by_a_reload_stops_passing),
		BED_TEST(test_only_live_relayed_ports_of_ours_are_reached),
		BED_TEST(test_a_reserved_port_is_no_peer),
		BED_TEST(test_our_own_inside_is_shown_as_its_outside),
		BED_TEST(test_a_hairpin_channel_follows_the_other_allocation),
		BED_TEST(test_icmp_errors_are_told_as_the_rfc_lists_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
