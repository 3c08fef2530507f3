#include <sys/resource.h>

#include "net/conn.h"
#include "net/core.h"
#include "net/stream.h"
#include "tests/unit/net/bed.h"

static void
echo(struct bed *bed, const struct net_flow *from, struct buf *b)
{
	net_send(bed->net, from, b);
}

static void
close_inside(struct bed *bed, const struct net_flow *from, struct buf *b)
{
	net_send(bed->net, from, b);
	net_close(bed->net, from);
}

static void
write_all(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

static void
test_messages_are_cut_byte_by_byte(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);
	uint8_t in[40], got[64];

	(void)state;
	bed->on_message = echo;
	bed_stun(in);
	memcpy(in + 20, "\x40\x01\0\1x\0\0\0\x40\x01\0\5hello\0\0\0", 20);
	for (size_t i = 0; i < sizeof(in); i++) {
		write_all(fd, in + i, 1);
		bed_turn(bed);
	}
	bed_until(bed, &bed->messages, 3);
	assert_int_equal(bed->len, 9); /* padding taken off */
	assert_int_equal(bed->flow.transport, NET_TCP);
	bed_settle(bed);
	/* and put on again */
	assert_int_equal(
	    recv(fd, got, sizeof(got), MSG_WAITALL | MSG_DONTWAIT), sizeof(in));
	assert_memory_equal(got, in, sizeof(in));
	assert_true(bed->wire[STATS_IN][STATS_CLIENT_TCP] >= 32 + 40);
	assert_true(bed->wire[STATS_OUT][STATS_CLIENT_TCP] >= 32 + 40);
	close(fd);
	bed_until(bed, &bed->closed, 1);
	bed_free(bed);
}

static void
test_many_messages_in_one_piece(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);
	uint8_t in[20 + 100 * 8];

	(void)state;
	bed_stun(in);
	for (int i = 0; i < 100; i++)
		memcpy(in + 20 + i * 8, "\x40\x01\0\4data", 8);
	write_all(fd, in, sizeof(in));
	bed_until(bed, &bed->messages, 101);
	close(fd);
	bed_free(bed);
}

static void
test_connection_may_be_closed_by_its_own_message(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);
	uint8_t in[60], got[64];

	(void)state;
	bed->on_message = close_inside;
	for (int i = 0; i < 3; i++)
		bed_stun(in + i * 20);
	write_all(fd, in, sizeof(in));
	bed_until(bed, &bed->messages, 1);
	bed_settle(bed);
	assert_int_equal(bed->messages, 1);
	/* the answer is out before the end */
	assert_int_equal(recv(fd, got, sizeof(got), 0), 20);
	assert_int_equal(bed->closed, 0);
	assert_int_equal(bed_counter(bed, STATS_CONNECTIONS), 0);
	close(fd);
	bed_free(bed);
}

static void
test_lost_framing_ends_the_connection(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);
	uint8_t in[40];

	(void)state;
	memset(in, 0xee, sizeof(in));
	bed_stun(in);
	write_all(fd, in, sizeof(in));
	bed_until(bed, &bed->closed, 1);
	assert_int_equal(bed->messages, 1);
	assert_int_equal(bed_drops(bed, STATS_DROP_STREAM_BROKEN), 1);
	close(fd);
	bed_free(bed);
}

static void
test_http_is_answered_and_closed(void **state)
{
	static const char get[] = "GET / HTTP/1.1\r\n\r\n";
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);
	char got[256];

	(void)state;
	write_all(fd, get, sizeof(get) - 1);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_HTTP) == 1);
	bed_settle(bed);
	assert_true(recv(fd, got, sizeof(got), 0) > 12);
	assert_memory_equal(got, "HTTP/1.1 404", 12);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 0);
	close(fd);
	bed_free(bed);
}

static void
test_other_first_bytes_are_counted(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);

	(void)state;
	write_all(fd, "\x80junk", 5);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_NOT_STUN) == 1);
	close(fd);
	/* PROXY from who may not */
	fd = bed_client(SOCK_STREAM, &bed->at);
	write_all(fd, "\r\n\r\n", 4);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_PROXY) == 1);
	close(fd);
	bed_free(bed);
}

static void
test_proxy_header_names_the_client(void **state)
{
	static const uint8_t header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
					"\xc6\x33\x64\x01\xcb\x00\x71\x05"
					"\x10\x00\x0d\x96";
	struct bed *bed = bed_prepare(NET_TCP, "127.0.0.1:0");
	struct addr_prefix from;
	struct addr client;
	uint8_t stun[20];
	int fd;

	(void)state;
	assert_int_equal(addr_prefix_parse(&from, "127.0.0.0/8"), 0);
	bed->conf.listen.proxy.at = &from;
	bed->conf.listen.proxy.count = 1;
	bed_start(bed);
	fd = bed_client(SOCK_STREAM, &bed->at);
	write_all(fd, header, 20);
	bed_settle(bed);
	write_all(fd, header + 20, sizeof(header) - 1 - 20);
	write_all(fd, stun, bed_stun(stun));
	bed_until(bed, &bed->messages, 1);
	assert_int_equal(addr_parse(&client, "198.51.100.1:4096"), 0);
	assert_true(addr_equal(&bed->flow.client, &client));
	close(fd);
	bed_free(bed);
}

/* Deadlines by a clock that is moved: the wheel is told a later now. */
static void
test_slow_clients_are_cut_in_time(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int mute = bed_client(SOCK_STREAM, &bed->at);
	int idle, kept;
	uint8_t stun[20];

	(void)state;
	BED_UNTIL(bed, bed_counter(bed, STATS_CONNECTIONS) == 1);
	write_all(mute, "\0\1", 2); /* the first bytes of a message */
	idle = bed_client(SOCK_STREAM, &bed->at);
	write_all(idle, stun, bed_stun(stun));
	bed_until(bed, &bed->messages, 1);
	kept = bed_client(SOCK_STREAM, &bed->at);
	write_all(kept, stun, 20);
	bed_until(bed, &bed->messages, 2);
	net_keep(bed->net, &bed->flow, true);

	bed->net->now_us = (mono_now() + CONN_FIRST_MS + 100) * 1000;
	wheel_advance(bed->wheel, net_now(bed->net));
	assert_int_equal(bed_drops(bed, STATS_DROP_STREAM_IDLE), 1);
	assert_int_equal(bed->closed, 0); /* nobody knew it */
	bed->net->now_us = (mono_now() + CONN_IDLE_MS + 100) * 1000;
	wheel_advance(bed->wheel, net_now(bed->net));
	assert_int_equal(bed_drops(bed, STATS_DROP_STREAM_IDLE), 2);
	assert_int_equal(bed->closed, 1);
	net_turn_end(bed->net);
	assert_int_equal(bed_counter(bed, STATS_CONNECTIONS), 1);
	close(mute);
	close(idle);
	close(kept);
	bed_free(bed);
}

static void
test_slow_reader_loses_media_only(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);
	uint8_t stun[20];

	(void)state;
	write_all(fd, stun, bed_stun(stun));
	bed_until(bed, &bed->messages, 1);
	net_keep(bed->net, &bed->flow, true);
	bed->room = 0; /* nothing leaves */
	for (int i = 0; i < 400; i++) {
		struct buf b;

		assert_true(net_buf(bed->net, &b, 1000));
		memset(buf_put(&b, 1000), 0x40, 1000);
		net_send(bed->net, &bed->flow, &b);
	}
	assert_int_equal(bed_drops(bed, STATS_DROP_STREAM_FULL),
	    400 - STREAM_OUT_MAX / 1000);
	bed->room = 1 << 20;
	BED_UNTIL(bed, bed->wire[STATS_OUT][STATS_CLIENT_TCP] >= 262000);
	close(fd);
	bed_free(bed);
}

static void
test_unknown_clients_hold_little_memory(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int reader = bed_client(SOCK_STREAM, &bed->at);
	int writer;
	uint8_t stun[20];

	(void)state;
	write_all(reader, stun, bed_stun(stun));
	bed_until(bed, &bed->messages, 1);
	bed->room = 0; /* nothing leaves */
	for (int i = 0; i < 20; i++) {
		struct buf b;

		assert_true(net_buf(bed->net, &b, 1000));
		memset(buf_put(&b, 1000), 1, 1000); /* an answer */
		net_send(bed->net, &bed->flow, &b);
	}
	assert_int_equal(
	    bed_drops(bed, STATS_DROP_STREAM_FULL), 20 - STREAM_NEW_MAX / 1000);
	bed->room = 1 << 20;
	/* nor is half a frame kept that nobody needs whole */
	writer = bed_client(SOCK_STREAM, &bed->at);
	memcpy(stun + 2, "\xff\xfc", 2);
	write_all(writer, stun, sizeof(stun));
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_STREAM_BROKEN) == 1);
	close(reader);
	close(writer);
	bed_free(bed);
}

static void
test_reading_waits_for_room(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);
	uint8_t stun[20];

	(void)state;
	bed->room = 0;
	write_all(fd, stun, bed_stun(stun));
	bed_settle(bed);
	assert_int_equal(bed->messages, 0);
	assert_int_equal(bed->wire[STATS_IN][STATS_CLIENT_TCP], 0);
	bed->room = 1000;
	bed_until(bed, &bed->messages, 1);
	close(fd);
	bed_free(bed);
}

/* Fills the descriptors up to end; returns the first it took. */
static int
occupy(int end)
{
	const int first = dup(STDERR_FILENO);

	assert_true(first < end);
	for (int fd = first; fd < end - 1;)
		fd = dup(STDERR_FILENO);
	return first;
}

static void
test_last_descriptors_are_not_for_clients(void **state)
{
	struct bed *bed = bed_prepare(NET_TCP, "127.0.0.1:0");
	const struct addr any = bed->at;
	struct net_relayed *relayed;
	struct rlimit before, low;
	int fd, first;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = (struct rlimit){ 100, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	bed_start(bed);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	fd = bed_client(SOCK_STREAM, &bed->at);
	first = occupy(75);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_CONN_LIMIT) == 1);
	assert_int_equal(
	    net_relayed_open(&relayed, bed->net, &any, NULL), EMFILE);
	for (int i = first; i < 75; i++)
		close(i);
	assert_int_equal(net_relayed_open(&relayed, bed->net, &any, NULL), 0);
	net_relayed_close(relayed);
	close(fd);
	bed_free(bed);
}

static void
test_connections_over_a_limit_are_closed(void **state)
{
	struct bed *bed = bed_prepare(NET_TCP, "127.0.0.1:0");
	int fds[4];
	char c;

	(void)state;
	bed->conf.caps.connections_per_prefix = 3;
	bed_start(bed);
	for (int i = 0; i < 4; i++)
		fds[i] = bed_client(SOCK_STREAM, &bed->at);
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_CONN_LIMIT) == 1);
	assert_int_equal(bed_counter(bed, STATS_CONNECTIONS), 3);
	assert_int_equal(recv(fds[3], &c, 1, 0), 0);
	close(fds[0]);
	BED_UNTIL(bed, bed_counter(bed, STATS_CONNECTIONS) == 2);
	close(fds[3]);
	fds[3] = bed_client(SOCK_STREAM, &bed->at);
	BED_UNTIL(bed, bed_counter(bed, STATS_CONNECTIONS) == 3);
	for (int i = 1; i < 4; i++)
		close(fds[i]);
	bed_free(bed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_are_cut_byte_by_byte),
		cmocka_unit_test(test_many_messages_in_one_piece),
		cmocka_unit_test(
		    test_connection_may_be_closed_by_its_own_message),
		cmocka_unit_test(test_lost_framing_ends_the_connection),
		cmocka_unit_test(test_http_is_answered_and_closed),
		cmocka_unit_test(test_other_first_bytes_are_counted),
		cmocka_unit_test(test_proxy_header_names_the_client),
		cmocka_unit_test(test_slow_clients_are_cut_in_time),
		cmocka_unit_test(test_slow_reader_loses_media_only),
		cmocka_unit_test(test_unknown_clients_hold_little_memory),
		cmocka_unit_test(test_reading_waits_for_room),
		cmocka_unit_test(test_last_descriptors_are_not_for_clients),
		cmocka_unit_test(test_connections_over_a_limit_are_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
