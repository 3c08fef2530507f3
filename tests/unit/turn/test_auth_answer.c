#include "tests/unit/turn/ask.h"

enum { IP_UDP_LEN = 20 + 8 };

/* Parses a 401 that has all of room behind its ERROR-CODE of reason bytes;
 * false when nothing may be answered. */
static bool
challenge(struct stun_msg *m, uint8_t out[ROOM], size_t reason, size_t most)
{
	const struct turn_auth_input in = { NULL, &client, &conf, &nonce_key,
		MONO_S, WALL_S };
	static const uint8_t error[4 + 16] = { 0, 0, 4, 1 };
	struct pen p;
	size_t len;

	stun_msg_begin(&p, out, ROOM, STUN_ALLOCATE, STUN_ERROR, tid);
	stun_put(&p, STUN_ATTR_ERROR_CODE, error, 4 + reason);
	if (!turn_auth_put_challenge(&p, &in, most - pen_len(&p))) {
		assert_int_equal(pen_len(&p), 20 + 8 + stun_padded(reason));
		return false;
	}
	len = stun_msg_end(&p);
	assert_in_range(len, STUN_HEADER_LEN, most);
	assert_int_equal(stun_msg_parse(m, out, len), 0);
	return true;
}

/* What 2.5 times a request of len bytes over IPv4 leaves for STUN. */
static size_t
answer_room(size_t len)
{
	return (IP_UDP_LEN + len) * 5 / 2 - IP_UDP_LEN;
}

static unsigned
features_in(const struct stun_msg *m)
{
	const struct stun_attr *nonce = stun_msg_find(m, STUN_ATTR_NONCE);
	unsigned features;

	assert_non_null(nonce);
	assert_int_equal(turn_nonce_check(&features, &nonce_key, &client,
			     MONO_S, nonce->value, nonce->len),
	    0);
	return features;
}

static void
test_the_longest_realm_answers_the_shortest_request(void **state)
{
	char realm[SNAPSHOT_REALM_MAX + 1];
	const struct stun_attr *got;
	uint8_t out[ROOM];
	struct stun_msg m;

	(void)state;
	memset(realm, 'r', SNAPSHOT_REALM_MAX);
	realm[SNAPSHOT_REALM_MAX] = '\0';
	conf.node.realm = realm;
	assert_true(challenge(&m, out, 0, answer_room(STUN_HEADER_LEN)));
	assert_non_null(got = stun_msg_find(&m, STUN_ATTR_REALM));
	assert_int_equal(got->len, SNAPSHOT_REALM_MAX);
	assert_memory_equal(got->value, realm, SNAPSHOT_REALM_MAX);
	assert_int_equal(features_in(&m), 0);
	assert_null(stun_msg_find(&m, STUN_ATTR_PASSWORD_ALGORITHMS));
	/* a byte less, and there is no answer */
	assert_false(challenge(&m, out, 0, answer_room(STUN_HEADER_LEN) - 1));
}

static void
test_a_usual_allocate_is_offered_the_algorithms(void **state)
{
	const size_t allocate = STUN_HEADER_LEN + 8; /* REQUESTED-TRANSPORT */
	const struct stun_attr *list;
	uint8_t out[ROOM];
	struct stun_msg m;

	(void)state;
	/* with the 15 bytes of "Unauthenticated" */
	assert_int_equal(strlen(conf.node.realm), 11);
	assert_true(challenge(&m, out, 15, answer_room(allocate)));
	assert_int_equal(features_in(&m), TURN_NONCE_PASSWORD_ALGORITHMS);
	list = stun_msg_find(&m, STUN_ATTR_PASSWORD_ALGORITHMS);
	assert_non_null(list);
	assert_true(stun_attr_is_algorithms(list));
}

static void
test_anonymity_is_offered_when_all_users_are_static(void **state)
{
	uint8_t out[ROOM];
	struct stun_msg m;

	(void)state;
	conf.auth.secret_count = 0;
	assert_true(challenge(&m, out, 0, ROOM));
	assert_int_equal(features_in(&m),
	    TURN_NONCE_PASSWORD_ALGORITHMS | TURN_NONCE_USERNAME_ANONYMITY);
}

/* Algorithms come with their cookie or not at all, at each length. */
static void
test_algorithms_and_cookie_go_together(void **state)
{
	uint8_t out[ROOM];
	unsigned answered = 0, offered = 0;
	struct stun_msg m;

	(void)state;
	for (size_t most = 28; most < 140; most++) {
		if (!challenge(&m, out, 0, most))
			continue;
		answered++;
		assert_int_equal(
		    stun_msg_find(&m, STUN_ATTR_PASSWORD_ALGORITHMS) != NULL,
		    features_in(&m) != 0);
		offered += features_in(&m) != 0;
	}
	/* 28 + realm 16 + nonce 20; nonce 36 and algorithms 12 */
	assert_int_equal(answered, 140 - 64);
	assert_int_equal(offered, 140 - 92);
}

static void
test_answers_are_signed_as_the_request_was(void **state)
{
	const struct ask asks[] = { old_ask(), new_ask() };
	uint8_t out[ROOM];
	struct stun_msg m;
	struct pen p;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const struct answer got = check(&asks[i]);

		assert_int_equal(got.code, 0);
		stun_msg_begin(&p, out, ROOM, STUN_ALLOCATE, STUN_SUCCESS, tid);
		turn_auth_put_integrity(&p, &got.id);
		assert_int_equal(stun_msg_parse(&m, out, stun_msg_end(&p)), 0);
		assert_int_equal(stun_integrity_ok(&m, &users[1].md5), i == 0);
		assert_int_equal(
		    stun_integrity256_ok(&m, &users[1].sha256), i == 1);
	}
}

#define T(f) cmocka_unit_test_setup(f, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_the_longest_realm_answers_the_shortest_request),
		T(test_a_usual_allocate_is_offered_the_algorithms),
		T(test_anonymity_is_offered_when_all_users_are_static),
		T(test_algorithms_and_cookie_go_together),
		T(test_answers_are_signed_as_the_request_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
