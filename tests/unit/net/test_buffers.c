#include "net/buffers.h"

#include "tests/unit/net/bed.h"

static void
test_a_socket_gets_what_was_asked_for(void **state)
{
	const struct net_buffers want = { 65536, 32768 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct net_buffers got;

	(void)state;
	net_buffers_set(fd, &want);
	net_buffers_get(fd, &got);
	assert_int_equal(got.receive, want.receive);
	assert_int_equal(got.send, want.send);
	close(fd);
}

static void
test_zero_leaves_the_kernels_own(void **state)
{
	const struct net_buffers none = { 0, 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct net_buffers before, after;

	(void)state;
	net_buffers_get(fd, &before);
	net_buffers_set(fd, &none);
	net_buffers_get(fd, &after);
	assert_true(before.receive > 0);
	assert_int_equal(after.receive, before.receive);
	assert_int_equal(after.send, before.send);
	close(fd);
}

static void
test_less_than_asked_for_names_the_sysctl(void **state)
{
	struct net_buffers_case c = { "listen.receive-buffer",
		"net.core.rmem_max", 4 << 20, 212992 };
	char text[NET_BUFFERS_TEXT_MAX];

	(void)state;
	assert_string_equal(net_buffers_text(&c, text),
	    "listen.receive-buffer: asked for 4MiB, the kernel grants "
	    "208KiB: raise net.core.rmem_max");
	c.granted = c.asked;
	assert_null(net_buffers_text(&c, text));
	c.asked = 0;
	assert_null(net_buffers_text(&c, text));
}

/* A relayed socket that is flooded shows it before it is closed. */
static void
test_drops_of_a_relayed_socket_are_counted_while_it_is_open(void **state)
{
	struct bed *bed = bed_prepare(NET_UDP, "127.0.0.1:0");
	struct net_relayed *r;
	struct addr at;
	int fd;

	(void)state;
	bed->conf.relay.receive_buffer = 4096;
	bed_start(bed);
	assert_int_equal(addr_parse(&at, "127.0.0.1:0"), 0);
	assert_int_equal(net_relayed_open(&r, bed->net, &at, bed), 0);
	fd = bed_client(SOCK_DGRAM, net_relayed_addr(r));
	for (int i = 0; i < 200; i++)
		assert_int_equal(send(fd, "12345678", 8, 0), 8);
	BED_UNTIL(bed, bed_counter(bed, STATS_RCVBUF_DROPS) > 0);
	assert_in_range(bed->relayed, 1, 199);
	assert_int_equal(
	    bed->relayed + bed_counter(bed, STATS_RCVBUF_DROPS), 200);
	net_relayed_close(r);
	close(fd);
	bed_free(bed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_socket_gets_what_was_asked_for),
		cmocka_unit_test(test_zero_leaves_the_kernels_own),
		cmocka_unit_test(test_less_than_asked_for_names_the_sysctl),
		cmocka_unit_test(
		    test_drops_of_a_relayed_socket_are_counted_while_it_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
