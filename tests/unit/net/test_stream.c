#include "net/conn.h"
#include "net/core.h"
#include "net/listeners.h"
#include "net/slots.h"
#include "net/stream.h"
#include "tests/unit/net/bed.h"

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
	bed_write(mute, "\0\1", 2); /* the first bytes of a message */
	idle = bed_client(SOCK_STREAM, &bed->at);
	bed_write(idle, stun, bed_stun(stun));
	bed_until(bed, &bed->messages, 1);
	kept = bed_client(SOCK_STREAM, &bed->at);
	bed_write(kept, stun, 20);
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
test_reading_waits_for_room(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at);
	uint8_t stun[20];

	(void)state;
	bed->room = 0;
	bed_write(fd, stun, bed_stun(stun));
	bed_settle(bed);
	assert_int_equal(bed->messages, 0);
	assert_int_equal(bed->wire[STATS_IN][STATS_CLIENT_TCP], 0);
	bed->room = 1000;
	bed_until(bed, &bed->messages, 1);
	close(fd);
	bed_free(bed);
}

/* Fills what one connection may hold; its reader sleeps. */
static void
fill(struct bed *bed, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct buf b;

		assert_true(net_buf(bed->net, &b, 1004));
		bed_channel(buf_put(&b, 1004), 1000, i);
		net_send(bed->net, &bed->flow, &b);
	}
}

static void
check_filling(const uint8_t *got, size_t count)
{
	uint8_t want[1004];

	for (size_t i = 0; i < count; i++) {
		bed_channel(want, 1000, i);
		assert_memory_equal(got + i * 1004, want, 1004);
	}
}

/* A client that is known, of a bed whose sockets take little. */
static int
narrow_client(struct bed *bed)
{
	const int small = 4096;
	uint8_t stun[20];
	int fd;

	assert_int_equal(setsockopt(net_listeners_fd(bed->listeners, 0, 0),
			     SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)),
	    0);
	fd = bed_client(SOCK_STREAM, &bed->at);
	bed_write(fd, stun, bed_stun(stun));
	bed_until(bed, &bed->messages, 1);
	net_keep(bed->net, &bed->flow, true);
	return fd;
}

/* Reads len bytes while the loop turns; returns how many came. */
static size_t
drain(struct bed *bed, int fd, uint8_t *out, size_t len)
{
	const mono_ms end = mono_now() + BED_DEADLINE_MS;
	size_t at = 0;
	ssize_t n;

	while (at < len && mono_now() < end) {
		n = recv(fd, out + at, len - at, MSG_DONTWAIT);
		if (n == 0)
			break;
		if (n > 0)
			at += (size_t)n;
		bed_turn(bed);
	}
	return at;
}

enum { FILLING = 250 };
static uint8_t received[FILLING * 1004];

static void
test_slow_reader_gets_all_in_order(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = narrow_client(bed);

	(void)state;
	fill(bed, FILLING);
	bed_settle(bed);
	assert_true(bed->wire[STATS_OUT][STATS_CLIENT_TCP] < sizeof(received));
	assert_int_equal(
	    drain(bed, fd, received, sizeof(received)), sizeof(received));
	check_filling(received, FILLING);
	assert_int_equal(bed_drops(bed, STATS_DROP_STREAM_FULL), 0);
	close(fd);
	bed_free(bed);
}

static void
test_half_closed_client_gets_its_answers(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = narrow_client(bed);
	char c;

	(void)state;
	fill(bed, FILLING);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	bed_until(bed, &bed->closed, 1);
	/* the connection is gone for who uses it, not for its output */
	fill(bed, 1);
	assert_int_equal(bed_counter(bed, STATS_CONNECTIONS), 1);
	assert_int_equal(
	    drain(bed, fd, received, sizeof(received)), sizeof(received));
	check_filling(received, FILLING);
	BED_UNTIL(bed, bed_counter(bed, STATS_CONNECTIONS) == 0);
	assert_int_equal(recv(fd, &c, 1, 0), 0);
	assert_int_equal(bed->closed, 1);
	close(fd);
	bed_free(bed);
}

static void
test_request_and_end_in_one_piece_are_answered(void **state)
{
	uint8_t stun[20], got[20];

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
		int fd = bed_client(SOCK_STREAM, &bed->at);

		bed->on_message = bed_echo;
		bed_write(fd, stun, bed_stun(stun));
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		bed_until(bed, &bed->closed, 1);
		assert_int_equal(recv(fd, got, 20, MSG_WAITALL), 20);
		assert_memory_equal(got, stun, 20);
		close(fd);
		bed_free(bed);
	}
}

static void
test_half_closed_client_that_does_not_read_is_cut(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = narrow_client(bed);

	(void)state;
	fill(bed, FILLING);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	bed_until(bed, &bed->closed, 1);
	bed->net->now_us = (mono_now() + CONN_CLOSE_MS + 100) * 1000;
	wheel_advance(bed->wheel, net_now(bed->net));
	assert_int_equal(bed_counter(bed, STATS_CONNECTIONS), 0);
	net_turn_end(bed->net);
	assert_int_equal(bed->closed, 1);
	close(fd);
	bed_free(bed);
}

static void
test_reset_with_output_waiting_is_told_once(void **state)
{
	const struct linger hard = { 1, 0 };
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = narrow_client(bed);

	(void)state;
	fill(bed, FILLING);
	bed_settle(bed);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
	bed_until(bed, &bed->closed, 1);
	bed_settle(bed);
	assert_int_equal(bed->closed, 1);
	assert_int_equal(bed_counter(bed, STATS_CONNECTIONS), 0);
	bed_free(bed);
}

static void
test_the_budget_bounds_what_is_read_and_written(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	const uint64_t *in = &bed->wire[STATS_IN][STATS_CLIENT_TCP];
	const uint64_t *out = &bed->wire[STATS_OUT][STATS_CLIENT_TCP];
	int fd = bed_client(SOCK_STREAM, &bed->at);
	uint8_t stun[20], frames[50 * 104];
	uint64_t was;

	(void)state;
	bed_write(fd, stun, bed_stun(stun));
	bed_until(bed, &bed->messages, 1);
	for (size_t i = 0; i < 50; i++)
		bed_channel(frames + i * 104, 100, i);
	bed_write(fd, frames, sizeof(frames));
	bed->room = 1000;
	for (size_t i = 0; i < 1000 && bed->messages < 51; i++) {
		was = *in;
		bed_turn(bed);
		/* as it really came: some segments, with timestamps */
		assert_true(*in - was <= 1000 + 4 * (NET_WIRE_TCP4 + 12));
	}
	assert_int_equal(bed->messages, 51);
	assert_memory_equal(bed->data, frames + 49 * 104, 104);
	/* written at once: so many pieces, but each for itself */
	bed->room = 0;
	fill(bed, 7);
	was = *out;
	bed_settle(bed);
	assert_int_equal(*out, was);
	bed->room = 1000;
	BED_UNTIL(bed, *out - was >= 7 * (1004 + NET_WIRE_TCP4));
	assert_int_equal(drain(bed, fd, received, 7 * 1004), 7 * 1004);
	check_filling(received, 7);
	close(fd);
	bed_free(bed);
}

/* Whatever allocation fails: the client is dropped or loses a message, and
 * all memory is given back. */
static void
test_memory_may_be_short_at_any_point(void **state)
{
	uint8_t frames[2 * 4008];
	long n;

	(void)state;
	for (n = 0; n < 20; n++) {
		struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
		int fd = bed_client(SOCK_STREAM, &bed->at);
		uint8_t stun[20];

		bed->on_message = bed_echo;
		mem_fail_at(n);
		bed_write(fd, stun, bed_stun(stun));
		bed_settle(bed);
		/* half a frame must be kept */
		bed_channel(frames, 4000, 0);
		bed_channel(frames + 4004, 4000, 1);
		if (send(fd, frames, 5000, MSG_NOSIGNAL) == 5000)
			bed_settle(bed);
		if (send(fd, frames + 5000, 3008, MSG_NOSIGNAL) == 3008)
			bed_settle(bed);
		mem_fail_at(-1);
		close(fd);
		BED_UNTIL(bed, bed_counter(bed, STATS_CONNECTIONS) == 0);
		if (bed_drops(bed, STATS_DROP_NO_MEMORY) == 0) {
			assert_int_equal(bed->messages, 3);
			n = 100;
		}
		bed_free(bed);
	}
	assert_int_equal(n, 101);
}

static void
test_reading_waits_for_a_slot(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	struct net_slots *slots = bed->net->slots;
	uint8_t *held[SLOT_BIG_COUNT], stun[20];
	int fd = bed_client(SOCK_STREAM, &bed->at);
	unsigned n = 0;

	(void)state;
	while (n < SLOT_BIG_COUNT &&
	    net_slots_take(slots, SLOT_BIG_ROOM, &held[n]))
		n++;
	bed_write(fd, stun, bed_stun(stun));
	bed_settle(bed);
	assert_int_equal(bed->messages, 0);
	assert_int_equal(bed_counter(bed, STATS_CONNECTIONS), 1);
	while (n > 0)
		net_slots_release(slots, held[--n]);
	bed_until(bed, &bed->messages, 1);
	/* and gives it back at the end of the turn */
	assert_int_equal(net_slots_spare_big(slots), SLOT_BIG_COUNT);
	close(fd);
	bed_free(bed);
}

static void
test_no_net_without_memory(void **state)
{
	struct bed *bed = bed_prepare(NET_TCP, "127.0.0.1:0");
	long n;

	(void)state;
	bed_listen(bed);
	for (n = 0; bed->net == NULL; n++) {
		struct net_config config = bed_config(bed);

		mem_fail_at(n);
		bed->net = net_new(&config);
		mem_fail_at(-1);
	}
	assert_true(n > 5 && n < 100);
	bed_free(bed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_clients_are_cut_in_time),
		cmocka_unit_test(test_reading_waits_for_room),
		cmocka_unit_test(test_slow_reader_gets_all_in_order),
		cmocka_unit_test(test_half_closed_client_gets_its_answers),
		cmocka_unit_test(
		    test_request_and_end_in_one_piece_are_answered),
		cmocka_unit_test(
		    test_half_closed_client_that_does_not_read_is_cut),
		cmocka_unit_test(test_reset_with_output_waiting_is_told_once),
		cmocka_unit_test(
		    test_the_budget_bounds_what_is_read_and_written),
		cmocka_unit_test(test_memory_may_be_short_at_any_point),
		cmocka_unit_test(test_reading_waits_for_a_slot),
		cmocka_unit_test(test_no_net_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
