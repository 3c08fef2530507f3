#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mono.h"
#include "relay/rest.h"

enum { DEADLINE_MS = 5000, TURNS_MAX = 20 };

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
    int sa_len, void *arg)
{
	unsigned *accepted = arg;

	(void)l;
	(void)sa;
	(void)sa_len;
	close(fd);
	(*accepted)++;
}

/* The lowest free descriptor becomes the limit; returns the limits before. */
static struct rlimit
forbid_more(void)
{
	const int next = fcntl(STDERR_FILENO, F_DUPFD, 0);
	struct rlimit before, now;

	assert_true(next >= 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = before;
	now.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	return before;
}

static int
dial(struct evconnlistener *l)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in at;
	socklen_t len = sizeof(at);

	assert_int_equal(
	    getsockname(evconnlistener_get_fd(l), (void *)&at, &len), 0);
	assert_int_equal(connect(fd, (void *)&at, sizeof(at)), 0);
	return fd;
}

static void
test_listener_without_descriptors_does_not_spin(void **state)
{
	struct event_base *base = event_base_new();
	struct sockaddr_in at = { .sin_family = AF_INET };
	unsigned accepted = 0, turns = 0;
	struct evconnlistener *l;
	struct rlimit before;
	mono_ms begin;
	int fd;

	(void)state;
	assert_int_equal(log_open(LOG_LEVEL_ERROR, "stderr"), 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l = evconnlistener_new_bind(base, on_accept, &accepted,
	    LEV_OPT_CLOSE_ON_FREE, 8, (void *)&at, sizeof(at));
	assert_non_null(l);
	rest_on_error(l);
	fd = dial(l);

	before = forbid_more();
	begin = mono_now();
	while (mono_now() < begin + 3 * REST_MS) {
		event_base_loop(base, EVLOOP_ONCE);
		turns++;
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(accepted, 0);
	assert_true(turns < TURNS_MAX);
	/* and it accepts again when it can */
	while (accepted == 0 && mono_now() < begin + DEADLINE_MS)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(accepted, 1);
	close(fd);
	evconnlistener_free(l);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_listener_without_descriptors_does_not_spin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
