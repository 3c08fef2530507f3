#include <netinet/tcp.h>
#include <sys/resource.h>

#include "net/stream.h"
#include "tests/unit/net/bed.h"

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

/* Else the first answer and small frames wait 40 ms for an ACK. */
static void
test_sockets_send_at_once(void **state)
{
	struct bed *bed = bed_new(NET_TCP, "127.0.0.1:0");
	int fd = bed_client(SOCK_STREAM, &bed->at), on = 0;
	socklen_t len = sizeof(on);
	uint8_t stun[20];
	const struct net_stream *s;

	(void)state;
	bed_write(fd, stun, bed_stun(stun));
	bed_until(bed, &bed->messages, 1);
	s = (const void *)bed->flow.conn;
	assert_int_equal(
	    getsockopt(s->wire.fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	assert_true(on);
	close(fd);
	bed_free(bed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_descriptors_are_not_for_clients),
		cmocka_unit_test(test_connections_over_a_limit_are_closed),
		cmocka_unit_test(test_sockets_send_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
