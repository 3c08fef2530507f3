#include "net/core.h"
#include "net/out.h"
#include "net/slots.h"
#include "tests/unit/net/bed.h"

/* A sending socket and one that receives. */
static void
open_pair(struct net_sock *s, int *to, struct addr *at)
{
	const int size = 4 << 20;

	assert_int_equal(addr_parse(at, "127.0.0.1:0"), 0);
	*to = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(*to, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	assert_int_equal(bind(*to, &at->u.sa, addr_len(at)), 0);
	bed_name(*to, at);
	memset(s, 0, sizeof(*s));
	s->family = AF_INET;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
}

static void
push(struct bed *bed, struct net_sock *s, const struct addr *to, uint32_t tag)
{
	const struct net_out_packet p = { .to = *to, .kind = STATS_PEER };
	struct buf b;

	assert_true(net_buf(bed->net, &b, sizeof(tag)));
	memcpy(buf_put(&b, sizeof(tag)), &tag, sizeof(tag));
	net_out_push(bed->net->out, s, &p, &b);
}

static void
test_queue_that_is_full_sends_itself(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	struct net_sock a, b;
	struct addr at_a, at_b;
	int to_a, to_b;
	uint32_t got, next = 0;

	(void)state;
	open_pair(&a, &to_a, &at_a);
	open_pair(&b, &to_b, &at_b);
	/* 3 x the queue; readers keep up every 100 */
	for (uint32_t i = 0; i < 3 * OUT_QUEUE; i++) {
		push(bed, i % 2 == 0 ? &a : &b, i % 2 == 0 ? &at_a : &at_b, i);
		if (i % 100 != 99)
			continue;
		while (recv(to_a, &got, 4, MSG_DONTWAIT) == 4) {
			assert_int_equal(got, next); /* in order */
			next += 2;
		}
		while (recv(to_b, &got, 4, MSG_DONTWAIT) == 4)
			continue;
	}
	assert_true(next > OUT_QUEUE); /* some left already */
	net_turn_end(bed->net);
	while (recv(to_a, &got, 4, MSG_DONTWAIT) == 4)
		next += 2;
	assert_int_equal(next, 3 * OUT_QUEUE);
	/* every slot is back but those of the receive batch */
	assert_true(net_slots_spare(bed->net->slots) >= SLOT_COUNT - BATCH_MAX);
	/* one for each socket and queue */
	assert_int_equal(bed_counter(bed, STATS_SYSCALLS_SEND), 3 * 2);
	close(a.fd);
	close(b.fd);
	close(to_a);
	close(to_b);
	bed_free(bed);
}

/* What one worker's packets write is in no line of another's. */
static void
test_each_worker_begins_a_cache_line(void **state)
{
	struct bed *one = bed_new(NET_UDP, "127.0.0.1:0");
	struct bed *two = bed_new(NET_UDP, "127.0.0.1:0");

	(void)state;
	assert_int_equal((uintptr_t)one->net % 64, 0);
	assert_int_equal((uintptr_t)two->net % 64, 0);
	assert_int_equal((uintptr_t)one->net->out % 64, 0);
	assert_int_equal((uintptr_t)two->net->out % 64, 0);
	bed_free(one);
	bed_free(two);
}

static void
test_refused_packet_is_counted_and_the_rest_sent(void **state)
{
	struct bed *bed = bed_new(NET_UDP, "127.0.0.1:0");
	struct net_sock s;
	struct addr at, bad;
	uint32_t got;
	int to;

	(void)state;
	open_pair(&s, &to, &at);
	bad = at;
	addr_set_port(&bad, 0); /* EINVAL */
	push(bed, &s, &at, 1);
	push(bed, &s, &bad, 2);
	push(bed, &s, &at, 3);
	net_turn_end(bed->net);
	assert_int_equal(recv(to, &got, 4, MSG_DONTWAIT), 4);
	assert_int_equal(got, 1);
	assert_int_equal(recv(to, &got, 4, MSG_DONTWAIT), 4);
	assert_int_equal(got, 3);
	assert_int_equal(bed_drops(bed, STATS_DROP_SEND_ERROR), 1);
	close(s.fd);
	close(to);
	bed_free(bed);
}

/* ---- several in one */

/* Queues size bytes of the pattern, the first of them serial. */
static void
push_sized(struct bed *bed, struct net_sock *s, const struct net_out_packet *p,
    size_t size, uint8_t serial)
{
	struct buf b;

	assert_true(net_buf(bed->net, &b, size));
	for (size_t i = 0; i < size; i++)
		*buf_put(&b, 1) = bed_pattern(i);
	if (size > 0)
		b.data[0] = serial;
	net_out_push(bed->net->out, s, p, &b);
}

static void
check_arrived(int fd, size_t size, uint8_t serial)
{
	static uint8_t got[BED_PACKET_MAX];

	assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), size);
	if (size > 0)
		assert_int_equal(got[0], serial);
	for (size_t i = 1; i < size; i++)
		assert_int_equal(got[i], bed_pattern(i));
}

struct scene {
	struct bed *bed;
	struct net_sock sock;
	int to;
	struct addr at;
	struct net_out_packet p;
};

static void
setup(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->bed = bed_new(NET_UDP, "127.0.0.1:0");
	open_pair(&s->sock, &s->to, &s->at);
	s->p.to = s->at;
	s->p.kind = STATS_PEER;
}

static void
teardown(struct scene *s)
{
	assert_int_equal(recv(s->to, &s->p, sizeof(s->p), MSG_DONTWAIT), -1);
	close(s->sock.fd);
	close(s->to);
	bed_free(s->bed);
}

/* Sends packets of these sizes in one turn, and looks at what comes. */
static void
check_sizes(struct scene *s, const size_t *sizes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		push_sized(s->bed, &s->sock, &s->p, sizes[i], (uint8_t)i);
	net_turn_end(s->bed->net);
	for (size_t i = 0; i < count; i++)
		check_arrived(s->to, sizes[i], (uint8_t)i);
}

static void
test_packets_of_one_size_leave_in_one_call(void **state)
{
	static const size_t sizes[] = { 172, 172, 172, 172, 172, 172, 172, 3 };
	struct scene s;

	(void)state;
	setup(&s);
	check_sizes(&s, sizes, 8);
	assert_int_equal(bed_counter(s.bed, STATS_SYSCALLS_SEND), 1);
	assert_int_equal(bed_counter(s.bed, STATS_SEGMENTS_SENT), 8);
	assert_int_equal(
	    s.bed->wire[STATS_OUT][STATS_PEER], 7 * 172 + 3 + 8 * 28);
	teardown(&s);
}

static void
test_sizes_may_change_anywhere(void **state)
{
	static const size_t sizes[] = { 100, 100, 50, 50, 100, 0, 0, 1, 1, 0,
		2000, 2000, 1999, 2000, 65507, 7, 1, 2, 3, 2, 1, 30000, 30000,
		30000, 1, 65507, 65507 };
	struct scene s;

	(void)state;
	setup(&s);
	check_sizes(&s, sizes, sizeof(sizes) / sizeof(*sizes));
	assert_int_equal(bed_drops(s.bed, STATS_DROP_SEND_ERROR), 0);
	/* 3 + 2 + 3 + 2 + 2 + 2 + 2 */
	assert_int_equal(bed_counter(s.bed, STATS_SEGMENTS_SENT), 16);
	teardown(&s);
}

static void
test_a_message_holds_what_the_kernel_takes(void **state)
{
	static const size_t sizes[] = { 1, 17, 64, 500, 1023, 1024, 1472 };
	struct scene s;

	(void)state;
	setup(&s);
	/* more than 64 segments, and more than 65507 bytes */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t all[150];

		for (size_t k = 0; k < 150; k++)
			all[k] = sizes[i];
		check_sizes(&s, all, 150);
	}
	assert_int_equal(bed_drops(s.bed, STATS_DROP_SEND_ERROR), 0);
	teardown(&s);
}

static void
test_what_is_not_admitted_shortens_the_message(void **state)
{
	for (unsigned n = 1; n <= 5; n++) {
		struct scene s;

		(void)state;
		setup(&s);
		s.bed->not_admitted = n;
		for (uint8_t i = 1; i <= 5; i++)
			push_sized(s.bed, &s.sock, &s.p, 90, i);
		net_turn_end(s.bed->net);
		for (uint8_t i = 1; i <= 5; i++) {
			if (i != n)
				check_arrived(s.to, 90, i);
		}
		assert_int_equal(s.bed->wire[STATS_OUT][STATS_PEER], 4 * 118);
		assert_int_equal(bed_counter(s.bed, STATS_SEGMENTS_SENT), 4);
		teardown(&s);
	}
}

/* Of one address and the other transport (DTLS) too. */
static void
test_each_packet_is_counted_as_what_it_is(void **state)
{
	struct scene s;

	(void)state;
	setup(&s);
	for (uint8_t i = 0; i < 6; i++) {
		s.p.kind = i % 3 == 0 ? STATS_CLIENT_DTLS : STATS_CLIENT_UDP;
		push_sized(s.bed, &s.sock, &s.p, 90, i);
	}
	net_turn_end(s.bed->net);
	for (uint8_t i = 0; i < 6; i++)
		check_arrived(s.to, 90, i);
	assert_int_equal(s.bed->wire[STATS_OUT][STATS_CLIENT_DTLS], 2 * 118);
	assert_int_equal(s.bed->wire[STATS_OUT][STATS_CLIENT_UDP], 4 * 118);
	teardown(&s);
}

static void
test_each_destination_gets_its_own(void **state)
{
	struct scene s;
	struct addr other;
	int to;

	(void)state;
	setup(&s);
	assert_int_equal(addr_parse(&other, "127.0.0.1:0"), 0);
	to = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(to, &other.u.sa, addr_len(&other)), 0);
	bed_name(to, &other);
	for (uint8_t i = 0; i < 40; i++) {
		s.p.to = i % 2 == 0 ? s.at : other;
		push_sized(s.bed, &s.sock, &s.p, 60, i);
	}
	net_turn_end(s.bed->net);
	for (uint8_t i = 0; i < 40; i++)
		check_arrived(i % 2 == 0 ? s.to : to, 60, i);
	assert_int_equal(bed_counter(s.bed, STATS_SEGMENTS_SENT), 40);
	/* a size that ends a message must not let a later one overtake */
	for (uint8_t i = 0; i < 60; i++) {
		s.p.to = i % 2 == 0 ? s.at : other;
		push_sized(s.bed, &s.sock, &s.p, i % 7 < 4 ? 60 : 20 + i, i);
	}
	net_turn_end(s.bed->net);
	for (uint8_t i = 0; i < 60; i++)
		check_arrived(
		    i % 2 == 0 ? s.to : to, i % 7 < 4 ? 60 : 20 + i, i);
	assert_int_equal(recv(to, &other, 1, MSG_DONTWAIT), -1);
	close(to);
	teardown(&s);
}

static void
test_source_is_kept_for_every_packet(void **state)
{
	struct scene s;
	struct addr from, got;
	char text[4];
	socklen_t len = sizeof(got);

	(void)state;
	setup(&s);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(
		    addr_parse(&from, i < 3 ? "127.0.0.5" : "127.0.0.6"), 0);
		s.p.from = from;
		push_sized(s.bed, &s.sock, &s.p, 4, (uint8_t)i);
	}
	net_turn_end(s.bed->net);
	for (int i = 0; i < 6; i++) {
		memset(&got, 0, sizeof(got));
		assert_int_equal(
		    recvfrom(s.to, text, 4, MSG_DONTWAIT, &got.u.sa, &len), 4);
		assert_int_equal(text[0], i);
		assert_int_equal(
		    addr_parse(&from, i < 3 ? "127.0.0.5" : "127.0.0.6"), 0);
		assert_true(addr_equal_host(&got, &from));
	}
	assert_int_equal(bed_counter(s.bed, STATS_SYSCALLS_SEND), 1);
	assert_int_equal(bed_counter(s.bed, STATS_SEGMENTS_SENT), 6);
	teardown(&s);
}

/* A socket without checksums is one the kernel does not cut packets for. */
static void
test_refused_message_is_sent_packet_by_packet(void **state)
{
	const int on = 1;
	const size_t three[] = { 300, 300, 300 }, small[] = { 299, 299 };
	struct scene s;

	(void)state;
	setup(&s);
	assert_int_equal(
	    setsockopt(s.sock.fd, SOL_SOCKET, SO_NO_CHECK, &on, 4), 0);
	check_sizes(&s, three, 3);
	assert_int_equal(bed_drops(s.bed, STATS_DROP_SEND_ERROR), 0);
	assert_int_equal(bed_counter(s.bed, STATS_SEGMENTS_SENT), 0);
	/* twice in vain, then three */
	assert_int_equal(bed_counter(s.bed, STATS_SYSCALLS_SEND), 5);
	/* remembered: nothing in vain */
	check_sizes(&s, three, 3);
	assert_int_equal(bed_counter(s.bed, STATS_SYSCALLS_SEND), 6);
	/* but smaller ones may do */
	check_sizes(&s, small, 2);
	assert_int_equal(bed_counter(s.bed, STATS_SYSCALLS_SEND), 6 + 4);
	check_sizes(&s, small, 2);
	assert_int_equal(bed_counter(s.bed, STATS_SYSCALLS_SEND), 6 + 5);
	teardown(&s);
}

static void
test_refusal_is_forgotten_after_a_while(void **state)
{
	const size_t two[] = { 300, 300 };
	struct scene s;
	int on = 1;

	(void)state;
	setup(&s);
	setsockopt(s.sock.fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof(on));
	check_sizes(&s, two, 2);
	on = 0;
	setsockopt(s.sock.fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof(on));
	for (int i = 0; i < 510; i++)
		check_sizes(&s, two, 2);
	assert_int_equal(bed_counter(s.bed, STATS_SEGMENTS_SENT), 0);
	for (int i = 0; i < 10; i++)
		check_sizes(&s, two, 2);
	assert_in_range(bed_counter(s.bed, STATS_SEGMENTS_SENT), 10, 20);
	teardown(&s);
}

static void
test_refused_destination_costs_all_packets_to_it_only(void **state)
{
	struct scene s;

	(void)state;
	setup(&s);
	for (uint8_t i = 0; i < 9; i++) {
		s.p.to = s.at;
		if (i / 3 == 1)
			addr_set_port(&s.p.to, 0); /* EINVAL */
		push_sized(s.bed, &s.sock, &s.p, 20, i);
	}
	net_turn_end(s.bed->net);
	for (uint8_t i = 0; i < 9; i++) {
		if (i / 3 != 1)
			check_arrived(s.to, 20, i);
	}
	assert_int_equal(bed_drops(s.bed, STATS_DROP_SEND_ERROR), 3);
	teardown(&s);
}

static void
test_nothing_is_joined_when_switched_off(void **state)
{
	const size_t sizes[] = { 172, 172, 172 };
	struct scene s;

	(void)state;
	setup(&s);
	s.bed->conf.listen.offload = false;
	check_sizes(&s, sizes, 3);
	assert_int_equal(bed_counter(s.bed, STATS_SEGMENTS_SENT), 0);
	assert_int_equal(bed_counter(s.bed, STATS_SYSCALLS_SEND), 1);
	teardown(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue_that_is_full_sends_itself),
		cmocka_unit_test(test_each_worker_begins_a_cache_line),
		cmocka_unit_test(
		    test_refused_packet_is_counted_and_the_rest_sent),
		cmocka_unit_test(test_packets_of_one_size_leave_in_one_call),
		cmocka_unit_test(test_sizes_may_change_anywhere),
		cmocka_unit_test(test_a_message_holds_what_the_kernel_takes),
		cmocka_unit_test(
		    test_what_is_not_admitted_shortens_the_message),
		cmocka_unit_test(test_each_packet_is_counted_as_what_it_is),
		cmocka_unit_test(test_each_destination_gets_its_own),
		cmocka_unit_test(test_source_is_kept_for_every_packet),
		cmocka_unit_test(test_refused_message_is_sent_packet_by_packet),
		cmocka_unit_test(test_refusal_is_forgotten_after_a_while),
		cmocka_unit_test(
		    test_refused_destination_costs_all_packets_to_it_only),
		cmocka_unit_test(test_nothing_is_joined_when_switched_off),
	};

	return BED_RUN(tests);
}
