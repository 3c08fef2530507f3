#include "tests/unit/turn/bed.h"

static struct turn_session session;
static struct turn_identity alice;

static void
identify(struct turn_identity *id, const char *name)
{
	memset(id, 0, sizeof(*id));
	snprintf(id->username, sizeof(id->username), "%s", name);
	id->username_len = strlen(name);
	id->user = id->username;
	id->user_len = id->username_len;
	id->key = bed_users[0].md5;
}

static int
set_up(void **state)
{
	bed_set_up(state);
	identify(&alice, "alice");
	memset(&session, 0, sizeof(session));
	return turn_session_init(&session, &bed.flow, &alice);
}

static int
tear_down(void **state)
{
	turn_session_fini(&session);
	return bed_tear_down(state);
}

/* Does the remembered key prove what stands in q? */
static bool
is_proved(struct bed_ask *q)
{
	const size_t len = stun_msg_end(&q->pen);
	struct turn_identity id;
	struct stun_msg m;
	const struct turn_auth_input in = { .msg = &m,
		.client = &bed.flow.client,
		.conf = &bed_conf,
		.nonce_key = &bed.shared->nonce_key,
		.mono_s = bed.now / 1000 };

	assert_int_equal(stun_msg_parse(&m, q->mem, len), 0);
	if (!turn_session_auth(&id, &session, &in))
		return false;
	assert_string_equal(id.username, "alice");
	assert_int_equal(id.user_len, 5);
	assert_ptr_equal(id.user, id.username);
	assert_memory_equal(id.key.bytes, bed_users[0].md5.bytes, STUN_MD5_LEN);
	return true;
}

static void
begin(struct bed_ask *q)
{
	bed_begin(q, STUN_REFRESH, STUN_REQUEST);
}

static void
test_the_remembered_key_proves_its_user(void **state)
{
	struct bed_ask q;

	(void)state;
	begin(&q);
	bed_sign_as(&q, "alice", "wonder");
	assert_true(is_proved(&q));
	begin(&q);
	bed_sign_as(&q, "alice", "wrong");
	assert_false(is_proved(&q));
	begin(&q);
	bed_sign_as(&q, "bob", "wonder");
	assert_false(is_proved(&q));
	begin(&q);
	assert_false(is_proved(&q));
}

/* Where an algorithm is named, bid-down is checked elsewhere. */
static void
test_what_names_an_algorithm_takes_the_long_way(void **state)
{
	struct bed_ask q;

	(void)state;
	begin(&q);
	stun_put_algorithm(&q.pen, STUN_ALGORITHM_MD5);
	bed_sign_as(&q, "alice", "wonder");
	assert_false(is_proved(&q));
	begin(&q);
	stun_put_algorithms(&q.pen);
	bed_sign_as(&q, "alice", "wonder");
	assert_false(is_proved(&q));
}

static void
test_the_nonce_must_be_fresh_and_the_clients(void **state)
{
	struct bed_ask q;

	(void)state;
	begin(&q);
	bed_sign_as(&q, "alice", "wonder");
	bed.now += (TURN_NONCE_LIFETIME_S + 1) * 1000;
	assert_false(is_proved(&q));
	begin(&q);
	bed_sign_as(&q, "alice", "wonder");
	bed.flow.client = bed_addr("198.51.100.99:1");
	assert_false(is_proved(&q));
}

static void
test_a_key_that_was_forgotten_proves_nothing(void **state)
{
	struct bed_ask q;

	(void)state;
	turn_session_forget(&session);
	begin(&q);
	bed_sign_as(&q, "alice", "wonder");
	assert_false(is_proved(&q));
	turn_session_remember(&session, &alice);
	assert_true(is_proved(&q));
	/* SHA-256 is another kind of key */
	alice.sha256 = true;
	turn_session_remember(&session, &alice);
	assert_false(is_proved(&q));
}

static void
test_a_5_tuple_is_client_local_and_transport(void **state)
{
	struct net_flow flow = bed.flow;

	(void)state;
	assert_true(turn_session_is(&session, &flow));
	flow.client = bed_addr("198.51.100.5:4001");
	assert_false(turn_session_is(&session, &flow));
	assert_int_not_equal(
	    turn_session_hash(&flow), turn_session_hash(&bed.flow));
	flow = bed.flow;
	flow.local = bed_addr("10.0.0.8:3478");
	assert_false(turn_session_is(&session, &flow));
	assert_int_not_equal(
	    turn_session_hash(&flow), turn_session_hash(&bed.flow));
	flow = bed.flow;
	flow.transport = NET_TCP;
	assert_false(turn_session_is(&session, &flow));
	assert_int_not_equal(
	    turn_session_hash(&flow), turn_session_hash(&bed.flow));
}

static void
test_a_session_belongs_to_the_whole_name(void **state)
{
	struct turn_identity other;

	(void)state;
	assert_true(turn_session_belongs(&session, &alice));
	identify(&other, "alic");
	assert_false(turn_session_belongs(&session, &other));
	identify(&other, "alicf");
	assert_false(turn_session_belongs(&session, &other));
}

/* A name in a log line can neither end the line nor make up a field. */
static void
test_a_user_cannot_write_log_lines(void **state)
{
	char out[TURN_SESSION_LABEL_MAX];
	struct turn_session s;

	(void)state;
	identify(&alice,
	    "a\nb\xc3\xa4 c\x7f"
	    "d");
	alice.user += 1;
	alice.user_len -= 1;
	memset(&s, 0, sizeof(s));
	assert_int_equal(turn_session_init(&s, &bed.flow, &alice), 0);
	assert_string_equal(turn_session_label(&s, out), "?b\xc3\xa4?c?d");
	turn_session_fini(&s);
}

static void
test_a_long_user_is_cut_in_log_lines(void **state)
{
	char name[200], out[TURN_SESSION_LABEL_MAX];
	struct turn_session s;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	identify(&alice, name);
	memset(&s, 0, sizeof(s));
	assert_int_equal(turn_session_init(&s, &bed.flow, &alice), 0);
	assert_int_equal(
	    strlen(turn_session_label(&s, out)), TURN_SESSION_LABEL_MAX - 1);
	turn_session_fini(&s);
}

static void
test_no_memory_is_insufficient_capacity(void **state)
{
	struct turn_session s;

	(void)state;
	memset(&s, 0, sizeof(s));
	mem_fail_at(0);
	assert_int_equal(turn_session_init(&s, &bed.flow, &alice), 508);
	mem_fail_at(-1);
	turn_session_fini(&s);
}

#define SESSION_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(test_the_remembered_key_proves_its_user),
		SESSION_TEST(test_what_names_an_algorithm_takes_the_long_way),
		SESSION_TEST(test_the_nonce_must_be_fresh_and_the_clients),
		SESSION_TEST(test_a_key_that_was_forgotten_proves_nothing),
		SESSION_TEST(test_a_5_tuple_is_client_local_and_transport),
		SESSION_TEST(test_a_session_belongs_to_the_whole_name),
		SESSION_TEST(test_a_user_cannot_write_log_lines),
		SESSION_TEST(test_a_long_user_is_cut_in_log_lines),
		SESSION_TEST(test_no_memory_is_insufficient_capacity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
