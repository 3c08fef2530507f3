#include "common/token/turnrest.h"
#include "tests/unit/turn/ask.h"

static void
assert_refused(const struct ask *a, int code, enum stats_auth why)
{
	const struct answer got = check(a);

	assert_int_equal(got.code, code);
	assert_int_equal(got.why, why);
}

/* Is proved to be username, known to quotas as user. */
static void
assert_proved(const struct ask *a, const char *username, const char *user)
{
	const struct answer got = check(a);

	assert_int_equal(got.code, 0);
	assert_int_equal(got.why, STATS_AUTH_COUNT);
	assert_int_equal(got.id.username_len, strlen(username));
	assert_string_equal(got.id.username, username);
	assert_int_equal(got.id.user_len, strlen(user));
	assert_int_equal(got.id.sha256, a->algorithm != 0);
}

/* ---- the order of section 9.2.4 */

static void
test_without_integrity_it_is_challenged(void **state)
{
	const struct ask bare = { .no_nonce = true };
	struct ask a = old_ask();

	(void)state;
	assert_refused(&bare, 401, STATS_AUTH_CHALLENGED);
	a.sign = SIGN_NONE;
	assert_refused(&a, 401, STATS_AUTH_CHALLENGED);
}

static void
test_missing_attributes_are_400(void **state)
{
	struct ask a = old_ask();

	(void)state;
	a.user = NULL;
	assert_refused(&a, 400, STATS_AUTH_MALFORMED);
	a = old_ask();
	a.realm = NULL;
	assert_refused(&a, 400, STATS_AUTH_MALFORMED);
	a = new_ask();
	a.no_nonce = true;
	assert_refused(&a, 400, STATS_AUTH_MALFORMED);
}

static void
test_names_of_a_wrong_length_are_400(void **state)
{
	char name[STUN_USERNAME_MAX + 2];
	struct ask a = old_ask();
	uint8_t data[ROOM];
	struct answer got;
	struct pen p;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[STUN_USERNAME_MAX + 1] = '\0';
	a.user = name;
	assert_refused(&a, 400, STATS_AUTH_MALFORMED);
	name[STUN_USERNAME_MAX] = '\0';
	assert_refused(&a, 401, STATS_AUTH_UNKNOWN_USER);

	stun_msg_begin(&p, data, ROOM, STUN_ALLOCATE, STUN_REQUEST, tid);
	stun_put(&p, STUN_ATTR_USERHASH, name, STUN_USERHASH_LEN - 1);
	stun_put(&p, STUN_ATTR_REALM, REALM, strlen(REALM));
	put_nonce(&p, &a);
	put_signatures(&p, &a);
	got = check_bytes(data, stun_msg_end(&p));
	assert_int_equal(got.code, 400);
	assert_int_equal(got.why, STATS_AUTH_MALFORMED);
}

static void
test_old_clients_sign_with_md5_and_sha1(void **state)
{
	struct ask a = old_ask();

	(void)state;
	assert_proved(&a, "alice", "alice");
	/* also where the algorithms were offered and not understood */
	a.features = TURN_NONCE_PASSWORD_ALGORITHMS;
	assert_proved(&a, "alice", "alice");
}

static void
test_new_clients_choose_their_algorithm(void **state)
{
	struct ask a = new_ask();

	(void)state;
	assert_proved(&a, "alice", "alice");
	a.sign = SIGN_SHA1;
	assert_proved(&a, "alice", "alice");
	a.algorithm = a.key = STUN_ALGORITHM_MD5;
	assert_proved(&a, "alice", "alice");
	a.sign = SIGN_SHA256;
	assert_proved(&a, "alice", "alice");
	/* the key is of the algorithm that was named */
	a.key = STUN_ALGORITHM_SHA256;
	assert_refused(&a, 401, STATS_AUTH_WRONG_PASSWORD);
}

static void
test_bidding_down_is_400(void **state)
{
	struct ask a = new_ask();

	(void)state;
	a.list = false;
	assert_refused(&a, 400, STATS_AUTH_BID_DOWN);
	a = new_ask();
	a.algorithm = 0;
	assert_refused(&a, 400, STATS_AUTH_BID_DOWN);
	a = new_ask();
	a.algorithm = 3;
	assert_refused(&a, 400, STATS_AUTH_BID_DOWN);
	/* nor with a nonce that is stale, or whose user is unknown */
	a = new_ask();
	a.list = false;
	a.nonce_s = 1;
	a.user = "nobody";
	assert_refused(&a, 400, STATS_AUTH_BID_DOWN);
}

static void
test_a_shortened_list_is_400(void **state)
{
	static const uint8_t md5_only[] = { 0, STUN_ALGORITHM_MD5, 0, 0 };
	const struct ask a = { .user = "alice",
		.features = TURN_NONCE_PASSWORD_ALGORITHMS,
		.password = "wonder",
		.sign = SIGN_SHA1 };
	uint8_t data[ROOM];
	struct answer got;
	struct pen p;

	(void)state;
	stun_msg_begin(&p, data, ROOM, STUN_ALLOCATE, STUN_REQUEST, tid);
	stun_put(&p, STUN_ATTR_USERNAME, "alice", 5);
	stun_put(&p, STUN_ATTR_REALM, REALM, strlen(REALM));
	put_nonce(&p, &a);
	stun_put(&p, STUN_ATTR_PASSWORD_ALGORITHMS, md5_only, 4);
	stun_put_algorithm(&p, STUN_ALGORITHM_MD5);
	put_signatures(&p, &a);
	got = check_bytes(data, stun_msg_end(&p));
	assert_int_equal(got.code, 400);
	assert_int_equal(got.why, STATS_AUTH_BID_DOWN);
}

/* Appendix B.1 of RFC 8489 does so. */
static void
test_an_algorithm_may_be_named_without_an_offer(void **state)
{
	struct ask a = new_ask();

	(void)state;
	a.features = 0;
	a.list = false;
	assert_proved(&a, "alice", "alice");
	a.algorithm = 9;
	assert_refused(&a, 400, STATS_AUTH_BID_DOWN);
}

static void
test_unknown_users_are_401(void **state)
{
	struct ask a = old_ask();

	(void)state;
	a.user = "mallory";
	assert_refused(&a, 401, STATS_AUTH_UNKNOWN_USER);
	a.user = "";
	assert_refused(&a, 401, STATS_AUTH_UNKNOWN_USER);
	a.user = NULL;
	a.userhash = "mallory";
	assert_refused(&a, 401, STATS_AUTH_UNKNOWN_USER);
}

/* A key of zero bytes is what an unknown user is checked with. */
static void
test_no_key_opens_an_unknown_user(void **state)
{
	static const struct stun_key zero = { .len = STUN_MD5_LEN };
	const struct ask a = { 0 };
	uint8_t data[ROOM];
	struct pen p;

	(void)state;
	stun_msg_begin(&p, data, ROOM, STUN_ALLOCATE, STUN_REQUEST, tid);
	stun_put(&p, STUN_ATTR_USERNAME, "mallory", 7);
	stun_put(&p, STUN_ATTR_REALM, REALM, strlen(REALM));
	put_nonce(&p, &a);
	stun_put_integrity(&p, &zero);
	assert_int_equal(check_bytes(data, stun_msg_end(&p)).code, 401);
}

static void
test_another_realm_is_401(void **state)
{
	struct ask a = old_ask();

	(void)state;
	a.realm = "example.com";
	assert_refused(&a, 401, STATS_AUTH_UNKNOWN_USER);
	a.realm = REALM "g";
	assert_refused(&a, 401, STATS_AUTH_UNKNOWN_USER);
	a.realm = "";
	assert_refused(&a, 401, STATS_AUTH_UNKNOWN_USER);
}

static void
test_a_wrong_password_is_401(void **state)
{
	struct ask a = old_ask();

	(void)state;
	a.password = "Wonder";
	assert_refused(&a, 401, STATS_AUTH_WRONG_PASSWORD);
	a = new_ask();
	a.password = "Wonder";
	assert_refused(&a, 401, STATS_AUTH_WRONG_PASSWORD);
}

static void
test_of_two_signatures_the_stronger_counts(void **state)
{
	struct ask a = new_ask();

	(void)state;
	a.sign = SIGN_BOTH;
	assert_proved(&a, "alice", "alice");
	a.sha1_password = "wrong";
	assert_proved(&a, "alice", "alice");
	a.sha1_password = "wonder";
	a.password = "wrong";
	assert_refused(&a, 401, STATS_AUTH_WRONG_PASSWORD);
}

static void
test_a_stale_nonce_is_438_to_who_has_the_password(void **state)
{
	struct ask a = old_ask();

	(void)state;
	a.nonce_s = MONO_S - TURN_NONCE_LIFETIME_S;
	assert_proved(&a, "alice", "alice");
	a.nonce_s--;
	assert_refused(&a, 438, STATS_AUTH_STALE_NONCE);
	a.password = "wrong";
	assert_refused(&a, 401, STATS_AUTH_WRONG_PASSWORD);
	a = new_ask();
	a.nonce_s = 1;
	assert_refused(&a, 438, STATS_AUTH_STALE_NONCE);
}

/* ---- names */

static void
test_userhash_finds_static_users(void **state)
{
	struct ask a = new_ask();

	(void)state;
	a.user = NULL;
	a.userhash = a.key_user = "alice";
	a.features |= TURN_NONCE_USERNAME_ANONYMITY;
	assert_proved(&a, "alice", "alice");
	a.password = "wrong";
	assert_refused(&a, 401, STATS_AUTH_WRONG_PASSWORD);
}

static void
test_static_users_may_have_colons_and_win(void **state)
{
	struct ask a = old_ask();

	(void)state;
	a.user = "a:b:c";
	a.password = "colons";
	assert_proved(&a, "a:b:c", "a:b:c");
	a.user = "17:bob";
	a.password = "static";
	assert_proved(&a, "17:bob", "17:bob");
	assert_int_equal(check(&a).id.expiry, 0);
}

static struct ask
rest_ask(const char *name, const char *secret)
{
	static char password[TURNREST_PASSWORD_MAX];
	struct ask a = old_ask();

	turnrest_password(password, secret, name, strlen(name));
	a.user = name;
	a.password = password;
	return a;
}

static void
test_rest_names_prove_their_user_part(void **state)
{
	static const struct {
		const char *name;
		const char *user;
	} rows[] = {
		{ "1893456001:alice", "alice" },
		{ "1893456001", "1893456001" },
		{ "alice:1893456001", "alice" },
		{ "1893456001:@u:host", "@u:host" },
		{ "1893456001:", "1893456001:" },
	};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		const struct ask a = rest_ask(rows[i].name, "north");
		const struct answer got = check(&a);

		assert_proved(&a, rows[i].name, rows[i].user);
		assert_int_equal(got.id.expiry, 1893456001);
		assert_memory_equal(got.id.username +
			(strstr(rows[i].name, rows[i].user) - rows[i].name),
		    rows[i].user, strlen(rows[i].user));
	}
}

static void
test_user_points_into_the_identity_itself(void **state)
{
	struct ask a = rest_ask("1893456001:alice", "north");
	struct turn_auth_input in = { NULL, &client, &conf, &nonce_key, MONO_S,
		WALL_S };
	struct turn_identity id;
	uint8_t data[ROOM];
	enum stats_auth why;
	struct stun_msg m;

	(void)state;
	assert_int_equal(stun_msg_parse(&m, data, build(data, &a)), 0);
	in.msg = &m;
	assert_int_equal(turn_auth_check(&id, &why, &in), 0);
	assert_ptr_equal(id.user, id.username + 11);
	assert_string_equal(id.user, "alice");
}

static void
test_every_secret_counts(void **state)
{
	struct ask a = rest_ask("1893456001:alice", "south");

	(void)state;
	assert_proved(&a, "1893456001:alice", "alice");
	a = rest_ask("1893456001:alice", "east");
	assert_refused(&a, 401, STATS_AUTH_WRONG_PASSWORD);
}

static void
test_rest_names_may_use_sha256(void **state)
{
	struct ask a = rest_ask("1893456001:alice", "north");

	(void)state;
	a.features = TURN_NONCE_PASSWORD_ALGORITHMS;
	a.list = true;
	a.algorithm = a.key = STUN_ALGORITHM_SHA256;
	a.sign = SIGN_SHA256;
	assert_proved(&a, "1893456001:alice", "alice");
}

static void
test_rest_names_expire(void **state)
{
	struct ask a = rest_ask("1893456000:alice", "north");

	(void)state;
	assert_refused(&a, 401, STATS_AUTH_EXPIRED);
	a = rest_ask("1893456001:alice", "north");
	assert_proved(&a, "1893456001:alice", "alice");
}

static void
test_without_secrets_rest_names_are_unknown(void **state)
{
	const struct ask a = rest_ask("1893456001:alice", "");

	(void)state;
	conf.auth.secret_count = 0;
	assert_refused(&a, 401, STATS_AUTH_UNKNOWN_USER);
}

/* ---- vectors; their nonces are not ours: all but the nonce passes */

static void
test_rfc_vectors_pass_up_to_their_nonce(void **state)
{
	struct answer got =
	    check_bytes(vector_long_term, sizeof(vector_long_term));

	(void)state;
	assert_int_equal(got.code, 438);
	got = check_bytes(vector_sha256, sizeof(vector_sha256));
	assert_int_equal(got.code, 438);

	users[0].md5.bytes[0] ^= 1;
	users[0].sha256.bytes[0] ^= 1;
	got = check_bytes(vector_long_term, sizeof(vector_long_term));
	assert_int_equal(got.code, 401);
	got = check_bytes(vector_sha256, sizeof(vector_sha256));
	assert_int_equal(got.code, 401);
}

static void
test_rfc_credentials_pass_with_our_nonce(void **state)
{
	struct ask a = old_ask();

	(void)state;
	a.user = VECTOR_LONG_USER;
	a.password = VECTOR_LONG_PASSWORD;
	assert_proved(&a, VECTOR_LONG_USER, VECTOR_LONG_USER);
}

#define T(f) cmocka_unit_test_setup(f, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_without_integrity_it_is_challenged),
		T(test_missing_attributes_are_400),
		T(test_names_of_a_wrong_length_are_400),
		T(test_old_clients_sign_with_md5_and_sha1),
		T(test_new_clients_choose_their_algorithm),
		T(test_bidding_down_is_400),
		T(test_a_shortened_list_is_400),
		T(test_an_algorithm_may_be_named_without_an_offer),
		T(test_unknown_users_are_401),
		T(test_no_key_opens_an_unknown_user),
		T(test_another_realm_is_401),
		T(test_a_wrong_password_is_401),
		T(test_of_two_signatures_the_stronger_counts),
		T(test_a_stale_nonce_is_438_to_who_has_the_password),
		T(test_userhash_finds_static_users),
		T(test_static_users_may_have_colons_and_win),
		T(test_rest_names_prove_their_user_part),
		T(test_user_points_into_the_identity_itself),
		T(test_every_secret_counts),
		T(test_rest_names_may_use_sha256),
		T(test_rest_names_expire),
		T(test_without_secrets_rest_names_are_unknown),
		T(test_rfc_vectors_pass_up_to_their_nonce),
		T(test_rfc_credentials_pass_with_our_nonce),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
