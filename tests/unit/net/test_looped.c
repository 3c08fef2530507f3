#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <event2/event.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/looped.h"

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Each base's own, though the other watches the same. */
static void
test_descriptor_of_each_loop_is_found(void **state)
{
	struct event_base *base[2];
	struct event *ev[2];
	int pipes[2], found[2], before;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < 2; i++) {
		base[i] = event_base_new();
		ev[i] = event_new(
		    base[i], pipes[0], EV_READ | EV_PERSIST, on_event, NULL);
		event_add(ev[i], NULL);
	}
	before = dup(0);
	close(before);
	found[0] = net_looped_fd(base[0]);
	found[1] = net_looped_fd(base[1]);
	assert_true(found[0] >= 0 && found[1] >= 0);
	assert_int_not_equal(found[0], found[1]);
	/* nothing stays open or watched */
	assert_int_equal(
	    event_base_get_num_events(base[0], EVENT_BASE_COUNT_ADDED), 1);
	assert_int_equal(dup(0), before);
	close(before);
	/* what the base forgets, its descriptor forgets */
	for (int i = 0; i < 2; i++) {
		event_free(ev[i]);
		assert_int_equal(
		    epoll_ctl(found[i], EPOLL_CTL_DEL, pipes[0], NULL), -1);
		ev[i] = event_new(
		    base[i], pipes[0], EV_READ | EV_PERSIST, on_event, NULL);
		event_add(ev[i], NULL);
		assert_int_equal(
		    epoll_ctl(found[i], EPOLL_CTL_DEL, pipes[0], NULL), 0);
		event_free(ev[i]);
		event_base_free(base[i]);
	}
	close(pipes[0]);
	close(pipes[1]);
}

static void
test_without_descriptors_it_is_not_found(void **state)
{
	struct event_base *base = event_base_new();
	struct rlimit was, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(net_looped_fd(base), -1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptor_of_each_loop_is_found),
		cmocka_unit_test(test_without_descriptors_it_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
