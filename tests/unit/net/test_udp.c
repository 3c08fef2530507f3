#include "tests/unit/net/bed.h"

static const uint8_t CHANNEL[] = { 0x40, 0x01, 0, 4, 'd', 'a', 't', 'a' };

static void
echo(struct bed *bed, const struct net_flow *from, struct buf *b)
{
	net_send(bed->net, from, b);
}

static void
answer_from_buf(struct bed *bed, const struct net_flow *from, struct buf *b)
{
	struct buf a;

	assert_true(net_buf(bed->net, &a, 100));
	memcpy(buf_put(&a, b->len), b->data, b->len);
	buf_push(&a, 4);
	memcpy(a.data, "head", 4);
	net_send(bed->net, from, &a);
}

static void
test_message_arrives_with_its_flow(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	int fd = bed_client(SOCK_DGRAM, &bed->at);
	uint8_t stun[20];
	struct addr me;

	(void)state;
	bed_name(fd, &me);
	assert_int_equal(send(fd, stun, bed_stun(stun), 0), 20);
	bed_until(bed, &bed->messages, 1);
	assert_int_equal(bed->len, 20);
	assert_memory_equal(bed->data, stun, 20);
	assert_true(addr_equal(&bed->flow.client, &me));
	assert_true(addr_equal(&bed->flow.local, &bed->at));
	assert_int_equal(bed->flow.transport, NET_UDP);
	assert_null(bed->flow.conn);
	assert_int_equal(bed->wire[STATS_IN][STATS_CLIENT_UDP], 48);
	close(fd);
	bed_free(bed);
}

static void
test_received_packet_is_sent_back(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	int fd = bed_client(SOCK_DGRAM, &bed->at);
	char got[64];

	(void)state;
	bed->on_message = echo;
	for (int i = 0; i < 200; i++)
		assert_int_equal(send(fd, CHANNEL, sizeof(CHANNEL), 0), 8);
	bed_until(bed, &bed->messages, 200);
	for (int i = 0; i < 200; i++)
		assert_int_equal(recv(fd, got, sizeof(got), 0), 8);
	assert_memory_equal(got, CHANNEL, 8);
	assert_int_equal(bed->wire[STATS_OUT][STATS_CLIENT_UDP], 200 * 36);
	/* in batches: far fewer calls than packets */
	assert_in_range(bed_counter(bed, STATS_SYSCALLS_SEND), 1, 30);
	close(fd);
	bed_free(bed);
}

static void
test_answer_has_headroom(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	int fd = bed_client(SOCK_DGRAM, &bed->at);
	char got[64];

	(void)state;
	bed->on_message = answer_from_buf;
	assert_int_equal(send(fd, CHANNEL, sizeof(CHANNEL), 0), 8);
	bed_until(bed, &bed->messages, 1);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 12);
	assert_memory_equal(got, "head", 4);
	assert_memory_equal(got + 4, CHANNEL, 8);
	close(fd);
	bed_free(bed);
}

/* The answer leaves from the address that the client used. */
static void
check_wildcard(const char *listen, const char *used)
{
	struct bed *bed = bed_new(NET_UDP, listen);
	struct addr at;
	char got[64];
	int fd;

	assert_int_equal(addr_parse(&at, used), 0);
	addr_set_port(&at, addr_port(&bed->at));
	fd = bed_client(SOCK_DGRAM, &at);
	bed->on_message = echo;
	assert_int_equal(send(fd, CHANNEL, sizeof(CHANNEL), 0), 8);
	bed_until(bed, &bed->messages, 1);
	assert_true(addr_equal(&bed->flow.local, &at));
	/* connected: any other source would not get here */
	assert_int_equal(recv(fd, got, sizeof(got), 0), 8);
	close(fd);
	bed_free(bed);
}

static void
test_wildcard_answers_from_the_address_used(void **state)
{
	(void)state;
	check_wildcard("0.0.0.0:0", "127.0.0.2");
	check_wildcard("[::]:0", "::1");
}

static void
test_ipv6_listener_takes_no_ipv4(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "[::]:0");
	struct bed *other;
	char text[32];

	(void)state;
	/* the same port is free for IPv4 */
	snprintf(text, sizeof(text), "0.0.0.0:%u", addr_port(&bed->at));
	other = bed_new(NET_UDP, text);
	bed_free(other);
	bed_free(bed);
}

static void
test_large_datagram_arrives_whole(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	int fd = bed_client(SOCK_DGRAM, &bed->at);
	static uint8_t big[65507], got[65536];

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7 >> 3);
	big[0] = 0x40;
	bed->on_message = echo;
	for (unsigned i = 1; i <= 200; i++) {
		assert_int_equal(send(fd, big, sizeof(big), 0), sizeof(big));
		bed_until(bed, &bed->messages, i);
		assert_int_equal(bed->len, sizeof(big));
		assert_memory_equal(bed->data, big, sizeof(big));
		assert_int_equal(recv(fd, got, sizeof(got), 0), sizeof(big));
		assert_memory_equal(got, big, sizeof(big));
	}
	close(fd);
	bed_free(bed);
}

static void
test_what_is_no_protocol_of_ours_is_counted(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	int fd = bed_client(SOCK_DGRAM, &bed->at);

	(void)state;
	assert_int_equal(send(fd, "\x05garbage", 8, 0), 8);
	assert_int_equal(send(fd, "\x90rtp", 4, 0), 4);
	assert_int_equal(send(fd, "", 0, 0), 0);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_NOT_STUN) == 3);
	assert_int_equal(bed->messages, 0);
	assert_int_equal(bed->wire[STATS_IN][STATS_CLIENT_UDP], 3 * 28 + 8 + 4);
	close(fd);
	bed_free(bed);
}

static void
test_what_is_over_the_cap_is_not_delivered(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	int fd = bed_client(SOCK_DGRAM, &bed->at);

	(void)state;
	bed->is_capped = true;
	assert_int_equal(send(fd, CHANNEL, sizeof(CHANNEL), 0), 8);
	BED_UNTIL(bed, bed->wire[STATS_IN][STATS_CLIENT_UDP] == 36);
	assert_int_equal(bed->messages, 0);
	close(fd);
	bed_free(bed);
}

/* Sends many more than fit without the loop turning once. */
static void
test_what_the_kernel_has_no_room_for_is_counted(void **state)
{
	struct bed *bed = bed_prepare(NET_UDP, "127.0.0.1:0");
	int fd;

	(void)state;
	bed->conf.listen.receive_buffer = 4096;
	bed_start(bed);
	fd = bed_client(SOCK_DGRAM, &bed->at);
	for (int i = 0; i < 200; i++)
		assert_int_equal(send(fd, CHANNEL, sizeof(CHANNEL), 0), 8);
	BED_UNTIL(bed, bed_counter(bed, STATS_RCVBUF_DROPS) > 0);
	assert_in_range(bed->messages, 1, 199);
	assert_int_equal(
	    bed->messages + bed_counter(bed, STATS_RCVBUF_DROPS), 200);
	close(fd);
	bed_free(bed);
}

static void
test_second_start_fails_clearly(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	struct bed *tcp = bed_new(NET_TCP, "127.0.0.1:0");
	struct net_listeners *l = NULL;
	char why[256], text[ADDR_TEXT_MAX], want[256];

	(void)state;
	assert_int_equal(
	    net_listeners_open(&l, &bed->conf, 0, why, sizeof(why)),
	    EADDRINUSE);
	snprintf(want, sizeof(want), "listen.udp %s: Address already in use",
	    addr_format(&bed->at, text));
	assert_string_equal(why, want);
	assert_int_equal(
	    net_listeners_open(&l, &tcp->conf, 0, why, sizeof(why)),
	    EADDRINUSE);
	assert_null(l);
	bed_free(tcp);
	bed_free(bed);
}

static void
test_workers_share_one_port(void **state)
{
	struct bed *bed = bed_prepare(NET_UDP, "127.0.0.1:0");
	struct net_listeners *l;
	char why[256];

	(void)state;
	bed->conf.node.workers = 3;
	bed_listen(bed);
	l = bed->listeners;
	assert_int_not_equal(addr_port(&bed->at), 0);
	bed->listeners = NULL;
	net_listeners_close(l);
	/* closed: free again */
	assert_int_equal(
	    net_listeners_open(&l, &bed->conf, 0, why, sizeof(why)), 0);
	net_listeners_close(l);
	bed_free(bed);
}

static void
test_constructor_survives_failing_allocations(void **state)
{
	struct bed *bed = bed_prepare(NET_UDP, "127.0.0.1:0");
	struct net_config config;
	long n;

	(void)state;
	bed_listen(bed);
	config = bed_config(bed);
	for (n = 0; bed->net == NULL; n++) {
		mem_fail_at(n);
		bed->net = net_new(&config);
	}
	mem_fail_at(-1);
	assert_in_range(n, 8, 100);
	bed_free(bed);
}

static void
test_listeners_survive_failing_allocations(void **state)
{
	struct bed *bed = bed_prepare(NET_UDP, "127.0.0.1:0");
	char why[256];
	long n;

	(void)state;
	for (n = 0; bed->listeners == NULL; n++) {
		mem_fail_at(n);
		if (net_listeners_open(
			&bed->listeners, &bed->conf, 0, why, sizeof(why)) != 0)
			assert_null(bed->listeners);
	}
	mem_fail_at(-1);
	assert_in_range(n, 4, 100);
	bed_free(bed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_arrives_with_its_flow),
		cmocka_unit_test(test_received_packet_is_sent_back),
		cmocka_unit_test(test_answer_has_headroom),
		cmocka_unit_test(test_wildcard_answers_from_the_address_used),
		cmocka_unit_test(test_ipv6_listener_takes_no_ipv4),
		cmocka_unit_test(test_large_datagram_arrives_whole),
		cmocka_unit_test(test_what_is_no_protocol_of_ours_is_counted),
		cmocka_unit_test(test_what_is_over_the_cap_is_not_delivered),
		cmocka_unit_test(
		    test_what_the_kernel_has_no_room_for_is_counted),
		cmocka_unit_test(test_second_start_fails_clearly),
		cmocka_unit_test(test_workers_share_one_port),
		cmocka_unit_test(test_constructor_survives_failing_allocations),
		cmocka_unit_test(test_listeners_survive_failing_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
