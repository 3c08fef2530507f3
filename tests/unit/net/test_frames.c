#include <linux/tcp.h>
#include <netinet/in.h>

#include "net/stream.h"
#include "tests/unit/net/bed.h"

static void
close_inside(struct bed *bed, const struct net_flow *from, struct buf *b)
{
	net_send(bed->net, from, b);
	net_close(bed->net, from);
}

static void
test_messages_are_cut_byte_by_byte(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);
	uint8_t in[40], got[64];

	(void)state;
	bed->on_message = bed_echo;
	bed_stun(in);
	memcpy(in + 20, "\x40\x01\0\1x\0\0\0\x40\x01\0\5hello\0\0\0", 20);
	for (size_t i = 0; i < sizeof(in); i++) {
		bed_write(fd, in + i, 1);
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
	bed_write(fd, in, sizeof(in));
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
	bed_write(fd, in, sizeof(in));
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
	bed_write(fd, in, sizeof(in));
	bed_until(bed, &bed->closed, 1);
	assert_int_equal(bed->messages, 1);
	assert_int_equal(bed_drops(bed, STATS_DROP_STREAM_BROKEN), 1);
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
	bed_write(reader, stun, bed_stun(stun));
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
	bed_write(writer, stun, sizeof(stun));
	BED_UNTIL(bed, bed_drops(bed, STATS_DROP_STREAM_BROKEN) == 1);
	close(reader);
	close(writer);
	bed_free(bed);
}

static void
test_slow_reader_loses_media_only(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);
	uint8_t stun[20];

	(void)state;
	bed_write(fd, stun, bed_stun(stun));
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

/* A connection that proved itself: it may send large frames. */
static int
known_client(struct bed *bed)
{
	int fd = bed_client(SOCK_STREAM, &bed->at);
	const unsigned want = bed->messages + 1;
	uint8_t stun[20];

	bed_write(fd, stun, bed_stun(stun));
	bed_until(bed, &bed->messages, want);
	net_keep(bed->net, &bed->flow, true);
	return fd;
}

static void
test_large_frames_arrive_whole(void **state)
{
	static const size_t lens[] = { 1, 4091, 16384, 60001, 65535, 0, 7 };
	static uint8_t frame[70000];
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = known_client(bed);

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		const unsigned want = bed->messages + 1;
		const size_t len = bed_channel(frame, lens[i], i);

		for (size_t at = 0; at < len; at += 7000) {
			bed_write(
			    fd, frame + at, len - at < 7000 ? len - at : 7000);
			bed_turn(bed);
		}
		bed_until(bed, &bed->messages, want);
		assert_int_equal(bed->len, 4 + lens[i]);
		assert_memory_equal(bed->data, frame, bed->len);
	}
	close(fd);
	bed_free(bed);
}

/* One byte of the third frame's head is still to come, and so on. */
static void
test_a_frame_may_be_cut_anywhere(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = known_client(bed);
	uint8_t all[300], got[300];
	size_t len = 0;

	(void)state;
	bed->on_message = bed_echo;
	for (size_t i = 0; i < 3; i++)
		len += bed_channel(all + len, 50 + i, i * 100);
	for (size_t cut = 1; cut < len; cut += 3) {
		const unsigned want = bed->messages + 3;

		bed_write(fd, all, cut);
		bed_turn(bed);
		bed_write(fd, all + cut, len - cut);
		bed_until(bed, &bed->messages, want);
		assert_int_equal(recv(fd, got, len, MSG_WAITALL), len);
		assert_memory_equal(got, all, len);
	}
	close(fd);
	bed_free(bed);
}

static struct net_relayed *way_out;

static void
send_on(struct bed *bed, const struct net_flow *from, struct buf *b)
{
	(void)from;
	buf_pull(b, 4);
	net_relayed_send(way_out, &bed->peer, b, false);
}

/* What is sent on stays as it is while others are read behind it. */
static void
test_frames_are_sent_on_from_where_they_lie(void **state)
{
	enum { CLIENTS = 4, FRAMES = 40, LEN = 500 };
	const int large = 1 << 20;
	bool seen[CLIENTS * FRAMES] = { false };
	static uint8_t all[FRAMES * (LEN + 8)], got[2000], want[2000];
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fds[CLIENTS], peer = socket(AF_INET, SOCK_DGRAM, 0);
	size_t k;
	struct addr any;

	(void)state;
	assert_int_equal(addr_parse(&any, "127.0.0.1:0"), 0);
	setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &large, sizeof(large));
	assert_int_equal(bind(peer, &any.u.sa, addr_len(&any)), 0);
	bed_name(peer, &bed->peer);
	assert_int_equal(net_relayed_open(&way_out, bed->net, &any, NULL), 0);
	for (size_t i = 0; i < CLIENTS; i++)
		fds[i] = known_client(bed);
	bed->on_message = send_on;
	bed->messages = 0;
	for (size_t i = 0; i < CLIENTS; i++) {
		size_t len = 0;

		for (k = 0; k < FRAMES; k++)
			len += bed_channel(all + len, LEN, i * FRAMES + k);
		bed_write(fds[i], all, len);
	}
	/* one turn has them all */
	bed_until(bed, &bed->messages, CLIENTS * FRAMES);
	for (size_t i = 0; i < CLIENTS * FRAMES; i++) {
		assert_int_equal(
		    recv(peer, got, sizeof(got), MSG_DONTWAIT), LEN);
		/* of whichever client: its first byte tells */
		for (k = 0; got[0] != bed_pattern(k); k++)
			assert_true(k + 1 < CLIENTS * FRAMES);
		bed_channel(want, LEN, k);
		assert_memory_equal(got, want + 4, LEN);
		assert_false(seen[k]);
		seen[k] = true;
	}
	for (size_t i = 0; i < CLIENTS; i++)
		close(fds[i]);
	net_relayed_close(way_out);
	close(peer);
	bed_free(bed);
}

static uint32_t
count_segments(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_data_segs_in;
}

static void
test_answers_of_a_turn_leave_by_one_write(void **state)
{
	enum { COUNT = 8 };
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = known_client(bed);
	uint8_t in[COUNT * 24], got[COUNT * 24];
	const unsigned want = bed->messages + COUNT;

	(void)state;
	bed->on_message = bed_echo;
	for (size_t i = 0; i < COUNT; i++)
		bed_channel(in + i * 24, 20, i);
	bed_write(fd, in, sizeof(in));
	bed_until(bed, &bed->messages, want);
	assert_int_equal(recv(fd, got, sizeof(got), MSG_WAITALL), sizeof(got));
	assert_memory_equal(got, in, sizeof(in));
	assert_int_equal(count_segments(fd), 1);
	close(fd);
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
		cmocka_unit_test(test_unknown_clients_hold_little_memory),
		cmocka_unit_test(test_slow_reader_loses_media_only),
		cmocka_unit_test(test_large_frames_arrive_whole),
		cmocka_unit_test(test_a_frame_may_be_cut_anywhere),
		cmocka_unit_test(test_frames_are_sent_on_from_where_they_lie),
		cmocka_unit_test(test_answers_of_a_turn_leave_by_one_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
