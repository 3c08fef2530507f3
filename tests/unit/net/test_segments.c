#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/segments.h"

/* The two ends of a connection on the loopback. */
static void
open_pair(int *near, int *far)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (void *)&at, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (void *)&at, &len), 0);
	*near = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(*near, (void *)&at, len), 0);
	assert_true((*far = accept(listener, NULL, NULL)) >= 0);
	close(listener);
}

static void
test_segments_are_counted_with_acknowledgements(void **state)
{
	struct net_segments before, after;
	char data[100] = { 0 };
	int near, far;

	(void)state;
	open_pair(&near, &far);
	assert_true(net_segments_read(&before, far));
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(write(near, data, sizeof(data)), sizeof(data));
		assert_int_equal(read(far, data, sizeof(data)), sizeof(data));
		/* the answer carries the acknowledgement */
		assert_int_equal(write(far, data, 1), 1);
		assert_int_equal(read(near, data, 1), 1);
	}
	assert_true(net_segments_read(&after, far));
	assert_true(after.in - before.in >= 3);
	assert_true(after.out - before.out >= 3);
	assert_int_equal(after.repeated, before.repeated);
	assert_true(after.options == 0 || after.options == 12);
	close(near);
	close(far);
}

static void
test_what_is_no_tcp_socket_has_none(void **state)
{
	struct net_segments s;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	assert_false(net_segments_read(&s, fd));
	close(fd);
	assert_false(net_segments_read(&s, -1));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_segments_are_counted_with_acknowledgements),
		cmocka_unit_test(test_what_is_no_tcp_socket_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
