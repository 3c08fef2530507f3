#include "tests/unit/turn/bed.h"
#include "turn/want.h"

#define PEER  "9.9.9.9:7000"
#define PEER6 "[2620:fe::9]:7000"

static struct turn_alloc *
mine(void)
{
	return turn_alloc_find(bed.turn, &bed.flow);
}

static void
test_an_allocation_names_its_addresses_and_lifetime(void **state)
{
	struct addr relayed, mapped;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	relayed = bed_answer_addr(STUN_ATTR_XOR_RELAYED_ADDRESS);
	mapped = bed_answer_addr(STUN_ATTR_XOR_MAPPED_ADDRESS);
	assert_int_equal(bed_answer_lifetime(), TURN_LIFETIME_S);
	assert_true(addr_equal(&mapped, &bed.flow.client));
	/* relay.external: shown from outside, bound inside */
	assert_true(addr_equal_host(&relayed, &bed_external.outside));
	assert_true(addr_equal_host(&fake.relayed[0].at, &bed_external.inside));
	assert_int_equal(addr_port(&relayed), addr_port(&fake.relayed[0].at));
	assert_in_range(addr_port(&relayed), 50000, 50999);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 1);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS_TOTAL), 1);
}

static void
test_the_answer_is_signed_with_the_clients_key(void **state)
{
	struct stun_msg m;

	(void)state;
	assert_int_equal(bed_allocate(), 0);
	bed_answer(&m);
	assert_true(stun_integrity_ok(&m, &bed_users[0].md5));
	assert_null(stun_msg_find(&m, STUN_ATTR_SOFTWARE));
}

static void
test_a_retransmission_gets_the_same_answer(void **state)
{
	struct addr relayed, again;
	struct bed_ask q;

	(void)state;
	bed_begin_allocate(&q);
	bed_sign_as(&q, "alice", "wonder");
	bed_send(&q);
	relayed = bed_answer_addr(STUN_ATTR_XOR_RELAYED_ADDRESS);
	bed_send(&q);
	assert_int_equal(bed_code(), 0);
	again = bed_answer_addr(STUN_ATTR_XOR_RELAYED_ADDRESS);
	assert_true(addr_equal(&relayed, &again));
	assert_int_equal(fake.opened, 1);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 1);
}

static void
test_a_second_allocation_on_a_5_tuple_is_a_mismatch(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_allocate(), 437);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 1);
	assert_int_equal(bed.stats.error[437 - STATS_ERROR_MIN], 1);
}

static void
test_another_5_tuple_is_another_allocation(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate(), 0);
	bed.flow.client = bed_addr("198.51.100.5:4001");
	assert_int_equal(bed_allocate(), 0);
	bed.flow.local = bed_addr("10.0.0.8:3478");
	assert_int_equal(bed_allocate(), 0);
	bed.flow.transport = NET_DTLS;
	bed.flow.conn = (struct net_conn *)&fake;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 4);
}

static void
test_an_allocation_ends_with_its_lifetime(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_permit(PEER), 0);
	assert_int_equal(bed_bind(0x4000, PEER), 0);
	bed_wait(TURN_LIFETIME_S * 1000 - 1);
	assert_non_null(mine());
	bed_wait(1 + WHEEL_TICK_MS);
	assert_null(mine());
	assert_int_equal(fake.open, 0);
	assert_int_equal(bed_counter(STATS_PERMISSIONS), 0);
	assert_int_equal(bed_counter(STATS_CHANNELS), 0);
}

static void
test_a_refresh_prolongs_and_zero_deletes(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate(), 0);
	bed_wait(500 * 1000);
	assert_int_equal(bed_refresh(1000, 0), 0);
	assert_int_equal(bed_answer_lifetime(), 1000);
	bed_wait(900 * 1000);
	assert_non_null(mine());
	assert_int_equal(bed_refresh(0, 0), 0);
	assert_int_equal(bed_answer_lifetime(), 0);
	assert_null(mine());
	assert_int_equal(fake.open, 0);
	/* RFC 8656, section 8.2: the client takes this for success */
	assert_int_equal(bed_refresh(0, 0), 437);
}

static void
test_a_sweep_frees_what_has_expired(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(bed_refresh(3600, 0), 0);
	assert_int_equal(bed_permit(PEER), 0);
	assert_int_equal(bed_bind(0x4000, PEER), 0);
	bed_wait(TURN_PERM_LIFETIME_MS + TURN_ALLOC_SWEEP_MS + WHEEL_TICK_MS);
	/* a channel keeps the permission it points to */
	assert_int_equal(bed_counter(STATS_PERMISSIONS), 1);
	bed_wait(TURN_PERM_LIFETIME_MS);
	assert_int_equal(bed_counter(STATS_CHANNELS), 0);
	assert_int_equal(bed_counter(STATS_PERMISSIONS), 0);
	assert_non_null(mine());
}

/* ---- two families */

static void
test_a_dual_allocation_has_an_address_of_each_family(void **state)
{
	struct stun_msg m;
	const struct stun_attr *a;
	struct addr first, second;

	(void)state;
	assert_int_equal(bed_allocate_dual(), 0);
	bed_answer(&m);
	a = stun_msg_find(&m, STUN_ATTR_XOR_RELAYED_ADDRESS);
	assert_int_equal(stun_attr_xor_addr(&first, &m, a), 0);
	a = stun_msg_find_next(&m, a);
	assert_non_null(a);
	assert_int_equal(stun_attr_xor_addr(&second, &m, a), 0);
	assert_int_equal(addr_family(&first), AF_INET);
	assert_int_equal(addr_family(&second), AF_INET6);
	assert_null(stun_msg_find(&m, STUN_ATTR_ADDRESS_ERROR_CODE));
	assert_int_equal(bed_counter(STATS_ALLOCATIONS), 1);
}

static void
test_one_family_of_a_dual_allocation_is_deleted_alone(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate_dual(), 0);
	assert_int_equal(bed_bind(0x4004, PEER), 0);
	assert_int_equal(bed_bind(0x4006, PEER6), 0);
	assert_int_equal(bed_refresh(0, STUN_FAMILY_IPV4), 0);
	assert_int_equal(fake.open, 1);
	assert_int_equal(bed_counter(STATS_CHANNELS), 1);
	assert_int_equal(bed_counter(STATS_PERMISSIONS), 1);
	bed_channel_data(0x4006, "x");
	assert_true(bed_last()->to_peer);
	bed_channel_data(0x4004, "x");
	assert_int_equal(bed_dropped(STATS_DROP_NO_CHANNEL), 1);
	assert_int_equal(bed_permit(PEER), 443);
	assert_int_equal(bed_refresh(600, STUN_FAMILY_IPV4), 443);
	assert_int_equal(bed_refresh(0, STUN_FAMILY_IPV6), 0);
	assert_null(mine());
}

static void
test_each_family_has_a_lifetime_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(bed_allocate_dual(), 0);
	assert_int_equal(bed_refresh(1800, STUN_FAMILY_IPV6), 0);
	bed_wait(TURN_LIFETIME_S * 1000 + WHEEL_TICK_MS);
	assert_int_equal(fake.open, 1);
	assert_non_null(mine());
	assert_null(turn_alloc_leg(mine(), AF_INET));
	assert_non_null(turn_alloc_leg(mine(), AF_INET6));
}

static void
test_a_missing_family_is_named(void **state)
{
	/* 0, family IPv6, class 4, number 40 */
	static const uint8_t value[] = { STUN_FAMILY_IPV6, 0, 4, 40 };
	const struct stun_attr *a;
	struct addr relayed;
	struct stun_msg m;

	bed_tear_down(state);
	bed_configure();
	bed_conf.relay.addresses.count = 1;
	bed_open();
	assert_int_equal(bed_allocate_dual(), 0);
	bed_answer(&m);
	a = stun_msg_find(&m, STUN_ATTR_ADDRESS_ERROR_CODE);
	assert_non_null(a);
	assert_memory_equal(a->value, value, sizeof(value));
	relayed = bed_answer_addr(STUN_ATTR_XOR_RELAYED_ADDRESS);
	assert_int_equal(addr_family(&relayed), AF_INET);
}

static int
allocate_family(uint8_t family)
{
	struct bed_ask q;

	bed_begin_allocate(&q);
	bed_put_byte(&q, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, family);
	return bed_finish(&q);
}

static void
test_a_family_without_relay_addresses_is_not_supported(void **state)
{
	bed_tear_down(state);
	bed_configure();
	bed_conf.relay.addresses.count = 1;
	bed_open();
	assert_int_equal(allocate_family(STUN_FAMILY_IPV6), 440);
	assert_int_equal(allocate_family(STUN_FAMILY_IPV4), 0);
	bed_tear_down(state);
	bed_configure();
	bed_conf.relay.addresses.at++;
	bed_conf.relay.addresses.count = 1;
	bed_open();
	/* IPv4 is meant when no family is named */
	assert_int_equal(bed_allocate(), 440);
	assert_int_equal(allocate_family(STUN_FAMILY_IPV6), 0);
}

/* ---- EVEN-PORT and RESERVATION-TOKEN */

static int
allocate_even(bool pair)
{
	const uint8_t r = pair ? 0x80 : 0;
	struct bed_ask q;

	bed_begin_allocate(&q);
	stun_put(&q.pen, STUN_ATTR_EVEN_PORT, &r, 1);
	return bed_finish(&q);
}

static int
allocate_reserved(const uint8_t token[STUN_TOKEN_LEN])
{
	struct bed_ask q;

	bed_begin_allocate(&q);
	stun_put(&q.pen, STUN_ATTR_RESERVATION_TOKEN, token, STUN_TOKEN_LEN);
	return bed_finish(&q);
}

static void
test_a_reserved_port_is_the_one_above(void **state)
{
	uint8_t token[STUN_TOKEN_LEN];
	struct stun_msg m;
	struct addr even, odd;

	(void)state;
	assert_int_equal(allocate_even(true), 0);
	even = bed_answer_addr(STUN_ATTR_XOR_RELAYED_ADDRESS);
	assert_int_equal(addr_port(&even) % 2, 0);
	bed_answer(&m);
	assert_non_null(stun_msg_find(&m, STUN_ATTR_RESERVATION_TOKEN));
	memcpy(token, stun_msg_find(&m, STUN_ATTR_RESERVATION_TOKEN)->value,
	    sizeof(token));
	bed.flow.client = bed_addr("198.51.100.5:4001");
	assert_int_equal(allocate_reserved(token), 0);
	odd = bed_answer_addr(STUN_ATTR_XOR_RELAYED_ADDRESS);
	assert_int_equal(addr_port(&odd), addr_port(&even) + 1);
	/* a token works once */
	bed.flow.client = bed_addr("198.51.100.5:4002");
	assert_int_equal(allocate_reserved(token), 508);
}

static void
test_an_even_port_without_reservation_has_no_token(void **state)
{
	struct stun_msg m;
	struct addr even;

	(void)state;
	assert_int_equal(allocate_even(false), 0);
	even = bed_answer_addr(STUN_ATTR_XOR_RELAYED_ADDRESS);
	assert_int_equal(addr_port(&even) % 2, 0);
	bed_answer(&m);
	assert_null(stun_msg_find(&m, STUN_ATTR_RESERVATION_TOKEN));
}

/* ---- what may be missing */

static void
test_a_port_of_another_program_is_passed_over(void **state)
{
	(void)state;
	fake.in_use = TURN_LEG_TRIES - 1;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(fake.opened, TURN_LEG_TRIES);
}

/* The only port there is can be tried again: it was given back. */
static void
test_a_port_that_did_not_open_is_given_back(void **state)
{
	bed_tear_down(state);
	bed_configure();
	bed_conf.relay.port_max = bed_conf.relay.port_min;
	bed_open();
	fake.in_use = 1;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(fake.opened, 2);
}

static void
test_too_many_ports_in_use_are_insufficient_capacity(void **state)
{
	(void)state;
	fake.in_use = TURN_LEG_TRIES;
	assert_int_equal(bed_allocate(), 508);
	fake.open_error = EMFILE;
	assert_int_equal(bed_allocate(), 508);
	fake.open_error = 0;
	assert_int_equal(bed_allocate(), 0);
}

static void
test_quotas_of_user_and_host_are_told_apart(void **state)
{
	bed_tear_down(state);
	bed_configure();
	bed_conf.caps.allocations_per_user = 1;
	bed_open();
	assert_int_equal(bed_allocate(), 0);
	bed.flow.client = bed_addr("198.51.100.5:4001");
	assert_int_equal(bed_allocate(), 486);
	bed_tear_down(state);
	bed_configure();
	bed_conf.caps.allocations = 1;
	bed_open();
	assert_int_equal(bed_allocate(), 0);
	bed.flow.client = bed_addr("198.51.100.5:4001");
	assert_int_equal(bed_allocate(), 508);
	/* what was refused holds nothing */
	assert_int_equal(fake.open, 1);
	bed.flow.client = bed_addr("198.51.100.5:4000");
	assert_int_equal(bed_refresh(0, 0), 0);
	bed.flow.client = bed_addr("198.51.100.5:4001");
	assert_int_equal(bed_allocate(), 0);
}

static void
test_relaying_switched_off_forbids_allocations(void **state)
{
	bed_tear_down(state);
	bed_configure();
	bed_conf.relay.enabled = false;
	bed_open();
	assert_int_equal(bed_allocate(), 403);
	bed_channel_data(0x4000, "x");
	assert_int_equal(bed_dropped(STATS_DROP_RELAY_OFF), 1);
}

/* Each allocation of memory on the way fails once; nothing leaks. */
static void
test_short_memory_is_insufficient_capacity(void **state)
{
	int code = 508;
	long n = 0;

	(void)state;
	for (; code != 0; n++) {
		struct bed_ask q;

		assert_true(n < 100);
		bed_begin_allocate(&q);
		bed_put_byte(
		    &q, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY, STUN_FAMILY_IPV6);
		bed_sign_as(&q, "alice", "wonder");
		mem_fail_at(n);
		bed_send(&q);
		mem_fail_at(-1);
		code = bed_code();
		assert_true(code == 0 || code == 508);
		assert_int_equal(bed_counter(STATS_ALLOCATIONS), code == 0);
		assert_int_equal(fake.open, code == 0 ? 2 : 0);
	}
	assert_true(n > 2);
}

static void
test_a_stream_is_kept_while_it_has_an_allocation(void **state)
{
	(void)state;
	bed.flow.transport = NET_TCP;
	bed.flow.conn = (struct net_conn *)&fake;
	assert_int_equal(bed_allocate(), 0);
	assert_int_equal(fake.kept, 1);
	assert_int_equal(bed_refresh(0, 0), 0);
	assert_int_equal(fake.kept, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_an_allocation_names_its_addresses_and_lifetime),
		BED_TEST(test_the_answer_is_signed_with_the_clients_key),
		BED_TEST(test_a_retransmission_gets_the_same_answer),
		BED_TEST(test_a_second_allocation_on_a_5_tuple_is_a_mismatch),
		BED_TEST(test_another_5_tuple_is_another_allocation),
		BED_TEST(test_an_allocation_ends_with_its_lifetime),
		BED_TEST(test_a_refresh_prolongs_and_zero_deletes),
		BED_TEST(test_a_sweep_frees_what_has_expired),
		BED_TEST(test_a_dual_allocation_has_an_address_of_each_family),
		BED_TEST(test_one_family_of_a_dual_allocation_is_deleted_alone),
		BED_TEST(test_each_family_has_a_lifetime_of_its_own),
		BED_TEST(test_a_missing_family_is_named),
		BED_TEST(
		    test_a_family_without_relay_addresses_is_not_supported),
		BED_TEST(test_a_reserved_port_is_the_one_above),
		BED_TEST(test_an_even_port_without_reservation_has_no_token),
		BED_TEST(test_a_port_of_another_program_is_passed_over),
		BED_TEST(test_a_port_that_did_not_open_is_given_back),
		BED_TEST(test_too_many_ports_in_use_are_insufficient_capacity),
		BED_TEST(test_quotas_of_user_and_host_are_told_apart),
		BED_TEST(test_relaying_switched_off_forbids_allocations),
		BED_TEST(test_short_memory_is_insufficient_capacity),
		BED_TEST(test_a_stream_is_kept_while_it_has_an_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
