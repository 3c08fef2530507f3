#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/turn/bed.h"

static struct addr others[4];

static void
name_others(const char *const *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		others[i] = bed_addr(text[i]);
	bed_conf.relay.alternates.at = others;
	bed_conf.relay.alternates.count = count;
}

/* ALTERNATE-SERVER of the last answer, which is not xored. */
static struct addr
told(void)
{
	const struct stun_attr *a;
	struct stun_msg m;
	struct addr at;

	bed_answer(&m);
	a = stun_msg_find(&m, STUN_ATTR_ALTERNATE_SERVER);
	assert_non_null(a);
	assert_true(a->len == 8 || a->len == 20);
	addr_make(&at, a->value + 4, a->len - 4,
	    (uint16_t)(a->value[2] << 8 | a->value[3]));
	return at;
}

static void
assert_told(const char *text)
{
	const struct addr want = bed_addr(text), got = told();

	assert_true(addr_equal(&got, &want));
}

static void
test_a_shut_gate_forbids(void **state)
{
	(void)state;
	turn_shared_gate(bed.shared, TURN_GATE_SHUT);
	assert_int_equal(bed_allocate(), 403);
	turn_shared_gate(bed.shared, TURN_GATE_OPEN);
	assert_int_equal(bed_allocate(), 0);
}

static void
test_without_another_supernode_there_is_no_capacity(void **state)
{
	struct stun_msg m;

	(void)state;
	turn_shared_gate(bed.shared, TURN_GATE_ELSEWHERE);
	assert_int_equal(bed_allocate(), 508);
	bed_answer(&m);
	assert_null(stun_msg_find(&m, STUN_ATTR_ALTERNATE_SERVER));
}

/* RFC 8489, section 10: the answer can be trusted only with integrity */
static void
test_the_other_supernodes_are_named_in_turn(void **state)
{
	static const char *const two[] = { "192.0.2.1:3478", "192.0.2.2:443" };
	struct stun_msg m;

	(void)state;
	name_others(two, 2);
	turn_shared_gate(bed.shared, TURN_GATE_ELSEWHERE);
	assert_int_equal(bed_allocate(), 300);
	assert_told("192.0.2.1:3478");
	bed_answer(&m);
	assert_non_null(m.integrity);
	assert_int_equal(bed_allocate(), 300);
	assert_told("192.0.2.2:443");
	assert_int_equal(bed_allocate(), 300);
	assert_told("192.0.2.1:3478");
	assert_int_equal(bed.stats.error[300 - STATS_ERROR_MIN], 3);
}

static void
test_only_those_of_the_clients_family_are_named(void **state)
{
	static const char *const mixed[] = { "192.0.2.1:3478",
		"[2001:db8::2]:3478", "192.0.2.3:3478" };
	struct addr at;

	(void)state;
	name_others(mixed, 3);
	turn_shared_gate(bed.shared, TURN_GATE_ELSEWHERE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(bed_allocate(), 300);
		at = told();
		assert_int_equal(addr_family(&at), AF_INET);
	}
	bed.flow.client = bed_addr("[2001:db8::9]:4000");
	assert_int_equal(bed_allocate(), 300);
	assert_told("[2001:db8::2]:3478");
	bed_conf.relay.alternates.count = 1;
	assert_int_equal(bed_allocate(), 508);
}

/* Who is here is served to its end: refreshed, permitted, bound, relayed. */
static void
test_an_allocation_goes_on_behind_a_closed_gate(void **state)
{
	static const int gates[] = { TURN_GATE_ELSEWHERE, TURN_GATE_SHUT };

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	for (size_t i = 0; i < sizeof(gates) / sizeof(*gates); i++) {
		turn_shared_gate(bed.shared, (enum turn_gate)gates[i]);
		assert_int_equal(bed_refresh(600, 0), 0);
		assert_int_equal(bed_permit("8.8.4.4:5000"), 0);
		assert_int_equal(bed_bind(0x4000, "8.8.4.4:5000"), 0);
		bed_channel_data(0x4000, "still here");
		assert_true(bed_last()->to_peer);
	}
	turn_end(bed.turn, "test");
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 0);
	assert_int_equal(fake.open, 0);
}

/* The answer may be lost: the client that asks again has what it has. */
static void
test_a_retransmission_is_answered_behind_a_closed_gate(void **state)
{
	struct bed_ask q;

	(void)state;
	bed_begin_allocate(&q);
	bed_sign_as(&q, "alice", "wonder");
	bed_send(&q);
	turn_shared_gate(bed.shared, TURN_GATE_SHUT);
	bed_hand(q.mem, stun_msg_end(&q.pen));
	assert_int_equal(bed_code(), 0);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 1);
}

static void
test_who_has_not_proved_itself_learns_nothing(void **state)
{
	static const char *const one[] = { "192.0.2.1:3478" };
	struct bed_ask q;

	(void)state;
	name_others(one, 1);
	turn_shared_gate(bed.shared, TURN_GATE_ELSEWHERE);
	bed_begin_allocate(&q);
	bed_send(&q);
	assert_int_equal(bed_code(), 401);
	bed_begin_allocate(&q);
	bed_sign_as(&q, "alice", "wrong");
	bed_send(&q);
	assert_int_equal(bed_code(), 401);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_a_shut_gate_forbids),
		BED_TEST(test_without_another_supernode_there_is_no_capacity),
		BED_TEST(test_the_other_supernodes_are_named_in_turn),
		BED_TEST(test_only_those_of_the_clients_family_are_named),
		BED_TEST(test_an_allocation_goes_on_behind_a_closed_gate),
		BED_TEST(
		    test_a_retransmission_is_answered_behind_a_closed_gate),
		BED_TEST(test_who_has_not_proved_itself_learns_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
