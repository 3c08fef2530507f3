#include "tests/unit/net/bed.h"

/* A bed with one relayed address and a peer's socket connected to it. */
struct scene {
	struct bed *bed;
	struct net_relayed *relayed;
	struct addr peer;
	int fd;
	int owner;
};

static void
setup(struct scene *s, const char *at)
{
	struct addr want;

	memset(s, 0, sizeof(*s));
	s->bed = bed_new(NET_UDP, "127.0.0.1:0");
	s->bed->test = s;
	assert_int_equal(addr_parse(&want, at), 0);
	assert_int_equal(
	    net_relayed_open(&s->relayed, s->bed->net, &want, &s->owner), 0);
	s->fd = bed_client(SOCK_DGRAM, net_relayed_addr(s->relayed));
	bed_name(s->fd, &s->peer);
}

static void
teardown(struct scene *s)
{
	net_relayed_close(s->relayed);
	close(s->fd);
	bed_free(s->bed);
}

static void
send_text(struct scene *s, const char *text, bool df)
{
	struct buf b;

	assert_true(net_buf(s->bed->net, &b, strlen(text)));
	memcpy(buf_put(&b, strlen(text)), text, strlen(text));
	net_relayed_send(s->relayed, &s->peer, &b, df);
}

static void
check_both_ways(const char *at, size_t header)
{
	struct scene s;
	char got[64];

	setup(&s, at);
	assert_int_equal(send(s.fd, "hello", 5, 0), 5);
	bed_until(s.bed, &s.bed->relayed, 1);
	assert_ptr_equal(s.bed->owner, &s.owner);
	assert_true(addr_equal(&s.bed->peer, &s.peer));
	assert_int_equal(s.bed->len, 5);
	assert_memory_equal(s.bed->data, "hello", 5);
	assert_int_equal(s.bed->wire[STATS_IN][STATS_PEER], header + 5);

	send_text(&s, "answer", false);
	net_turn_end(s.bed->net);
	assert_int_equal(recv(s.fd, got, sizeof(got), 0), 6);
	assert_memory_equal(got, "answer", 6);
	assert_int_equal(s.bed->wire[STATS_OUT][STATS_PEER], header + 6);
	teardown(&s);
}

static void
test_datagrams_pass_both_ways(void **state)
{
	(void)state;
	check_both_ways("127.0.0.1:0", NET_WIRE_UDP4);
	check_both_ways("[::1]:0", NET_WIRE_UDP6);
}

static void
test_port_in_use_is_told(void **state)
{
	struct scene s;
	struct net_relayed *other = NULL;

	(void)state;
	setup(&s, "127.0.0.1:0");
	assert_int_equal(net_relayed_open(&other, s.bed->net,
			     net_relayed_addr(s.relayed), NULL),
	    EADDRINUSE);
	assert_null(other);
	teardown(&s);
}

static void
close_inside(struct bed *bed, struct buf *b)
{
	struct scene *s = bed->test;

	(void)b;
	net_relayed_close(s->relayed);
	s->relayed = NULL;
}

static void
test_address_may_be_closed_by_its_own_packet(void **state)
{
	struct scene s;

	(void)state;
	setup(&s, "127.0.0.1:0");
	s.bed->on_relayed = close_inside;
	for (int i = 0; i < 5; i++)
		assert_int_equal(send(s.fd, "x", 1, 0), 1);
	bed_until(s.bed, &s.bed->relayed, 1);
	bed_settle(s.bed);
	/* the other four are counted, not delivered */
	assert_int_equal(s.bed->relayed, 1);
	assert_int_equal(s.bed->wire[STATS_IN][STATS_PEER], 5 * 29);
	assert_int_equal(bed_drops(s.bed, STATS_DROP_NO_ALLOCATION), 4);
	teardown(&s);
}

static void
test_packets_leave_before_the_address_is_closed(void **state)
{
	struct scene s;
	char got[64];

	(void)state;
	setup(&s, "127.0.0.1:0");
	send_text(&s, "last", false);
	net_relayed_close(s.relayed);
	s.relayed = NULL;
	assert_int_equal(recv(s.fd, got, sizeof(got), 0), 4);
	net_turn_end(s.bed->net);
	teardown(&s);
}

static void
test_closed_port_of_a_peer_is_reported(void **state)
{
	struct scene s;

	(void)state;
	setup(&s, "127.0.0.1:0");
	close(s.fd); /* nobody listens there now */
	send_text(&s, "anybody?", false);
	net_turn_end(s.bed->net);
	bed_until(s.bed, &s.bed->icmps, 1);
	assert_ptr_equal(s.bed->owner, &s.owner);
	assert_true(addr_equal(&s.bed->icmp.peer, &s.peer));
	assert_int_equal(s.bed->icmp.type, 3); /* port unreachable */
	assert_int_equal(s.bed->icmp.code, 3);
	s.fd = bed_client(SOCK_DGRAM, net_relayed_addr(s.relayed));
	teardown(&s);
}

/* The error of one peer must not eat a packet to another. */
static void
test_error_of_one_peer_costs_no_other_a_packet(void **state)
{
	struct scene s;
	struct addr dead;
	char got[64];
	int fd;

	(void)state;
	setup(&s, "127.0.0.1:0");
	fd = bed_client(SOCK_DGRAM, net_relayed_addr(s.relayed));
	bed_name(fd, &dead);
	close(fd);
	for (int i = 0; i < 10; i++) {
		const struct addr alive = s.peer;

		s.peer = dead;
		send_text(&s, "to the dead", false);
		s.peer = alive;
		/* in one batch, or as the first of the next */
		if (i % 2 == 0)
			net_turn_end(s.bed->net);
		send_text(&s, "alive", false);
		net_turn_end(s.bed->net);
		assert_int_equal(recv(s.fd, got, sizeof(got), 0), 5);
	}
	teardown(&s);
}

static void
test_df_changes_packet_by_packet(void **state)
{
	struct scene s;
	char got[64];

	(void)state;
	setup(&s, "127.0.0.1:0");
	for (int i = 0; i < 8; i++)
		send_text(&s, i % 3 == 0 ? "df" : "no", i % 3 == 0);
	net_turn_end(s.bed->net);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(recv(s.fd, got, sizeof(got), 0), 2);
		assert_memory_equal(got, i % 3 == 0 ? "df" : "no", 2);
	}
	teardown(&s);
}

static void
test_capped_packets_are_not_sent(void **state)
{
	struct scene s;
	char got[64];

	(void)state;
	setup(&s, "127.0.0.1:0");
	s.bed->is_capped = true;
	send_text(&s, "over", false);
	net_turn_end(s.bed->net);
	s.bed->is_capped = false;
	send_text(&s, "good", false);
	net_turn_end(s.bed->net);
	assert_int_equal(recv(s.fd, got, sizeof(got), 0), 4);
	assert_memory_equal(got, "good", 4);
	teardown(&s);
}

static void
test_opening_survives_failing_allocations(void **state)
{
	struct scene s;
	struct addr at;

	(void)state;
	setup(&s, "127.0.0.1:0");
	at = *net_relayed_addr(s.relayed);
	addr_set_port(&at, 0);
	/* the pool has objects left: nothing is allocated to open one */
	mem_fail_at(0);
	for (int i = 0; i < 50; i++) {
		struct net_relayed *r = NULL;
		int code = net_relayed_open(&r, s.bed->net, &at, NULL);

		assert_true(code == 0 || code == ENOMEM);
		net_relayed_close(r);
	}
	mem_fail_at(-1);
	teardown(&s);
}

/* ---- several at once */

/* Each gets a header of its own, without touching its neighbours. */
static void
send_on(struct bed *bed, struct buf *b)
{
	struct scene *s = bed->test;
	const uint32_t serial = bed->relayed;

	assert_true(buf_headroom(b) >= BUF_HEADROOM);
	assert_true(buf_tailroom(b) >= 3);
	memcpy(buf_put(b, 3), "pad", 3);
	memcpy(buf_push(b, sizeof(serial)), &serial, sizeof(serial));
	net_relayed_send(s->relayed, &s->peer, b, false);
}

static void
check_burst(struct scene *s, size_t len, size_t size)
{
	static uint8_t sent[65507], got[65536];
	const unsigned count = (unsigned)((len + size - 1) / size);
	const uint64_t was = s->bed->wire[STATS_IN][STATS_PEER];
	uint32_t serial;

	for (size_t i = 0; i < len; i++)
		sent[i] = bed_pattern(i);
	s->bed->relayed = 0;
	bed_burst(s->fd, sent, len, (uint16_t)size);
	bed_until(s->bed, &s->bed->relayed, count);
	assert_int_equal(
	    s->bed->wire[STATS_IN][STATS_PEER] - was, len + count * 28ul);
	for (unsigned i = 0; i < count; i++) {
		const size_t at = i * size;
		const size_t n = len - at < size ? len - at : size;

		assert_int_equal(recv(s->fd, got, sizeof(got), 0), n + 7);
		memcpy(&serial, got, sizeof(serial));
		assert_int_equal(serial, i + 1);
		assert_memory_equal(got + 4, sent + at, n);
		assert_memory_equal(got + 4 + n, "pad", 3);
	}
}

static void
test_coalesced_packets_of_a_peer_are_relayed_one_by_one(void **state)
{
	static const size_t sizes[] = { 1, 9, 172, 1200, 1977, 8000, 32000 };
	const int room = 4 << 20;
	struct scene s;

	(void)state;
	setup(&s, "127.0.0.1:0");
	setsockopt(s.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	s.bed->on_relayed = send_on;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const size_t most = 65507 / sizes[i];
		const size_t n = most < 64 ? most : 64;

		for (int k = 0; k < 20; k++) {
			check_burst(&s, n * sizes[i], sizes[i]);
			check_burst(&s, n * sizes[i] - sizes[i] / 2, sizes[i]);
		}
	}
	assert_true(bed_counter(s.bed, STATS_SEGMENTS_RECEIVED) > 0);
	teardown(&s);
}

static void
test_unsent_coalesced_packets_cost_no_memory(void **state)
{
	static uint8_t zero[64 * 100];
	struct scene s;

	(void)state;
	setup(&s, "127.0.0.1:0");
	/* none is sent on, all in one turn: far more than there is memory */
	for (int i = 0; i < 20; i++)
		bed_burst(s.fd, zero, sizeof(zero), 100);
	bed_until(s.bed, &s.bed->relayed, 20 * 64);
	assert_int_equal(bed_drops(s.bed, STATS_DROP_NO_MEMORY), 0);
	teardown(&s);
}

static void
close_at_third(struct bed *bed, struct buf *b)
{
	send_on(bed, b);
	if (bed->relayed == 3)
		close_inside(bed, b);
}

static void
test_address_may_be_closed_amid_coalesced_packets(void **state)
{
	struct scene s;
	char got[64];

	(void)state;
	setup(&s, "127.0.0.1:0");
	s.bed->on_relayed = close_at_third;
	bed_burst(s.fd, "abcdefgh", 8, 1);
	bed_until(s.bed, &s.bed->relayed, 3);
	bed_settle(s.bed);
	assert_int_equal(s.bed->relayed, 3);
	assert_int_equal(s.bed->wire[STATS_IN][STATS_PEER], 8 * 29);
	assert_int_equal(bed_drops(s.bed, STATS_DROP_NO_ALLOCATION), 5);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(recv(s.fd, got, sizeof(got), 0), 8);
		assert_int_equal(got[4], 'a' + i);
	}
	teardown(&s);
}

static void
test_df_splits_what_would_leave_together(void **state)
{
	struct scene s;
	char got[64];

	(void)state;
	setup(&s, "127.0.0.1:0");
	for (int i = 0; i < 12; i++)
		send_text(&s, i / 4 == 1 ? "df" : "no", i / 4 == 1);
	net_turn_end(s.bed->net);
	for (int i = 0; i < 12; i++) {
		assert_int_equal(recv(s.fd, got, sizeof(got), 0), 2);
		assert_memory_equal(got, i / 4 == 1 ? "df" : "no", 2);
	}
	assert_int_equal(bed_counter(s.bed, STATS_SYSCALLS_SEND), 3);
	assert_int_equal(bed_counter(s.bed, STATS_SEGMENTS_SENT), 12);
	teardown(&s);
}

static void
test_empty_datagrams_pass_among_others(void **state)
{
	struct scene s;
	char got[64];

	(void)state;
	setup(&s, "127.0.0.1:0");
	s.bed->on_relayed = send_on;
	assert_int_equal(send(s.fd, "", 0, 0), 0);
	bed_burst(s.fd, "aabb", 4, 2);
	assert_int_equal(send(s.fd, "", 0, 0), 0);
	bed_until(s.bed, &s.bed->relayed, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    recv(s.fd, got, sizeof(got), 0), i == 0 || i == 3 ? 7 : 9);
	teardown(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_datagrams_pass_both_ways),
		cmocka_unit_test(test_port_in_use_is_told),
		cmocka_unit_test(test_address_may_be_closed_by_its_own_packet),
		cmocka_unit_test(
		    test_packets_leave_before_the_address_is_closed),
		cmocka_unit_test(test_closed_port_of_a_peer_is_reported),
		cmocka_unit_test(
		    test_error_of_one_peer_costs_no_other_a_packet),
		cmocka_unit_test(test_df_changes_packet_by_packet),
		cmocka_unit_test(test_capped_packets_are_not_sent),
		cmocka_unit_test(
		    test_coalesced_packets_of_a_peer_are_relayed_one_by_one),
		cmocka_unit_test(test_unsent_coalesced_packets_cost_no_memory),
		cmocka_unit_test(
		    test_address_may_be_closed_amid_coalesced_packets),
		cmocka_unit_test(test_df_splits_what_would_leave_together),
		cmocka_unit_test(test_empty_datagrams_pass_among_others),
		cmocka_unit_test(test_opening_survives_failing_allocations),
	};

	return BED_RUN(tests);
}
