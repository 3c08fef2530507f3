#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mono.h"
#include "relay/admin.h"
#include "relay/server.h"

enum { PORT = 39641, DEADLINE_MS = 5000 };

static unsigned watched_closed; /* epoll_ctl on descriptors closed before */

/* In the place of libc's, also for libevent. */
int
epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	const int rc = (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);

	if (rc < 0 && errno == EBADF)
		watched_closed++;
	return rc;
}

/* Sends text and turns the loop until the server has closed. */
static void
ask(struct event_base *base, const struct addr *at, const char *text)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	const mono_ms end = mono_now() + DEADLINE_MS;
	char got[4096];
	ssize_t n = -1;

	assert_int_equal(connect(fd, &at->u.sa, addr_len(at)), 0);
	assert_true(send(fd, text, strlen(text), MSG_NOSIGNAL) > 0);
	while (n != 0 && mono_now() < end) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
		if (n < 0 && errno == ECONNRESET)
			break;
	}
	assert_true(mono_now() < end);
	close(fd);
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Another thread may have that descriptor by then. */
static void
test_no_descriptor_is_watched_after_its_end(void **state)
{
	static const char *const texts[] = {
		"GET /health HTTP/1.0\r\n\r\n",
		"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
		"GET /nothing HTTP/1.0\r\n\r\n",
		"POST /health HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n",
		"\xff\xfe\r\n\r\n",
	};
	struct server s = { .base = event_base_new() };
	struct admin *admin;
	struct addr at;
	char why[256];

	(void)state;
	assert_int_equal(log_open(LOG_LEVEL_ERROR, "stderr"), 0);
	assert_int_equal(addr_parse(&at, "127.0.0.1:0"), 0);
	addr_set_port(&at, PORT);
	assert_int_equal(admin_open(&admin, &s, &at, why, sizeof(why)), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ask(s.base, &at, texts[i]);
	assert_int_equal(watched_closed, 0);
	admin_close(admin);
	event_base_free(s.base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_descriptor_is_watched_after_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
