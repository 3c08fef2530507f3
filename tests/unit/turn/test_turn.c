#include "common/token/turnrest.h"
#include "tests/unit/turn/bed.h"

#define PEER "9.9.9.9:7000"

/* ---- what is a packet */

struct packet {
	const char *bytes;
	size_t len;
	enum stats_drop why;
};

static void
test_what_is_no_protocol_of_ours_is_dropped_and_counted(void **state)
{
	static const struct packet rows[] = {
		{ "", 0, STATS_DROP_NOT_STUN },
		{ "\x04", 1, STATS_DROP_NOT_STUN },
		{ "\x16\xfe\xfd", 3, STATS_DROP_NOT_STUN },
		{ "\x3f", 1, STATS_DROP_NOT_STUN },
		{ "\x80\0\0\0", 4, STATS_DROP_NOT_STUN },
		{ "\xff", 1, STATS_DROP_NOT_STUN },
		{ "\x00", 1, STATS_DROP_MALFORMED },
		{ "\0\1\0\4\x21\x12\xa4\x42tttttttttttt", 20,
		    STATS_DROP_MALFORMED },
		{ "\0\1\0\0\x21\x12\xa4\x43tttttttttttt", 20,
		    STATS_DROP_MALFORMED },
		{ "\x40", 1, STATS_DROP_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint64_t before = bed_dropped(rows[i].why);

		bed_hand(rows[i].bytes, rows[i].len);
		assert_int_equal(bed_dropped(rows[i].why), before + 1);
	}
	assert_int_equal(fake.sent_count, 0);
}

static void
say(enum stun_method method, enum stun_class class)
{
	struct bed_ask q;

	bed_begin(&q, method, class);
	bed_send(&q);
}

static void
test_nothing_answers_what_is_no_request(void **state)
{
	(void)state;
	say(STUN_BINDING, STUN_SUCCESS);
	say(STUN_ALLOCATE, STUN_ERROR);
	assert_int_equal(bed_dropped(STATS_DROP_RESPONSE), 2);
	say(STUN_BINDING, STUN_INDICATION); /* keep-alive */
	assert_int_equal(bed_dropped(STATS_DROP_MALFORMED), 0);
	say(STUN_DATA, STUN_INDICATION);
	say(STUN_ALLOCATE, STUN_INDICATION);
	assert_int_equal(bed_dropped(STATS_DROP_MALFORMED), 2);
	assert_int_equal(fake.sent_count, 0);
}

/* RFC 8489, section 6.3: silently; RFC 6062 is off. */
static void
test_requests_of_unknown_methods_are_discarded(void **state)
{
	(void)state;
	say((enum stun_method)0x0ff, STUN_REQUEST);
	say(STUN_SEND, STUN_REQUEST);
	say(STUN_CONNECT, STUN_REQUEST);
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(bed_dropped(STATS_DROP_MALFORMED), 3);
}

/* ---- before the method is asked */

static const enum stun_method methods[] = { STUN_ALLOCATE, STUN_REFRESH,
	STUN_CREATE_PERMISSION, STUN_CHANNEL_BIND };
enum { METHODS = sizeof(methods) / sizeof(methods[0]) };

static void
test_every_turn_request_needs_a_credential(void **state)
{
	(void)state;
	for (unsigned i = 0; i < METHODS; i++) {
		struct bed_ask q;

		say(methods[i], STUN_REQUEST);
		assert_int_equal(bed_code(), 401);
		bed_begin(&q, methods[i], STUN_REQUEST);
		bed_sign_as(&q, "alice", "wrong");
		bed_send(&q);
		assert_int_equal(bed_code(), 401);
	}
	assert_int_equal(bed.stats.auth[STATS_AUTH_CHALLENGED], METHODS);
	assert_int_equal(bed.stats.auth[STATS_AUTH_WRONG_PASSWORD], METHODS);
}

static void
test_what_has_no_allocation_is_a_mismatch(void **state)
{
	(void)state;
	for (unsigned i = 0; i < METHODS; i++) {
		struct bed_ask q;

		bed_begin(&q, methods[i], STUN_REQUEST);
		if (methods[i] == STUN_ALLOCATE)
			continue;
		assert_int_equal(bed_finish(&q), 437);
	}
}

static void
test_another_user_has_the_wrong_credentials(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate(), 0);
	for (unsigned i = 0; i < METHODS; i++) {
		const bool first = methods[i] == STUN_ALLOCATE;
		struct stun_msg m;
		struct bed_ask q;

		bed_begin(&q, methods[i], STUN_REQUEST);
		bed_sign_as(&q, "bob", "builder");
		bed_send(&q);
		assert_int_equal(bed_code(), first ? 437 : 441);
		bed_answer(&m);
		assert_true(stun_integrity_ok(&m, &bed_users[1].md5));
	}
}

/* The allocation is the same user's, so its key is at hand; the nonce is
 * looked at all the same. */
static void
test_an_old_nonce_is_stale_with_and_without_allocation(void **state)
{
	struct bed_ask q, later;

	(void)state;
	bed_begin_allocate(&q);
	bed_sign_as(&q, "alice", "wonder");
	bed_begin(&later, STUN_REFRESH, STUN_REQUEST);
	bed_sign_as(&later, "alice", "wonder");
	bed_wait((TURN_NONCE_LIFETIME_S + 1) * 1000);
	bed_send(&q);
	assert_int_equal(bed_code(), 438);
	assert_int_equal(bed_allocate(), 0);
	bed_send(&later);
	assert_int_equal(bed_code(), 438);
	assert_int_equal(bed_refresh(600, 0), 0);
	assert_int_equal(bed.stats.auth[STATS_AUTH_STALE_NONCE], 2);
}

static void
test_unknown_attributes_are_named(void **state)
{
	static const uint8_t types[] = { 0x70, 0x01, 0x70, 0x02 };
	const struct stun_attr *a;
	struct stun_msg m;
	struct bed_ask q;

	(void)state;
	bed_begin(&q, STUN_BINDING, STUN_REQUEST);
	stun_put(&q.pen, 0x7001, "", 0);
	stun_put(&q.pen, 0x7002, "", 0);
	stun_put(&q.pen, 0xF001, "", 0); /* may be ignored */
	bed_send(&q);
	assert_int_equal(bed_code(), 420);
	bed_answer(&m);
	a = stun_msg_find(&m, STUN_ATTR_UNKNOWN_ATTRIBUTES);
	assert_non_null(a);
	assert_int_equal(a->len, sizeof(types));
	assert_memory_equal(a->value, types, sizeof(types));
	/* whoever has not authenticated learns nothing */
	bed_begin_allocate(&q);
	stun_put(&q.pen, 0x7001, "", 0);
	bed_send(&q);
	assert_int_equal(bed_code(), 401);
	bed_begin_allocate(&q);
	stun_put(&q.pen, 0x7001, "", 0);
	assert_int_equal(bed_finish(&q), 420);
}

/* ---- a credential that expires */

static void
begin_rest(struct bed_ask *q, enum stun_method method, uint32_t lifetime)
{
	bed_begin(q, method, STUN_REQUEST);
	if (method == STUN_ALLOCATE)
		bed_put_byte(
		    q, STUN_ATTR_REQUESTED_TRANSPORT, STUN_TRANSPORT_UDP);
	else if (method == STUN_REFRESH)
		stun_put_u32(&q->pen, STUN_ATTR_LIFETIME, lifetime);
	else
		bed_put_peer(q, PEER);
}

static int
ask_rest(enum stun_method method, const char *name, uint32_t lifetime)
{
	char password[TURNREST_PASSWORD_MAX];
	struct bed_ask q;

	turnrest_password(password, bed_secrets[0], name, strlen(name));
	begin_rest(&q, method, lifetime);
	bed_sign_as(&q, name, password);
	bed_send(&q);
	return bed_code();
}

/* The same as a client of RFC 8489 asks: SHA-256, out of the list. */
static int
ask_rest_modern(enum stun_method method, const char *name, uint32_t lifetime)
{
	char password[TURNREST_PASSWORD_MAX], nonce[TURN_NONCE_MAX];
	const size_t len = turn_nonce_make(nonce, &bed.shared->nonce_key,
	    &bed.flow.client, bed.now / 1000, TURN_NONCE_PASSWORD_ALGORITHMS);
	struct stun_key key;
	struct bed_ask q;

	turnrest_password(password, bed_secrets[0], name, strlen(name));
	assert_int_equal(stun_key_derive(&key, STUN_ALGORITHM_SHA256, name,
			     BED_REALM, password),
	    0);
	begin_rest(&q, method, lifetime);
	stun_put(&q.pen, STUN_ATTR_USERNAME, name, strlen(name));
	stun_put(&q.pen, STUN_ATTR_REALM, BED_REALM, strlen(BED_REALM));
	stun_put(&q.pen, STUN_ATTR_NONCE, nonce, len);
	stun_put_algorithms(&q.pen);
	stun_put_algorithm(&q.pen, STUN_ALGORITHM_SHA256);
	stun_put_integrity256(&q.pen, &key);
	bed_send(&q);
	return bed_code();
}

static const char *
rest_name(char name[64], int64_t lives_s)
{
	snprintf(name, 64, "%lld:carol", (long long)(mono_wall_s() + lives_s));
	return name;
}

/* It opens and prolongs nothing, but does not end a call that runs. */
static void
test_an_expired_credential_lets_a_running_call_be(void **state)
{
	char name[64];

	(void)state;
	rest_name(name, 100);
	assert_int_equal(ask_rest(STUN_ALLOCATE, name, 0), 0);
	assert_int_equal(ask_rest(STUN_REFRESH, name, 600), 0);
	bed_wait(101 * 1000);
	assert_int_equal(ask_rest(STUN_REFRESH, name, 600), 401);
	assert_int_equal(bed.stats.auth[STATS_AUTH_EXPIRED], 1);
	assert_int_equal(ask_rest(STUN_CREATE_PERMISSION, name, 0), 0);
	/* not even by a reload that leaves the secrets alone */
	turn_apply(bed.turn, &bed_conf, bed.policy, bed.now);
	assert_int_equal(ask_rest(STUN_CREATE_PERMISSION, name, 0), 0);
	assert_int_equal(ask_rest(STUN_REFRESH, name, 0), 0);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 0);
	assert_int_equal(ask_rest(STUN_ALLOCATE, name, 0), 401);
}

/* Neither the algorithm nor a new secret beside the old one matters. */
static void
test_an_expired_credential_lets_every_running_call_be(void **state)
{
	static char *both[] = { "south", "north" };
	struct snapshot conf = bed_conf;
	char name[64];

	(void)state;
	rest_name(name, 100);
	assert_int_equal(ask_rest_modern(STUN_ALLOCATE, name, 0), 0);
	bed_wait(101 * 1000);
	assert_int_equal(ask_rest_modern(STUN_REFRESH, name, 600), 401);
	assert_int_equal(ask_rest_modern(STUN_CREATE_PERMISSION, name, 0), 0);
	assert_int_equal(ask_rest_modern(STUN_REFRESH, name, 0), 0);
	assert_int_equal(ask_rest_modern(STUN_ALLOCATE, name, 0), 401);
	rest_name(name, 100);
	assert_int_equal(ask_rest(STUN_ALLOCATE, name, 0), 0);
	conf.auth.secrets = both;
	conf.auth.secret_count = 2;
	turn_apply(bed.turn, &conf, bed.policy, bed.now);
	bed_wait(101 * 1000);
	assert_int_equal(ask_rest(STUN_CREATE_PERMISSION, name, 0), 0);
	/* of this call only */
	rest_name(name, -50);
	assert_int_equal(ask_rest(STUN_CREATE_PERMISSION, name, 0), 441);
	turn_apply(bed.turn, &bed_conf, bed.policy, bed.now);
}

static void
test_a_secret_that_was_withdrawn_is_asked_for_again(void **state)
{
	static char *other[] = { "south" };
	struct snapshot conf = bed_conf;
	char name[64];

	(void)state;
	rest_name(name, 100);
	assert_int_equal(ask_rest(STUN_ALLOCATE, name, 0), 0);
	conf.auth.secrets = other;
	turn_apply(bed.turn, &conf, bed.policy, bed.now);
	assert_int_equal(ask_rest(STUN_REFRESH, name, 600), 401);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 1);
	turn_apply(bed.turn, &bed_conf, bed.policy, bed.now);
}

/* ---- a new configuration */

static void
apply(struct snapshot *conf)
{
	turn_apply(bed.turn, conf, bed.policy, bed.now);
}

/* The file has one word of many: consent decides, and shuts the gate. */
static void
test_a_configuration_leaves_the_gate_as_it_is(void **state)
{
	struct snapshot off = bed_conf;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	off.relay.enabled = false;
	apply(&off);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 1);
	turn_shared_gate(bed.shared, TURN_GATE_SHUT);
	apply(&bed_conf);
	bed.flow.client = bed_addr("198.51.100.5:4001");
	assert_int_equal(bed_allocate(), 403);
}

static void
test_the_allocations_of_a_removed_user_end(void **state)
{
	struct snapshot fewer = bed_conf;
	char name[64];

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	bed.flow.client = bed_addr("198.51.100.5:4001");
	rest_name(name, 1000);
	assert_int_equal(ask_rest(STUN_ALLOCATE, name, 0), 0);
	fewer.auth.users = &bed_users[1];
	fewer.auth.user_count = 1;
	apply(&fewer);
	/* the TURN REST user is still there */
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 1);
	assert_int_equal(ask_rest(STUN_REFRESH, name, 600), 0);
	apply(&bed_conf);
}

static void
test_a_changed_password_is_asked_for(void **state)
{
	struct snapshot_user changed = { .name = "alice", .password = "new" };
	struct snapshot conf = bed_conf;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	bed_set_user(&changed);
	conf.auth.users = &changed;
	conf.auth.user_count = 1;
	apply(&conf);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 1);
	assert_int_equal(bed_refresh(600, 0), 401);
	apply(&bed_conf);
	assert_int_equal(bed_refresh(600, 0), 0);
}

/* ---- the rest of the front door */

static void
test_an_allocation_ends_with_its_connection(void **state)
{
	(void)state;
	turn_closed(bed.turn, &bed.flow, bed.now); /* had none */
	bed.flow.transport = NET_TCP;
	bed.flow.conn = (struct net_conn *)&fake;
	assert_int_equal(bed_allocate(), 0);
	turn_closed(bed.turn, &bed.flow, bed.now);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 0);
	assert_int_equal(fake.open, 0);
	/* the connection was not touched any more */
	assert_int_equal(fake.kept, 1);
}

struct listed {
	unsigned count;
	struct turn_view last;
	char user[TURN_USER_MAX];
};

static void
note_view(void *arg, const struct turn_view *v)
{
	struct listed *l = arg;

	l->count++;
	l->last = *v;
	snprintf(l->user, sizeof(l->user), "%s", v->user);
}

static void
test_the_list_shows_what_each_allocation_does(void **state)
{
	struct listed l = { 0 };

	(void)state;
	assert_int_equal(bed_allocate_dual(), 0);
	assert_int_equal(bed_bind(0x4000, PEER), 0);
	assert_int_equal(bed_permit("9.9.9.10:1"), 0);
	bed_channel_data(0x4000, "12345");
	bed_peer_sends(0, PEER, "123");
	bed_indicate("9.9.9.11:1", "no");
	bed_wait(100 * 1000);
	turn_list(bed.turn, note_view, &l, bed.now);
	assert_int_equal(l.count, 1);
	assert_string_equal(l.user, "alice");
	assert_true(addr_equal(&l.last.client, &bed.flow.client));
	assert_true(addr_equal_host(&l.last.relayed[0], &bed_external.outside));
	assert_int_equal(addr_family(&l.last.relayed[1]), AF_INET6);
	assert_int_equal(l.last.permissions, 2);
	assert_int_equal(l.last.channels, 1);
	assert_int_equal(l.last.expires_ms, 500 * 1000);
	assert_int_equal(l.last.age_ms, 100 * 1000);
	assert_int_equal(l.last.up_packets, 1);
	assert_int_equal(l.last.up_bytes, 5);
	assert_int_equal(l.last.down_packets, 1);
	assert_int_equal(l.last.down_bytes, 3);
	assert_int_equal(l.last.dropped, 1);
}

static int
allocate_pair(void)
{
	const uint8_t pair = 0x80;
	struct bed_ask q;

	bed_begin_allocate(&q);
	stun_put(&q.pen, STUN_ATTR_EVEN_PORT, &pair, 1);
	return bed_finish(&q);
}

/* A reservation that nobody claims comes back by the turn's own timer. */
static void
test_reservations_are_swept(void **state)
{
	bed_tear_down(state);
	bed_configure();
	bed_conf.relay.port_max = bed_conf.relay.port_min + 1;
	bed_open();
	assert_int_equal(allocate_pair(), 0);
	bed.flow.client = bed_addr("198.51.100.5:4001");
	assert_int_equal(bed_allocate(), 508);
	bed_wait(TURN_PORTS_RESERVATION_MS);
	bed_wait(10 * 1000 + WHEEL_TICK_MS);
	assert_int_equal(bed_allocate(), 0);
}

static void
test_a_turn_that_lacks_memory_is_not_made(void **state)
{
	struct turn *t = NULL;
	long n = 0;

	(void)state;
	for (; t == NULL; n++) {
		assert_true(n < 50);
		mem_fail_at(n);
		t = bed_turn_new();
		mem_fail_at(-1);
	}
	assert_true(n > 4);
	turn_free(t);
	turn_free(NULL);
}

static void
test_what_is_shared_and_lacks_memory_is_not_made(void **state)
{
	struct turn_shared *s = NULL;
	long n = 0;

	(void)state;
	for (; s == NULL; n++) {
		assert_true(n < 50);
		mem_fail_at(n);
		s = turn_shared_new(&bed_conf);
		mem_fail_at(-1);
	}
	assert_true(n > 2);
	turn_shared_free(s);
	turn_shared_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(
		    test_what_is_no_protocol_of_ours_is_dropped_and_counted),
		BED_TEST(test_nothing_answers_what_is_no_request),
		BED_TEST(test_requests_of_unknown_methods_are_discarded),
		BED_TEST(test_every_turn_request_needs_a_credential),
		BED_TEST(test_what_has_no_allocation_is_a_mismatch),
		BED_TEST(test_another_user_has_the_wrong_credentials),
		BED_TEST(
		    test_an_old_nonce_is_stale_with_and_without_allocation),
		BED_TEST(test_unknown_attributes_are_named),
		BED_TEST(test_an_expired_credential_lets_a_running_call_be),
		BED_TEST(test_an_expired_credential_lets_every_running_call_be),
		BED_TEST(test_a_secret_that_was_withdrawn_is_asked_for_again),
		BED_TEST(test_a_configuration_leaves_the_gate_as_it_is),
		BED_TEST(test_the_allocations_of_a_removed_user_end),
		BED_TEST(test_a_changed_password_is_asked_for),
		BED_TEST(test_an_allocation_ends_with_its_connection),
		BED_TEST(test_the_list_shows_what_each_allocation_does),
		BED_TEST(test_reservations_are_swept),
		BED_TEST(test_a_turn_that_lacks_memory_is_not_made),
		BED_TEST(test_what_is_shared_and_lacks_memory_is_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
