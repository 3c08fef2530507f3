#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/turnc.h"

enum { ROOM = 2048, ID = 0xDEADBEEF };

static const char nonce[] = "obMatJos2gAAAnonce";

struct fixture {
	struct turnc client;
	struct stun_key key;
	uint8_t sent[ROOM], reply[ROOM];
	size_t sent_len;
	struct stun_msg request;
};

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	turnc_init(&f.client, "alice", "secret", ID);
	*state = &f;
	return 0;
}

static struct addr
address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

/* The server's view of what was sent. */
static void
receive(struct fixture *f)
{
	assert_int_equal(stun_msg_parse(&f->request, f->sent, f->sent_len), 0);
	assert_non_null(f->request.fingerprint);
}

static struct pen
answer(struct fixture *f, enum stun_class class)
{
	struct pen p;

	stun_msg_begin(
	    &p, f->reply, ROOM, f->request.method, class, f->request.tid);
	return p;
}

static void
allocate(struct fixture *f)
{
	const struct turnc_want want = { .lifetime = 600,
		.family = STUN_FAMILY_IPV6,
		.even_port = true,
		.dont_fragment = true };

	f->sent_len = turnc_allocate(&f->client, f->sent, &want);
	receive(f);
}

/* One round: a request that is answered by code with realm and nonce. */
static struct turnc_answer
challenge(struct fixture *f, int code, bool sha256)
{
	struct turnc_answer a;
	struct pen p;

	allocate(f);
	p = answer(f, STUN_ERROR);
	stun_put_error(&p, code);
	stun_put(&p, STUN_ATTR_REALM, "realm", 5);
	stun_put(&p, STUN_ATTR_NONCE, nonce, sizeof(nonce) - 1);
	if (sha256)
		stun_put_algorithms(&p);
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->reply, stun_msg_end(&p)), 0);
	assert_int_equal(stun_key_derive(&f->key,
			     sha256 && f->client.modern ? STUN_ALGORITHM_SHA256
							: STUN_ALGORITHM_MD5,
			     "alice", "realm", "secret"),
	    0);
	return a;
}

static void
expect(struct fixture *f, uint16_t type, const void *value, size_t len)
{
	const struct stun_attr *a = stun_msg_find(&f->request, type);

	assert_non_null(a);
	assert_int_equal(a->len, len);
	assert_memory_equal(a->value, value, len);
}

static void
test_the_first_request_carries_wishes_but_no_credentials(void **state)
{
	struct fixture *f = *state;

	allocate(f);
	assert_int_equal(f->request.method, STUN_ALLOCATE);
	assert_int_equal(f->request.class, STUN_REQUEST);
	expect(f, STUN_ATTR_REQUESTED_TRANSPORT, "\x11\0\0\0", 4);
	expect(f, STUN_ATTR_LIFETIME, "\0\0\x02\x58", 4);
	expect(f, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, "\x02\0\0\0", 4);
	expect(f, STUN_ATTR_EVEN_PORT, "\x80", 1);
	expect(f, STUN_ATTR_DONT_FRAGMENT, "", 0);
	assert_null(stun_msg_find(&f->request, STUN_ATTR_USERNAME));
	assert_null(f->request.integrity);
}

static void
test_a_challenge_makes_the_next_request_signed(void **state)
{
	struct fixture *f = *state;
	const struct turnc_answer a = challenge(f, 401, true);

	assert_int_equal(a.code, 401);
	assert_true(a.may_retry);
	allocate(f);
	expect(f, STUN_ATTR_USERNAME, "alice", 5);
	expect(f, STUN_ATTR_REALM, "realm", 5);
	expect(f, STUN_ATTR_NONCE, nonce, sizeof(nonce) - 1);
	assert_true(stun_integrity_ok(&f->request, &f->key));
	assert_null(f->request.integrity256);
}

static void
test_a_modern_client_signs_by_sha256_when_offered(void **state)
{
	struct fixture *f = *state;
	uint8_t hash[STUN_USERHASH_LEN];
	const struct stun_attr *a;

	f->client.modern = true;
	(void)challenge(f, 401, true);
	allocate(f);
	stun_userhash(hash, "alice", "realm");
	expect(f, STUN_ATTR_USERHASH, hash, sizeof(hash));
	expect(f, STUN_ATTR_PASSWORD_ALGORITHM, "\0\x02\0\0", 4);
	a = stun_msg_find(&f->request, STUN_ATTR_PASSWORD_ALGORITHMS);
	assert_true(stun_attr_is_algorithms(a));
	assert_null(stun_msg_find(&f->request, STUN_ATTR_USERNAME));
	assert_true(stun_integrity256_ok(&f->request, &f->key));

	(void)challenge(f, 438, false);
	allocate(f);
	assert_true(stun_integrity_ok(&f->request, &f->key));
}

static void
test_an_allocation_comes_out_of_its_response(void **state)
{
	struct fixture *f = *state;
	const struct addr relayed = address("192.0.2.9:50000");
	const struct addr mapped = address("[2001:db8::7]:4000");
	struct turnc_answer a;
	struct pen p;

	(void)challenge(f, 401, false);
	allocate(f);
	p = answer(f, STUN_SUCCESS);
	stun_put_xor_addr(
	    &p, STUN_ATTR_XOR_RELAYED_ADDRESS, &relayed, f->request.tid);
	stun_put_xor_addr(
	    &p, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped, f->request.tid);
	stun_put_u32(&p, STUN_ATTR_LIFETIME, 600);
	stun_put_integrity(&p, &f->key);
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->reply, stun_msg_end(&p)), 0);
	assert_int_equal(a.method, STUN_ALLOCATE);
	assert_int_equal(a.class, STUN_SUCCESS);
	assert_int_equal(a.code, 0);
	assert_int_equal(a.serial, f->client.serial);
	assert_int_equal(a.lifetime, 600);
	assert_true(addr_equal(&a.relayed, &relayed));
	assert_true(addr_equal(&a.mapped, &mapped));
}

static void
test_a_success_without_our_signature_is_refused(void **state)
{
	struct fixture *f = *state;
	struct turnc_answer a;
	struct pen p;

	(void)challenge(f, 401, false);
	allocate(f);
	p = answer(f, STUN_SUCCESS);
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->reply, stun_msg_end(&p)), EPERM);
	f->key.bytes[0] ^= 1;
	stun_put_integrity(&p, &f->key);
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->reply, stun_msg_end(&p)), EPERM);
}

static void
test_errors_give_their_code_and_no_retry(void **state)
{
	struct fixture *f = *state;
	struct turnc_answer a;
	struct pen p;

	allocate(f);
	p = answer(f, STUN_ERROR);
	stun_put_error(&p, 508);
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->reply, stun_msg_end(&p)), 0);
	assert_int_equal(a.code, 508);
	assert_false(a.may_retry);

	/* 401 without realm and nonce leads nowhere */
	p = answer(f, STUN_ERROR);
	stun_put_error(&p, 401);
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->reply, stun_msg_end(&p)), 0);
	assert_false(a.may_retry);
	assert_int_equal(f->client.nonce_len, 0);

	p = answer(f, STUN_ERROR);
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->reply, stun_msg_end(&p)), EBADMSG);
}

static void
test_answers_to_others_are_refused(void **state)
{
	struct fixture *f = *state;
	struct turnc_answer a;
	struct pen p;

	allocate(f);
	p = answer(f, STUN_ERROR);
	stun_put_error(&p, 508);
	f->reply[8] ^= 1;
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->reply, stun_msg_end(&p)), EBADMSG);
	f->reply[8] ^= 1;
	f->client.serial--; /* as if never asked */
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->reply, stun_msg_end(&p)), EBADMSG);
	/* a request, a cut message */
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->sent, f->sent_len), EBADMSG);
	assert_int_equal(turnc_parse(&f->client, &a, f->reply, 19), EBADMSG);
}

static void
test_the_other_requests_carry_their_attributes(void **state)
{
	struct fixture *f = *state;
	const struct addr peers[] = { address("192.0.2.1:1"),
		address("[2001:db8::1]:2") };
	const struct stun_attr *a;
	struct addr got;

	(void)challenge(f, 401, false);
	f->sent_len = turnc_permission(&f->client, f->sent, peers, 2);
	receive(f);
	assert_int_equal(f->request.method, STUN_CREATE_PERMISSION);
	a = stun_msg_find(&f->request, STUN_ATTR_XOR_PEER_ADDRESS);
	assert_int_equal(stun_attr_xor_addr(&got, &f->request, a), 0);
	assert_true(addr_equal(&got, &peers[0]));
	a = stun_msg_find_next(&f->request, a);
	assert_int_equal(stun_attr_xor_addr(&got, &f->request, a), 0);
	assert_true(addr_equal(&got, &peers[1]));
	assert_true(stun_integrity_ok(&f->request, &f->key));

	f->sent_len =
	    turnc_channel_bind(&f->client, f->sent, 0x4001, &peers[1]);
	receive(f);
	assert_int_equal(f->request.method, STUN_CHANNEL_BIND);
	expect(f, STUN_ATTR_CHANNEL_NUMBER, "\x40\x01\0\0", 4);
	a = stun_msg_find(&f->request, STUN_ATTR_XOR_PEER_ADDRESS);
	assert_int_equal(stun_attr_xor_addr(&got, &f->request, a), 0);
	assert_true(addr_equal(&got, &peers[1]));
	assert_true(stun_integrity_ok(&f->request, &f->key));

	f->sent_len = turnc_refresh(&f->client, f->sent, 0);
	receive(f);
	assert_int_equal(f->request.method, STUN_REFRESH);
	expect(f, STUN_ATTR_LIFETIME, "\0\0\0\0", 4);
	assert_true(stun_integrity_ok(&f->request, &f->key));
}

static void
test_a_full_permission_with_the_longest_names_fits(void **state)
{
	struct fixture *f = *state;
	struct addr peers[TURNC_PEERS_MAX];

	(void)challenge(f, 401, false);
	memset(f->client.user, 'u', TURNC_TEXT_MAX - 1);
	memset(f->client.realm, 'r', TURNC_TEXT_MAX - 1);
	f->client.nonce_len = 100;
	for (unsigned i = 0; i < TURNC_PEERS_MAX; i++)
		peers[i] = address("[2001:db8::1]:2");
	assert_int_not_equal(
	    turnc_permission(&f->client, f->sent, peers, TURNC_PEERS_MAX), 0);
}

static void
test_a_binding_needs_no_signature_either_way(void **state)
{
	struct fixture *f = *state;
	const struct addr mapped = address("192.0.2.9:50000");
	struct turnc_answer a;
	struct pen p;

	f->sent_len = turnc_binding(&f->client, f->sent);
	receive(f);
	assert_int_equal(f->request.method, STUN_BINDING);
	p = answer(f, STUN_SUCCESS);
	stun_put_xor_addr(
	    &p, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped, f->request.tid);
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->reply, stun_msg_end(&p)), 0);
	assert_true(addr_equal(&a.mapped, &mapped));
}

static void
test_data_goes_out_by_send_and_comes_back_by_data(void **state)
{
	struct fixture *f = *state;
	const struct addr peer = address("[2001:db8::1]:2");
	static const uint8_t payload[1600];
	struct turnc_answer a;
	struct pen p;

	f->sent_len = turnc_send(&f->client, f->sent, &peer, "hello", 5);
	assert_int_equal(stun_msg_parse(&f->request, f->sent, f->sent_len), 0);
	assert_int_equal(f->request.method, STUN_SEND);
	assert_int_equal(f->request.class, STUN_INDICATION);
	expect(f, STUN_ATTR_DATA, "hello", 5);
	assert_int_not_equal(
	    turnc_send(&f->client, f->sent, &peer, payload, 1500), 0);
	assert_int_equal(
	    turnc_send(&f->client, f->sent, &peer, payload, 1600), 0);

	f->request.method = STUN_DATA;
	p = answer(f, STUN_INDICATION);
	stun_put(&p, STUN_ATTR_DATA, "hello", 5);
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->reply, stun_msg_end(&p)), EBADMSG);
	stun_put_xor_addr(
	    &p, STUN_ATTR_XOR_PEER_ADDRESS, &peer, f->request.tid);
	assert_int_equal(
	    turnc_parse(&f->client, &a, f->reply, stun_msg_end(&p)), 0);
	assert_true(addr_equal(&a.peer, &peer));
	assert_int_equal(a.data_len, 5);
	assert_memory_equal(a.data, "hello", 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    test_the_first_request_carries_wishes_but_no_credentials,
		    setup),
		cmocka_unit_test_setup(
		    test_a_challenge_makes_the_next_request_signed, setup),
		cmocka_unit_test_setup(
		    test_a_modern_client_signs_by_sha256_when_offered, setup),
		cmocka_unit_test_setup(
		    test_an_allocation_comes_out_of_its_response, setup),
		cmocka_unit_test_setup(
		    test_a_success_without_our_signature_is_refused, setup),
		cmocka_unit_test_setup(
		    test_errors_give_their_code_and_no_retry, setup),
		cmocka_unit_test_setup(
		    test_answers_to_others_are_refused, setup),
		cmocka_unit_test_setup(
		    test_the_other_requests_carry_their_attributes, setup),
		cmocka_unit_test_setup(
		    test_a_full_permission_with_the_longest_names_fits, setup),
		cmocka_unit_test_setup(
		    test_a_binding_needs_no_signature_either_way, setup),
		cmocka_unit_test_setup(
		    test_data_goes_out_by_send_and_comes_back_by_data, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
