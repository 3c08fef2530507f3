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

/* ---- several at once */

/* What a client sent in one burst, and what came of it. */
struct burst {
	size_t size;    /* of each packet */
	unsigned count; /* of packets seen */
	unsigned answer_every;
};

static void
answer_some(struct bed *bed, const struct net_flow *from, struct buf *b)
{
	struct burst *t = bed->test;
	const size_t at = t->size * t->count++;

	for (size_t i = 1; i < b->len; i++)
		assert_int_equal(b->data[i], bed_pattern(at + i));
	/* nobody may write into its neighbours */
	if (b->len < t->size || t->count > 1)
		assert_int_equal(buf_headroom(b) + buf_tailroom(b), 0);
	if (t->answer_every > 0 && t->count % t->answer_every == 0)
		net_send(bed->net, from, b);
}

/* Sends len bytes as packets of size and has every n-th sent back. */
static void
check_burst(struct bed *bed, int fd, size_t len, size_t size, unsigned n)
{
	static uint8_t sent[65507], got[65536];
	const unsigned count = (unsigned)((len + size - 1) / size);
	struct burst t = { .size = size, .answer_every = n };
	const uint64_t was = bed->wire[STATS_IN][STATS_CLIENT_UDP];

	for (size_t i = 0; i < len; i++)
		sent[i] = i % size == 0 ? 0x40 : bed_pattern(i);
	bed->messages = 0;
	bed->test = &t;
	bed->on_message = answer_some;
	bed_burst(fd, sent, len, (uint16_t)size);
	bed_until(bed, &bed->messages, count);
	assert_int_equal(
	    bed->wire[STATS_IN][STATS_CLIENT_UDP] - was, len + count * 28ul);
	for (unsigned i = n; n > 0 && i <= count; i += n) {
		const size_t at = (i - 1) * size;
		const size_t want = len - at < size ? len - at : size;

		assert_int_equal(recv(fd, got, sizeof(got), 0), want);
		assert_memory_equal(got, sent + at, want);
	}
	assert_int_equal(recv(fd, got, 1, MSG_DONTWAIT), -1);
}

static void
test_coalesced_packets_are_taken_one_by_one(void **state)
{
	static const size_t sizes[] = { 1, 9, 172, 1200, 1472, 2000, 20000 };
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	int fd = bed_client(SOCK_DGRAM, &bed->at);
	uint64_t segments = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const size_t most = 65507 / sizes[i];
		const size_t n = most < 64 ? most : 64;

		check_burst(bed, fd, n * sizes[i], sizes[i], 1);
		check_burst(bed, fd, n * sizes[i] - sizes[i] / 2, sizes[i], 1);
		segments += 2 * n;
		assert_int_equal(
		    bed_counter(bed, STATS_SEGMENTS_RECEIVED), segments);
	}
	assert_true(bed_counter(bed, STATS_SEGMENTS_SENT) > 0);
	close(fd);
	bed_free(bed);
}

/* Memory that is sent, and memory that is not, must come back. */
static void
test_coalesced_packets_may_be_sent_in_part(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	int fd = bed_client(SOCK_DGRAM, &bed->at);

	(void)state;
	for (unsigned i = 0; i < 600; i++)
		check_burst(bed, fd, 8 * 700, 700, i % 5);
	close(fd);
	bed_free(bed);
}

static void
test_more_than_the_queue_holds_may_come_at_once(void **state)
{
	enum { BURSTS = 30, EACH = 60, SIZE = 40 };
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	int fd = bed_client(SOCK_DGRAM, &bed->at);
	const int room = 4 << 20;
	uint8_t sent[EACH * SIZE], got[100];

	(void)state;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	bed->on_message = echo;
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = i % SIZE == 0 ? 0x40 : bed_pattern(i);
	for (uint8_t k = 0; k < BURSTS; k++) {
		for (size_t i = 0; i < EACH; i++)
			sent[i * SIZE + 1] = k;
		bed_burst(fd, sent, sizeof(sent), SIZE);
	}
	bed_until(bed, &bed->messages, BURSTS * EACH);
	for (unsigned k = 0; k < BURSTS; k++) {
		for (size_t i = 0; i < EACH; i++) {
			assert_int_equal(recv(fd, got, sizeof(got), 0), SIZE);
			assert_int_equal(got[1], k);
			assert_memory_equal(
			    got + 2, sent + i * SIZE + 2, SIZE - 2);
		}
	}
	close(fd);
	bed_free(bed);
}

static void
test_each_coalesced_packet_is_taken_or_not(void **state)
{
	uint8_t sent[] = { 0x40, 1, 0x40, 2, 0x40, 3, 0x40, 4, 0x40, 5 };
	uint8_t got[8];

	(void)state;
	for (unsigned n = 1; n <= 5; n++) {
		struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
		int fd = bed_client(SOCK_DGRAM, &bed->at);

		bed->on_message = echo;
		bed->not_taken = n;
		bed_burst(fd, sent, sizeof(sent), 2);
		bed_until(bed, &bed->messages, 4);
		for (unsigned i = 1; i <= 5; i++) {
			if (i == n)
				continue;
			assert_int_equal(recv(fd, got, sizeof(got), 0), 2);
			assert_int_equal(got[1], i);
		}
		assert_int_equal(bed->wire[STATS_IN][STATS_CLIENT_UDP], 5 * 30);
		close(fd);
		bed_free(bed);
	}
}

static void
test_wildcard_listener_takes_coalesced_packets(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "0.0.0.0:0");
	struct addr at;
	int fd;

	(void)state;
	assert_int_equal(addr_parse(&at, "127.0.0.2"), 0);
	addr_set_port(&at, addr_port(&bed->at));
	fd = bed_client(SOCK_DGRAM, &at);
	check_burst(bed, fd, 10 * 333 - 5, 333, 1);
	assert_true(addr_equal(&bed->flow.local, &at));
	assert_int_equal(bed_counter(bed, STATS_SEGMENTS_RECEIVED), 10);
	assert_int_equal(bed_counter(bed, STATS_SEGMENTS_SENT), 10);
	close(fd);
	bed_free(bed);
}

static void
test_packets_come_apart_when_switched_off(void **state)
{
	struct bed *bed = bed_prepare(NET_UDP, "127.0.0.1:0");
	int fd;

	(void)state;
	bed->conf.listen.offload = false;
	bed_start(bed);
	fd = bed_client(SOCK_DGRAM, &bed->at);
	bed->on_message = echo;
	bed_burst(fd, CHANNEL, sizeof(CHANNEL), 4);
	BED_UNTIL(
	    bed, bed->messages + bed_drops(bed, STATS_DROP_NOT_STUN) == 2);
	assert_int_equal(bed_counter(bed, STATS_SEGMENTS_RECEIVED), 0);
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
		cmocka_unit_test(test_coalesced_packets_are_taken_one_by_one),
		cmocka_unit_test(test_coalesced_packets_may_be_sent_in_part),
		cmocka_unit_test(
		    test_more_than_the_queue_holds_may_come_at_once),
		cmocka_unit_test(test_each_coalesced_packet_is_taken_or_not),
		cmocka_unit_test(
		    test_wildcard_listener_takes_coalesced_packets),
		cmocka_unit_test(test_packets_come_apart_when_switched_off),
		cmocka_unit_test(test_what_is_no_protocol_of_ours_is_counted),
		cmocka_unit_test(test_what_is_over_the_cap_is_not_delivered),
		cmocka_unit_test(
		    test_what_the_kernel_has_no_room_for_is_counted),
		cmocka_unit_test(test_second_start_fails_clearly),
		cmocka_unit_test(test_workers_share_one_port),
		cmocka_unit_test(test_constructor_survives_failing_allocations),
		cmocka_unit_test(test_listeners_survive_failing_allocations),
	};

	return BED_RUN(tests);
}
