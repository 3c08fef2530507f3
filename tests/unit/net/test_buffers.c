#include "net/buffers.h"

#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "common/log.h"
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

/* From here on the kernel's limit holds for us too. */
static void
drop_net_admin(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[2];

	assert_int_equal(syscall(SYS_capget, &head, caps), 0);
	caps[0].effective &= ~(1u << CAP_NET_ADMIN);
	assert_int_equal(syscall(SYS_capset, &head, caps), 0);
}

/* Returns what the kernel grants of want. */
static uint64_t
granted(uint64_t want)
{
	const struct net_buffers buffers = { want, want };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct net_buffers got;

	net_buffers_set(fd, &buffers);
	net_buffers_get(fd, &got);
	close(fd);
	return got.receive;
}

static void
test_a_start_that_gets_less_warns_once_a_key(void **state)
{
	enum { ASKED = 512 << 20 };
	char path[] = "/tmp/supernode-buffers.XXXXXX", text[2000] = "";
	struct bed *bed = bed_prepare(NET_UDP, "127.0.0.1:0");
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	drop_net_admin();
	bed->conf.relay.receive_buffer = ASKED;
	bed->conf.listen.receive_buffer = 8192;
	assert_int_equal(log_open(LOG_LEVEL_INFO, path), 0);
	bed_start(bed);
	assert_int_equal(log_open(LOG_LEVEL_INFO, "stderr"), 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	unlink(path);
	bed_free(bed);
	if (granted(ASKED) == ASKED)
		skip(); /* net.core.rmem_max is that large */
	assert_non_null(
	    strstr(text, "relay.receive-buffer: asked for 512MiB, "));
	assert_non_null(strstr(text, ": raise net.core.rmem_max"));
	assert_null(strstr(text, "listen.receive-buffer"));
	assert_null(strstr(text, "send-buffer"));
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
		cmocka_unit_test(test_a_start_that_gets_less_warns_once_a_key),
	};

	return BED_RUN(tests);
}
