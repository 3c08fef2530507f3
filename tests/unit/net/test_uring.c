#include "tests/unit/net/bed.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "net/core.h"
#include "net/slots.h"
#include "net/uring.h"

enum { MANY = 3 * SLOT_RING_COUNT };

/* A bed whose loop is the ring's or libevent's, with one relayed address and
 * a peer's socket connected to it. */
struct scene {
	struct bed *bed;
	struct net_relayed *relayed;
	struct addr peer;
	int fd;
	/* serial number of each packet, as they came */
	uint32_t got[MANY];
	bool sends_on;
};

static void
note(struct bed *bed, struct buf *b)
{
	struct scene *s = bed->test;

	assert_true(buf_headroom(b) >= BUF_HEADROOM);
	assert_true(buf_tailroom(b) >= 3);
	if (b->len >= 4 && bed->relayed <= MANY)
		memcpy(&s->got[bed->relayed - 1], b->data, 4);
	if (s->sends_on)
		net_relayed_send(s->relayed, &s->peer, b, false);
}

static struct bed *
prepare(enum net_transport transport, bool waits)
{
	struct bed *bed = bed_prepare(transport, "127.0.0.1:0");

	bed->conf.relay.io_uring = true;
	bed->conf.relay.receive_buffer = 4 << 20;
	bed->waits = waits;
	return bed;
}

static void
setup(struct scene *s, bool waits)
{
	struct addr any;

	memset(s, 0, sizeof(*s));
	s->bed = bed_start(prepare(NET_UDP, waits));
	if (bed_counter(s->bed, STATS_URING_WORKERS) == 0) {
		bed_free(s->bed);
		print_message("no io_uring to be had here\n");
		skip();
	}
	s->bed->test = s;
	s->bed->on_relayed = note;
	assert_int_equal(addr_parse(&any, "127.0.0.1:0"), 0);
	assert_int_equal(
	    net_relayed_open(&s->relayed, s->bed->net, &any, NULL), 0);
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
send_number(const struct scene *s, uint32_t n)
{
	assert_int_equal(send(s->fd, &n, sizeof(n), 0), sizeof(n));
}

static void
push_text(struct scene *s, struct net_relayed *r, const char *text)
{
	struct buf b;

	assert_true(net_buf(s->bed->net, &b, strlen(text)));
	memcpy(buf_put(&b, strlen(text)), text, strlen(text));
	net_relayed_send(r, &s->peer, &b, false);
}

/* ---- */

static void
check_sizes(bool waits)
{
	static const size_t sizes[] = { 0, 1, 4, 172, 1200, 1977, 9000, 65506,
		65507 };
	static uint8_t sent[65507], got[65536];
	const int room = 4 << 20;
	struct scene s;

	setup(&s, waits);
	setsockopt(s.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	s.sends_on = true;
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = bed_pattern(i);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_int_equal(send(s.fd, sent, sizes[i], 0), sizes[i]);
		bed_until(s.bed, &s.bed->relayed, (unsigned)i + 1);
		assert_int_equal(s.bed->len, sizes[i]);
		assert_memory_equal(s.bed->data, sent, sizes[i]);
		assert_true(addr_equal(&s.bed->peer, &s.peer));
		bed_turn(s.bed);
		assert_int_equal(recv(s.fd, got, sizeof(got), 0), sizes[i]);
		assert_memory_equal(got, sent, sizes[i]);
	}
	teardown(&s);
}

static void
test_every_size_passes(void **state)
{
	(void)state;
	check_sizes(true);
	check_sizes(false);
}

/* Far more than there are slots, in one turn. */
static void
check_flood(bool waits)
{
	const int room = 8 << 20;
	struct scene s;
	uint32_t n;

	setup(&s, waits);
	setsockopt(s.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	bed_settle(s.bed);
	s.sends_on = true;
	for (uint32_t i = 0; i < MANY; i++)
		send_number(&s, i);
	bed_until(s.bed, &s.bed->relayed, MANY);
	bed_settle(s.bed);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(s.got[i], i);
		assert_int_equal(recv(s.fd, &n, sizeof(n), MSG_DONTWAIT), 4);
		assert_int_equal(n, i);
	}
	assert_int_equal(bed_drops(s.bed, STATS_DROP_NO_MEMORY), 0);
	assert_int_equal(bed_drops(s.bed, STATS_DROP_SEND_FULL), 0);
	/* and it goes on */
	send_number(&s, 1);
	bed_until(s.bed, &s.bed->relayed, MANY + 1);
	teardown(&s);
}

static void
test_more_packets_than_slots_come_in_order(void **state)
{
	(void)state;
	check_flood(true);
	check_flood(false);
}

static void
check_bursts(bool waits)
{
	static uint8_t sent[64 * 4], text[8];
	struct scene s;

	setup(&s, waits);
	s.sends_on = true;
	for (uint32_t i = 0; i < 64; i++)
		memcpy(sent + i * 4, &i, 4);
	for (int k = 0; k < 10; k++) {
		s.bed->relayed = 0;
		bed_burst(s.fd, sent, sizeof(sent), 4);
		bed_until(s.bed, &s.bed->relayed, 64);
		bed_turn(s.bed);
		for (uint32_t i = 0; i < 64; i++) {
			assert_int_equal(s.got[i], i);
			assert_int_equal(recv(s.fd, text, 8, 0), 4);
			assert_memory_equal(text, sent + i * 4, 4);
		}
	}
	assert_true(bed_counter(s.bed, STATS_SEGMENTS_RECEIVED) > 0);
	assert_true(bed_counter(s.bed, STATS_SEGMENTS_SENT) > 0);
	teardown(&s);
}

static void
test_coalesced_packets_pass(void **state)
{
	(void)state;
	check_bursts(true);
	check_bursts(false);
}

static void
check_many_sockets(bool waits)
{
	struct net_relayed *r[32];
	struct scene s;
	struct addr any;
	char got[8];

	setup(&s, waits);
	/* from anybody */
	close(s.fd);
	s.fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(s.fd, &s.peer.u.sa, addr_len(&s.peer)), 0);
	assert_int_equal(addr_parse(&any, "127.0.0.1:0"), 0);
	for (int i = 0; i < 32; i++)
		assert_int_equal(
		    net_relayed_open(&r[i], s.bed->net, &any, NULL), 0);
	bed_settle(s.bed);
	for (int i = 0; i < 32; i++)
		push_text(&s, r[i], "text");
	net_turn_end(s.bed->net);
	bed_turn(s.bed);
	for (int i = 0; i < 32; i++)
		assert_int_equal(recv(s.fd, got, 8, MSG_DONTWAIT), 4);
	assert_int_equal(bed_counter(s.bed, STATS_SYSCALLS_SEND), 1);
	for (int i = 0; i < 32; i++)
		net_relayed_close(r[i]);
	teardown(&s);
}

static void
test_packets_of_many_sockets_leave_by_one_call(void **state)
{
	(void)state;
	check_many_sockets(true);
	check_many_sockets(false);
}

/* ---- ends and errors */

static void
check_ports(bool waits)
{
	struct scene s;
	struct addr at;

	setup(&s, waits);
	at = *net_relayed_addr(s.relayed);
	for (int i = 0; i < 50; i++) {
		if (i % 3 == 0)
			bed_turn(s.bed);
		/* it may be closed while packets wait */
		if (i % 2 == 0)
			send_number(&s, 1);
		push_text(&s, s.relayed, "x");
		net_relayed_close(s.relayed);
		assert_int_equal(
		    net_relayed_open(&s.relayed, s.bed->net, &at, NULL), 0);
	}
	s.bed->relayed = 0;
	bed_turn(s.bed);
	s.bed->relayed = 0;
	send_number(&s, 7);
	bed_until(s.bed, &s.bed->relayed, 1);
	assert_int_equal(s.got[0], 7);
	teardown(&s);
}

static void
test_closed_port_is_free_at_once(void **state)
{
	(void)state;
	check_ports(true);
	check_ports(false);
}

static void
check_end(bool waits)
{
	struct net_relayed *r[200];
	struct addr at[200], any;
	struct scene s;

	setup(&s, waits);
	assert_int_equal(addr_parse(&any, "127.0.0.1:0"), 0);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(
		    net_relayed_open(&r[i], s.bed->net, &any, NULL), 0);
		at[i] = *net_relayed_addr(r[i]);
	}
	bed_settle(s.bed);
	send_number(&s, 1);
	bed_free(s.bed); /* closes them */
	for (int i = 0; i < 200; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		assert_int_equal(bind(fd, &at[i].u.sa, addr_len(&at[i])), 0);
		close(fd);
	}
	close(s.fd);
}

static void
test_end_frees_every_port_at_once(void **state)
{
	(void)state;
	check_end(true);
	check_end(false);
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
	setup(&s, true);
	s.bed->on_relayed = close_inside;
	for (uint32_t i = 0; i < 5; i++)
		send_number(&s, i);
	bed_until(s.bed, &s.bed->relayed, 1);
	bed_settle(s.bed);
	assert_int_equal(s.bed->relayed, 1);
	assert_int_equal(bed_drops(s.bed, STATS_DROP_NO_ALLOCATION), 4);
	teardown(&s);
}

static void
test_closed_port_of_a_peer_is_reported(void **state)
{
	struct scene s;

	(void)state;
	setup(&s, true);
	for (unsigned i = 1; i <= 3; i++) {
		close(s.fd); /* nobody listens there now */
		push_text(&s, s.relayed, "anybody?");
		net_turn_end(s.bed->net);
		bed_until(s.bed, &s.bed->icmps, i);
		assert_true(addr_equal(&s.bed->icmp.peer, &s.peer));
		assert_int_equal(s.bed->icmp.type, 3);
		/* and packets come as before */
		s.fd = bed_client(SOCK_DGRAM, net_relayed_addr(s.relayed));
		send_number(&s, i);
		bed_until(s.bed, &s.bed->relayed, i);
		bed_name(s.fd, &s.peer);
	}
	teardown(&s);
}

/* The next send takes the error away: it is told all the same, and its
 * packet leaves. */
static void
test_error_that_a_send_met_is_reported(void **state)
{
	struct addr dead, alive;
	struct scene s;
	char got[8];
	int fd;

	(void)state;
	setup(&s, true);
	alive = s.peer;
	fd = bed_client(SOCK_DGRAM, net_relayed_addr(s.relayed));
	bed_name(fd, &dead);
	close(fd);
	bed_settle(s.bed);
	for (unsigned i = 0; i < 10; i++) {
		s.peer = dead;
		push_text(&s, s.relayed, "dead");
		s.peer = alive;
		push_text(&s, s.relayed, "alive");
		net_turn_end(s.bed->net);
		push_text(&s, s.relayed, "again");
		net_turn_end(s.bed->net);
		bed_turn(s.bed);
		BED_UNTIL(s.bed, s.bed->icmps > i);
		assert_int_equal(recv(s.fd, got, 8, 0), 5);
		assert_memory_equal(got, "alive", 5);
		assert_int_equal(recv(s.fd, got, 8, 0), 5);
		assert_memory_equal(got, "again", 5);
	}
	teardown(&s);
}

/* ---- beside libevent */

static void
test_streams_go_on_beside_it(void **state)
{
	struct bed *bed = bed_start(prepare(NET_TCP, true));
	uint8_t stun[20];
	int fd[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		fd[i] = bed_client(SOCK_STREAM, &bed->at);
	for (unsigned i = 0; i < 30; i++) {
		assert_int_equal(send(fd[i % 3], stun, bed_stun(stun), 0), 20);
		bed_until(bed, &bed->messages, i + 1);
	}
	for (unsigned i = 0; i < 3; i++)
		close(fd[i]);
	bed_until(bed, &bed->closed, 3);
	bed_free(bed);
}

static void
test_waiting_ends_in_time(void **state)
{
	struct scene s;
	mono_ms began;

	(void)state;
	setup(&s, true);
	began = mono_now();
	assert_true(net_wait(s.bed->net, 30));
	net_turn_end(s.bed->net);
	assert_true(mono_now() - began < BED_DEADLINE_MS);
	assert_true(net_wait(s.bed->net, 0));
	teardown(&s);
}

/* ---- without it */

static void
test_refused_ring_is_done_without(void **state)
{
	struct bed *bed = prepare(NET_UDP, true);
	struct rlimit was, none;
	struct net_config config;
	uint8_t stun[20];
	int fd;

	(void)state;
	bed_listen(bed);
	fd = bed_client(SOCK_DGRAM, &bed->at);
	config = bed_config(bed);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = (rlim_t)fd; /* no more descriptors */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	bed->net = net_new(&config);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_non_null(bed->net);
	assert_int_equal(bed_counter(bed, STATS_URING_WORKERS), 0);
	assert_false(net_wait(bed->net, 0));
	assert_int_equal(send(fd, stun, bed_stun(stun), 0), 20);
	bed_until(bed, &bed->messages, 1);
	close(fd);
	bed_free(bed);
}

static void
test_short_memory_costs_the_ring_at_most(void **state)
{
	struct bed *bed = prepare(NET_UDP, true);
	struct net_config config;
	bool with = false, without = false;

	(void)state;
	bed_listen(bed);
	for (long i = 0; !with && i < 1000; i++) {
		config = bed_config(bed);
		mem_fail_at(i);
		bed->net = net_new(&config);
		mem_fail_at(-1);
		if (bed->net == NULL)
			continue;
		with = bed_counter(bed, STATS_URING_WORKERS) > 0;
		without |= !with;
		net_free(bed->net);
		assert_int_equal(bed_counter(bed, STATS_URING_WORKERS), 0);
	}
	assert_true(without);
	bed->net = NULL;
	bed_free(bed);
}

/* From now on this process may make rings and enter none. */
static bool
bar_entering(void)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {
		.len = sizeof(steps) / sizeof(steps[0]),
		.filter = steps,
	};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void
test_ring_that_may_not_be_entered_is_done_without(void **state)
{
	enum { WITHOUT, WITH, UNKNOWN };
	struct bed *bed;
	int status;
	pid_t child;

	(void)state;
	if ((child = fork()) == 0) {
		alarm(10); /* it must not wait for ever */
		if (!bar_entering())
			_exit(UNKNOWN);
		bed = bed_start(prepare(NET_UDP, true));
		_exit(
		    bed_counter(bed, STATS_URING_WORKERS) > 0 ? WITH : WITHOUT);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == UNKNOWN)
		skip();
	assert_int_equal(WEXITSTATUS(status), WITHOUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size_passes),
		cmocka_unit_test(test_more_packets_than_slots_come_in_order),
		cmocka_unit_test(test_coalesced_packets_pass),
		cmocka_unit_test(
		    test_packets_of_many_sockets_leave_by_one_call),
		cmocka_unit_test(test_closed_port_is_free_at_once),
		cmocka_unit_test(test_end_frees_every_port_at_once),
		cmocka_unit_test(test_address_may_be_closed_by_its_own_packet),
		cmocka_unit_test(test_closed_port_of_a_peer_is_reported),
		cmocka_unit_test(test_error_that_a_send_met_is_reported),
		cmocka_unit_test(test_streams_go_on_beside_it),
		cmocka_unit_test(test_waiting_ends_in_time),
		cmocka_unit_test(test_refused_ring_is_done_without),
		cmocka_unit_test(
		    test_ring_that_may_not_be_entered_is_done_without),
		cmocka_unit_test(test_short_memory_costs_the_ring_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
