#include "tests/unit/turn/bed.h"

/* Sends len bytes that stand in q and have no credentials. */
static void
ask_bare(enum stun_method method)
{
	struct bed_ask q;

	bed_begin(&q, method, STUN_REQUEST);
	bed_send(&q);
}

static void
test_a_challenge_carries_realm_and_nonce(void **state)
{
	struct stun_msg m;
	struct bed_ask q;

	(void)state;
	bed_begin_allocate(&q);
	bed_send(&q);
	assert_int_equal(bed_code(), 401);
	bed_answer(&m);
	assert_non_null(stun_msg_find(&m, STUN_ATTR_REALM));
	assert_non_null(stun_msg_find(&m, STUN_ATTR_NONCE));
	assert_null(m.integrity);
	assert_int_equal(bed.stats.auth[STATS_AUTH_CHALLENGED], 1);
	assert_int_equal(bed.stats.error[401 - STATS_ERROR_MIN], 1);
}

struct small {
	const char *client;
	enum stun_method method;
	size_t padding;   /* a SOFTWARE of so many bytes */
	unsigned unknown; /* attributes nobody knows */
	bool fingerprint;
};

/* Counted with IP and UDP headers; with the longest realm there may be. */
static void
test_no_answer_is_more_than_two_and_a_half_times_the_request(void **state)
{
	static const struct small rows[] = {
		{ "198.51.100.5:1", STUN_BINDING, 0, 0, false },
		{ "198.51.100.5:1", STUN_BINDING, 0, 0, true },
		{ "[2001:db8::5]:1", STUN_BINDING, 0, 0, false },
		{ "[2001:db8::5]:1", STUN_BINDING, 0, 0, true },
		{ "198.51.100.5:1", STUN_BINDING, 0, 16, true },
		{ "198.51.100.5:1", STUN_ALLOCATE, 0, 0, false },
		{ "198.51.100.5:1", STUN_ALLOCATE, 0, 0, true },
		{ "[2001:db8::5]:1", STUN_ALLOCATE, 0, 0, false },
		{ "198.51.100.5:1", STUN_REFRESH, 8, 0, true },
		{ "198.51.100.5:1", STUN_ALLOCATE, 100, 0, true },
	};
	static char realm[] = "a-realm.of.just.forty.characters.example";

	bed_tear_down(state);
	bed_configure();
	bed_conf.node.realm = realm;
	bed_open();
	assert_int_equal(strlen(realm), SNAPSHOT_REALM_MAX);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct small *row = &rows[i];
		const uint8_t zeroes[100] = { 0 };
		struct bed_ask q;
		size_t ip, asked;

		bed.flow.client = bed_addr(row->client);
		ip = addr_family(&bed.flow.client) == AF_INET6 ? NET_WIRE_UDP6
							       : NET_WIRE_UDP4;
		bed_begin(&q, row->method, STUN_REQUEST);
		for (unsigned n = 0; n < row->unknown; n++)
			stun_put(&q.pen, (uint16_t)(0x7000 + n), "", 0);
		if (row->padding > 0)
			stun_put(
			    &q.pen, STUN_ATTR_SOFTWARE, zeroes, row->padding);
		if (row->fingerprint)
			stun_put_fingerprint(&q.pen);
		asked = pen_len(&q.pen) + ip;
		bed_send(&q);
		/* each of them is answered, and briefly */
		assert_int_equal(fake.sent_count, i + 1);
		if ((bed_last()->len + ip) * 2 > asked * 5)
			fail_msg("row %zu: %zu for %zu", i,
			    bed_last()->len + ip, asked);
	}
	assert_int_equal(bed_dropped(STATS_DROP_AMPLIFICATION), 0);
}

static void
test_an_answer_that_cannot_be_short_is_not_sent(void **state)
{
	static char realm[] = "a-realm.that.no.configuration.would.let.pass."
			      "because.it.has.far.too.many.characters.example";

	bed_tear_down(state);
	bed_configure();
	bed_conf.node.realm = realm;
	bed_open();
	ask_bare(STUN_ALLOCATE);
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(bed_dropped(STATS_DROP_AMPLIFICATION), 1);
	/* over TCP nobody's address is forged */
	bed.flow.transport = NET_TCP;
	bed.flow.conn = (struct net_conn *)&fake;
	ask_bare(STUN_ALLOCATE);
	assert_int_equal(bed_code(), 401);
}

/* Realm and nonce matter more. */
static void
test_a_fingerprint_is_left_out_where_it_does_not_fit(void **state)
{
	static char realm[] =
	    "a-realm.of.quite.some.more.than.forty.characters.there";
	struct stun_msg m;
	struct bed_ask q;

	bed_tear_down(state);
	bed_configure();
	bed_conf.node.realm = realm;
	bed_open();
	bed_begin(&q, STUN_ALLOCATE, STUN_REQUEST);
	stun_put_fingerprint(&q.pen);
	bed_send(&q);
	assert_int_equal(bed_code(), 401);
	bed_answer(&m);
	assert_null(m.fingerprint);
	assert_non_null(stun_msg_find(&m, STUN_ATTR_NONCE));
}

static void
test_answers_before_authentication_have_a_budget(void **state)
{
	bed_tear_down(state);
	bed_configure();
	bed_conf.caps.unauthenticated = 3;
	bed_open();
	for (unsigned i = 0; i < 5; i++)
		ask_bare(i % 2 ? STUN_BINDING : STUN_ALLOCATE);
	assert_int_equal(fake.sent_count, 3);
	assert_int_equal(bed_dropped(STATS_DROP_THROTTLED), 2);
	/* who has proved himself is not held up */
	assert_int_equal(bed_allocate(), 0);
	/* nor is who came by a handshake */
	bed.flow.transport = NET_TLS;
	bed.flow.conn = (struct net_conn *)&fake;
	ask_bare(STUN_BINDING);
	assert_int_equal(bed_code(), 0);
}

static void
test_errors_to_a_proved_user_are_signed_and_explained(void **state)
{
	struct stun_msg m;

	(void)state;
	assert_int_equal(bed_refresh(600, 0), 437);
	bed_answer(&m);
	assert_true(stun_integrity_ok(&m, &bed_users[0].md5));
	assert_true(stun_msg_find(&m, STUN_ATTR_ERROR_CODE)->len > 4);
}

static void
test_no_buffer_is_no_answer(void **state)
{
	(void)state;
	fake.no_buf = true;
	ask_bare(STUN_BINDING);
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(bed_dropped(STATS_DROP_NO_MEMORY), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_a_challenge_carries_realm_and_nonce),
		BED_TEST(
		    test_no_answer_is_more_than_two_and_a_half_times_the_request),
		BED_TEST(test_an_answer_that_cannot_be_short_is_not_sent),
		BED_TEST(test_a_fingerprint_is_left_out_where_it_does_not_fit),
		BED_TEST(test_answers_before_authentication_have_a_budget),
		BED_TEST(test_errors_to_a_proved_user_are_signed_and_explained),
		BED_TEST(test_no_buffer_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
