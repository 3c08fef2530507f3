#include "tests/unit/turn/bed.h"

#define PEER       "9.9.9.9:7000"
#define PEER_PORT  "9.9.9.9:7001"
#define PEER_OTHER "9.9.9.10:7000"
#define PEER6      "[2620:fe::9]:7000"

/* ---- Binding */

static void
ask_binding(bool fingerprint)
{
	struct bed_ask q;

	bed_begin(&q, STUN_BINDING, STUN_REQUEST);
	if (fingerprint)
		stun_put_fingerprint(&q.pen);
	bed_send(&q);
}

static void
test_binding_tells_the_client_its_address(void **state)
{
	struct stun_msg m;
	struct addr mapped;

	(void)state;
	ask_binding(false);
	assert_int_equal(bed_code(), 0);
	mapped = bed_answer_addr(STUN_ATTR_XOR_MAPPED_ADDRESS);
	assert_true(addr_equal(&mapped, &bed.flow.client));
	bed_answer(&m);
	assert_int_equal(m.count, 1);
	assert_int_equal(bed_counter(STATS_BINDINGS), 1);
}

static void
test_a_fingerprint_is_answered_by_one(void **state)
{
	struct stun_msg m;

	(void)state;
	ask_binding(true);
	bed_answer(&m);
	assert_non_null(m.fingerprint);
	assert_int_equal(m.count, 2);
}

static void
test_binding_is_served_without_relaying(void **state)
{
	bed_tear_down(state);
	bed_configure();
	bed_conf.relay.enabled = false;
	bed_open();
	ask_binding(false);
	assert_int_equal(bed_code(), 0);
}

/* ---- CreatePermission */

static int
permit_all(const char *const *peers)
{
	struct bed_ask q;

	bed_begin(&q, STUN_CREATE_PERMISSION, STUN_REQUEST);
	for (; *peers != NULL; peers++)
		bed_put_peer(&q, *peers);
	return bed_finish(&q);
}

struct permit_row {
	const char *peers[4];
	int code;
};

/* RFC 8656, section 10.2: all or nothing */
static void
test_permissions_are_given_to_all_peers_or_none(void **state)
{
	static const struct permit_row rows[] = {
		{ { NULL }, 400 },
		{ { PEER_OTHER, PEER6 }, 443 },
		{ { PEER_OTHER, "10.1.2.3:1" }, 403 },
		{ { PEER_OTHER, "127.0.0.1:1" }, 403 },
		{ { PEER, PEER_OTHER }, 0 },
	};

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const unsigned before = fake.sent_count;
		const int code = permit_all(rows[i].peers);

		if (code != rows[i].code)
			fail_msg("row %zu: %d", i, code);
		bed_indicate(PEER_OTHER, "x");
		assert_int_equal(
		    fake.sent_count, before + 1 + (rows[i].code == 0));
	}
}

static void
test_a_malformed_peer_is_a_bad_request(void **state)
{
	struct bed_ask q;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	bed_begin(&q, STUN_CREATE_PERMISSION, STUN_REQUEST);
	stun_put(&q.pen, STUN_ATTR_XOR_PEER_ADDRESS, "\0\1\1", 3);
	assert_int_equal(bed_finish(&q), 400);
}

/* An IPv4 address in IPv6 clothes is still private. */
static void
test_denied_ranges_are_denied_in_every_form(void **state)
{
	static const char *const peers[] = { "[::ffff:10.0.0.1]:1",
		"[::ffff:127.0.0.1]:1", "[64:ff9b::a00:1]:1",
		"[2002:a00:1::]:1", "[2002:808:808::]:1", "[::1]:1",
		"[fc00::1]:1", "[ff02::1]:1", "169.254.169.254:80", "0.0.0.0:1",
		"224.0.0.1:1", "255.255.255.255:1" };

	(void)state;
	assert_int_equal(bed_allocate_dual(), 0);
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		assert_int_equal(bed_permit(peers[i]), 403);
		assert_int_equal(bed_bind(0x4000, peers[i]), 403);
	}
	assert_int_equal(bed_counter(STATS_PERMISSIONS), 0);
}

static void
test_permissions_of_one_allocation_are_bounded(void **state)
{
	char peer[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	for (unsigned i = 0; i < TURN_PERM_MAX; i++) {
		snprintf(peer, sizeof(peer), "9.9.9.%u:1", i);
		assert_int_equal(bed_permit(peer), 0);
	}
	assert_int_equal(bed_permit("9.9.10.1:1"), 508);
	/* those that are there can still be refreshed */
	assert_int_equal(bed_permit("9.9.9.0:1"), 0);
	bed_wait(TURN_PERM_LIFETIME_MS);
	assert_int_equal(bed_permit("9.9.10.1:1"), 0);
}

/* Some clients refresh all permissions of a call at once. */
static void
test_one_request_may_name_as_many_peers_as_fit_a_packet(void **state)
{
	enum { PEERS = 110 };
	char peer[ADDR_TEXT_MAX];
	struct bed_ask q;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	bed_begin(&q, STUN_CREATE_PERMISSION, STUN_REQUEST);
	for (unsigned i = 0; i < PEERS; i++) {
		snprintf(peer, sizeof(peer), "9.9.8.%u:1", i);
		bed_put_peer(&q, peer);
	}
	assert_int_equal(bed_finish(&q), 0);
	assert_int_equal(bed_counter(STATS_PERMISSIONS), PEERS);
}

/* What one request was promised is not swept while the rest is looked for. */
static void
test_a_request_over_the_bound_gives_to_none_of_its_peers(void **state)
{
	static const char *const peers[] = { PEER, PEER_OTHER, NULL };
	char peer[ADDR_TEXT_MAX];
	unsigned before;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	for (unsigned i = 1; i < TURN_PERM_MAX; i++) {
		snprintf(peer, sizeof(peer), "9.9.8.%u:1", i);
		assert_int_equal(bed_permit(peer), 0);
	}
	assert_int_equal(permit_all(peers), 508);
	before = fake.sent_count;
	bed_indicate(PEER, "x");
	bed_indicate(PEER_OTHER, "x");
	assert_int_equal(fake.sent_count, before);
	/* the place that is left goes to who asks for it alone */
	assert_int_equal(bed_permit(PEER_OTHER), 0);
}

/* ---- ChannelBind */

struct bind_row {
	uint16_t number;
	const char *peer;
	int code;
};

/* RFC 8656, section 12.2 */
static void
test_a_number_and_a_peer_stand_for_each_other(void **state)
{
	static const struct bind_row rows[] = {
		{ 0x3FFF, PEER, 400 }, { 0x8000, PEER, 400 },
		{ 0xFFFF, PEER, 400 }, { 0x4000, PEER6, 443 },
		{ 0x4000, "10.1.2.3:1", 403 }, { 0x4000, PEER, 0 },
		{ 0x4000, PEER, 0 },        /* refreshed */
		{ 0x4000, PEER_PORT, 400 }, /* the number is taken */
		{ 0x7FFF, PEER, 400 },      /* the peer is taken */
		{ 0x7FFF, PEER_PORT, 0 },   /* another port, another one */
		{ 0x4000, PEER_PORT, 400 }, /* both, but not together */
	};

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int code = bed_bind(rows[i].number, rows[i].peer);

		if (code != rows[i].code)
			fail_msg("row %zu: %d", i, code);
	}
	assert_int_equal(bed_counter(STATS_CHANNELS), 2);
}

static void
test_a_channel_bind_must_be_whole(void **state)
{
	struct bed_ask q;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	bed_begin(&q, STUN_CHANNEL_BIND, STUN_REQUEST);
	bed_put_peer(&q, PEER);
	assert_int_equal(bed_finish(&q), 400);
	bed_begin(&q, STUN_CHANNEL_BIND, STUN_REQUEST);
	bed_put_number(&q, 0x4000);
	assert_int_equal(bed_finish(&q), 400);
	bed_begin(&q, STUN_CHANNEL_BIND, STUN_REQUEST);
	stun_put(&q.pen, STUN_ATTR_CHANNEL_NUMBER, "\x40\x00", 2);
	bed_put_peer(&q, PEER);
	assert_int_equal(bed_finish(&q), 400);
}

static void
test_an_expired_channel_is_free_again(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_refresh(3600, 0), 0);
	assert_int_equal(bed_bind(0x4000, PEER), 0);
	bed_wait(TURN_CHANNEL_LIFETIME_MS - 1);
	assert_int_equal(bed_bind(0x4000, PEER_PORT), 400);
	bed_wait(1);
	assert_int_equal(bed_bind(0x4000, PEER_PORT), 0);
	assert_int_equal(bed_bind(0x4001, PEER), 0);
	assert_int_equal(bed_counter(STATS_CHANNELS), 2);
}

static void
test_a_channel_bind_refreshes_the_permission(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_bind(0x4000, PEER), 0);
	bed_wait(TURN_PERM_LIFETIME_MS - 1);
	assert_int_equal(bed_bind(0x4000, PEER), 0);
	bed_wait(1);
	bed_indicate(PEER, "x");
	assert_true(bed_last()->to_peer);
}

/* ---- Refresh */

static void
test_a_refresh_of_another_family_is_a_mismatch(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_refresh(600, STUN_FAMILY_IPV4), 0);
	assert_int_equal(bed_refresh(600, STUN_FAMILY_IPV6), 443);
	assert_int_equal(bed_refresh(600, 9), 443);
	assert_int_equal(bed_refresh(0, STUN_FAMILY_IPV6), 443);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 1);
}

static void
test_a_malformed_lifetime_is_a_bad_request(void **state)
{
	struct bed_ask q;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	bed_begin(&q, STUN_REFRESH, STUN_REQUEST);
	stun_put(&q.pen, STUN_ATTR_LIFETIME, "\0\0", 2);
	assert_int_equal(bed_finish(&q), 400);
	bed_begin(&q, STUN_REFRESH, STUN_REQUEST);
	stun_put(&q.pen, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, "\1", 1);
	assert_int_equal(bed_finish(&q), 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_binding_tells_the_client_its_address),
		BED_TEST(test_a_fingerprint_is_answered_by_one),
		BED_TEST(test_binding_is_served_without_relaying),
		BED_TEST(test_permissions_are_given_to_all_peers_or_none),
		BED_TEST(test_a_malformed_peer_is_a_bad_request),
		BED_TEST(test_denied_ranges_are_denied_in_every_form),
		BED_TEST(test_permissions_of_one_allocation_are_bounded),
		BED_TEST(
		    test_one_request_may_name_as_many_peers_as_fit_a_packet),
		BED_TEST(
		    test_a_request_over_the_bound_gives_to_none_of_its_peers),
		BED_TEST(test_a_number_and_a_peer_stand_for_each_other),
		BED_TEST(test_a_channel_bind_must_be_whole),
		BED_TEST(test_an_expired_channel_is_free_again),
		BED_TEST(test_a_channel_bind_refreshes_the_permission),
		BED_TEST(test_a_refresh_of_another_family_is_a_mismatch),
		BED_TEST(test_a_malformed_lifetime_is_a_bad_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
