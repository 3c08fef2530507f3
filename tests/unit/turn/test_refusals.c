#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/cursor.h"
#include "common/mem.h"
#include "common/stun/attr.h"
#include "common/stun/msg.h"
#include "net/net.h"
#include "turn/refusals.h"
#include "turn/request.h"

static uint8_t bytes[1024];
static struct net_flow flow;
static struct turn_request rq;

/* A request of user ("": none is named) from host, at second at. */
static const struct turn_request *
request(const char *host, const char *user, mono_ms at)
{
	static const uint8_t tid[STUN_TID_LEN] = { 1 };
	struct pen p;

	assert_int_equal(addr_parse(&flow.client, host), 0);
	stun_msg_begin(
	    &p, bytes, sizeof(bytes), STUN_ALLOCATE, STUN_REQUEST, tid);
	if (user[0] != '\0')
		stun_put(&p, STUN_ATTR_USERNAME, user, strlen(user));
	memset(&rq, 0, sizeof(rq));
	assert_int_equal(stun_msg_parse(&rq.msg, bytes, stun_msg_end(&p)), 0);
	rq.flow = &flow;
	rq.now = at;
	rq.auth_failure = STATS_AUTH_COUNT;
	return &rq;
}

static struct turn_refusal seen[TURN_REFUSALS_MAX];
static unsigned seen_count;

static void
on_refusal(void *arg, const struct turn_refusal *one)
{
	(void)arg;
	assert_in_range(seen_count, 0, TURN_REFUSALS_MAX - 1);
	seen[seen_count++] = *one;
}

static void
look(const struct turn_refusals *r)
{
	seen_count = 0;
	turn_refusals_each(r, on_refusal, NULL);
}

static void
test_the_latest_comes_first_and_equal_ones_are_one(void **state)
{
	struct turn_refusals *r = turn_refusals_new();

	(void)state;
	turn_refusals_add(r, request("192.0.2.1:1000", "alice", 10), 486);
	turn_refusals_add(r, request("192.0.2.2:1000", "alice", 20), 486);
	turn_refusals_add(r, request("192.0.2.1:1000", "alice", 30), 508);
	turn_refusals_add(r, request("192.0.2.1:2000", "alice", 40), 486);
	look(r);
	assert_int_equal(seen_count, 3);
	assert_int_equal(seen[0].code, 508);
	assert_int_equal(seen[2].code, 486);
	assert_int_equal(seen[2].count, 2);
	assert_int_equal(seen[2].at, 40);
	assert_int_equal(addr_port(&seen[2].client), 2000);
	assert_int_equal(seen[2].user_len, 5);
	assert_memory_equal(seen[2].user, "alice", 5);
	assert_false(seen[2].is_proved);
	turn_refusals_free(r);
}

static void
test_what_every_client_does_is_no_refusal(void **state)
{
	struct turn_refusals *r = turn_refusals_new();

	(void)state;
	request("192.0.2.1:1000", "", 10);
	rq.auth_failure = STATS_AUTH_CHALLENGED;
	turn_refusals_add(r, &rq, 401);
	request("192.0.2.1:1000", "alice", 10);
	rq.auth_failure = STATS_AUTH_STALE_NONCE;
	turn_refusals_add(r, &rq, 438);
	look(r);
	assert_int_equal(seen_count, 0);
	rq.auth_failure = STATS_AUTH_WRONG_PASSWORD;
	turn_refusals_add(r, &rq, 401);
	look(r);
	assert_int_equal(seen_count, 1);
	assert_string_equal(seen[0].reason, "wrong_password");
	turn_refusals_free(r);
}

static void
test_a_proved_user_is_told_as_such(void **state)
{
	struct turn_refusals *r = turn_refusals_new();

	(void)state;
	request("192.0.2.1:1000", "123:alice", 10);
	rq.is_authenticated = true;
	rq.id.user = "alice";
	rq.id.user_len = 5;
	turn_refusals_add(r, &rq, 403);
	look(r);
	assert_true(seen[0].is_proved);
	assert_int_equal(seen[0].user_len, 5);
	turn_refusals_free(r);
}

static void
test_a_long_name_is_cut_and_none_is_none(void **state)
{
	struct turn_refusals *r = turn_refusals_new();
	char name[400];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	turn_refusals_add(r, request("192.0.2.1:1000", name, 10), 400);
	turn_refusals_add(r, request("192.0.2.1:1000", "", 10), 400);
	look(r);
	assert_int_equal(seen_count, 2);
	assert_int_equal(seen[0].user_len, 0);
	assert_int_equal(seen[1].user_len, TURN_REFUSALS_USER_MAX);
	turn_refusals_free(r);
}

static void
test_a_flood_pushes_the_oldest_out(void **state)
{
	struct turn_refusals *r = turn_refusals_new();
	char host[64];

	(void)state;
	for (unsigned i = 0; i < TURN_REFUSALS_MAX + 10; i++) {
		snprintf(
		    host, sizeof(host), "198.51.%u.%u:1", i / 250, 1 + i % 250);
		turn_refusals_add(r, request(host, "", i), 400);
	}
	/* the same again, a hundred thousand times, is one */
	for (unsigned i = 0; i < 100000; i++)
		turn_refusals_add(r, &rq, 400);
	look(r);
	assert_int_equal(seen_count, TURN_REFUSALS_MAX);
	assert_int_equal(seen[0].count, 100001);
	assert_int_equal(seen[TURN_REFUSALS_MAX - 1].at, 10);
	turn_refusals_free(r);
}

static void
test_short_memory_is_told(void **state)
{
	(void)state;
	mem_fail_at(0);
	assert_null(turn_refusals_new());
	mem_fail_at(-1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_the_latest_comes_first_and_equal_ones_are_one),
		cmocka_unit_test(test_what_every_client_does_is_no_refusal),
		cmocka_unit_test(test_a_proved_user_is_told_as_such),
		cmocka_unit_test(test_a_long_name_is_cut_and_none_is_none),
		cmocka_unit_test(test_a_flood_pushes_the_oldest_out),
		cmocka_unit_test(test_short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
